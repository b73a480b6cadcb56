"""What every translator of an OpenAI chat completion reads alike: parts of a message, tool calls, a tool's schema, the body that is made.

Knows no provider's format; `provider` is its name in messages for the client.
"""

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

import msgspec

from anyapi.errors import BadRequest
from anyapi.upstream.translate import reading
from anyapi.upstream.translate.adjustments import Adjustments
from anyapi.upstream.translate.reading import Object

IMAGE = re.compile(r"data:(image/(?:jpe?g|png|gif|webp));base64,", re.IGNORECASE)
"""How the data of an image begins, of a kind that every provider takes."""

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


class Tool(NamedTuple):
    """One of `tools`. Holds content: never printed."""

    name: str
    said: Object
    """`name`, and `description` where there is one."""
    schema: Object
    """Its type is said: `object`."""
    strict: bool
    sources: tuple[tuple[Object, str], ...]
    """The tool and its function, each with its path, for what only some formats have."""
    where: str

    def __repr__(self) -> str:
        """Never the content."""
        return "<Tool>"


def spoken(message: Object, where: str, provider: str) -> tuple[object, str] | None:
    """The content of an assistant's message, else its refusal, and the path; None without both. Refuses what has no counterpart."""
    for name in ("audio", "function_call"):
        if message.get(name) is not None:
            raise BadRequest(f"`{where}.{name}` cannot be sent to {provider}. Send text and `tool_calls`.", f"{where}.{name}")
    if message.get("content") is not None:
        return message["content"], f"{where}.content"
    field = f"{where}.refusal"
    return None if message.get("refusal") is None else (reading.text(message["refusal"], field), field)


def parts_of(content: object, where: str, kinds: Collection[str], provider: str) -> Iterator[tuple[str, Object, str]]:
    """The kind, the part and the path of each part of a message; `kinds` are those that the role may have. A string is one part of text.

    Raises `BadRequest`.
    """
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    if not isinstance(content, list):
        raise reading.wrong(where, "a string or an array of parts")
    for number, value in enumerate(content):
        at = f"{where}[{number}]"
        part = reading.mapping(value, at)
        kind = part.get("type")
        if not isinstance(kind, str) or kind not in kinds:
            allowed = ", ".join(sorted(kinds))
            raise BadRequest(f"`{at}.type` must be one of {allowed} for a message of this role at {provider}.", f"{at}.type")
        yield kind, part, at


def image_of(part: Object, where: str, details: Collection[str], notes: Adjustments) -> tuple[str, object]:
    """The address of an `image_url` part and its `detail`, None where that is none of `details`, which is noted.

    Raises `BadRequest` for what is neither `https:` nor a usual kind of image.
    """
    image, field = reading.mapping(part.get("image_url"), f"{where}.image_url"), f"{where}.image_url.url"
    url = reading.text(image.get("url"), field)
    if not url.startswith("https://") and IMAGE.match(url) is None:
        raise BadRequest(f"`{field}` must be an https: address or base64 data of image/jpeg, image/png, image/gif or image/webp.", field)
    detail = image.get("detail")
    if detail is not None and detail not in details:
        notes.note("messages.image_url.detail")
        return url, None
    return url, detail


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


def tools_of(value: object, provider: str) -> Iterator[Tool]:
    """Each of `tools` (None: there are none) as a provider wants it that takes a JSON Schema. Raises `BadRequest`."""
    for tool, function, at in () if value is None else functions_of(value, provider):
        within, description = f"{at}.function", function.get("description")
        name = reading.text(function.get("name"), f"{within}.name")
        yield Tool(
            name,
            {"name": name, **({} if description is None else {"description": reading.text(description, f"{within}.description")})},
            schema_of(function.get("parameters"), f"{within}.parameters"),
            function.get("strict") is not None and reading.flag(function["strict"], f"{within}.strict"),
            ((function, within), (tool, at)),
            at,
        )


def choice_of(value: object, tools: Collection[object], provider: str) -> tuple[str, str | None]:
    """`tool_choice` as a mode (auto, none, required; absent is auto), and the name where one function is required. Raises `BadRequest`."""
    mode, name = "auto" if value is None else value, None
    if not isinstance(mode, str):
        chosen, mode = reading.mapping(value, "tool_choice"), "required"
        if chosen.get("type") != "function":
            field = "tool_choice.type"
            raise BadRequest(f"`{field}` must be `function`; `allowed_tools` cannot be expressed at {provider}.", field)
        function = reading.mapping(chosen.get("function"), "tool_choice.function")
        name = reading.text(function.get("name"), "tool_choice.function.name")
    if mode not in ("auto", "none", "required"):
        raise BadRequest("`tool_choice` must be auto, none, required or a named function.", "tool_choice")
    if mode == "required" and not tools:
        raise BadRequest("`tool_choice` asks for a tool, but `tools` holds none.", "tool_choice")
    return mode, name


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
