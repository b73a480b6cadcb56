"""Thinking, effort and output format, for targets that take Anthropic's own object and for those that do not."""

import pytest
from tests.unit.upstream.translate.anthropic_events import raw, raws, resolved

from anyapi.errors import BadRequest
from anyapi.upstream.translate.anthropic_output_to_openai_chat import is_strict, translate
from anyapi.upstream.translate.hub_target import HUB, STRICT, Carrier, Target

DULL = Target(reasoning=False)
CLOSED = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}


def made(target=HUB, **fields):
    carrier = Carrier(target)
    return resolved(translate(raws(fields), carrier)), carrier.notes.names


def budget(tokens):
    return {"type": "enabled", "budget_tokens": tokens}


@pytest.mark.parametrize(
    "config", [budget(1024), {"type": "adaptive", "display": "omitted"}, {"type": "disabled"}, {"type": "between_tools"}]
)
def test_anthropics_own_object_passes_where_it_is_understood(config):
    assert made(thinking=config) == ({"thinking": config}, ())
    assert made(thinking=config, output_config={"effort": "max"}) == ({"thinking": config, "reasoning_effort": "max"}, ())


@pytest.mark.parametrize(
    ("thinking", "effort", "expected"),
    [
        (budget(1024), None, "low"),
        (budget(4096), None, "medium"),
        (budget(16_384), None, "high"),
        (budget(1024), "high", "high"),
        ({"type": "adaptive"}, None, "medium"),
        ({"type": "adaptive"}, "low", "low"),
        ({"type": "between_tools"}, None, "medium"),
    ],
)
def test_elsewhere_thinking_is_an_effort(thinking, effort, expected):
    config = {} if effort is None else {"output_config": {"effort": effort}}
    assert made(STRICT, thinking=thinking, **config) == ({"reasoning_effort": expected}, ("thinking",))


def test_efforts_alone():
    for effort in ("low", "medium", "high", "xhigh", "max"):
        assert made(output_config={"effort": effort}) == ({"reasoning_effort": effort}, ())
    assert made(STRICT, output_config={"effort": "low"}) == ({"reasoning_effort": "low"}, ())
    for effort in ("xhigh", "max"):
        assert made(STRICT, output_config={"effort": effort}) == ({"reasoning_effort": "high"}, ("output_config.effort",))


def test_not_thinking_cannot_be_said_everywhere():
    assert made(STRICT, thinking={"type": "disabled"}) == ({}, ("thinking",))
    assert made(STRICT, thinking={"type": "disabled"}, output_config={"effort": "low"}) == ({}, ("thinking", "output_config.effort"))


def test_an_endpoint_that_cannot_reason_is_not_asked():
    assert made(DULL, thinking=budget(2000), output_config={"effort": "low"}) == ({}, ("thinking", "output_config.effort"))
    assert made(DULL, thinking={"type": "disabled"}) == ({}, ())
    assert made(DULL) == made(HUB) == made(STRICT) == ({}, ())


@pytest.mark.parametrize("place", [{"output_format": 1}, {"output_config": {"format": 1}}])
def test_structured_output(place):
    def at(value):
        return {"output_format": value} if "output_format" in place else {"output_config": {"format": value}}

    schema = {"name": "output", "schema": CLOSED, "strict": True}
    assert made(**at({"type": "json_schema", "schema": CLOSED})) == (
        {"response_format": {"type": "json_schema", "json_schema": schema}},
        (),
    )
    opened = {"type": "object", "properties": {"a": {}}, "additionalProperties": False}
    found, notes = made(**at({"type": "json_schema", "schema": opened}))
    assert found["response_format"]["json_schema"] == {"name": "output", "schema": opened}
    assert len(notes) == 1


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        (CLOSED, True),
        ({"type": "array", "items": CLOSED}, True),
        ({"anyOf": [CLOSED, {"type": "string"}]}, True),
        ({"type": "object", "additionalProperties": False, "properties": {}}, True),
        ({"type": "object", "additionalProperties": False, "properties": {}, "required": []}, True),
        ({**CLOSED, "required": []}, False),
        ({**CLOSED, "required": ["a", "b"]}, False),
        ({**CLOSED, "additionalProperties": True}, False),
        ({**CLOSED, "properties": {"a": {"type": "object"}}}, False),
        ({"$defs": {"x": {"type": "object"}}, **CLOSED}, False),
    ],
)
def test_what_openai_can_enforce(schema, strict):
    assert is_strict(raw(schema)) is strict


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"thinking": 5}, "thinking"),
        ({"thinking": {}}, "thinking.type"),
        ({"thinking": {"type": "s3cret"}}, "thinking.type"),
        ({"output_config": "s3cret"}, "output_config"),
        ({"output_config": {"effort": "s3cret"}}, "output_config.effort"),
        ({"output_config": {"effort": 5}}, "output_config.effort"),
        ({"output_config": {"format": {"type": "s3cret"}}}, "output_config.format.type"),
        ({"output_format": {"type": "json_schema"}}, "output_format.schema"),
        (
            {"output_format": {"type": "json_schema", "schema": {}}, "output_config": {"format": {"type": "json_schema", "schema": {}}}},
            "output_format",
        ),
    ],
)
def test_what_is_wrong_is_named(fields, field):
    with pytest.raises(BadRequest) as caught:
        made(**fields)
    assert caught.value.field == field
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("tokens", [None, "5", 1023, 0, True])
def test_budgets_that_are_none(tokens):
    with pytest.raises(BadRequest) as caught:
        made(STRICT, thinking=budget(tokens))
    assert caught.value.field == "thinking.budget_tokens"


def test_unknown_keys_are_noted():
    assert made(output_config={"task_budget": 5})[1] == ("output_config.other",)
    assert made(output_format={"type": "json_schema", "schema": CLOSED, "x": 1})[1] == ("output_format.other",)
