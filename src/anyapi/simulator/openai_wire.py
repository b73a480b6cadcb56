"""OpenAI chat completions as a provider speaks them. Reads what decides about the answer and ignores the rest of the request.

Source: the API reference of OpenAI (chat completions, streaming events, errors), as of 2026.
"""

import re
import urllib.parse
from collections.abc import Iterator, Mapping

import msgspec

from anyapi.simulator.answer import Answer, Choice, Finish, halves, spoken
from anyapi.simulator.call import Call, Rejected, Tool, said_last, tools_to_use
from anyapi.simulator.jsontype import NULL, Json, decoded, is_given
from anyapi.simulator.ledger import Outcome
from anyapi.simulator.openai_errors import CREATED, OpenAiErrors, log_probabilities
from anyapi.simulator.prompt import Prompt
from anyapi.simulator.reply import EVENTS, Reply, answered
from anyapi.simulator.steps import Send
from anyapi.simulator.tokens import size_of
from anyapi.simulator.wire import GatewayFields, Target, unreadable

_FINISH = {
    Finish.STOP: "stop",
    Finish.STOP_SEQUENCE: "stop",
    Finish.LENGTH: "length",
    Finish.TOOL_CALLS: "tool_calls",
    Finish.CONTENT_FILTER: "content_filter",
    Finish.FAILED: "error",
}
_ATTACHMENTS = {"image_url": "image", "file": "document"}
# Azure names a deployment in the path of its older API, and the model that the body names means nothing there.
_DEPLOYMENT = re.compile(r"/openai/deployments/([^/]+)/(chat/completions|embeddings)")
_VERSION = re.compile(r"(?:^|&)api-version=\d{4}-\d\d-\d\d")


class _Part(msgspec.Struct):
    type: str
    text: str | None = None


class _Message(msgspec.Struct):
    role: str
    content: str | list[_Part] | None = None

    @property
    def parts(self) -> list[_Part]:
        """The content as parts, in whichever form it came."""
        return self.content if isinstance(self.content, list) else [_Part("text", self.content)]

    @property
    def text(self) -> str:
        return "".join(part.text or "" for part in self.parts)


class _Function(msgspec.Struct):
    name: str
    parameters: msgspec.Raw = msgspec.Raw(b"{}")


class _Tool(msgspec.Struct):
    type: str = "function"
    function: _Function | None = None


class _Allowed(msgspec.Struct):
    mode: str = "auto"
    tools: list[_Tool] = []


class _NamedTool(msgspec.Struct):
    type: str = "function"
    function: _Function | None = None
    allowed_tools: _Allowed | None = None

    @property
    def word(self) -> str:
        """The choice as one word: a mode, or `=` and a name."""
        return self.allowed_tools.mode if self.allowed_tools else f"={self.function.name if self.function else ''}"


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
    reasoning: msgspec.Raw = NULL


_read = msgspec.json.Decoder(_Request).decode
_write = msgspec.json.Encoder().encode


class OpenAiWire(OpenAiErrors):
    """`POST /v1/chat/completions`, also at the paths that Azure gives it."""

    completion_path = "/v1/chat/completions"

    def target(self, path: str, query: str) -> Target | None:
        """The path says nothing, but for a deployment of Azure."""
        if path in {self.completion_path, "/openai/v1/chat/completions"}:
            return Target()
        return deployment_in(path, query, "chat/completions")

    def read(self, body: bytes, headers: Mapping[str, str], target: Target) -> Call:  # noqa: ARG002 - other wires need them
        """Understand a request; `Rejected` 400 when it is not one."""
        try:
            request = _read(body)
        except msgspec.MsgspecError as error:
            raise unreadable(error) from None
        _check(request, target)
        prompt = _prompt(request)
        return Call(
            model=target.model or request.model,
            prompt_bytes=prompt.size,
            parts=prompt.parts,
            cache=prompt.implicit,
            stream=request.stream is True,
            include_usage=request.stream_options is not None and request.stream_options.include_usage is True,
            uses=_tools(request),
            schema=_schema(request.response_format),
            json_object=request.response_format is not None and request.response_format.type == "json_object",
            max_tokens=request.max_completion_tokens or request.max_tokens,
            stops=_stops(request.stop),
            choices=request.n or 1,
            logprobs=(request.top_logprobs or 0) if request.logprobs else None,
            reasoning=request.reasoning_effort not in {None, "none"} or is_given(request.reasoning),
            store=request.store_value,
            leaked=request.leaked,
        )

    def render(self, call: Call, model: str, answer: Answer, serial: int) -> Reply:
        """Write a `chat.completion`, or `chat.completion.chunk` events up to `[DONE]`."""
        refused = any(choice.finish is Finish.CONTENT_FILTER or choice.refusal for choice in answer.choices)
        reply = answered(answer, Outcome.CONTENT_REFUSED if refused else Outcome.ANSWERED)
        reply.headers = [(b"x-request-id", b"req_sim_%d" % serial)]
        if call.stream:
            reply.reported = answer.reported if call.include_usage else None
            reply.content_type, reply.body = EVENTS, list(_events(call, model, answer, serial))
        else:
            text_bytes = sum(choice.size for choice in answer.choices)
            reply.body = [Send(_completion(call, model, answer, serial), 0, text_bytes, reply.reported is not None)]
        return reply


