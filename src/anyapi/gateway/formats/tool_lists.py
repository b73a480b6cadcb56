"""The list `tools` of chat completions and of messages: each tool with its own fields, of which none stands twice. Judges no tool.

What a tool is, its format says; that one key says it, is found out here, since rules and refusals go by it. What lies deeper (schemas, most
of the bytes) stays raw.
"""

from itertools import chain

import msgspec

from anyapi.errors import BadRequest
from anyapi.gateway.formats.extent import refuse_many
from anyapi.gateway.formats.strict_json import Fields, is_plain, unique_keys

MOST_TOOLS = 10_000
"""Nobody takes as many as a thousand."""

_decode_fields = msgspec.json.Decoder(list[Fields] | None).decode
_decode_list = msgspec.json.Decoder(list[msgspec.Raw]).decode


def tools_in(tools: msgspec.Raw) -> list[Fields] | None:
    """The fields of each tool; None for what is no list of objects. Raises `BadRequest` where a tool has a key twice, however escaped."""
    refuse_many(tools, "tools")
    try:
        found = _decode_fields(tools) or []
        if len(found) > MOST_TOOLS:
            raise BadRequest(f"tools may hold {MOST_TOOLS} tools.", "tools")
        each = [] if not found or _is_written_so(tools, found) else _decode_list(tools)
    except (msgspec.DecodeError, RecursionError):
        return None
    for raw, fields in zip(each, found, strict=False):
        if not is_plain(bytes(raw), fields):
            unique_keys(bytes(raw))
    return found


def unknown_tool(number: int) -> BadRequest:
    """The error for a tool whose type no rule knows, by its place in the list."""
    where = f"tools[{number}]"
    return BadRequest(f"{where} has a type that this gateway does not know, so no rule could see what it does. Leave it out.", where)


def _is_written_so(raw: msgspec.Raw, tools: list[Fields]) -> bool:
    """Whether the list is these very tools, written compact or with `", "` and `": "` between: then no key was doubled.

    That is proved as `strict_json.is_plain` proves it, of all tools at once: one after the other takes three times as long.
    """
    names = list(chain.from_iterable(tools))
    values = sum(map(len, chain.from_iterable(map(Fields.values, tools))))
    if len(raw) == 1 + 2 * len(tools) + 4 * len(names) + len("".join(names).encode()) + values:
        return True
    parts: list[bytes | msgspec.Raw] = [b"[{"]
    before = b'"%b": '
    for tool in tools:
        for name, value in tool.items():
            parts += (before % name.encode(), value)
            before = b', "%b": '
        before = b'}, {"%b": '
    parts.append(b"}]")
    return bytes(raw) == b"".join(parts)
