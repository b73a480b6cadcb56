"""Bedrock's Converse as Amazon speaks it: the answer, and the binary event stream that builds it.

Source: the API reference of Amazon Bedrock (Converse, ConverseStream, errors), as of 2026; `event_stream` for the frames.
"""

import datetime as dt
import re
import string
import urllib.parse
from collections.abc import Iterator, Mapping

import msgspec

from anyapi.simulator.answer import Answer, Choice, Finish, halves, spoken
from anyapi.simulator.bedrock_read import read_request
from anyapi.simulator.call import Call, Rejected
from anyapi.simulator.event_stream import encode
from anyapi.simulator.ledger import Outcome
from anyapi.simulator.reply import AWS_EVENTS, Reply, answered
from anyapi.simulator.request import Request
from anyapi.simulator.seal import seal
from anyapi.simulator.sigv4 import signed_by
from anyapi.simulator.steps import Send
from anyapi.simulator.tokens import size_of, tokens_for
from anyapi.simulator.wire import Target, Wire, bearer, same_key

_write = msgspec.json.Encoder().encode
_Dict = dict[str, object]
_METHODS = {"converse": (False, False), "converse-stream": (True, False), "count-tokens": (False, True)}
_FINISH = {
    Finish.STOP: "end_turn",
    Finish.STOP_SEQUENCE: "stop_sequence",
    Finish.LENGTH: "max_tokens",
    Finish.TOOL_CALLS: "tool_use",
    Finish.CONTENT_FILTER: "content_filtered",
    Finish.FAILED: "malformed_model_output",
}
_ERRORS = {
    400: "ValidationException",
    401: "UnrecognizedClientException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    424: "ModelErrorException",
    429: "ThrottlingException",
    500: "InternalServerException",
    503: "ServiceUnavailableException",
}
_LATENCY = {"latencyMs": 1}
_JSON = "application/json"
_MOST_SKEW = 300
"""Seconds between a signature's time and ours."""
_PADDING = string.ascii_letters


class BedrockWire:
    """`POST /model/MODEL/converse` and `/converse-stream`; `/count-tokens` to count."""

    completion_path = "/model/MODEL/converse"
    _path = re.compile(r"/model/(.+)/([a-z-]+)")

    def target(self, path: str, query: str) -> Target | None:  # noqa: ARG002 - the contract's
        """The path names the model and says whether to stream."""
        match = self._path.fullmatch(path)
        return Target(urllib.parse.unquote(match[1]), *_METHODS[match[2]]) if match and match[2] in _METHODS else None

    def read(self, body: bytes, headers: Mapping[str, str], target: Target) -> Call:  # noqa: ARG002 - other wires need them
        """Understand a request; `Rejected` 400 when it is not one."""
        return read_request(body, target)

    def render(self, call: Call, model: str, answer: Answer, serial: int) -> Reply:  # noqa: ARG002 - the model stands in no answer
        """Write the answer, or the events from `messageStart` to `metadata`. A refusal in words is a guardrail's."""
        choice = answer.choices[0]
        refused = choice.refusal or choice.finish is Finish.CONTENT_FILTER
        reply = answered(answer, Outcome.CONTENT_REFUSED if refused else Outcome.ANSWERED)
        reply.headers = [(b"x-amzn-requestid", b"sim-%d" % serial)]
        usage = {"usage": _usage(call, answer)} if answer.reported is not None else {}
        if call.stream:
            reply.content_type = AWS_EVENTS
            reply.body = [
                *_events(call, choice, serial, answer.padding),
                _event("metadata", {**usage, "metrics": _LATENCY}, usage=bool(usage)),
            ]
        else:
            message = {"role": "assistant", "content": list(_content(call, choice, serial, answer.padding))}
            body = {"output": {"message": message}, "stopReason": _stop_reason(choice), **usage, "metrics": _LATENCY}
            reply.body = [Send(_write(body), 0, choice.size, bool(usage))]
        return reply

    def error(self, status: int, message: str) -> bytes:  # noqa: ARG002 - the kind is in a header
        """Return the message; its kind is in a header."""
        return _write({"message": message})

    def error_headers(self, status: int) -> list[tuple[bytes, bytes]]:
        """Return the header that names the exception, with the address that Amazon puts behind it."""
        name = _ERRORS.get(status, "InternalServerException" if status >= 500 else "ValidationException")
        return [(b"x-amzn-errortype", f"{name}:http://internal.amazon.com/coral/com.amazon.bedrock/".encode())]

    def error_event(self, message: str, after: int) -> bytes:  # noqa: ARG002 - the contract's
        """Return an exception as a frame."""
        headers = {":exception-type": "modelStreamErrorException", ":content-type": _JSON, ":message-type": "exception"}
        return encode(headers, _write({"message": message, "originalStatusCode": 500}))

    def count(self, call: Call) -> object:
        """Return the prompt's tokens."""
        return {"inputTokens": tokens_for(call.prompt_bytes)}