def deployment_in(path: str, query: str, operation: str) -> Target | None:
    """The deployment that a path of Azure's older API names; that API wants its version in the query, and is not found without."""
    match = _DEPLOYMENT.fullmatch(path)
    if match is None or match[2] != operation or not _VERSION.search(query):
        return None
    return Target(urllib.parse.unquote(match[1]))


def _check(request: _Request, target: Target) -> None:
    if target.model and request.store is not msgspec.UNSET:
        raise Rejected(400, "Unrecognized request argument supplied: store")
    if not request.messages:
        raise Rejected(400, "messages must hold at least one message.")
    if request.n is not None and not 1 <= request.n <= 128:
        raise Rejected(400, "n must be between 1 and 128.")


def _prompt(request: _Request) -> Prompt:
    prompt = Prompt()
    for message in request.messages:
        if message.role == "assistant":
            prompt.model_turn()
        if message.role == "tool":
            prompt.tool_result()
        for part in message.parts:
            prompt.text(part.text)
            prompt.attachment(_ATTACHMENTS.get(part.type))
    return prompt


def _schema(wanted: _Format | None) -> Json:
    if wanted is None or wanted.type != "json_schema" or wanted.json_schema is None:
        return None
    return decoded(wanted.json_schema.schema)


def _stops(stop: str | list[str] | None) -> tuple[str, ...]:
    return (stop,) if isinstance(stop, str) else tuple(stop or ())


def _tools(request: _Request) -> tuple[Tool, ...]:
    offered = tuple(Tool(tool.function.name, decoded(tool.function.parameters)) for tool in request.tools or () if tool.function)
    wanted = request.tool_choice
    if isinstance(wanted, _NamedTool):
        if wanted.allowed_tools is not None:
            allowed = {tool.function.name for tool in wanted.allowed_tools.tools if tool.function}
            offered = tuple(tool for tool in offered if tool.name in allowed)
        wanted = wanted.word
    last = said_last(request.messages)
    said = last.text if last is not None and last.role == "user" else None
    return tools_to_use(offered, "any" if wanted == "required" else wanted, said, parallel=request.parallel_tool_calls is not False)


def _completion(call: Call, model: str, answer: Answer, serial: int) -> bytes:
    body: dict[str, object] = {"id": f"chatcmpl-sim-{serial}", "object": "chat.completion", "created": CREATED, "model": model}
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
    if cached := answer.reported_cache[0]:
        usage["prompt_tokens_details"] = {"cached_tokens": cached}
    if thought := answer.reported_reasoning:
        usage["completion_tokens_details"] = {"reasoning_tokens": thought}
    return usage


def _logprobs(pieces: list[str], alternatives: int | None) -> dict[str, object] | None:
    return None if alternatives is None else {"content": log_probabilities(pieces, alternatives), "refusal": None}


def _events(call: Call, model: str, answer: Answer, serial: int) -> Iterator[Send]:
    opening = _write({"id": f"chatcmpl-sim-{serial}", "object": "chat.completion.chunk", "created": CREATED, "model": model})
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
    pieces = spoken(choice.text)
    chances = [] if call.logprobs is None else log_probabilities(pieces, call.logprobs)
    for place, piece in enumerate(pieces):
        yield {"content": piece}, size_of(piece), {"content": [chances[place]], "refusal": None} if chances else None
        if padding and not place:
            yield {"content": "a" * padding}, 0, None
    for piece in spoken(choice.refusal):
        yield {"refusal": piece}, size_of(piece), None
    for number, tool in enumerate(choice.tool_calls):
        yield from _tool_deltas(number, f"call_sim_{serial}_{number}", tool.name, tool.arguments)


def _tool_deltas(number: int, identity: str, name: str, arguments: str) -> Iterator[tuple[object, int, object]]:
    opening = {"index": number, "id": identity, "type": "function", "function": {"name": name, "arguments": ""}}
    yield {"tool_calls": [opening]}, 0, None
    for piece in halves(arguments):
        yield {"tool_calls": [{"index": number, "function": {"arguments": piece}}]}, size_of(piece), None
