"""OpenAI's Responses API as clients send it: wire to typed, once. Items stay raw bytes; only what routing and policy need is looked at.

What keeps state at a provider is refused here, for every provider: stored responses and conversations, files, and the tools that hold
files or send content to hosts that nobody configured. Errors have OpenAI's envelope (`gateway/render.py`).
"""

import re
from typing import ClassVar

import msgspec

from anyapi import errors
from anyapi.errors import BadRequest
from anyapi.gateway.formats import beyond
from anyapi.gateway.formats.abilities import BIG, NO_TOOLS, least_tokens, may_say, named_abilities, with_doubted
from anyapi.gateway.formats.extent import refuse_many
from anyapi.gateway.formats.openai_chat import ChatRequest, read_question
from anyapi.gateway.formats.stored import take_off
from anyapi.gateway.formats.strict_json import FALSE, NULL, Fields, flag, policy_value
from anyapi.gateway.render import error_of
from anyapi.upstream.adapter import Dialect, StreamReader
from anyapi.upstream.hub import TranslatedStream
from anyapi.upstream.responses_passthrough import ResponsesReader

STATEFUL = {
    "previous_response_id": "refers to a stored response, and nothing is stored. Send the whole conversation as input.",
    "conversation": "is kept at a provider, which this gateway never asks for. Send the whole conversation as input.",
    "background": "needs a stored response. Leave it out; use stream for a long answer.",
    "prompt": "refers to a template stored at a provider. Send its text as instructions or input.",
    "webhook_url": "needs a stored response. Leave it out.",
}

TOOLS = frozenset({"function", "custom", "namespace", "local_shell", "shell", "apply_patch", "tool_search"})
SEARCH, COMPUTER = "web_search", "computer"
"""Tools that may be asked for: those that the client runs, and a search, which rules see. Names that begin with the last two count too."""
REFUSED_TOOLS = {
    "file_search": "searches files stored at a provider",
    "code_interpreter": "keeps files in a container at a provider",
    "image_generation": "makes images, which no endpoint here is judged for",
    "mcp": "sends content to a host that this gateway cannot judge",
    "programmatic_tool_calling": "runs in a container at a provider",
}
"""Tools that no provider is asked for, and why."""

STORED, STORED_IDS = "mcp_approval_response", ("file_id", "container_id")
MOST_INPUT = 1_000_000
"""Values in `input`, whose items are told apart whoever serves them."""
REFERRING = (b"file_id", b"container_id", b"item_reference", b"mcp_approval", b'"tools"', b"\\u00")
"""What the text of `input` holds, in some spelling, if it names a stored file or brings tools: then no key may stand twice in it."""
UNSAID = re.compile(rb'"(?:type|role)"\s*:\s*null')
"""The same for an item that may be a reference: one that states neither, by one of two equal keys."""

PART_ABILITIES = {"input_image": "vision", "input_audio": "audio_input", "input_file": "pdf_input"}

CODES = {
    errors.RateLimited: "rate_limit_exceeded",
    errors.BadRequest: "invalid_prompt",
}
"""The code of a failed response for an error of ours; any other is `server_error`."""


class ResponsesRequest(ChatRequest):
    """A request: the attributes of a chat request, but `fields` are those of the Responses API. Holds content: never printed."""

    dialect: ClassVar[Dialect] = Dialect.RESPONSES

    def __repr__(self) -> str:
        """Never the content."""
        return "<ResponsesRequest>"

    def abilities(self) -> frozenset[str]:
        """Abilities that the request's fields need."""
        return needed_abilities(self.fields)

    def error_event(self, error: Exception, reader: StreamReader | None) -> bytes:
        """The events that end a stream that went wrong: `error`, which SDKs raise on, and `response.failed`, as OpenAI's servers do."""
        if not isinstance(reader, TranslatedStream | ResponsesReader):
            return error_event(error)
        return error_event(error, reader.sequence) + reader.failed(error_code(error), str(error_of(error)[1]["message"]))


