"""Anthropic's messages as clients send them: wire to typed, once. Messages stay raw bytes; only what routing needs is looked at.

What is refused here is refused whoever would serve it, Anthropic too: fields that keep something at a provider, or that leave a decision
of ours to it. `metadata.user_id`, the end user's id, is never sent on and never stored.
"""

from collections.abc import Iterator
from typing import ClassVar

import msgspec

from anyapi.domain.ids import AUTO, ModelId
from anyapi.errors import BadRequest
from anyapi.gateway.formats import beyond, field_names
from anyapi.gateway.formats.abilities import BIG, NO_TOOLS, least_tokens, may_say, named_abilities, with_doubted
from anyapi.gateway.formats.anthropic_errors import messages_error_event
from anyapi.gateway.formats.openai_chat import STATEFUL, ChatRequest, read_model, take_policy
from anyapi.gateway.formats.stored import take_off
from anyapi.gateway.formats.strict_json import FALSE, NULL, TRUE, Fields, outer_fields, plain_value, policy_value
from anyapi.gateway.formats.tool_lists import tools_in, unknown_tool
from anyapi.upstream.adapter import Dialect, StreamReader
from anyapi.upstream.translate.anthropic_messages_to_openai_chat import refuse

LIST = b"["
USER_ID = frozenset({"user_id"})
"""Of `metadata`: the id of the end user, not of an application's."""
COMPARED = "diagnostics"
"""Has Anthropic keep a fingerprint of the prompt, to compare the next one with."""
MAX_OUTPUT = 2**31
LOOKS_UP = ("web_search", "web_fetch")
"""First words of the types of tools that send a query, or an address, beyond the provider."""
CUSTOM, OWN = "custom", frozenset({NULL, b'"custom"'})
"""The type of the client's own tools, and how it is stated as a rule, if it is."""
KNOWN_TOOLS = ("bash_", "text_editor_", "computer_", "memory_", "tool_search_tool_", *LOOKS_UP)
"""First words of the types of tools that the client runs, or that rules see. Any other would run at a provider, or send content on."""
PLAIN = field_names.PLAIN | {"stream"}
"""A request with none but these needs no further look."""


class MessagesRequest(ChatRequest):
    """A messages request. `fields` are in Anthropic's format. Holds content: never printed, never stored."""

    dialect: ClassVar[Dialect] = Dialect.MESSAGES

    def __repr__(self) -> str:
        """Never the content."""
        return "<MessagesRequest>"

    def abilities(self) -> frozenset[str]:
        """Abilities that the request's fields need."""
        return needed_abilities(self.fields)

    def error_event(self, error: Exception, _reader: StreamReader | None) -> bytes:
        """The terminal event of a stream that went wrong."""
        return messages_error_event(error)


BLOCK_ABILITIES = {"image": "vision", "document": "pdf_input"}
STORED = "container_upload"
FILE_KEY = b'"file_id"'
"""Without this key, in whatever spelling, no block names a stored file, and no look is worth its cost."""


_decode_limit = msgspec.json.Decoder(int).decode
_encode = msgspec.json.Encoder().encode


def parse(body: bytes) -> MessagesRequest:
    """Read a request. Raises `BadRequest` naming the field."""
    request = read_counted(body)
    fields = request.fields
    _check_limit(fields.get("max_tokens"))
    _read_stream(request)
    return request


def read_counted(body: bytes) -> MessagesRequest:
    """Read a request of `count_tokens`, which has the same fields less `max_tokens` and `stream`. Raises `BadRequest` naming the field."""
    fields = outer_fields(body)
    messages = fields.get("messages")
    if messages is None or memoryview(messages)[:1] != LIST:
        raise BadRequest("messages is missing or is not a list.", "messages")
    if may_say(body, FILE_KEY):
        _refuse_stored_files(messages)
    request = MessagesRequest(fields, prompt_bytes=len(messages) + len(fields.get("system", b"")) + len(fields.get("tools", b"")))
    if PLAIN.issuperset(fields):
        request.models = (read_model(fields),)
    else:
        _read_special(request)
    request.echo = _named(request.models)
    if len(body) > BIG:
        request.facts = msgspec.structs.replace(request.facts, least_tokens=least_tokens(body))
    return request


def _read_special(request: MessagesRequest) -> None:
    """What only some requests have: policy fields, tools, what would be stored."""
    fields = request.fields
    take_policy(request)
    refuse(fields)
    _refuse_stateful(fields)
    kept = beyond.take_keeping(fields)
    compared = bytes(fields.pop(COMPARED, NULL)) != NULL
    request.app, adjusted = take_off(fields, unread=USER_ID)
    request.adjusted += (*kept, *adjusted, *([COMPARED] if compared else ()))
    tools = fields.get("tools")
    request.facts = beyond.seen(request.facts, fields, searches_by_tool=tools is not None and looks_up(tools))


