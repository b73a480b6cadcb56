"""Tools: the client's own go through, Anthropic's are refused by name."""

import msgspec
import pytest
from tests.unit.upstream.translate.anthropic_events import raw, raws, resolved

from anyapi.errors import BadRequest
from anyapi.upstream.translate.anthropic_tools_to_openai_tools import LEFT_OUT, SERVER_TOOLS, TRAINED_TOOLS, translate
from anyapi.upstream.translate.hub_target import HUB, STRICT, Carrier

SCHEMA = {"type": "object", "properties": {"a": {"type": "number", "minimum": 1.5}}}
TOOL = {"name": "f", "description": "d", "input_schema": SCHEMA}
FUNCTION = {"name": "f", "description": "d", "parameters": SCHEMA}


def made(target=HUB, **fields):
    carrier = Carrier(target)
    return resolved(translate(raws(fields), carrier)), carrier.notes.names


def refused(**fields):
    with pytest.raises(BadRequest) as caught:
        made(**fields)
    assert "s3cret" not in str(caught.value)
    return caught.value.field


def test_tools():
    assert made(tools=[TOOL]) == ({"tools": [{"type": "function", "function": FUNCTION}]}, ())
    assert made(tools=[{**TOOL, "type": "custom", "strict": True}])[0]["tools"][0]["function"] == {**FUNCTION, "strict": True}
    assert made(tools=[{"name": "f", "input_schema": {}, "type": None}])[0]["tools"][0]["function"] == {"name": "f", "parameters": {}}


def test_no_tools():
    for fields in ({}, {"tools": []}, {"tools": None}, {"tool_choice": {"type": "auto"}}, {"tools": [], "tool_choice": {"type": "none"}}):
        assert made(**fields) == ({}, ())


def test_a_cache_mark():
    marked = {**TOOL, "cache_control": {"type": "ephemeral"}}
    assert made(tools=[marked])[0]["tools"] == [{"type": "function", "function": FUNCTION, "cache_control": {"type": "ephemeral"}}]
    assert made(STRICT, tools=[marked]) == ({"tools": [{"type": "function", "function": FUNCTION}]}, ("cache_control",))


def test_a_schema_passes_byte_for_byte():
    schema = b'{"type":"object", "x":1.50}'
    fields = {"tools": msgspec.Raw(b'[{"name":"f","input_schema":%b}]' % schema)}
    assert bytes(translate(fields, Carrier(HUB))["tools"][0]["function"]["parameters"]) == schema


@pytest.mark.parametrize("name", LEFT_OUT)
def test_what_is_left_out_is_noted(name):
    assert made(tools=[{**TOOL, name: True}])[1] == (f"tools.{name}",)


def test_an_unknown_key_is_noted():
    assert made(tools=[{**TOOL, "s3cret": True}])[1] == ("tools.other",)


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({"type": "auto"}, {"tool_choice": "auto"}),
        ({"type": "any"}, {"tool_choice": "required"}),
        ({"type": "none"}, {"tool_choice": "none"}),
        ({"type": "tool", "name": "f"}, {"tool_choice": {"type": "function", "function": {"name": "f"}}}),
        ({"type": "auto", "disable_parallel_tool_use": True}, {"tool_choice": "auto", "parallel_tool_calls": False}),
        ({"type": "any", "disable_parallel_tool_use": False}, {"tool_choice": "required"}),
        ({"type": "none", "disable_parallel_tool_use": True}, {"tool_choice": "none"}),
    ],
)
def test_choices(choice, expected):
    found, notes = made(tools=[TOOL], tool_choice=choice)
    assert ({name: value for name, value in found.items() if name != "tools"}, notes) == (expected, ())


@pytest.mark.parametrize("kind", [*SERVER_TOOLS, *TRAINED_TOOLS])
def test_anthropics_tools_are_refused_by_name(kind):
    with pytest.raises(BadRequest) as caught:
        made(tools=[TOOL, {"type": f"{kind}_20991231", "name": "x"}])
    assert caught.value.field == "tools[1].type"
    assert f"is {kind}, " in caught.value.message


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"tools": 5}, "tools"),
        ({"tools": ["s3cret"]}, "tools[0]"),
        ({"tools": [{**TOOL, "type": "s3cret"}]}, "tools[0].type"),
        ({"tools": [{"input_schema": {}}]}, "tools[0].name"),
        ({"tools": [{"name": "f"}]}, "tools[0].input_schema"),
        ({"tools": [{**TOOL, "input_schema": "s3cret"}]}, "tools[0].input_schema"),
        ({"tools": [{**TOOL, "description": 5}]}, "tools[0].description"),
        ({"tools": [{**TOOL, "strict": "s3cret"}]}, "tools[0].strict"),
        ({"tools": [TOOL], "tool_choice": "s3cret"}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": {"type": "s3cret"}}, "tool_choice.type"),
        ({"tools": [TOOL], "tool_choice": {"type": "tool"}}, "tool_choice.name"),
        ({"tools": [TOOL], "tool_choice": {"type": "any", "disable_parallel_tool_use": 1}}, "tool_choice.disable_parallel_tool_use"),
        ({"tool_choice": {"type": "any"}}, "tool_choice"),
        ({"tools": [], "tool_choice": {"type": "tool", "name": "f"}}, "tool_choice"),
    ],
)
def test_what_is_wrong_is_named(fields, field):
    assert refused(**fields) == field


def test_the_fields_are_not_changed():
    fields = {"tools": raw([TOOL])}
    translate(fields, Carrier(HUB))
    assert bytes(fields["tools"]) == bytes(raw([TOOL]))
