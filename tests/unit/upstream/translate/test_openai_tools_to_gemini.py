"""Functions, and how one is chosen."""

import pytest

from anyapi.errors import BadRequest
from anyapi.upstream.translate.adjustments import Adjustments
from anyapi.upstream.translate.openai_tools_to_gemini import translate

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False}


def tool(name="f", **more):
    return {"type": "function", "function": {"name": name, **more}}


F, G = tool("f"), tool("g")


def made(tools=None, choice=None, parallel=None):
    notes = Adjustments()
    found = translate(tools, choice, parallel, notes)
    return found.declarations, found.config and found.config["functionCallingConfig"], notes.names


def refused(tools=None, choice=None, parallel=None):
    with pytest.raises(BadRequest) as caught:
        made(tools, choice, parallel)
    return caught.value.field


def named(name):
    return {"type": "function", "function": {"name": name}}


def allowed(mode, *names):
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": [named(name) for name in names]}}


def test_a_function():
    assert made([tool("f", description="Does.", parameters=SCHEMA)]) == (
        [{"name": "f", "description": "Does.", "parametersJsonSchema": SCHEMA}],
        None,
        (),
    )


@pytest.mark.parametrize(
    "parameters",
    [None, {}, {"type": "object"}, {"type": "object", "properties": {}, "required": [], "additionalProperties": False}],
)
def test_without_parameters(parameters):
    assert made([tool(parameters=parameters)])[0] == [{"name": "f"}]


def test_a_schema_without_a_type_is_an_object():
    assert made([tool(parameters={"properties": {"a": {}}})])[0][0]["parametersJsonSchema"] == {"type": "object", "properties": {"a": {}}}
    assert made([tool(parameters={"type": "object", "description": "d"})])[0][0]["parametersJsonSchema"]["description"] == "d"


def test_what_is_noted():
    tools = [{**tool(strict=True), "cache_control": {"type": "ephemeral"}}]
    assert set(made(tools, parallel=False)[2]) == {"tools.function.strict", "cache_control", "parallel_tool_calls"}
    assert made([tool(strict=False)], parallel=True)[2] == ()
    assert made(None, parallel=False) == (None, None, ())


@pytest.mark.parametrize(
    ("choice", "config"),
    [
        (None, None),
        ("auto", None),
        ("none", {"mode": "NONE"}),
        ("required", {"mode": "ANY"}),
        (named("g"), {"mode": "ANY", "allowedFunctionNames": ["g"]}),
        (allowed("required", "f", "g"), {"mode": "ANY", "allowedFunctionNames": ["f", "g"]}),
    ],
)
def test_choices(choice, config):
    declared, found, noted = made([F, G], choice)
    assert [one["name"] for one in declared] == ["f", "g"]
    assert (found, noted) == (config, ())


def test_allowed_tools_with_auto_declares_these_alone():
    assert made([F, G], allowed("auto", "g")) == ([{"name": "g"}], None, ())
    assert made([F, G], allowed("auto")) == (None, None, ())


def test_no_tools():
    assert made([]) == made(None, "auto") == made([], "none") == (None, None, ())


@pytest.mark.parametrize(
    ("tools", "choice", "parallel", "field"),
    [
        ({}, None, None, "tools"),
        ([{"type": "web_search"}], None, None, "tools[0].type"),
        ([F, {"type": "function"}], None, None, "tools[1].function"),
        ([tool("1f")], None, None, "tools[0].function.name"),
        ([tool("f g")], None, None, "tools[0].function.name"),
        ([tool("f" * 129)], None, None, "tools[0].function.name"),
        ([tool(None)], None, None, "tools[0].function.name"),
        ([tool(parameters=[])], None, None, "tools[0].function.parameters"),
        ([tool(parameters={"type": "array"})], None, None, "tools[0].function.parameters.type"),
        ([tool(description=5)], None, None, "tools[0].function.description"),
        ([tool(strict=5)], None, None, "tools[0].function.strict"),
        ([F], "sometimes", None, "tool_choice"),
        ([F], {"type": "custom"}, None, "tool_choice.type"),
        ([F], named("g"), None, "tool_choice"),
        ([F], allowed("auto", "g"), None, "tool_choice"),
        ([F], allowed("maybe", "f"), None, "tool_choice.allowed_tools.mode"),
        ([F], allowed("required"), None, "tool_choice.allowed_tools.tools"),
        ([F], {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"type": "mcp"}]}}, None, "tool_choice.allowed_tools.tools[0].type"),
        ([], "required", None, "tool_choice"),
        (None, named("f"), None, "tool_choice"),
        ([F], None, "no", "parallel_tool_calls"),
    ],
)  # fmt: skip
def test_refusals(tools, choice, parallel, field):
    assert refused(tools, choice, parallel) == field
