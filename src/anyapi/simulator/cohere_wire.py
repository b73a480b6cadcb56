"""Cohere's chat API, version 2, as Cohere speaks it: reads the request, writes the answer and the events that build it.

Stricter than Cohere is known to be: what the reference does not name is refused. Source: Cohere's API reference (chat, chat with
streaming, errors), as of 2026.
"""

import re
from collections.abc import Iterator, Mapping

import msgspec

from anyapi.simulator.answer import Answer, Choice, Finish, halves, spoken
from anyapi.simulator.call import Call, Rejected, Tool, tools_to_use
from anyapi.simulator.jsontype import NULL, decoded, is_given
from anyapi.simulator.ledger import Outcome
from anyapi.simulator.openai_errors import log_probabilities
from anyapi.simulator.prompt import Prompt
from anyapi.simulator.reply import EVENTS, Reply, answered
from anyapi.simulator.request import Request
from anyapi.simulator.steps import Send
from anyapi.simulator.tokens import size_of
from anyapi.simulator.wire import GatewayFields, Target, Wire, bearer, same_key, unreadable

_write = msgspec.json.Encoder().encode
_Dict = dict[str, object]
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_IMAGE = re.compile(r"https?://|data:image/(?:png|jpe?g|webp|gif);base64,")
_PARTS = {
    "system": {"text"},
    "user": {"text", "image_url"},
    "assistant": {"text", "thinking"},
    "tool": {"text", "document"},
}
_FINISH = {
    Finish.STOP: "COMPLETE",
    Finish.STOP_SEQUENCE: "STOP_SEQUENCE",
    Finish.LENGTH: "MAX_TOKENS",
    Finish.TOOL_CALLS: "TOOL_CALL",
    Finish.CONTENT_FILTER: "ERROR",
    Finish.FAILED: "ERROR",
}
_REFUSED = 498
"""What Cohere answers when the request, or the answer, holds a word of its list."""
_MOST_STOPS, _MOST_K = 5, 500


class _Address(msgspec.Struct, forbid_unknown_fields=True):
    url: str
    detail: str = "auto"


class _Part(msgspec.Struct, forbid_unknown_fields=True):
    type: str
    text: str | None = None
    thinking: str | None = None
    image_url: _Address | None = None
    document: msgspec.Raw = NULL


