"""Tools, the choice among them, and calls one at a time."""

import pytest

from anyapi.domain.catalogue import Capabilities
from anyapi.errors import BadRequest
from anyapi.upstream.translate.adjustments import Adjustments
from anyapi.upstream.translate.bedrock_family import Family
from anyapi.upstream.translate.openai_parts_to_bedrock import Parts
from anyapi.upstream.translate.openai_tools_to_bedrock import Asked, Ground, Tools, translate

OBJECT = {"type": "object", "properties": {}}
POINT = {"cachePoint": {"type": "default"}}
NAMED = {"type": "function", "function": {"name": "get"}}


def tool(name="get", **function):
    return {"type": "function", "function": {"name": name, **function}}


def spec(name="get", schema=OBJECT, **more):
    return {"toolSpec": {"name": name, **more, "inputSchema": {"json": schema}}}


def made(tools=None, choice=None, parallel=None, *, family=Family.CLAUDE, native=True, called=(), structured=True):
    notes = Adjustments()
    ground = Ground(family, native, Capabilities(tools=True, structured_outputs=structured), Parts(family, notes))
    return translate(Asked(tools, choice, parallel), called, ground), notes.names


def refused(*args, **changes):
    with pytest.raises(BadRequest) as caught:
        made(*args, **changes)
    return caught.value.field


def test_no_tools():
    assert made() == (Tools(), ())
    assert made([], "auto", parallel=True) == (Tools(), ())
    assert made([], "none") == (Tools(), ())


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ({}, spec()),
        ({"description": "Gets."}, spec(description="Gets.")),
        ({"description": ""}, spec()),
        ({"parameters": {"type": "object", "required": ["x"]}}, spec(schema={"type": "object", "required": ["x"]})),
        ({"parameters": {"properties": {}}}, spec(schema=OBJECT)),
        ({"strict": False}, spec()),
    ],
)
def test_tools(function, expected):
    chosen, names = made([tool(**function)])
    assert chosen == Tools({"tools": [expected]})
    assert names == ()


def test_strict():
    chosen, names = made([tool(strict=True)])
    assert chosen.config["tools"][0]["toolSpec"]["strict"] is True
    assert names == ()
    chosen, names = made([tool(strict=True)], structured=False)
    assert "strict" not in chosen.config["tools"][0]["toolSpec"]
    assert names == ("tools.function.strict",)


@pytest.mark.parametrize("place", ["tool", "function"])
def test_cache_points(place):
    asked = {"cache_control": {"type": "ephemeral"}}
    marked = {**tool(), **asked} if place == "tool" else tool(**asked)
    assert made([marked, tool("put")])[0].config["tools"] == [spec(), POINT, spec("put")]
    chosen, names = made([marked], family=Family.NOVA, native=False)
    assert chosen.config["tools"] == [spec()]
    assert names == ("cache_control",)


@pytest.mark.parametrize(
    ("choice", "expected"),
    [(None, None), ("auto", None), ("required", {"any": {}}), (NAMED, {"tool": {"name": "get"}})],
)
@pytest.mark.parametrize("native", [True, False])
def test_choice(choice, expected, native):
    chosen, names = made([tool()], choice, native=native)
    assert chosen.config.get("toolChoice") == expected
    assert chosen.native_choice is None
    assert chosen.forced is (expected is not None)
    assert names == ()


@pytest.mark.parametrize(
    ("choice", "expected"),
    [("auto", {"type": "auto"}), (None, {"type": "auto"}), ("required", {"type": "any"}), (NAMED, {"type": "tool", "name": "get"})],
)
def test_one_call_at_a_time(choice, expected):
    """Claude takes it in its own words, and then no choice of Converse's beside them: Bedrock refuses both."""
    chosen, names = made([tool()], choice, parallel=False)
    assert chosen.native_choice == {**expected, "disable_parallel_tool_use": True}
    assert "toolChoice" not in chosen.config
    assert chosen.forced is (expected["type"] != "auto")
    assert names == ()
    chosen, names = made([tool()], choice, parallel=False, native=False)
    assert chosen.native_choice is None
    assert names == ("parallel_tool_calls",)
    assert made([tool()], choice, parallel=True)[0].native_choice is None


def test_none():
    assert made([tool()], "none") == (Tools({"tools": [spec()]}, {"type": "none"}), ())
    assert made([tool()], "none", native=False) == (Tools(), ("tools",))
    assert made([tool()], "none", called=["get"])[0].native_choice == {"type": "none"}
    assert refused([tool()], "none", called=["get"], native=False) == "tool_choice"


def test_calls_in_the_conversation_need_tools():
    """Bedrock refuses such a conversation without them."""
    assert made(None, called=["get", "put"]) == (Tools({"tools": [spec(), spec("put")]}, {"type": "none"}), ("tools",))
    assert refused(None, called=["get"], native=False) == "tools"
    assert made([tool()], called=["get"], native=False) == (Tools({"tools": [spec()]}), ())


@pytest.mark.parametrize(
    ("tools", "choice", "parallel", "field"),
    [
        (None, "required", None, "tool_choice"),
        ([], NAMED, None, "tool_choice"),
        ([tool()], "any", None, "tool_choice"),
        ([tool()], {"type": "allowed_tools"}, None, "tool_choice.type"),
        ([tool()], {"type": "function"}, None, "tool_choice.function"),
        ([tool()], {"type": "function", "function": {}}, None, "tool_choice.function.name"),
        ([tool()], 5, None, "tool_choice"),
        ([tool()], None, "no", "parallel_tool_calls"),
        ({}, None, None, "tools"),
        ([5], None, None, "tools[0]"),
        ([{"type": "web_search"}], None, None, "tools[0].type"),
        ([{"type": "function"}], None, None, "tools[0].function"),
        ([tool(None)], None, None, "tools[0].function.name"),
        ([tool(description=5)], None, None, "tools[0].function.description"),
        ([tool(parameters=[])], None, None, "tools[0].function.parameters"),
        ([tool(parameters={"type": "string"})], None, None, "tools[0].function.parameters.type"),
        ([tool(strict="yes")], None, None, "tools[0].function.strict"),
        ([{**tool(), "cache_control": 5}], None, None, "tools[0].cache_control"),
    ],
)
def test_what_is_wrong_is_named(tools, choice, parallel, field):
    assert refused(tools, choice, parallel) == field