class _Typed(msgspec.Struct, gc=False):
    type: str = ""


class _Tool(msgspec.Struct, gc=False):
    type: str = ""
    tools: msgspec.Raw = msgspec.Raw(b"null")
    environment: _Typed | None = None


class _Item(msgspec.Struct, gc=False):
    type: str | None = None
    role: str | None = None
    tools: msgspec.Raw = msgspec.Raw(b"null")


class _Part(msgspec.Struct):
    type: str = ""


class _Message(msgspec.Struct):
    content: str | list[_Part] | None = None
    output: str | list[_Part] | _Part | None = None
    """What a tool gave back, which may hold images and files too."""


_decode_items = msgspec.json.Decoder(list[_Item]).decode
_decode_tools = msgspec.json.Decoder(list[_Tool] | None).decode
_decode_messages = msgspec.json.Decoder(str | list[_Message]).decode
_encode = msgspec.json.Encoder().encode


def parse(body: bytes) -> ResponsesRequest:
    """Read a request. Raises `BadRequest` naming the field."""
    request = read_question(body, ResponsesRequest)
    fields = request.fields
    given = fields.get("input")
    if given is None or bytes(memoryview(given)[:1]) not in (b'"', b"["):
        raise BadRequest("input is missing or is neither a string nor a list.", "input")
    request.prompt_bytes = len(given) + len(fields.get("instructions", b""))
    request.wants_usage = True
    request.stream = flag(fields, "stream")
    _refuse_stateful(fields)
    kept = beyond.take_keeping(fields, short=True)
    request.app, adjusted = take_off(fields)
    request.adjusted += (*kept, *adjusted)
    searches = bytes(fields.get("tools", NULL)) != NULL and _check_tools(fields["tools"], "tools")
    if bytes(memoryview(given)[:1]) == b"[":
        searches = _check_items(given) or searches
    request.facts = beyond.seen(request.facts, fields, searches_by_tool=searches)
    if len(body) > BIG:
        request.facts = msgspec.structs.replace(request.facts, least_tokens=least_tokens(body))
    return request


def needed_abilities(fields: Fields) -> frozenset[str]:
    """Abilities that the request's parameters need; only looked at under `require_parameters`. What cannot be read needs everything."""
    needs: set[str] = set()
    if bytes(fields.get("tools", NULL)) not in NO_TOOLS:
        needs.add("tools")
    if "text" in fields and may_say(fields["text"], b"json_schema"):
        needs.add("structured_outputs")
    if bytes(fields.get("reasoning", NULL)) != NULL:
        needs.add("reasoning")
    return frozenset(needs | _needed_by_parts(fields["input"]))


def _needed_by_parts(given: msgspec.Raw) -> set[str]:
    if len(given) > BIG:
        return named_abilities(given, PART_ABILITIES)
    try:
        found = _decode_messages(given)
    except (msgspec.DecodeError, RecursionError):
        return set(PART_ABILITIES.values())
    held = [each for message in found if isinstance(message, _Message) for each in (message.content, message.output)]
    parts = [part for each in held if isinstance(each, list) for part in each]
    return with_doubted({PART_ABILITIES[part.type] for part in parts if part.type in PART_ABILITIES}, given, PART_ABILITIES)


def error_code(error: Exception) -> str:
    """The code that a failed response states for an error."""
    return CODES.get(type(error), "server_error")


def error_event(error: Exception, sequence: int = 0) -> bytes:
    """The `error` event of a stream that went wrong; `sequence` is its number. SDKs raise on it.

    OpenAI's schema has code and message at the top, its servers and Open Responses have them inside `error`; both are there. The code is
    OpenAI's word, as in `response.failed`, since clients sort errors by it; the status that other errors have there would tell nothing.
    """
    inner = error_of(error)[1]
    said = {"code": error_code(error), "message": inner["message"], "param": inner.get("param")}
    event = {"type": "error", "sequence_number": sequence, **said, "error": {**inner, **said}}
    return b"event: error\ndata: %b\n\n" % _encode(event)