class _Function(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    arguments: str = ""
    description: str | None = None
    parameters: msgspec.Raw = NULL


class _Called(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    type: str
    function: _Function


class _Message(msgspec.Struct, forbid_unknown_fields=True):
    role: str
    content: str | list[_Part] | None = None
    tool_calls: list[_Called] = []
    tool_call_id: str | None = None
    tool_plan: str | None = None

    @property
    def parts(self) -> list[_Part]:
        """The content as parts."""
        if isinstance(self.content, str):
            return [_Part("text", self.content)] if self.content else []
        return self.content or []


class _Tool(msgspec.Struct, forbid_unknown_fields=True):
    type: str
    function: _Function


class _Format(msgspec.Struct, forbid_unknown_fields=True):
    type: str
    json_schema: msgspec.Raw = NULL


class _Thinking(msgspec.Struct, forbid_unknown_fields=True):
    type: str = "enabled"
    token_budget: int | None = None


class _Request(GatewayFields, kw_only=True, forbid_unknown_fields=True):
    model: str
    messages: list[_Message]
    stream: bool = False
    tools: list[_Tool] = []
    tool_choice: str | None = None
    strict_tools: bool = False
    response_format: _Format | None = None
    thinking: _Thinking | None = None
    max_tokens: int | None = None
    stop_sequences: list[str] = []
    temperature: float | None = None
    p: float | None = None
    k: int | None = None
    seed: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    logprobs: bool = False
    documents: msgspec.Raw = NULL
    citation_options: msgspec.Raw = NULL
    safety_mode: str | None = None
    priority: int | None = None


_read = msgspec.json.Decoder(_Request).decode


class CohereWire:
    """`POST /v2/chat`."""

    completion_path = "/v2/chat"

    def target(self, path: str, query: str) -> Target | None:  # noqa: ARG002 - the contract's
        """The path says nothing."""
        return Target() if path == self.completion_path else None

    def read(self, body: bytes, headers: Mapping[str, str], target: Target) -> Call:  # noqa: ARG002 - other wires need them
        """Understand a request; `Rejected` 400 when it is not one."""
        try:
            request = _read(body)
            _check(request)
            return _call(request)
        except msgspec.MsgspecError as error:
            raise unreadable(error) from None

    def render(self, call: Call, model: str, answer: Answer, serial: int) -> Reply:  # noqa: ARG002 - the model stands in no answer
        """Write the answer, or the events from `message-start` to `message-end`. A refusal is an error with a status of its own."""
        choice = answer.choices[0]
        reply = answered(answer, Outcome.ANSWERED)
        if choice.refusal or choice.finish is Finish.CONTENT_FILTER:
            reply.replace(_REFUSED, self.error(_REFUSED, choice.refusal or "blocked output: a deny-listed token"), Outcome.CONTENT_REFUSED)
        elif call.stream:
            reply.content_type, reply.body = EVENTS, list(_events(call, answer, serial))
        else:
            body: _Dict = {"id": _id(serial), "message": _message(choice, answer.padding, serial), **_ending(answer)}
            if call.logprobs is not None:
                body["logprobs"] = [_chance(piece) for piece in spoken(choice.text)]
            reply.body = [Send(_write(body), 0, choice.size, answer.reported is not None)]
        return reply

    def error(self, status: int, message: str) -> bytes:  # noqa: ARG002 - the body does not say it
        """Return Cohere's error object: words alone."""
        return _write({"id": "sim", "message": message})

    def error_headers(self, status: int) -> list[tuple[bytes, bytes]]:  # noqa: ARG002 - the contract's
        """All is in the body."""
        return []

    def error_event(self, message: str, after: int) -> bytes:  # noqa: ARG002 - the contract's
        """Return the end of a generation that broke off."""
        return _event("message-end", {"delta": {"error": message, "finish_reason": "ERROR"}}).data

    def count(self, call: Call) -> object:  # noqa: ARG002 - the contract's
        """Nothing is counted."""
        return None


class CohereApi:
    """What is at `https://api.cohere.com`."""

    wires: tuple[Wire, ...] = (CohereWire(),)
    base_path = "/v2"
    models_paths: tuple[str, ...] = ("/v1/models",)

    def admits(self, request: Request, key: str) -> bool:
        """The key is a bearer token."""
        return same_key(bearer(request.header()), key)

    def no_admittance(self, request: Request) -> Rejected:
        """Return a 401."""
        return Rejected(401, "invalid api token" if bearer(request.header()) else "no api key supplied")

    def models(self, names: tuple[str, ...]) -> object:
        """Return one page that holds everything."""
        return {"models": [{"name": name, "endpoints": ["chat"]} for name in names]}


def _check(request: _Request) -> None:
    if not request.messages:
        raise Rejected(400, "invalid request: messages must not be empty.")
    known: set[str] = set()
    for place, message in enumerate(request.messages):
        _check_message(message, f"messages[{place}]")
        if message.role == "tool" and message.tool_call_id not in known:
            raise Rejected(400, "tool call id not found in previous tool calls")
        known.update(call.id for call in message.tool_calls)
    _check_tools(request)
    _check_numbers(request)


def _check_message(message: _Message, where: str) -> None:
    allowed = _PARTS.get(message.role)
    if allowed is None:
        raise Rejected(400, f"{where}: role must be system, user, assistant or tool.")
    if not message.parts and not message.tool_calls and message.role != "tool":
        raise Rejected(400, "message must not be empty in a turn")
    if any(call.type != "function" for call in message.tool_calls):
        raise Rejected(400, "tool call must be of type function")
    for part in message.parts:
        _check_part(part, allowed, where)


def _check_part(part: _Part, allowed: set[str], where: str) -> None:
    if part.type not in allowed:
        raise Rejected(400, f"{where}: a part of this type cannot stand in a message of this role.")
    if part.image_url is not None and not _IMAGE.match(part.image_url.url):
        raise Rejected(400, f"{where}: the image must be an address or base64 data of a supported type.")


def _check_tool(tool: _Tool, *, strict: bool) -> None:
    if not _NAME.fullmatch(tool.function.name):
        raise Rejected(400, "invalid request: tool names can only contain certain characters (A-Za-z0-9_) and can't begin with a digit")
    schema = decoded(tool.function.parameters)
    if not isinstance(schema, dict) or schema.get("type") != "object":
        raise Rejected(400, "schema must be an object")
    if strict and not schema.get("required"):
        raise Rejected(400, "invalid request: a strict tool must have a required parameter.")


def _check_tools(request: _Request) -> None:
    for tool in request.tools:
        _check_tool(tool, strict=request.strict_tools)
    if request.tool_choice not in {None, "REQUIRED", "NONE"} or (request.tool_choice and not request.tools):
        raise Rejected(400, "invalid request: tool_choice must be REQUIRED or NONE, and needs tools.")
    if request.response_format is not None and request.response_format.type != "text" and request.tools:
        raise Rejected(400, "invalid request: response_format is not supported with tools.")


def _check_numbers(request: _Request) -> None:
    limits = (
        ("temperature", request.temperature, 0.0, 1.0),
        ("p", request.p, 0.01, 0.99),
        ("k", request.k, 0, _MOST_K),
        ("frequency_penalty", request.frequency_penalty, 0.0, 1.0),
        ("presence_penalty", request.presence_penalty, 0.0, 1.0),
        ("seed", request.seed, 0, 2**64 - 1),
        ("token_budget", request.thinking.token_budget if request.thinking else None, 1, 2**31),
    )
    for name, value, low, high in limits:
        if value is not None and not low <= value <= high:
            raise Rejected(400, f"invalid request: {name} must be between {low} and {high} inclusive.")
    if request.frequency_penalty is not None and request.presence_penalty is not None:
        raise Rejected(400, "invalid request: cannot specify both frequency_penalty and presence_penalty.")
    if len(request.stop_sequences) > _MOST_STOPS or not all(request.stop_sequences):
        raise Rejected(400, "invalid request: stop_sequences must hold at most 5 sequences, none of them empty.")


def _call(request: _Request) -> Call:
    prompt = _prompt(request)
    wanted = request.response_format or _Format("text")
    return Call(
        model=request.model,
        prompt_bytes=prompt.size,
        parts=prompt.parts,
        cache=prompt.implicit,
        stream=request.stream,
        include_usage=True,
        uses=_tools(request),
        schema=decoded(wanted.json_schema),
        json_object=wanted.type == "json_object" and not is_given(wanted.json_schema),
        max_tokens=request.max_tokens,
        stops=tuple(request.stop_sequences),
        logprobs=0 if request.logprobs else None,
        reasoning=request.thinking is not None and request.thinking.type == "enabled",
        store=request.store_value,
        leaked=request.leaked,
    )


def _prompt(request: _Request) -> Prompt:
    prompt = Prompt()
    for message in request.messages:
        if message.role == "assistant":
            prompt.model_turn()
        if message.role == "tool":
            prompt.tool_result()
        prompt.text(message.tool_plan)
        for part in message.parts:
            prompt.text(part.text)
            prompt.attachment("image" if part.image_url else None)
    return prompt


def _tools(request: _Request) -> tuple[Tool, ...]:
    offered = tuple(Tool(tool.function.name, decoded(tool.function.parameters)) for tool in request.tools)
    last = next((message for message in reversed(request.messages) if message.role != "system"), None)
    said = "".join(part.text or "" for part in last.parts) if last is not None and last.role == "user" else None
    return tools_to_use(offered, {"REQUIRED": "any", "NONE": "none"}.get(request.tool_choice or ""), said)


def _id(serial: int) -> str:
    return f"sim-{serial}"


def _ending(answer: Answer) -> _Dict:
    ending: _Dict = {"finish_reason": _FINISH[answer.choices[0].finish]}
    if answer.reported is None:
        return ending
    prompt, completion = answer.reported
    units = {"input_tokens": prompt, "output_tokens": completion}
    return {**ending, "usage": {"billed_units": units, "tokens": units, "cached_tokens": answer.reported_cache[0]}}


def _message(choice: Choice, padding: int, serial: int) -> _Dict:
    content = [{"type": "thinking", "thinking": choice.reasoning}] if choice.reasoning else []
    if choice.text or not choice.tool_calls:
        content.append({"type": "text", "text": choice.text + "a" * padding})
    message: _Dict = {"role": "assistant"} | ({"content": content} if content else {})
    if choice.tool_calls:
        message["tool_calls"] = [_tool_call(number, serial, tool.name, tool.arguments) for number, tool in enumerate(choice.tool_calls)]
    return message


def _tool_call(number: int, serial: int, name: str, arguments: str) -> _Dict:
    return {"id": f"{name}_sim{serial}_{number}", "type": "function", "function": {"name": name, "arguments": arguments}}


def _chance(piece: str) -> _Dict:
    return {"text": piece, "token_ids": [size_of(piece)], "logprobs": [log_probabilities([piece], 0)[0]["logprob"]]}


def _events(call: Call, answer: Answer, serial: int) -> Iterator[Send]:
    choice = answer.choices[0]
    opening = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    yield _event("message-start", {"id": _id(serial), "delta": {"message": opening}})
    if choice.reasoning:
        yield from _part(0, "thinking", [({"thinking": piece}, {}) for piece in spoken(choice.reasoning)])
    if choice.text or not choice.tool_calls:
        yield from _part(int(bool(choice.reasoning)), "text", _words(call, choice, answer.padding))
    for number, tool in enumerate(choice.tool_calls):
        yield _event("tool-call-start", _adding(number, _tool_call(number, serial, tool.name, "")))
        for piece in halves(tool.arguments):
            yield _event("tool-call-delta", _adding(number, {"function": {"arguments": piece}}), size_of(piece))
        yield _event("tool-call-end", {"index": number})
    yield _event("message-end", {"delta": _ending(answer)}, usage=answer.reported is not None)


_Deltas = list[tuple[dict[str, str], _Dict]]


def _words(call: Call, choice: Choice, padding: int) -> _Deltas:
    """The pieces of the text, each with what stands beside it in its event."""
    pieces: _Deltas = [({"text": piece}, {} if call.logprobs is None else {"logprobs": _chance(piece)}) for piece in spoken(choice.text)]
    return [*pieces[:1], ({"text": "a" * padding}, {"uncounted": True}), *pieces[1:]] if padding else pieces


def _part(index: int, kind: str, deltas: _Deltas) -> Iterator[Send]:
    yield _event("content-start", {"index": index, "delta": {"message": {"content": {"type": kind, kind: ""}}}})
    for content, more in deltas:
        size = 0 if more.pop("uncounted", False) else size_of(content[kind])
        yield _event("content-delta", {"index": index, "delta": {"message": {"content": content}}, **more}, size)
    yield _event("content-end", {"index": index})


def _adding(number: int, call: _Dict) -> _Dict:
    """An event's fields for a call, or for a piece of one: an object where the whole message has a list."""
    return {"index": number, "delta": {"message": {"tool_calls": call}}}


def _event(kind: str, fields: _Dict, size: int = 0, *, usage: bool = False) -> Send:
    return Send(b"event: %s\ndata: %s\n\n" % (kind.encode(), _write({"type": kind, **fields})), 1, size, usage)