class BedrockApi:
    """What is at `https://bedrock-runtime.REGION.amazonaws.com`."""

    wires: tuple[Wire, ...] = (BedrockWire(),)
    base_path = ""
    models_paths: tuple[str, ...] = ("/foundation-models",)

    def admits(self, request: Request, key: str) -> bool:
        """A key `ACCESS:SECRET` or `ACCESS:SECRET:SESSION` asks for a signature of now, any other for a bearer token."""
        if ":" not in key:
            return same_key(bearer(request.header()), key)
        access, secret, session = (*key.split(":"), "")[:3]
        return self._in_time(request) and signed_by(request, access, secret, session=session)

    def no_admittance(self, request: Request) -> Rejected:
        """Return a 403, which says whether it is the clock."""
        if request.header().get("x-amz-date") and not self._in_time(request):
            return Rejected(403, "Signature expired: is now earlier than the time that is allowed")
        return Rejected(403, "The security token included in the request is invalid.")

    @staticmethod
    def _in_time(request: Request) -> bool:
        """Whether the request was signed within five minutes of now."""
        try:
            signed = dt.datetime.strptime(request.header().get("x-amz-date", ""), "%Y%m%dT%H%M%S%z")
        except ValueError:
            return False
        return abs((dt.datetime.now(dt.UTC) - signed).total_seconds()) < _MOST_SKEW

    def models(self, names: tuple[str, ...]) -> object:
        """Return the summaries, which Amazon serves at another host."""
        return {"modelSummaries": [{"modelId": name, "modelName": name, "responseStreamingSupported": True} for name in names]}


def _stop_reason(choice: Choice) -> str:
    return "guardrail_intervened" if choice.refusal else _FINISH[choice.finish]


def _usage(call: Call, answer: Answer) -> _Dict:
    """Return the usage; `inputTokens` leaves out what came from the cache or went into it."""
    prompt, completion = answer.reported or (0, 0)
    read, written = answer.reported_cache
    usage: _Dict = {"inputTokens": prompt - read - written, "outputTokens": completion, "totalTokens": prompt + completion}
    usage |= {"cacheReadInputTokens": read, "cacheWriteInputTokens": written}
    return usage | ({"cacheDetails": [{"ttl": call.cache.lifetime, "inputTokens": written}]} if written else {})


def _content(call: Call, choice: Choice, serial: int, padding: int) -> Iterator[_Dict]:
    if choice.reasoning:
        signed = {"reasoningText": {"text": choice.reasoning, "signature": seal(choice.reasoning)}}
        yield {"reasoningContent": {"redactedContent": seal(choice.reasoning)} if call.seal_reasoning else signed}
    if said := choice.text + choice.refusal + "a" * padding:
        yield {"text": said}
    for number, tool in enumerate(choice.tool_calls):
        arguments = msgspec.json.decode(tool.arguments)
        yield {"toolUse": {"toolUseId": f"tooluse_sim_{serial}_{number}", "name": tool.name, "input": arguments}}


def _events(call: Call, choice: Choice, serial: int, padding: int) -> Iterator[Send]:
    yield _event("messageStart", {"role": "assistant"})
    for index, (start, deltas) in enumerate(_blocks(call, choice, serial, padding)):
        if start:
            yield _event("contentBlockStart", {"contentBlockIndex": index, "start": start})
        for delta, size in deltas:
            yield _event("contentBlockDelta", {"contentBlockIndex": index, "delta": delta}, size)
        yield _event("contentBlockStop", {"contentBlockIndex": index})
    yield _event("messageStop", {"stopReason": _stop_reason(choice)})


_Deltas = list[tuple[_Dict, int]]


def _blocks(call: Call, choice: Choice, serial: int, padding: int) -> Iterator[tuple[_Dict, _Deltas]]:
    """Yield how each block starts, which only tools tell, and its deltas with the bytes of completion in each."""
    if choice.reasoning:
        mark = seal(choice.reasoning)
        signed: _Deltas = [({"reasoningContent": {"text": piece}}, size_of(piece)) for piece in spoken(choice.reasoning)]
        sealed: _Deltas = [({"reasoningContent": {"redactedContent": mark}}, size_of(choice.reasoning))]
        yield {}, sealed if call.seal_reasoning else [*signed, ({"reasoningContent": {"signature": mark}}, 0)]
    if choice.text or choice.refusal:
        deltas: _Deltas = [({"text": piece}, size_of(piece)) for piece in spoken(choice.text + choice.refusal)]
        if padding:
            deltas.insert(1, ({"text": "a" * padding}, 0))
        yield {}, deltas
    for number, tool in enumerate(choice.tool_calls):
        start: _Dict = {"toolUse": {"toolUseId": f"tooluse_sim_{serial}_{number}", "name": tool.name}}
        yield start, [({"toolUse": {"input": piece}}, size_of(piece)) for piece in halves(tool.arguments)]


def _event(kind: str, payload: _Dict, size: int = 0, *, usage: bool = False) -> Send:
    """Return a frame. `p` hides the length of what is said from whoever watches the line; here it is as long as the event's place asks."""
    data = _write({**payload, "p": _PADDING[: 1 + len(_write(payload)) % len(_PADDING)]})
    return Send(encode({":event-type": kind, ":content-type": _JSON, ":message-type": "event"}, data), 1, size, usage)
