"""What every translator of an OpenAI chat completion reads alike: parts of a message, tool calls, a tool's schema, the body that is made.

Knows no provider's format; `provider` is its name in messages for the client.
"""

from collections.abc import Collection, Iterator
from typing import NamedTuple

import msgspec

from anyapi.errors import BadRequest
from anyapi.upstream.translate import reading
from anyapi.upstream.translate.reading import Object

_encode = msgspec.json.Encoder().encode


class ToolCall(NamedTuple):
    """One entry of `tool_calls`, as it stands in the history. Holds content: never printed."""

    id: str
    name: str
    arguments: Object
    source: Object
    """The entry itself, for what only some formats have."""
    where: str

    def __repr__(self) -> str:
        """Never the content."""
        return "<ToolCall>"


def parts_of(content: list[object], where: str, kinds: Collection[str], provider: str) -> Iterator[tuple[str, Object, str]]:
    """The kind, the part and the path of each part of a message; `kinds` are those that the role may have. Raises `BadRequest`."""
    for number, value in enumerate(content):
        at = f"{where}[{number}]"
        part = reading.mapping(value, at)
        kind = part.get("type")
        if not isinstance(kind, str) or kind not in kinds:
            allowed = ", ".join(sorted(kinds))
            raise BadRequest(f"`{at}.type` must be one of {allowed} for a message of this role at {provider}.", f"{at}.type")
        yield kind, part, at


def calls_of(value: object, where: str, provider: str) -> Iterator[ToolCall]:
    """Read `tool_calls`. The arguments must be a JSON object; none at all is an empty one. Raises `BadRequest`."""
    for number, item in enumerate([] if value is None else reading.sequence(value, where)):
        at = f"{where}[{number}]"
        call = reading.mapping(item, at)
        if call.get("type", "function") != "function":
            raise BadRequest(f"`{at}.type` must be `function`; {provider} has no other kind of call.", f"{at}.type")
        function = reading.mapping(call.get("function"), f"{at}.function")
        field = f"{at}.function.arguments"
        arguments = reading.text(function.get("arguments"), field).strip() or "{}"
        yield ToolCall(
            reading.text(call.get("id"), f"{at}.id"),
            reading.text(function.get("name"), f"{at}.function.name"),
            reading.mapping(reading.decode(arguments.encode(), field), field),
            call,
            at,
        )


def functions_of(value: object, provider: str) -> Iterator[tuple[Object, Object, str]]:
    """Each of `tools` with its function and its path. Raises `BadRequest` for a tool of another kind."""
    for number, item in enumerate(reading.sequence(value, "tools")):
        at = f"tools[{number}]"
        tool = reading.mapping(item, at)
        if tool.get("type") != "function":
            raise BadRequest(f"`{at}.type` must be `function`: other tools cannot be translated for {provider}.", f"{at}.type")
        yield tool, reading.mapping(tool.get("function"), f"{at}.function"), at


def schema_of(value: object, where: str) -> Object:
    """A tool's `parameters`, for a provider that wants the type `object` to be said; without any, an empty object. Raises `BadRequest`."""
    if value is None:
        return {"type": "object", "properties": {}}
    schema = reading.mapping(value, where)
    kind = schema.get("type")
    if kind is None:
        return {"type": "object", **{key: item for key, item in schema.items() if key != "type"}}
    if kind != "object":
        raise BadRequest(f"`{where}.type` must be `object`.", f"{where}.type")
    return schema


def written(body: Object) -> bytes:
    """The body of a request as JSON. Raises `BadRequest` for a value that was read and cannot be written."""
    try:
        return _encode(body)
    except (ValueError, OverflowError, RecursionError):
        pass  # raised below, so that no traceback holds the text
    raise BadRequest("A value of the request cannot be written as JSON again. Check for numbers far out of range.")
