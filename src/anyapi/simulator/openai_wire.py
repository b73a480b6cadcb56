"""OpenAI chat completions as a provider speaks them. Reads what decides about the answer and ignores the rest of the request.

Source: the API reference of OpenAI (chat completions, streaming events, errors), as of 2026.
"""

from collections.abc import Iterator, Mapping

import msgspec

from anyapi.simulator.answer import Answer, Choice, Finish, spoken
from anyapi.simulator.call import Call, Rejected, Tool, tools_to_use
from anyapi.simulator.jsontype import Json
from anyapi.simulator.ledger import Outcome
from anyapi.simulator.reply import EVENTS, JSON, Reply
from anyapi.simulator.steps import Send
from anyapi.simulator.tokens import size_of, tokens_for
from anyapi.simulator.wire import GatewayFields, bearer, unreadable

_CREATED = 1_764_000_000
"""A fixed time, so that equal requests get equal answers."""
_FINISH = {
    Finish.STOP: "stop",
    Finish.STOP_SEQUENCE: "stop",
    Finish.LENGTH: "length",
    Finish.TOOL_CALLS: "tool_calls",
    Finish.CONTENT_FILTER: "content_filter",
}
_ERRORS = {
    400: ("invalid_request_error", None),
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("invalid_request_error", "forbidden"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
}


class _Part(msgspec.Struct):
    type: str
    text: str | None = None


class _Message(msgspec.Struct):
    role: str
    content: str | list[_Part] | None = None

    @property
    def text(self) -> str:
        if isinstance(self.content, list):
            return "".join(part.text or "" for part in self.content)
        return self.content or ""


class _Function(msgspec.Struct):
    name: str
    parameters: msgspec.Raw = msgspec.Raw(b"{}")


class _Tool(msgspec.Struct):
    type: str = "function"
    function: _Function | None = None


class _NamedTool(msgspec.Struct):
    type: str = "function"
    function: _Function | None = None


class _JsonSchema(msgspec.Struct):
    name: str = ""
    schema: msgspec.Raw = msgspec.Raw(b"{}")


class _Format(msgspec.Struct):
    type: str
    json_schema: _JsonSchema | None = None


class _StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


class _Request(GatewayFields, kw_only=True):
    model: str
    messages: list[_Message]
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    tools: list[_Tool] | None = None
    tool_choice: str | _NamedTool | None = None
    parallel_tool_calls: bool | None = None
    response_format: _Format | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    stop: str | list[str] | None = None
    n: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    reasoning_effort: str | None = None
    reasoning: msgspec.Raw | None = None


_read = msgspec.json.Decoder(_Request).decode
_write = msgspec.json.Encoder().encode


class OpenAiWire:
    """`POST /v1/chat/completions`."""

    completion_path = "/v1/chat/completions"
    base_path = "/v1"

    def read(self, body: bytes, headers: Mapping[str, str]) -> Call:  # noqa: ARG002 - the other wire needs them
        """Understand a request; `Rejected` 400 when it is not one."""
        try:
            request = _read(body)
        except msgspec.MsgspecError as error:
            raise unreadable(error) from None
        _check(request)
        return Call(
            model=request.model,
            prompt_bytes=sum(size_of(message.text) for message in request.messages),
            stream=request.stream is True,
            include_usage=request.stream_options is not None and request.stream_options.include_usage is True,
            uses=_tools(request),
            schema=_schema(request.response_format),
            json_object=request.response_format is not None and request.response_format.type == "json_object",
            max_tokens=request.max_completion_tokens or request.max_tokens,
            stops=_stops(request.stop),
            choices=request.n or 1,
            logprobs=(request.top_logprobs or 0) if request.logprobs else None,
            reasoning=request.reasoning_effort is not None or request.reasoning is not None,
            store=request.store_value,
            leaked=request.leaked,
        )

    def render(self, call: Call, model: str, answer: Answer, serial: int) -> Reply:
        """Write a `chat.completion`, or `chat.completion.chunk` events up to `[DONE]`."""
        refused = any(choice.finish is Finish.CONTENT_FILTER or choice.refusal for choice in answer.choices)
        outcome = Outcome.CONTENT_REFUSED if refused else Outcome.ANSWERED
        reply = Reply(200, [], outcome=outcome, prompt_tokens=answer.prompt_tokens, completion_tokens=answer.completion_tokens)
        reply.headers = [(b"x-request-id", b"req_sim_%d" % serial)]
        reply.reported = answer.reported if call.include_usage or not call.stream else None
        if call.stream:
            reply.content_type, reply.body = EVENTS, list(_events(call, model, answer, serial))
        else:
            text_bytes = sum(choice.size for choice in answer.choices)
            reply.content_type = JSON
            reply.body = [Send(_completion(call, model, answer, serial), 0, text_bytes, reply.reported is not None)]
        return reply

    def error(self, status: int, message: str) -> bytes:
        """Return OpenAI's error object."""
        kind, code = _ERRORS.get(status, ("server_error" if status >= 500 else "invalid_request_error", None))
        return _write({"error": {"message": message, "type": kind, "param": None, "code": code}})

    def error_event(self, message: str) -> bytes:
        """Return an error object as a data-only event, as OpenAI-compatible servers do."""
        return b"data: " + self.error(500, message) + b"\n\n"

    def key_of(self, headers: Mapping[str, str]) -> str | None:
        """Return the bearer token."""
        return bearer(headers)

    def models(self, names: tuple[str, ...]) -> object:
        """Return the list object."""
        return {"object": "list", "data": [{"id": name, "object": "model", "created": _CREATED, "owned_by": "simulator"} for name in names]}

    def count(self, call: Call) -> object:  # noqa: ARG002 - the contract's
        """Chat completions cannot be counted."""
        return None


def _check(request: _Request) -> None:
    if not request.messages:
        raise Rejected(400, "messages must hold at least one message.")
    if request.n is not None and not 1 <= request.n <= 128:
        raise Rejected(400, "n must be between 1 and 128.")


def _schema(wanted: _Format | None) -> Json:
    if wanted is None or wanted.type != "json_schema" or wanted.json_schema is None:
        return None
    schema: Json = msgspec.json.decode(wanted.json_schema.schema)
    return schema


def _stops(stop: str | list[str] | None) -> tuple[str, ...]:
    return (stop,) if isinstance(stop, str) else tuple(stop or ())


def _tools(request: _Request) -> tuple[Tool, ...]:
    offered = tuple(
        Tool(tool.function.name, msgspec.json.decode(tool.function.parameters)) for tool in request.tools or () if tool.function
    )
    wanted = request.tool_choice
    if isinstance(wanted, _NamedTool):
        choice: str | None = f"={wanted.function.name if wanted.function else ''}"
    else:
        choice = "any" if wanted == "required" else wanted
    last = request.messages[-1]
    return tools_to_use(offered, choice, last.text if last.role == "user" else None, parallel=request.parallel_tool_calls is not False)


def _completion(call: Call, model: str, answer: Answer, serial: int) -> bytes:
    body: dict[str, object] = {"id": f"chatcmpl-sim-{serial}", "object": "chat.completion", "created": _CREATED, "model": model}
    body["choices"] = [
        {
            "index": index,
            "message": _message(choice, serial, answer.padding),
            "logprobs": _logprobs(spoken(choice.text), call.logprobs),
            "finish_reason": _FINISH[choice.finish],
        }
        for index, choice in enumerate(answer.choices)
    ]
    if answer.reported is not None:
        body["usage"] = _usage(answer)
    return _write(body)


def _message(choice: Choice, serial: int, padding: int) -> dict[str, object]:
    text = choice.text + "a" * padding
    message: dict[str, object] = {"role": "assistant", "content": text or (None if choice.tool_calls or choice.refusal else "")}
    message["refusal"] = choice.refusal or None
    if choice.reasoning:
        message["reasoning_content"] = choice.reasoning
    if choice.tool_calls:
        message["tool_calls"] = [
            {"id": f"call_sim_{serial}_{number}", "type": "function", "function": {"name": tool.name, "arguments": tool.arguments}}
            for number, tool in enumerate(choice.tool_calls)
        ]
    return message


def _usage(answer: Answer) -> dict[str, object]:
    prompt, completion = answer.reported or (0, 0)
    usage: dict[str, object] = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    thought = sum(tokens_for(size_of(choice.reasoning)) for choice in answer.choices)
    if thought and completion:
        usage["completion_tokens_details"] = {"reasoning_tokens": min(thought, completion)}
    return usage


def _logprobs(tokens: list[str], alternatives: int | None) -> dict[str, object] | None:
    if alternatives is None:
        return None
    return {"content": [_logprob(token, -0.01 * (place % 7), alternatives) for place, token in enumerate(tokens)], "refusal": None}


def _logprob(token: str, value: float, alternatives: int) -> dict[str, object]:
    entry: dict[str, object] = {"token": token, "logprob": value, "bytes": list(token.encode())}
    others = [{"token": f"alternative{rank}", "logprob": value - rank, "bytes": None} for rank in range(1, alternatives)]
    return {**entry, "top_logprobs": [entry, *others] if alternatives else []}


def _events(call: Call, model: str, answer: Answer, serial: int) -> Iterator[Send]:
    opening = _write({"id": f"chatcmpl-sim-{serial}", "object": "chat.completion.chunk", "created": _CREATED, "model": model})
    start = b"data: " + opening[:-1] + b',"choices":['
    end = b'],"usage":null}\n\n' if call.include_usage else b"]}\n\n"
    for index, choice in enumerate(answer.choices):
        head = start + b'{"index":%d,"delta":' % index
        for delta, size, logprobs in _deltas(call, choice, serial, answer.padding):
            chances = b',"logprobs":' + _write(logprobs) if logprobs is not None else b""
            yield Send(head + _write(delta) + chances + b',"finish_reason":null}' + end, 1, size)
        yield Send(head + b'{},"finish_reason":"%s"}' % _FINISH[choice.finish].encode() + end, 1)
    if call.include_usage and answer.reported is not None:
        yield Send(start + b'],"usage":' + _write(_usage(answer)) + b"}\n\n", 1, 0, usage=True)
    yield Send(b"data: [DONE]\n\n", 1)


def _deltas(call: Call, choice: Choice, serial: int, padding: int) -> Iterator[tuple[object, int, object]]:
    """Yield each delta, the bytes of completion in it, and its log probabilities (None: the field is absent)."""
    yield {"role": "assistant", "content": None if choice.tool_calls else "", "refusal": None}, 0, None
    for piece in spoken(choice.reasoning):
        yield {"reasoning_content": piece}, size_of(piece), None
    for place, piece in enumerate(spoken(choice.text)):
        chances = None if call.logprobs is None else {"content": [_logprob(piece, -0.01 * (place % 7), call.logprobs)], "refusal": None}
        yield {"content": piece}, size_of(piece), chances
        if padding and not place:
            yield {"content": "a" * padding}, 0, None
    for piece in spoken(choice.refusal):
        yield {"refusal": piece}, size_of(piece), None
    for number, tool in enumerate(choice.tool_calls):
        yield from _tool_deltas(number, f"call_sim_{serial}_{number}", tool.name, tool.arguments)


def _tool_deltas(number: int, identity: str, name: str, arguments: str) -> Iterator[tuple[object, int, object]]:
    opening = {"index": number, "id": identity, "type": "function", "function": {"name": name, "arguments": ""}}
    yield {"tool_calls": [opening]}, 0, None
    half = -(-len(arguments) // 2)
    for piece in filter(None, (arguments[:half], arguments[half:])):
        yield {"tool_calls": [{"index": number, "function": {"arguments": piece}}]}, size_of(piece), None
