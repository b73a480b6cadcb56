"""Tools and the choice among them."""

import pytest

from anyapi.domain.catalogue import Capabilities
from anyapi.errors import BadRequest
from anyapi.upstream.translate.adjustments import Adjustments
from anyapi.upstream.translate.openai_tools_to_anthropic import translate

ABLE = Capabilities(tools=True, structured_outputs=True)
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL = {"type": "function", "function": {"name": "get", "description": "d", "parameters": SCHEMA}}
SENT = {"name": "get", "description": "d", "input_schema": SCHEMA}


def made(tools=(TOOL,), choice=None, parallel=None, abilities=ABLE):
    notes = Adjustments()
    return translate(None if tools is None else list(tools), choice, parallel, abilities, notes), notes.names


def refused(*arguments):
    with pytest.raises(BadRequest) as caught:
        made(*arguments)
    return caught.value.field


def test_a_tool():
    assert made()[0].tools == [SENT]
    assert made()[0].choice is None


@pytest.mark.parametrize(
    ("choice", "parallel", "sent", "forced"),
    [
        (None, True, None, False),
        ("auto", None, {"type": "auto"}, False),
        ("none", None, {"type": "none"}, False),
        ("required", None, {"type": "any"}, True),
        ({"type": "function", "function": {"name": "get"}}, None, {"type": "tool", "name": "get"}, True),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}, False),
        ("required", False, {"type": "any", "disable_parallel_tool_use": True}, True),
        ("none", False, {"type": "none"}, False),
        (
            {"type": "function", "function": {"name": "get"}},
            False,
            {"type": "tool", "name": "get", "disable_parallel_tool_use": True},
            True,
        ),
    ],
)
def test_choice(choice, parallel, sent, forced):
    tools, _ = made((TOOL,), choice, parallel)
    assert tools.choice == sent
    assert tools.forced is forced


@pytest.mark.parametrize(
    ("parameters", "sent"),
    [
        (None, {"type": "object", "properties": {}}),
        ({}, {"type": "object"}),
        ({"type": None, "properties": {}}, {"type": "object", "properties": {}}),
    ],
)
def test_a_schema_says_that_it_is_an_object(parameters, sent):
    assert made(({"type": "function", "function": {"name": "f", "parameters": parameters}},))[0].tools == [
        {"name": "f", "input_schema": sent}
    ]


def test_strict_needs_structured_outputs():
    tool = {"type": "function", "function": {"name": "f", "strict": True, "parameters": SCHEMA}}
    assert made((tool,))[0].tools[0]["strict"] is True
    tools, noted = made((tool,), None, None, Capabilities(structured_outputs=False))
    assert "strict" not in tools.tools[0]
    assert noted == ("tools.function.strict",)


def test_cache_control_passes():
    mark = {"type": "ephemeral"}
    assert made(({**TOOL, "cache_control": mark},))[0].tools == [{**SENT, "cache_control": mark}]


def test_no_tools_no_choice():
    for choice in (None, "auto", "none"):
        for tools in (None, ()):
            assert made(tools, choice, False)[0].tools is None
            assert made(tools, choice, False)[0].choice is None
    assert refused(None, "required") == "tool_choice"


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (("x",), "tools[0]"),
        (([{"type": "custom", "custom": {"name": "f"}}],), "tools[0].type"),
        (([{"type": "function"}],), "tools[0].function"),
        (([{"type": "function", "function": {}}],), "tools[0].function.name"),
        (([{"type": "function", "function": {"name": "f", "parameters": {"type": "array"}}}],), "tools[0].function.parameters.type"),
        (([{"type": "function", "function": {"name": "f", "strict": "yes"}}],), "tools[0].function.strict"),
        (((TOOL,), "sometimes"), "tool_choice"),
        (((TOOL,), 5), "tool_choice"),
        (((TOOL,), {"type": "allowed_tools", "allowed_tools": {}}), "tool_choice.type"),
        (((TOOL,), {"type": "function", "function": {}}), "tool_choice.function.name"),
        (((TOOL,), None, "no"), "parallel_tool_calls"),
    ],
)
def test_refused_with_the_path(arguments, field):
    assert refused(*arguments) == field
