"""Anthropic messages as the provider speaks them. Reads what decides about the answer and ignores the rest of the request.

Source: the API reference of Anthropic (messages, streaming messages, errors, token counting), as of 2026.
"""

from collections.abc import Iterator, Mapping

import msgspec

from anyapi.simulator.answer import Answer, Choice, Finish, spoken
from anyapi.simulator.call import Call, Rejected, Tool, tools_to_use
from anyapi.simulator.ledger import Outcome
from anyapi.simulator.reply import EVENTS, JSON, Reply
from anyapi.simulator.steps import Send
from anyapi.simulator.tokens import size_of, tokens_for
from anyapi.simulator.wire import GatewayFields, bearer, unreadable

_SIGNATURE = "c2ltdWxhdGVk"
_FINISH = {
    Finish.STOP: "end_turn",
    Finish.STOP_SEQUENCE: "stop_sequence",
    Finish.LENGTH: "max_tokens",
    Finish.TOOL_CALLS: "tool_use",
    Finish.CONTENT_FILTER: "refusal",
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


class _Block(msgspec.Struct):
    type: str
    text: str | None = None
    content: "str | list[_Block] | None" = None

    @property
    def words(self) -> str:
        """All text in the block: its own, or a tool's result."""
        return (self.text or "") + _text(self.content)


class _Message(msgspec.Struct):
    role: str
    content: str | list[_Block]


class _Tool(msgspec.Struct):
    name: str
    input_schema: msgspec.Raw = msgspec.Raw(b"{}")


class _ToolChoice(msgspec.Struct):
    type: str
    name: str | None = None
    disable_parallel_tool_use: bool = False


class _Thinking(msgspec.Struct):
    type: str


class _Format(msgspec.Struct):
    type: str
    schema: msgspec.Raw = msgspec.Raw(b"{}")


class _OutputConfig(msgspec.Struct):
    format: _Format | None = None


class _Request(GatewayFields, kw_only=True):
    model: str
    messages: list[_Message]
    max_tokens: int | None = None
    system: str | list[_Block] | None = None
    stream: bool = False
    stop_sequences: list[str] | None = None
    tools: list[_Tool] | None = None
    tool_choice: _ToolChoice | None = None
    thinking: _Thinking | None = None
    output_format: _Format | None = None
    output_config: _OutputConfig | None = None


_read = msgspec.json.Decoder(_Request).decode
_write = msgspec.json.Encoder().encode


class AnthropicWire:
    """`POST /v1/messages` and `POST /v1/messages/count_tokens`."""

    completion_path = "/v1/messages"
    base_path = ""

    def read(self, body: bytes, headers: Mapping[str, str]) -> Call:
        """Understand a request; `Rejected` 400 when it is not one, or the `anthropic-version` header is missing."""
        if "anthropic-version" not in headers:
            raise Rejected(400, "anthropic-version: header is required.")
        try:
            request = _read(body)
        except msgspec.MsgspecError as error:
            raise unreadable(error) from None
        _check(request)
        wanted = request.output_format or (request.output_config.format if request.output_config else None)
        return Call(
            model=request.model,
            prompt_bytes=size_of(_text(request.system)) + sum(size_of(_text(message.content)) for message in request.messages),
            stream=request.stream,
            include_usage=True,
            uses=_tools(request),
            schema=msgspec.json.decode(wanted.schema) if wanted else None,
            max_tokens=request.max_tokens,
            stops=tuple(request.stop_sequences or ()),
            reasoning=request.thinking is not None and request.thinking.type != "disabled",
            store=request.store_value,
            leaked=request.leaked,
        )

    def render(self, call: Call, model: str, answer: Answer, serial: int) -> Reply:
        """Write a `message`, or the events from `message_start` to `message_stop`. Raises `Rejected` when max_tokens is missing."""
        if call.max_tokens is None or call.max_tokens < 1:
            raise Rejected(400, "max_tokens: a positive number is required.")
        choice = answer.choices[0]
        outcome = Outcome.CONTENT_REFUSED if _stop_reason(choice) == "refusal" else Outcome.ANSWERED
        reply = Reply(200, [], outcome=outcome, prompt_tokens=answer.prompt_tokens, completion_tokens=tokens_for(choice.size))
        reply.headers = [(b"request-id", b"req_sim_%d" % serial)]
        reply.reported = answer.reported
        if call.stream:
            reply.content_type, reply.body = EVENTS, list(_events(model, answer, serial))
        else:
            reply.content_type = JSON
            reply.body = [Send(_write(_message(model, answer, serial)), 0, choice.size, answer.reported is not None)]
        return reply

    def error(self, status: int, message: str) -> bytes:
        """Return Anthropic's error envelope."""
        return _write({"type": "error", "error": {"type": _ERRORS.get(status, "api_error"), "message": message}, "request_id": "req_sim"})

    def error_event(self, message: str) -> bytes:
        """Return an `error` event; in the middle of a stream it is most often an overload."""
        return b"event: error\ndata: " + self.error(529, message) + b"\n\n"

    def key_of(self, headers: Mapping[str, str]) -> str | None:
        """Return `x-api-key`, else the bearer token."""
        return headers.get("x-api-key") or bearer(headers)

    def models(self, names: tuple[str, ...]) -> object:
        """Return one page that holds everything."""
        data = [{"type": "model", "id": name, "display_name": name, "created_at": "2026-01-01T00:00:00Z"} for name in names]
        return {"data": data, "has_more": False, "first_id": names[0] if names else None, "last_id": names[-1] if names else None}

    def count(self, call: Call) -> object:
        """Return the prompt's tokens."""
        return {"input_tokens": tokens_for(call.prompt_bytes)}


def _check(request: _Request) -> None:
    if not request.messages:
        raise Rejected(400, "messages: at least one message is required.")
    if any(message.role not in {"user", "assistant"} for message in request.messages):
        raise Rejected(400, "messages: role must be user or assistant.")


def _text(content: str | list[_Block] | None) -> str:
    if isinstance(content, list):
        return "".join(block.words for block in content)
    return content or ""


def _tools(request: _Request) -> tuple[Tool, ...]:
    offered = tuple(Tool(tool.name, msgspec.json.decode(tool.input_schema)) for tool in request.tools or ())
    wanted = request.tool_choice or _ToolChoice("auto")
    choice = f"={wanted.name}" if wanted.type == "tool" else wanted.type
    last = request.messages[-1]
    results = isinstance(last.content, list) and any(block.type == "tool_result" for block in last.content)
    said = _text(last.content) if last.role == "user" and not results else None
    return tools_to_use(offered, choice, said, parallel=not wanted.disable_parallel_tool_use)


def _stop_reason(choice: Choice) -> str:
    return "refusal" if choice.refusal else _FINISH[choice.finish]


def _usage(answer: Answer, *, begun: bool = False) -> dict[str, object]:
    prompt, completion = answer.reported or (0, 0)
    usage = {"input_tokens": prompt, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
    return {**usage, "output_tokens": min(1, completion) if begun else completion}


def _message(model: str, answer: Answer, serial: int) -> dict[str, object]:
    choice = answer.choices[0]
    content: list[dict[str, object]] = []
    if choice.reasoning:
        content.append({"type": "thinking", "thinking": choice.reasoning, "signature": _SIGNATURE})
    if said := choice.text + choice.refusal + "a" * answer.padding:
        content.append({"type": "text", "text": said})
    for number, tool in enumerate(choice.tool_calls):
        arguments = msgspec.json.decode(tool.arguments)
        content.append({"type": "tool_use", "id": f"toolu_sim_{serial}_{number}", "name": tool.name, "input": arguments})
    message = {**_opening(model, serial), "content": content, "stop_reason": _stop_reason(choice), "stop_sequence": choice.stopped_by}
    return message if answer.reported is None else {**message, "usage": _usage(answer)}


def _opening(model: str, serial: int) -> dict[str, object]:
    return {"id": f"msg_sim_{serial}", "type": "message", "role": "assistant", "model": model}


def _event(payload: dict[str, object], text_bytes: int = 0, *, usage: bool = False) -> Send:
    return Send(b"event: %s\ndata: %s\n\n" % (str(payload["type"]).encode(), _write(payload)), 1, text_bytes, usage)


def _events(model: str, answer: Answer, serial: int) -> Iterator[Send]:
    choice = answer.choices[0]
    opening: dict[str, object] = {**_opening(model, serial), "content": [], "stop_reason": None, "stop_sequence": None}
    if answer.reported is not None:
        opening["usage"] = _usage(answer, begun=True)
    yield _event({"type": "message_start", "message": opening})
    yield _event({"type": "ping"})
    for index, (block, deltas) in enumerate(_blocks(choice, serial, answer.padding)):
        yield _event({"type": "content_block_start", "index": index, "content_block": block})
        for delta, size in deltas:
            yield _event({"type": "content_block_delta", "index": index, "delta": delta}, size)
        yield _event({"type": "content_block_stop", "index": index})
    stop: dict[str, object] = {
        "type": "message_delta",
        "delta": {"stop_reason": _stop_reason(choice), "stop_sequence": choice.stopped_by},
    }
    if answer.reported is not None:
        stop["usage"] = _usage(answer)
    yield _event(stop, usage=answer.reported is not None)
    yield _event({"type": "message_stop"})


_Deltas = list[tuple[dict[str, object], int]]


def _blocks(choice: Choice, serial: int, padding: int) -> Iterator[tuple[dict[str, object], _Deltas]]:
    """Yield each content block as it starts, and its deltas with the bytes of completion in each."""
    if choice.reasoning:
        thoughts: _Deltas = [({"type": "thinking_delta", "thinking": piece}, size_of(piece)) for piece in spoken(choice.reasoning)]
        yield {"type": "thinking", "thinking": "", "signature": ""}, [*thoughts, ({"type": "signature_delta", "signature": _SIGNATURE}, 0)]
    if choice.text or choice.refusal:
        deltas: _Deltas = [({"type": "text_delta", "text": piece}, size_of(piece)) for piece in spoken(choice.text + choice.refusal)]
        if padding:
            deltas.insert(1, ({"type": "text_delta", "text": "a" * padding}, 0))
        yield {"type": "text", "text": ""}, deltas
    for number, tool in enumerate(choice.tool_calls):
        half = -(-len(tool.arguments) // 2)
        pieces = ("", *filter(None, (tool.arguments[:half], tool.arguments[half:])))
        block: dict[str, object] = {"type": "tool_use", "id": f"toolu_sim_{serial}_{number}", "name": tool.name, "input": {}}
        yield block, [({"type": "input_json_delta", "partial_json": piece}, size_of(piece)) for piece in pieces]