def _refuse_stateful(fields: Fields) -> None:
    for name, reason in STATEFUL.items():
        if name in fields and bytes(fields[name]) not in (NULL, FALSE):
            raise BadRequest(f"{name} {reason}", name)
        fields.pop(name, None)


def _check_tools(raw: msgspec.Raw, field: str) -> bool:
    """Refuse tools that hold files, or that send content where no rule looks. Whether one of the rest searches the web."""
    policy_value(raw, field)  # refuses a key that stands twice, at any depth: no rule may depend on which one counts
    return _judge_tools(raw, field)


def _judge_tools(raw: msgspec.Raw, field: str) -> bool:
    try:
        tools = _decode_tools(raw) or []
    except (msgspec.DecodeError, RecursionError):
        raise BadRequest(f"{field} must be a list of objects, each with a type.", field) from None
    for number, tool in enumerate(tools):
        reason = _objection(tool)
        if reason is not None:
            raise BadRequest(f"{field}[{number}]: {reason}. Leave it out.", f"{field}[{number}]")
    inner = [_judge_tools(tool.tools, f"{field}[{number}].tools") for number, tool in enumerate(tools) if bytes(tool.tools) != NULL]
    return any(inner) or any(tool.type.startswith(SEARCH) for tool in tools)


def _objection(tool: _Tool) -> str | None:
    """Why a tool is refused; None if it is not."""
    if tool.type == "shell" and (tool.environment is None or tool.environment.type != "local"):
        return "the tool shell runs in a container at a provider, unless its environment is local"
    if tool.type in TOOLS or tool.type.startswith((SEARCH, COMPUTER)):
        return None
    reason = REFUSED_TOOLS.get(tool.type)
    if reason is None:  # whatever stands there is the caller's text: not repeated
        return "this type of tool is not one that the gateway knows, so no rule could see what it does"
    return f"the tool {tool.type} {reason}"


def _check_items(given: msgspec.Raw) -> bool:
    """Refuse what refers to something stored: items, and files. Tools may come as an item too: whether one of them searches the web."""
    searches = False
    refuse_many(given, "input", MOST_INPUT)
    try:
        items = _decode_items(given)
    except (msgspec.DecodeError, RecursionError):
        raise BadRequest("input must be a string or a list of items, each an object.", "input") from None
    for number, item in enumerate(items):
        where = f"input[{number}]"
        if item.type == "item_reference" or (item.type is None and item.role is None):
            raise BadRequest(f"{where} refers to a stored item, and nothing is stored. Send the item itself.", where)
        if bytes(item.tools) != NULL:
            searches = _check_tools(item.tools, f"{where}.tools") or searches
    if _may_refer(bytes(given)):
        _check_files(policy_value(given, "input"))
    return searches


def _may_refer(text: bytes) -> bool:
    return any(name in text for name in REFERRING) or UNSAID.search(text) is not None


def _check_files(value: object) -> None:
    """Refuse whatever names something stored by its id, at any depth of an item but for the arguments of calls, which are text."""
    waiting: list[tuple[str, object]] = [("input", value)]
    while waiting:
        where, found = waiting.pop()
        if isinstance(found, list):
            waiting += [(f"{where}[{number}]", each) for number, each in enumerate(found)]
        elif isinstance(found, dict):
            named = next((name for name in STORED_IDS if found.get(name) is not None), None)
            if named is not None or found.get("type") == STORED:
                where = f"{where}.{named}" if named else where
                raise BadRequest(f"{where} names what is stored at a provider, and nothing is stored. Send the data itself.", where)
            waiting += [(f"{where}.{key}", each) for key, each in found.items() if key != "tools"]
