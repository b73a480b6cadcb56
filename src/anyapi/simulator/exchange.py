"""From a request to the steps that answer it. Decides everything, sends nothing: `connection` carries the steps out."""

import time

import msgspec

from anyapi.simulator.answer import compose
from anyapi.simulator.call import POLICY_HEADER_PREFIX, Call, Rejected
from anyapi.simulator.faults import BadFault, Turn, split_model
from anyapi.simulator.faults.delivery import Drip
from anyapi.simulator.ledger import Body, Entry, Outcome
from anyapi.simulator.provider import RunningProvider
from anyapi.simulator.reply import Reply, frame, json_reply
from anyapi.simulator.request import Request
from anyapi.simulator.steps import End, How, Send, Step
from anyapi.simulator.wire import Target, Wire

BODY_LIMIT = 64 * 1024 * 1024
AT_ONCE = 256 * 1024
"""Longer answers wait for the client to read."""


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


def answer(provider: RunningProvider, request: Request) -> Exchange:
    """Answer a request that is not control: by the model, or in some other way."""
    found = provider.find(request)
    if found is None or found[1].count:
        return answer_other(provider, request, found)
    return answer_completion(provider, request, *found)


def answer_completion(provider: RunningProvider, request: Request, wire: Wire, target: Target) -> Exchange:
    """Answer a request for the model: read it, let faults change the answer, enter it into the ledger."""
    headers = request.header()
    entry = Entry(0, request.path, "", len(request.body), tag=headers.get("x-sim-tag"), at=time.time())
    entry.leaked = tuple(sorted(name for name in headers if name.startswith(POLICY_HEADER_PREFIX)))
    provider.ledger.open(entry)
    if provider.record_bodies:
        provider.ledger.bodies.append(Body(entry.serial, request.headers, request.body))
    turn: Turn = ()
    try:
        call, turn, reply = _reply(provider, request, entry, wire, target)
        entry.stream, entry.store, entry.leaked = call.stream, call.store, call.leaked + entry.leaked
    except Rejected as rejection:
        reply = _rejection(wire, rejection)
    entry.faults = tuple(fault.kind for fault in turn)
    _enter(entry, reply)
    steps = frame(reply, request.then)
    for fault in turn:
        steps = fault.on_steps(steps, reply)
    if provider.spec.chunk_delay and reply.streamed:
        steps = Drip(provider.spec.chunk_delay).on_steps(steps, reply)
    outcome = next((fault.OUTCOME for fault in turn if fault.OUTCOME is not None), reply.outcome)
    return Exchange(steps, entry, outcome, reply.reported, paced=bool(turn))


def _enter(entry: Entry, reply: Reply) -> None:
    entry.status = reply.status
    entry.prompt_tokens, entry.completion_tokens = reply.prompt_tokens, reply.completion_tokens
    entry.cache_read_tokens, entry.cache_written_tokens = reply.cache_read_tokens, reply.cache_written_tokens
    entry.reasoning_tokens = reply.reasoning_tokens


def _reply(provider: RunningProvider, request: Request, entry: Entry, wire: Wire, target: Target) -> tuple[Call, Turn, Reply]:
    check_key(provider, request)
    call = wire.read(request.body, request.header(), target)
    parts = call.parts
    entry.images, entry.documents, entry.tool_results, entry.cache_marks = (
        parts.images,
        parts.documents,
        parts.tool_results,
        parts.cache_marks,
    )
    try:
        model, from_model = split_model(call.model)
    except BadFault as error:
        raise Rejected(400, str(error)) from None
    entry.model = model
    if provider.names and model not in provider.names:
        raise Rejected(404, f"The model {model} does not exist or you do not have access to it.")
    call = _for_model(provider, call, model)
    turn = provider.take_turn(from_model)
    answer = compose(call, model, provider.voice)
    for fault in turn:
        answer = fault.on_answer(answer)
    reply = wire.render(call, model, answer, entry.serial)
    for fault in turn:
        fault.on_reply(reply, wire)
    return call, turn, reply


def _for_model(provider: RunningProvider, call: Call, model: str) -> Call:
    """Fill in the length of the model's vectors. Raise `Rejected` 400 when it does not do what is asked."""
    if not provider.names:
        return call
    if (call.embedding is not None) != (model in provider.dimensions):
        raise Rejected(400, f"The model {model} does not do what is asked for at this path.")
    if call.embedding is None or call.embedding.dimensions is not None:
        return call
    embedding = msgspec.structs.replace(call.embedding, dimensions=provider.dimensions[model])
    return msgspec.structs.replace(call, embedding=embedding)


def check_key(provider: RunningProvider, request: Request) -> None:
    """Raise `Rejected`, as the provider words it, unless the request carries the provider's key."""
    wanted = provider.spec.api_key
    if wanted is not None and not provider.api.admits(request, wanted):
        raise provider.api.no_admittance(request)


def answer_other(provider: RunningProvider, request: Request, found: tuple[Wire, Target] | None) -> Exchange:
    """Answer what is neither a completion nor control: the model list, token counts, unknown paths."""
    provider.ledger.totals.other_requests[f"{request.method} {request.path}"] += 1
    try:
        check_key(provider, request)
        reply = json_reply(_other(provider, request, found))
    except Rejected as rejection:
        reply = _rejection(found[0] if found else provider.api.wires[0], rejection)
    steps = frame(reply, request.then)
    return Exchange([steps[0], steps[-1]] if request.method == "HEAD" else steps)


def _other(provider: RunningProvider, request: Request, found: tuple[Wire, Target] | None) -> object:
    if found is not None:
        wire, target = found
        return wire.count(wire.read(request.body, request.header(), target))
    if request.method in {"GET", "HEAD"} and request.path in provider.api.models_paths:
        return provider.api.models(provider.names)
    served = ", ".join(wire.completion_path for wire in provider.api.wires)
    raise Rejected(404, f"Nothing is served at {request.path}. Served are: {served}.")


def _rejection(wire: Wire, rejection: Rejected) -> Reply:
    reply = Reply(rejection.status, [Send(wire.error(rejection.status, rejection.message))], outcome=Outcome.REJECTED)
    reply.headers = wire.error_headers(rejection.status)
    return reply
