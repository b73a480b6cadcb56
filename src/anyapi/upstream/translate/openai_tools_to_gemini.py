"""OpenAI's `tools`, `tool_choice` and `parallel_tool_calls` as Gemini's function declarations and `functionCallingConfig`.

`allowed_tools` with mode `auto` declares the allowed functions alone: Gemini takes a list of names only where a call is forced.
"""

import re
from collections.abc import Mapping

import msgspec

from anyapi.errors import BadRequest
from anyapi.upstream.translate import openai_parts_to_gemini as parts
from anyapi.upstream.translate import reading
from anyapi.upstream.translate.adjustments import Adjustments
from anyapi.upstream.translate.chat_reading import functions_of
from anyapi.upstream.translate.reading import Object

CHOICES: Mapping[str, str] = {"auto": "AUTO", "none": "NONE", "required": "ANY"}
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,127}")
SAYS_NOTHING = frozenset({"type", "properties", "required", "additionalProperties", "$schema"})
"""What a schema of a function without parameters may hold."""


class Tools(msgspec.Struct):
    """The two fields, None where they are not sent."""

    declarations: list[Object] | None = None
    config: Object | None = None


class _Choice(msgspec.Struct):
    """How a tool is chosen. `names` are the allowed ones, None: all."""

    mode: str
    names: list[str] | None = None


def translate(tools: object, choice: object, parallel: object, notes: Adjustments) -> Tools:
    """Translate the three decoded fields (None: absent). `BadRequest` for tools that are not functions."""
    found = [] if tools is None else _declarations(tools, notes)
    chosen = _Choice("AUTO") if choice is None else _choice(choice)
    if parallel is not None and not reading.flag(parallel, "parallel_tool_calls") and found:
        notes.note("parallel_tool_calls")
    _check(chosen, found)
    if chosen.mode == "AUTO":
        return Tools(_allowed(found, chosen) or None)
    if not found:
        return Tools()
    names: Object = {} if chosen.names is None else {"allowedFunctionNames": chosen.names}
    return Tools(found, {"functionCallingConfig": {"mode": chosen.mode, **names}})


def _check(chosen: _Choice, found: list[Object]) -> None:
    """What is chosen must be there."""
    if chosen.names is not None and not {made["name"] for made in found}.issuperset(chosen.names):
        raise BadRequest("`tool_choice` names a function that `tools` does not hold.", "tool_choice")
    if not found and chosen.mode == "ANY":
        raise BadRequest("`tool_choice` asks for a tool, but `tools` holds none.", "tool_choice")


def _allowed(found: list[Object], chosen: _Choice) -> list[Object]:
    return found if chosen.names is None else [made for made in found if made["name"] in chosen.names]


def _declarations(value: object, notes: Adjustments) -> list[Object]:
    found: list[Object] = []
    for tool, function, at in functions_of(value, "Gemini"):
        made: Object = {"name": function_name(function.get("name"), f"{at}.function.name")}
        if function.get("description") is not None:
            made["description"] = reading.text(function["description"], f"{at}.function.description")
        schema = _schema(function.get("parameters"), f"{at}.function.parameters")
        if schema is not None:
            made["parametersJsonSchema"] = schema
        if function.get("strict") is not None and reading.flag(function["strict"], f"{at}.function.strict"):
            notes.note("tools.function.strict")
        parts.note_cache_control(function, notes)
        parts.note_cache_control(tool, notes)
        found.append(made)
    return found


def function_name(value: object, where: str) -> str:
    """A function's name in Gemini's alphabet, else `BadRequest`: a name made up here would not be the client's."""
    name = reading.text(value, where)
    if not NAME.fullmatch(name):
        raise BadRequest(f"`{where}` must begin with a letter or underscore and hold only letters, digits and `_.:-` at Gemini.", where)
    return name


def _schema(value: object, where: str) -> Object | None:
    """None for a function without parameters."""
    if value is None:
        return None
    schema = reading.mapping(value, where)
    if schema.get("type", "object") != "object":
        raise BadRequest(f"`{where}.type` must be `object`.", f"{where}.type")
    if not schema.get("properties") and not schema.get("required") and schema.keys() <= SAYS_NOTHING:
        return None
    return schema if "type" in schema else {"type": "object", **schema}


def _choice(value: object) -> _Choice:
    if isinstance(value, str):
        if value not in CHOICES:
            raise BadRequest("`tool_choice` must be auto, none, required, a named function or allowed_tools.", "tool_choice")
        return _Choice(CHOICES[value])
    chosen = reading.mapping(value, "tool_choice")
    if chosen.get("type") == "function":
        return _Choice("ANY", [_named(chosen, "tool_choice")])
    if chosen.get("type") != "allowed_tools":
        raise BadRequest("`tool_choice.type` must be `function` or `allowed_tools` at Gemini.", "tool_choice.type")
    allowed = reading.mapping(chosen.get("allowed_tools"), "tool_choice.allowed_tools")
    mode = allowed.get("mode")
    if mode not in ("auto", "required"):
        raise BadRequest("`tool_choice.allowed_tools.mode` must be auto or required.", "tool_choice.allowed_tools.mode")
    listed = reading.sequence(allowed.get("tools"), "tool_choice.allowed_tools.tools")
    names = [_named(item, f"tool_choice.allowed_tools.tools[{number}]") for number, item in enumerate(listed)]
    if mode == "required" and not names:
        raise BadRequest("`tool_choice` asks for a tool, but allows none.", "tool_choice.allowed_tools.tools")
    return _Choice(CHOICES[mode], names)


def _named(value: object, where: str) -> str:
    named = reading.mapping(value, where)
    if named.get("type") != "function":
        raise BadRequest(f"`{where}.type` must be `function` at Gemini.", f"{where}.type")
    function = reading.mapping(named.get("function"), f"{where}.function")
    return reading.text(function.get("name"), f"{where}.function.name")
