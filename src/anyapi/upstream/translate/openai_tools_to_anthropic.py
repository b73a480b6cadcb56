"""OpenAI's `tools`, `tool_choice` and `parallel_tool_calls` as Anthropic's `tools` and `tool_choice`."""

from collections.abc import Mapping

import msgspec

from anyapi.domain.catalogue import Capabilities
from anyapi.upstream.translate import openai_parts_to_anthropic as parts
from anyapi.upstream.translate import reading
from anyapi.upstream.translate.adjustments import Adjustments
from anyapi.upstream.translate.chat_reading import choice_of, tools_of
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
    found = _tools(tools, capabilities, notes)
    chosen = None if choice is None else _choice(choice, found)
    alone = parallel is not None and not reading.flag(parallel, "parallel_tool_calls")
    if not found:
        return Tools()
    if alone:
        chosen = chosen or {"type": "auto"}
        if chosen["type"] != "none":
            chosen["disable_parallel_tool_use"] = True
    return Tools(found, chosen)


def _tools(value: object, capabilities: Capabilities, notes: Adjustments) -> list[Object]:
    found: list[Object] = []
    for tool in tools_of(value, "Anthropic"):
        made: Object = {**tool.said, "input_schema": tool.schema}
        if tool.strict:
            if capabilities.structured_outputs is False:
                notes.note("tools.function.strict")
            else:
                made["strict"] = True
        for source, at in tool.sources:
            parts.keep_cache_control(source, made, at)
        found.append(made)
    return found


def _choice(value: object, found: list[Object]) -> Object:
    mode, name = choice_of(value, found, "Anthropic")
    return {"type": CHOICES[mode]} if name is None else {"type": "tool", "name": name}
