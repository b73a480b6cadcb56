"""Anthropic messages as the provider speaks them: the message, and the events that build it.

Source: the API reference of Anthropic (messages, streaming messages, errors, token counting), as of 2026.
"""

from collections.abc import Iterator, Mapping

import msgspec

from anyapi.simulator.answer import Answer, Choice, Finish, halves, spoken
from anyapi.simulator.anthropic_read import read_request
from anyapi.simulator.call import Call, Rejected
from anyapi.simulator.ledger import Outcome
from anyapi.simulator.reply import EVENTS, Reply, answered
from anyapi.simulator.request import Request
from anyapi.simulator.seal import seal
from anyapi.simulator.steps import Send
from anyapi.simulator.tokens import size_of, tokens_for
from anyapi.simulator.wire import Target, Wire, bearer, same_key

_FINISH = {
    Finish.STOP: "end_turn",
    Finish.STOP_SEQUENCE: "stop_sequence",
    Finish.LENGTH: "max_tokens",
    Finish.TOOL_CALLS: "tool_use",
    Finish.CONTENT_FILTER: "refusal",
    Finish.FAILED: "error",
}
_ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_write = msgspec.json.Encoder().encode


class AnthropicWire:
    """`POST /v1/messages`, and `POST /v1/messages/count_tokens` to count."""

    completion_path = "/v1/messages"

    def target(self, path: str, query: str) -> Target | None:  # noqa: ARG002 - the contract's
        """The path says whether to count."""
        counting = path == self.completion_path + "/count_tokens"
        return Target(count=counting) if counting or path == self.completion_path else None

    def read(self, body: bytes, headers: Mapping[str, str], target: Target) -> Call:
        """Understand a request; `Rejected` 400 when it is not one, or lacks `anthropic-version` or, unless it counts, `max_tokens`."""
        call = read_request(body, headers)
        if not target.count and (call.max_tokens is None or call.max_tokens < 1):
            raise Rejected(400, "max_tokens: a positive number is required.")
        return call

    def render(self, call: Call, model: str, answer: Answer, serial: int) -> Reply:
        """Write a `message`, or the events from `message_start` to `message_stop`."""
        choice = answer.choices[0]
        reply = answered(answer, Outcome.CONTENT_REFUSED if _stop_reason(choice) == "refusal" else Outcome.ANSWERED)
        reply.headers = [(b"request-id", b"req_sim_%d" % serial)]
        if call.stream:
            reply.content_type, reply.body = EVENTS, list(_events(call, model, answer, serial))
        else:
            reply.body = [Send(_write(_message(call, model, answer, serial)), 0, choice.size, answer.reported is not None)]
        return reply

    def error(self, status: int, message: str) -> bytes:
        """Return Anthropic's error envelope."""
        return _write({"type": "error", "error": {"type": _ERRORS.get(status, "api_error"), "message": message}, "request_id": "req_sim"})

    def error_headers(self, status: int) -> list[tuple[bytes, bytes]]:  # noqa: ARG002 - the contract's
        """All is in the body."""
        return []

    def error_event(self, message: str, after: int) -> bytes:  # noqa: ARG002 - the contract's
        """Return an `error` event; in the middle of a stream it is most often an overload."""
        return b"event: error\ndata: " + self.error(529, message) + b"\n\n"

    def count(self, call: Call) -> object:
        """Return the prompt's tokens."""
        return {"input_tokens": tokens_for(call.prompt_bytes)}


class AnthropicApi:
    """What is at `https://api.anthropic.com`."""

    wires: tuple[Wire, ...] = (AnthropicWire(),)
    base_path = ""
    models_paths: tuple[str, ...] = ("/v1/models",)

    def admits(self, request: Request, key: str) -> bool:
        """The key is in `x-api-key`, else it is a bearer token."""
        headers = request.header()
        return same_key(headers.get("x-api-key") or bearer(headers), key)

    def no_admittance(self, request: Request) -> Rejected:  # noqa: ARG002 - the contract's
        """Return a 401."""
        return Rejected(401, "Incorrect API key provided.")

    def models(self, names: tuple[str, ...]) -> object:
        """Return one page that holds everything."""
        data = [{"type": "model", "id": name, "display_name": name, "created_at": "2026-01-01T00:00:00Z"} for name in names]
        return {"data": data, "has_more": False, "first_id": names[0] if names else None, "last_id": names[-1] if names else None}


def _stop_reason(choice: Choice) -> str:
    return "refusal" if choice.refusal else _FINISH[choice.finish]


def _usage(call: Call, answer: Answer, *, begun: bool = False) -> dict[str, object]:
    """Return the usage; the prompt's tokens are divided into those from the cache, those into it, and the rest."""
    prompt, completion = answer.reported or (0, 0)
    read, written = answer.reported_cache
    usage: dict[str, object] = {
        "input_tokens": prompt - read - written,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": read,
    }
    if written:
        long = written if call.cache.lifetime == "1h" else 0
        usage["cache_creation"] = {"ephemeral_5m_input_tokens": written - long, "ephemeral_1h_input_tokens": long}
    usage["output_tokens"] = min(1, completion) if begun else completion
    if answer.reported_reasoning and not begun:
        usage["output_tokens_details"] = {"thinking_tokens": answer.reported_reasoning}
    return usage


