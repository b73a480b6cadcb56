"""OpenAI's `tools`, `tool_choice` and `parallel_tool_calls` as Converse's `toolConfig`.

Converse has no `none`, no way to ask for one call at a time, and wants the tools declared while the conversation holds calls. Claude from
4.5 on takes all three in its own `tool_choice` among the additional fields; Bedrock refuses that beside `toolConfig.toolChoice`, so one
of the two is sent. For other models what cannot be said is refused, left out, or noted; docs/translation.md lists which.
"""

from collections.abc import Iterable, Mapping

import msgspec

from anyapi.domain.catalogue import Capabilities
from anyapi.errors import BadRequest
from anyapi.upstream.translate import reading
from anyapi.upstream.translate.bedrock_family import Family
from anyapi.upstream.translate.chat_reading import Tool, choice_of, tools_of
from anyapi.upstream.translate.openai_parts_to_bedrock import Parts
from anyapi.upstream.translate.reading import Object

CHOICES: Mapping[str, str] = {"auto": "auto", "none": "none", "required": "any"}


class Asked(msgspec.Struct):
    """The three decoded fields; None is absent."""

    tools: object = None
    choice: object = None
    parallel: object = None


class Ground(msgspec.Struct):
    """What the model at the endpoint can do, and who translates and notes."""

    family: Family
    native: bool
    """The model takes Claude's own `tool_choice`."""
    capabilities: Capabilities
    parts: Parts


class Tools(msgspec.Struct):
    """What is sent; None where nothing is."""

    config: Object | None = None
    """`toolConfig`."""
    native_choice: Object | None = None
    """`tool_choice` among the additional fields."""
    forced: bool = False
    """A tool must be called, which does not go together with thinking."""


def translate(asked: Asked, called: Iterable[str], ground: Ground) -> Tools:
    """Translate; `called` names the tools that the conversation holds calls of. `BadRequest` for what cannot be expressed."""
    found = _tools(asked.tools, ground)
    chosen = _choice(asked.choice, found)
    alone = asked.parallel is not None and not reading.flag(asked.parallel, "parallel_tool_calls")
    if not found or chosen["type"] == "none":
        return _no_call(found, list(called), ground)
    return _choosing(found, chosen, ground, alone=alone)


def _choosing(found: list[Object], chosen: Object, ground: Ground, *, alone: bool) -> Tools:
    """The model may or must call a tool, one at a time if `alone`."""
    config: Object = {"tools": found}
    forced = chosen["type"] in ("any", "tool")
    if alone and ground.native:
        return Tools(config, {**chosen, "disable_parallel_tool_use": True}, forced)
    if alone:
        ground.parts.notes.note("parallel_tool_calls")
    if chosen["type"] == "any":
        config["toolChoice"] = {"any": {}}
    elif chosen["type"] == "tool":
        config["toolChoice"] = {"tool": {"name": chosen["name"]}}
    return Tools(config, None, forced)


def _no_call(found: list[Object], called: list[str], ground: Ground) -> Tools:
    """The model must not call a tool: none are declared, or it is told so in Claude's words."""
    notes = ground.parts.notes
    if ground.native and (found or called):
        if not found:
            notes.note("tools")
            found = [_declared(name) for name in called]
        return Tools({"tools": found}, {"type": "none"})
    if called:
        field = "tool_choice" if found else "tools"
        raise BadRequest(
            f"`{field}`: this model at Bedrock needs `tools` while the conversation holds tool calls, and cannot be told to call none. "
            "Send `tools` with `tool_choice` auto.",
            field,
        )
    if found:
        notes.note("tools")
    return Tools()


def _declared(name: str) -> Object:
    """A tool of which only the name is known."""
    return {"toolSpec": {"name": name, "inputSchema": {"json": {"type": "object", "properties": {}}}}}


def _tools(value: object, ground: Ground) -> list[Object]:
    found: list[Object] = []
    for tool in tools_of(value, "Bedrock"):
        spec: Object = {**{name: text for name, text in tool.said.items() if text or name == "name"}, "inputSchema": {"json": tool.schema}}
        if tool.strict:
            if ground.capabilities.structured_outputs is False:
                ground.parts.notes.note("tools.function.strict")
            else:
                spec["strict"] = True
        found.append({"toolSpec": spec})
        found += _cache_point(tool, ground)
    return found


def _cache_point(tool: Tool, ground: Ground) -> list[Object]:
    """Only Claude caches tools."""
    for source, at in reversed(tool.sources):
        if source.get("cache_control") is not None:
            if ground.family is Family.CLAUDE:
                return ground.parts.cache_point(source, at)
            ground.parts.notes.note("cache_control")
    return []


def _choice(value: object, found: list[Object]) -> Object:
    """The choice in Claude's words, which Converse's are a part of."""
    mode, name = choice_of(value, found, "Bedrock")
    return {"type": CHOICES[mode]} if name is None else {"type": "tool", "name": name}
