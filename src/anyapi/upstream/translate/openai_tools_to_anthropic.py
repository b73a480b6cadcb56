"""OpenAI's `tools`, `tool_choice` and `parallel_tool_calls` as Anthropic's `tools` and `tool_choice`."""

from collections.abc import Mapping

import msgspec

from anyapi.domain.catalogue import Capabilities
from anyapi.errors import BadRequest
from anyapi.upstream.translate import openai_parts_to_anthropic as parts
from anyapi.upstream.translate import reading
from anyapi.upstream.translate.adjustments import Adjustments
from anyapi.upstream.translate.chat_reading import functions_of, schema_of
from anyapi.upstream.translate.reading import Object

CHOICES: Mapping[str, str] = {"auto": "auto", "none": "none", "required": "any"}


class Tools(msgspec.Struct):
    """The two fields, None where they are not sent."""

    tools: list[Object] | None = None
    choice: Object | None = None

    @property
    def forced(self) -> bool:
        """Whether a tool must be called, which does not go together with thinking."""
        return self.choice is not None and self.choice["type"] in ("any", "tool")


def translate(tools: object, choice: object, parallel: object, capabilities: Capabilities, notes: Adjustments) -> Tools:
    """Translate the three decoded fields (None: absent). `BadRequest` for tools that are not functions and for `allowed_tools`."""
    found = [] if tools is None else _tools(tools, capabilities, notes)
    chosen = _choice(choice)
    alone = parallel is not None and not reading.flag(parallel, "parallel_tool_calls")
    if not found:
        if chosen is not None and chosen["type"] in ("any", "tool"):
            raise BadRequest("`tool_choice` asks for a tool, but `tools` holds none.", "tool_choice")
        return Tools()
    if alone:
        chosen = chosen or {"type": "auto"}
        if chosen["type"] != "none":
            chosen["disable_parallel_tool_use"] = True
    return Tools(found, chosen)


def _tools(value: object, capabilities: Capabilities, notes: Adjustments) -> list[Object]:
    found: list[Object] = []
    for tool, function, at in functions_of(value, "Anthropic"):
        made: Object = {"name": reading.text(function.get("name"), f"{at}.function.name")}
        if function.get("description") is not None:
            made["description"] = reading.text(function["description"], f"{at}.function.description")
        made["input_schema"] = schema_of(function.get("parameters"), f"{at}.function.parameters")
        if function.get("strict") is not None and reading.flag(function["strict"], f"{at}.function.strict"):
            if capabilities.structured_outputs is False:
                notes.note("tools.function.strict")
            else:
                made["strict"] = True
        parts.keep_cache_control(function, made, f"{at}.function")
        parts.keep_cache_control(tool, made, at)
        found.append(made)
    return found


def _choice(value: object) -> Object | None:
    if value is None:
        return None
    if isinstance(value, str):
        if value not in CHOICES:
            raise BadRequest("`tool_choice` must be auto, none, required or a named function.", "tool_choice")
        return {"type": CHOICES[value]}
    named = reading.mapping(value, "tool_choice")
    if named.get("type") != "function":
        raise BadRequest("`tool_choice.type` must be `function`; `allowed_tools` cannot be expressed at Anthropic.", "tool_choice.type")
    function = reading.mapping(named.get("function"), "tool_choice.function")
    return {"type": "tool", "name": reading.text(function.get("name"), "tool_choice.function.name")}