def _message(call: Call, model: str, answer: Answer, serial: int) -> dict[str, object]:
    choice = answer.choices[0]
    content = list(_thinking(call, choice))
    if said := choice.text + choice.refusal + "a" * answer.padding:
        content.append({"type": "text", "text": said})
    for number, tool in enumerate(choice.tool_calls):
        arguments = msgspec.json.decode(tool.arguments)
        content.append({"type": "tool_use", "id": f"toolu_sim_{serial}_{number}", "name": tool.name, "input": arguments})
    message = {**_opening(model, serial), "content": content, "stop_reason": _stop_reason(choice), "stop_sequence": choice.stopped_by}
    return message if answer.reported is None else {**message, "usage": _usage(call, answer)}


def _thinking(call: Call, choice: Choice) -> Iterator[dict[str, object]]:
    """Yield the block of reasoning, if there is any: signed, signed without its text, or sealed."""
    if not choice.reasoning:
        return
    if call.seal_reasoning:
        yield {"type": "redacted_thinking", "data": seal(choice.reasoning)}
    else:
        yield {"type": "thinking", "thinking": "" if call.hide_reasoning else choice.reasoning, "signature": seal(choice.reasoning)}


def _opening(model: str, serial: int) -> dict[str, object]:
    return {"id": f"msg_sim_{serial}", "type": "message", "role": "assistant", "model": model}


def _event(payload: dict[str, object], text_bytes: int = 0, *, usage: bool = False) -> Send:
    return Send(b"event: %s\ndata: %s\n\n" % (str(payload["type"]).encode(), _write(payload)), 1, text_bytes, usage)


def _events(call: Call, model: str, answer: Answer, serial: int) -> Iterator[Send]:
    choice = answer.choices[0]
    opening: dict[str, object] = {**_opening(model, serial), "content": [], "stop_reason": None, "stop_sequence": None}
    if answer.reported is not None:
        opening["usage"] = _usage(call, answer, begun=True)
    yield _event({"type": "message_start", "message": opening})
    yield _event({"type": "ping"})
    for index, (block, deltas) in enumerate(_blocks(call, choice, serial, answer.padding)):
        # Sealed reasoning comes whole, in the block's first event.
        sealed = size_of(choice.reasoning) if block["type"] == "redacted_thinking" else 0
        yield _event({"type": "content_block_start", "index": index, "content_block": block}, sealed)
        for delta, size in deltas:
            yield _event({"type": "content_block_delta", "index": index, "delta": delta}, size)
        yield _event({"type": "content_block_stop", "index": index})
    stop: dict[str, object] = {
        "type": "message_delta",
        "delta": {"stop_reason": _stop_reason(choice), "stop_sequence": choice.stopped_by},
    }
    if answer.reported is not None:
        stop["usage"] = _usage(call, answer)
    yield _event(stop, usage=answer.reported is not None)
    yield _event({"type": "message_stop"})


_Deltas = list[tuple[dict[str, object], int]]


def _blocks(call: Call, choice: Choice, serial: int, padding: int) -> Iterator[tuple[dict[str, object], _Deltas]]:
    """Yield each content block as it starts, and its deltas with the bytes of completion in each."""
    for block in _thinking(call, choice):
        yield (block, []) if call.seal_reasoning else _thought(call, choice)
    if choice.text or choice.refusal:
        deltas: _Deltas = [({"type": "text_delta", "text": piece}, size_of(piece)) for piece in spoken(choice.text + choice.refusal)]
        if padding:
            deltas.insert(1, ({"type": "text_delta", "text": "a" * padding}, 0))
        yield {"type": "text", "text": ""}, deltas
    for number, tool in enumerate(choice.tool_calls):
        start: dict[str, object] = {"type": "tool_use", "id": f"toolu_sim_{serial}_{number}", "name": tool.name, "input": {}}
        yield start, [({"type": "input_json_delta", "partial_json": piece}, size_of(piece)) for piece in ("", *halves(tool.arguments))]


def _thought(call: Call, choice: Choice) -> tuple[dict[str, object], _Deltas]:
    pieces: _Deltas = [({"type": "thinking_delta", "thinking": piece}, size_of(piece)) for piece in spoken(choice.reasoning)]
    hidden = size_of(choice.reasoning) if call.hide_reasoning else 0
    signature: _Deltas = [({"type": "signature_delta", "signature": seal(choice.reasoning)}, hidden)]
    return {"type": "thinking", "thinking": "", "signature": ""}, signature if call.hide_reasoning else pieces + signature
