"""Anthropic's `tools` and `tool_choice` as OpenAI's `tools`, `tool_choice` and `parallel_tool_calls`.

Only tools that the client defines can be translated. Those that Anthropic runs on its servers, and those whose meaning Anthropic has
trained into its models, are refused by name.
"""

from collections.abc import Mapping

from anyapi.errors import BadRequest
from anyapi.upstream.translate import raw_reading
from anyapi.upstream.translate.hub_target import Carrier
from anyapi.upstream.translate.raw_reading import Fields, present
from anyapi.upstream.translate.reading import Object

CHOICES: Mapping[str, str] = {"auto": "auto", "any": "required", "none": "none"}

SERVER_TOOLS = ("web_search", "web_fetch", "code_execution", "tool_search_tool", "mcp_toolset", "advisor")
"""First words of the types that Anthropic runs itself."""
TRAINED_TOOLS = ("bash", "text_editor", "computer", "memory", "browser")
"""First words of the types that the client runs and only Anthropic's models know."""

LEFT_OUT = ("allowed_callers", "defer_loading", "eager_input_streaming", "input_examples")
KNOWN = frozenset({"type", "name", "description", "input_schema", "strict", "cache_control", *LEFT_OUT})


def translate(fields: Fields, carrier: Carrier) -> Object:
    """The chat fields for `tools` and `tool_choice`. Raises `BadRequest` naming the field."""
    tools = present(fields, "tools")
    found: list[Object] = []
    for number, raw in enumerate([] if tools is None else raw_reading.sequence(tools, "tools")):
        at = f"tools[{number}]"
        found.append(_tool(raw_reading.mapping(raw, at), at, carrier))
    choice = present(fields, "tool_choice")
    chosen = {} if choice is None else _choice(raw_reading.mapping(choice, "tool_choice"))
    if not found:
        if chosen.get("tool_choice", "auto") not in ("auto", "none"):
            raise BadRequest("`tool_choice` asks for a tool, but `tools` holds none.", "tool_choice")
        return {}
    return {"tools": found, **chosen}


def _tool(tool: Fields, at: str, carrier: Carrier) -> Object:
    kind = present(tool, "type")
    if kind is not None and (name := raw_reading.text(kind, f"{at}.type")) != "custom":
        raise _foreign(name, at)
    made: Object = {"name": raw_reading.raw_text(tool.get("name"), f"{at}.name")}
    description = present(tool, "description")
    if description is not None:
        made["description"] = raw_reading.raw_text(description, f"{at}.description")
    made["parameters"] = raw_reading.raw_mapping(tool.get("input_schema"), f"{at}.input_schema")
    strict = present(tool, "strict")
    if strict is not None:
        made["strict"] = raw_reading.flag(strict, f"{at}.strict")
    for name in LEFT_OUT:
        if present(tool, name) is not None:
            carrier.notes.note(f"tools.{name}")
    carrier.note_rest(tool, KNOWN, "tools")
    whole: Object = {"type": "function", "function": made}
    carrier.cache(tool, whole)
    return whole


def _foreign(kind: str, at: str) -> BadRequest:
    """Say which tool it is, in words of ours."""
    for known in SERVER_TOOLS:
        if kind.startswith(known):
            return BadRequest(f"`{at}.type` is {known}, a tool that runs on Anthropic's servers; no other provider has it.", f"{at}.type")
    for known in TRAINED_TOOLS:
        if kind.startswith(known):
            return BadRequest(
                f"`{at}.type` is {known}, a tool that only Anthropic's models know. Define it as a custom tool with an `input_schema`.",
                f"{at}.type",
            )
    return BadRequest(f"`{at}.type` must be custom: other tools cannot be sent to another provider than Anthropic.", f"{at}.type")


def _choice(choice: Fields) -> Object:
    kind = raw_reading.kind_of(choice, "tool_choice")
    if kind == "tool":
        chosen: Object = {
            "tool_choice": {"type": "function", "function": {"name": raw_reading.raw_text(choice.get("name"), "tool_choice.name")}}
        }
    elif kind in CHOICES:
        chosen = {"tool_choice": CHOICES[kind]}
    else:
        raise BadRequest("`tool_choice.type` must be auto, any, tool or none.", "tool_choice.type")
    alone = present(choice, "disable_parallel_tool_use")
    if alone is not None and kind != "none" and raw_reading.flag(alone, "tool_choice.disable_parallel_tool_use"):
        chosen["parallel_tool_calls"] = False
    return chosen
