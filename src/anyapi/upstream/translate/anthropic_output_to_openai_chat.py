"""How an Anthropic request wants its answer: `thinking`, `output_config` and `output_format` as effort and response format."""

from collections.abc import Mapping

import msgspec

from anyapi.errors import BadRequest
from anyapi.upstream.translate import hub_target, raw_reading, reading
from anyapi.upstream.translate.hub_target import Carrier
from anyapi.upstream.translate.raw_reading import Fields, present
from anyapi.upstream.translate.reading import Object

EFFORTS = frozenset({"low", "medium", "high", "xhigh", "max"})
NEAREST: Mapping[str, str] = {"xhigh": "high", "max": "high"}
"""What stands in for an effort that not every model of OpenAI's format knows."""
BUDGETS = ((4096, "low"), (16_384, "medium"))
"""Tokens of thinking below which an effort stands for them; more are `high`."""
ADAPTIVE = "medium"
"""The effort for `adaptive` thinking without one."""
THINKING_TYPES = frozenset({"enabled", "adaptive", "disabled", "between_tools"})
LEAST_BUDGET = 1024
SCHEMA_NAME = "output"
"""OpenAI wants a name for a schema, Anthropic has none."""

OUTPUT_CONFIG = frozenset({"effort", "format"})
FORMAT = frozenset({"type", "schema"})


def translate(fields: Fields, carrier: Carrier) -> Object:
    """The chat fields for how the answer is wanted. Raises `BadRequest` naming the field."""
    config = present(fields, "output_config")
    inner: Fields = {} if config is None else raw_reading.mapping(config, "output_config")
    carrier.note_rest(inner, OUTPUT_CONFIG, "output_config")
    effort = None if present(inner, "effort") is None else raw_reading.text(inner["effort"], "output_config.effort")
    if effort is not None and effort not in EFFORTS:
        raise BadRequest("`output_config.effort` must be low, medium, high, xhigh or max.", "output_config.effort")
    made = _reasoning(fields, effort, carrier)
    for name, found in (("output_format", present(fields, "output_format")), ("output_config.format", present(inner, "format"))):
        if found is not None:
            if "response_format" in made:
                raise BadRequest("Send `output_config.format` or `output_format`, not both.", "output_format")
            made["response_format"] = _format(raw_reading.mapping(found, name), name, carrier)
    return made


def _reasoning(fields: Fields, effort: str | None, carrier: Carrier) -> Object:
    """Anthropic's own object where it is understood, with the effort beside it; elsewhere the effort that comes nearest."""
    raw = present(fields, "thinking")
    config: Fields = {} if raw is None else raw_reading.mapping(raw, "thinking")
    kind = None if raw is None else _kind(config)
    if not carrier.reasoning:
        for name, asked in (("thinking", kind not in (None, "disabled")), ("output_config.effort", effort is not None)):
            if asked:
                carrier.notes.note(name)
        return {}
    if carrier.keeps(hub_target.THINKING):
        made: Object = {} if raw is None else {"thinking": raw}
        return made if effort is None else {**made, "reasoning_effort": effort}
    if kind is not None:
        carrier.notes.note("thinking")
    return _translated(config, kind, effort, carrier)


def _translated(config: Fields, kind: str | None, effort: str | None, carrier: Carrier) -> Object:
    """The effort alone. There is none that every model takes for not thinking at all."""
    if effort is not None and (kind == "disabled" or effort in NEAREST):
        carrier.notes.note("output_config.effort")
    if kind == "disabled" or (kind is None and effort is None):
        return {}
    if effort is None:
        effort = _level(config) if kind == "enabled" else ADAPTIVE
    return {"reasoning_effort": NEAREST.get(effort, effort)}


def _kind(config: Fields) -> str:
    kind = raw_reading.kind_of(config, "thinking")
    if kind not in THINKING_TYPES:
        raise BadRequest("`thinking.type` must be enabled, adaptive, disabled or between_tools.", "thinking.type")
    return kind


def _level(config: Fields) -> str:
    raw = config.get("budget_tokens")
    budget = reading.integer(None if raw is None else reading.decode(raw, "thinking.budget_tokens"), "thinking.budget_tokens", LEAST_BUDGET)
    return next((level for below, level in BUDGETS if budget < below), "high")


def _format(asked: Fields, where: str, carrier: Carrier) -> Object:
    if raw_reading.kind_of(asked, where) != "json_schema":
        raise BadRequest(f"`{where}.type` must be json_schema.", f"{where}.type")
    carrier.note_rest(asked, FORMAT, where)
    raw = raw_reading.raw_mapping(asked.get("schema"), f"{where}.schema")
    schema: Object = {"name": SCHEMA_NAME, "schema": raw}
    if is_strict(raw):
        schema["strict"] = True
    else:
        carrier.notes.note(where)  # the schema is sent, but OpenAI enforces only one of the strict form
    return {"type": "json_schema", "json_schema": schema}


def is_strict(raw: msgspec.Raw) -> bool:
    """Whether OpenAI can enforce a schema: every object in it closes itself, and requires all of its properties."""
    waiting: list[object] = [reading.decode(raw, "schema")]
    while waiting:
        found = waiting.pop()
        if isinstance(found, list):
            waiting += found
        elif isinstance(found, dict):
            properties = found.get("properties")
            if (isinstance(properties, dict) or found.get("type") == "object") and not _is_closed(found, properties):
                return False
            waiting += found.values()
    return True


def _is_closed(schema: Object, properties: object) -> bool:
    required = schema.get("required")
    needed = {name for name in required if isinstance(name, str)} if isinstance(required, list) else set()
    return schema.get("additionalProperties") is False and needed == (properties.keys() if isinstance(properties, dict) else set())