def _named(models: tuple[ModelId, ...]) -> ModelId | None:
    """The model that a translated answer may state as the client named it: where one was named, and no choice left to the gateway."""
    return models[0] if len(models) == 1 and models[0] != AUTO else None


def _refuse_stateful(fields: Fields) -> None:
    """Fields of other formats that would keep state wherever a provider takes them."""
    for name in STATEFUL:
        if name in fields:
            raise BadRequest(f"{name} keeps state at a provider, which this gateway never does. Leave it out.", name)


def looks_up(tools: msgspec.Raw) -> bool:
    """Whether a tool sends something beyond the provider. Raises `BadRequest` for one that no rule knows, or a key that stands twice.

    What is no list of tools counts as one that does.
    """
    found = tools_in(tools)
    if found is None:
        return True
    typed = {number: tool for number, tool in enumerate(found) if "type" in tool and bytes(tool["type"]) not in OWN}
    if not typed:
        return False
    # Most of them run at the provider: what stands twice in one is refused at any depth.
    read = policy_value(msgspec.Raw(_encode(list(typed.values()))), "tools")
    kinds = [tool["type"] for tool in read] if isinstance(read, list) else []
    said = [_looks_up(kind, number) for number, kind in zip(typed, kinds, strict=True)]  # every one: one behind a search is refused too
    return any(said)


def _looks_up(kind: object, number: int) -> bool:
    if kind == CUSTOM:
        return False  # written with escapes
    if not isinstance(kind, str) or not kind.startswith(KNOWN_TOOLS):
        raise unknown_tool(number)
    return kind.startswith(LOOKS_UP)


def needed_abilities(fields: Fields) -> frozenset[str]:
    """Abilities that the request's parameters need; only looked at under `require_parameters`."""
    needs = _needed_by_blocks(fields["messages"])
    if bytes(fields.get("tools", NULL)) not in NO_TOOLS:
        needs.add("tools")
    if "output_format" in fields or ("output_config" in fields and may_say(fields["output_config"], b'"format"')):
        needs.add("structured_outputs")
    if "thinking" in fields and not _is_off(fields["thinking"]):
        needs.add("reasoning")
    return frozenset(needs)


def _is_off(thinking: msgspec.Raw) -> bool:
    """Whether thinking is switched off for certain."""
    try:
        said = policy_value(thinking, "thinking")
    except BadRequest:
        return False
    return said is None or (isinstance(said, dict) and said.get("type") == "disabled")


def _needed_by_blocks(messages: msgspec.Raw) -> set[str]:
    if len(messages) > BIG:
        return named_abilities(messages, BLOCK_ABILITIES)
    kinds = (kind for kind, _ in _objects(plain_value(messages, "messages")) if isinstance(kind, str))
    return with_doubted({BLOCK_ABILITIES[kind] for kind in kinds if kind in BLOCK_ABILITIES}, messages, BLOCK_ABILITIES)


def _refuse_stored_files(messages: msgspec.Raw) -> None:
    # A key that stands twice is refused: which one counts decides here.
    for kind, found in _objects(policy_value(messages, "messages")):
        if kind == STORED or (kind == "file" and "file_id" in found):
            raise BadRequest(
                "A block of messages names a file stored at the provider, which this gateway never uses. Send the file.", "messages"
            )


def _objects(messages: object) -> Iterator[tuple[object, dict[str, object]]]:
    """Every object in the messages with its type, but for the inputs of tools, which may hold anything."""
    waiting = [messages]
    while waiting:
        found = waiting.pop()
        if isinstance(found, list):
            waiting += found
        elif isinstance(found, dict):
            yield found.get("type"), found
            waiting += [value for key, value in found.items() if key != "input"]


def _check_limit(raw: msgspec.Raw | None) -> None:
    try:
        if raw is not None and 0 <= _decode_limit(raw) < MAX_OUTPUT:
            return
    except msgspec.DecodeError:
        pass  # raised below
    raise BadRequest("max_tokens is missing or is not a whole number of at least 0.", "max_tokens")


def _read_stream(request: MessagesRequest) -> None:
    stream = request.fields.get("stream")
    if stream is None:
        return
    if bytes(stream) not in (TRUE, FALSE):
        raise BadRequest("stream must be true or false.", "stream")
    request.stream = request.wants_usage = bytes(stream) == TRUE  # Anthropic's streams always say what was used
