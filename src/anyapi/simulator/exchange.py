"""From a request to the steps that answer it. Decides everything, sends nothing: `connection` carries the steps out."""

import hmac
from collections.abc import Mapping

import msgspec

from anyapi.simulator.answer import compose
from anyapi.simulator.call import POLICY_HEADER_PREFIX, Call, Rejected
from anyapi.simulator.faults import BadFault, Turn, split_model
from anyapi.simulator.faults.delivery import Drip
from anyapi.simulator.ledger import Body, Entry, Outcome
from anyapi.simulator.provider import RunningProvider
from anyapi.simulator.reply import Reply, frame, json_reply
from anyapi.simulator.steps import End, How, Send, Step

BODY_LIMIT = 64 * 1024 * 1024
AT_ONCE = 256 * 1024
"""Longer answers wait for the client to read."""


class Request(msgspec.Struct):
    """An HTTP request that was received whole."""

    method: str
    path: str
    query: str
    headers: list[tuple[str, str]]
    body: bytes
    then: How
    """What the client expects of the connection after the answer."""

    def header(self) -> dict[str, str]:
        """Return the headers by lower-case name; the last of equal names wins."""
        return dict(self.headers)

    def __repr__(self) -> str:
        """Never the content."""
        return f"<Request {self.method} {self.path}>"


class Exchange(msgspec.Struct):
    """How one request will be answered."""

    steps: list[Step]
    entry: Entry | None = None
    """None for requests the ledger does not list."""
    outcome: Outcome = Outcome.ANSWERED
    reported: tuple[int, int] | None = None
    paced: bool = False
    """Whether each piece has to leave by itself."""

    @property
    def plain(self) -> bool:
        """Whether there is nothing to wait for: all bytes can be written at once."""
        size = 0
        for step in self.steps[:-1]:
            if not isinstance(step, Send):
                return False
            size += len(step.data)
        return size <= AT_ONCE and not self.paced and self.steps[-1] != End(How.RESET)

    def sent(self, send: Send) -> None:
        """Note that these bytes are being written to the connection."""
        entry = self.entry
        if entry is None:
            return
        entry.chunks_sent += send.events
        entry.text_bytes_sent += send.text_bytes
        if send.usage and self.reported is not None:
            entry.reported_prompt_tokens, entry.reported_completion_tokens = self.reported


def answer_completion(provider: RunningProvider, request: Request) -> Exchange:
    """Answer a request for a completion: read it, let faults change the answer, enter it into the ledger."""
    headers = request.header()
    entry = Entry(0, request.path, "", len(request.body), tag=headers.get("x-sim-tag"))
    entry.leaked = tuple(sorted(name for name in headers if name.startswith(POLICY_HEADER_PREFIX)))
    provider.ledger.open(entry)
    if provider.record_bodies:
        provider.ledger.bodies.append(Body(entry.serial, request.headers, request.body))
    turn: Turn = ()
    try:
        call, turn, reply = _reply(provider, request, entry)
        entry.stream, entry.store, entry.leaked = call.stream, call.store, call.leaked + entry.leaked
    except Rejected as rejection:
        reply = _rejection(provider, rejection.status, rejection.message)
    entry.faults = tuple(fault.kind for fault in turn)
    entry.status = reply.status
    entry.prompt_tokens, entry.completion_tokens = reply.prompt_tokens, reply.completion_tokens
    steps = frame(reply, request.then)
    for fault in turn:
        steps = fault.on_steps(steps, reply)
    if provider.spec.chunk_delay and reply.streamed:
        steps = Drip(provider.spec.chunk_delay).on_steps(steps, reply)
    outcome = next((fault.OUTCOME for fault in turn if fault.OUTCOME is not None), reply.outcome)
    return Exchange(steps, entry, outcome, reply.reported, paced=bool(turn))


def _reply(provider: RunningProvider, request: Request, entry: Entry) -> tuple[Call, Turn, Reply]:
    headers = request.header()
    check_key(provider, headers)
    call = provider.wire.read(request.body, headers)
    try:
        model, from_model = split_model(call.model)
    except BadFault as error:
        raise Rejected(400, str(error)) from None
    entry.model = model
    if provider.names and model not in provider.names:
        raise Rejected(404, f"The model {model} does not exist or you do not have access to it.")
    turn = provider.take_turn(from_model)
    answer = compose(call, model, provider.voice)
    for fault in turn:
        answer = fault.on_answer(answer)
    reply = provider.wire.render(call, model, answer, entry.serial)
    for fault in turn:
        fault.on_reply(reply, provider.wire)
    return call, turn, reply


def check_key(provider: RunningProvider, headers: Mapping[str, str]) -> None:
    """Raise `Rejected` 401 unless the request carries the provider's key."""
    wanted = provider.spec.api_key
    if wanted is not None and not hmac.compare_digest((provider.wire.key_of(headers) or "").encode(), wanted.encode()):
        raise Rejected(401, "Incorrect API key provided.")


def answer_other(provider: RunningProvider, request: Request) -> Exchange:
    """Answer what is neither a completion nor control: the model list, token counts, unknown paths."""
    headers = request.header()
    provider.ledger.totals.other_requests[f"{request.method} {request.path}"] += 1
    try:
        check_key(provider, headers)
        reply = json_reply(_other(provider, request, headers))
    except Rejected as rejection:
        reply = _rejection(provider, rejection.status, rejection.message)
    steps = frame(reply, request.then)
    return Exchange([steps[0], steps[-1]] if request.method == "HEAD" else steps)


def _other(provider: RunningProvider, request: Request, headers: Mapping[str, str]) -> object:
    if request.method in {"GET", "HEAD"} and request.path == "/v1/models":
        return provider.wire.models(provider.names)
    if request.method == "POST" and request.path == provider.wire.completion_path + "/count_tokens":
        counted = provider.wire.count(provider.wire.read(request.body, headers))
        if counted is not None:
            return counted
    raise Rejected(404, f"Nothing is served at {request.path}. Completions are at {provider.wire.completion_path}.")


def _rejection(provider: RunningProvider, status: int, message: str) -> Reply:
    return Reply(status, [Send(provider.wire.error(status, message))], outcome=Outcome.REJECTED)
