"""Tools: functions, custom tools as functions, namespaces, choices; what runs elsewhere is refused by its name."""

import pytest

from anyapi.errors import BadRequest
from anyapi.upstream.translate.adjustments import Adjustments
from anyapi.upstream.translate.openai_responses_tools_to_openai_chat import HOSTED, SEARCHES, Name, joined, translate

FUNCTION = {"type": "function", "name": "get", "description": "d", "parameters": {"type": "object"}, "strict": True}
CUSTOM = {"type": "custom", "name": "patch", "description": "p"}
GRAMMAR = {"type": "grammar", "syntax": "lark", "definition": "start: x"}


def through(tools=None, choice=None, parallel=None):
    notes = Adjustments()
    return translate(tools, choice, parallel, notes), notes.names


def refused(field, *arguments):
    with pytest.raises(BadRequest) as caught:
        through(*arguments)
    assert caught.value.field == field
    assert "s3cret" not in str(caught.value)
    return str(caught.value)


def test_functions():
    made, notes = through([FUNCTION, {"type": "function", "name": "bare"}], "auto", False)
    assert made.tools == [
        {"type": "function", "function": {"name": "get", "description": "d", "parameters": {"type": "object"}, "strict": True}},
        {"type": "function", "function": {"name": "bare"}},
    ]
    assert (made.choice, made.parallel, made.names, notes) == ("auto", False, {}, ())
    assert made.echo_tools == [FUNCTION, {"type": "function", "name": "bare", "description": None, "parameters": None, "strict": None}]


def test_custom_tools_are_functions_of_one_string():
    made, notes = through(
        [CUSTOM, {**CUSTOM, "name": "lark", "format": GRAMMAR}, {"type": "custom", "name": "t", "format": {"type": "text"}}]
    )
    functions = [tool["function"] for tool in made.tools]
    assert all(function["parameters"]["required"] == ["input"] for function in functions)
    assert functions[0]["description"] == "p"
    assert functions[1]["description"] == "p\n\nThe input must match this lark grammar:\nstart: x"
    assert "description" not in functions[2]
    assert notes == ("tools.format",)
    assert made.names == {name: Name(name, custom=True) for name in ("patch", "lark", "t")}
    assert made.echo_tools[1] == {**CUSTOM, "name": "lark", "format": GRAMMAR}


def test_namespaces():
    space = {"type": "namespace", "name": "crm", "description": "c", "tools": [FUNCTION, CUSTOM]}
    made, notes = through([space], {"type": "function", "name": "get", "namespace": "crm"})
    assert [tool["function"]["name"] for tool in made.tools] == ["crm__get", "crm__patch"]
    assert made.names == {"crm__get": Name("get", "crm"), "crm__patch": Name("patch", "crm", custom=True)}
    assert made.choice == {"type": "function", "function": {"name": "crm__get"}}
    assert notes == ("tools.namespace.description",)
    assert made.echo_tools == [space]
    assert joined("mcp__x__", "y") == "mcp__x__y"
    assert joined(None, "y") == joined("", "y") == "y"


def test_hints_are_named():
    assert through([{**FUNCTION, "defer_loading": True, "output_schema": {}, "allowed_callers": ["direct"]}])[1] == (
        "tools.defer_loading",
        "tools.output_schema",
    )


@pytest.mark.parametrize("kind", sorted(HOSTED))
def test_hosted_tools_are_refused_by_name(kind):
    assert kind in refused("tools[1]", [FUNCTION, {"type": kind, "x": "s3cret"}])


@pytest.mark.parametrize("choice", [None, "auto", "none"])
@pytest.mark.parametrize("kind", sorted(SEARCHES))
def test_web_search_beside_other_tools_is_left_out_and_named(kind, choice):
    made, notes = through([{"type": kind, "x": "s3cret"}, FUNCTION], choice)
    plain, _ = through([FUNCTION], choice)
    assert (made.tools, made.choice, made.echo_tools) == (plain.tools, plain.choice, plain.echo_tools)
    assert notes == ("tools.web_search",)


@pytest.mark.parametrize("kind", sorted(SEARCHES))
def test_web_search_that_is_all_there_is_or_may_be_forced_is_refused(kind):
    tool = {"type": kind, "x": "s3cret"}
    assert kind in refused("tools[0]", [tool])
    assert kind in refused("tools[1]", [FUNCTION, tool], "required")
    assert kind in refused("tools[0].tools[0]", [{"type": "namespace", "name": "n", "description": "", "tools": [tool]}])


@pytest.mark.parametrize(
    ("tools", "field"),
    [
        ("s3cret", "tools"),
        (["s3cret"], "tools[0]"),
        ([{"type": "s3cret"}], "tools[0].type"),
        ([{"type": "function"}], "tools[0].name"),
        ([{**FUNCTION, "parameters": "s3cret"}], "tools[0].parameters"),
        ([{**FUNCTION, "strict": "s3cret"}], "tools[0].strict"),
        ([{**FUNCTION, "description": 5}], "tools[0].description"),
        ([FUNCTION, FUNCTION], "tools[1].name"),
        ([{**CUSTOM, "format": {"type": "s3cret"}}], "tools[0].format"),
        ([{**CUSTOM, "format": {**GRAMMAR, "definition": 5}}], "tools[0].format.definition"),
        ([{"type": "namespace", "name": "n", "description": "", "tools": [{"type": "mcp"}]}], "tools[0].tools[0]"),
        ([{"type": "namespace", "name": "n", "description": "", "tools": [{"type": "namespace"}]}], "tools[0].tools[0].type"),
        ([{"type": "namespace", "name": "n"}], "tools[0].description"),
    ],
)
def test_what_is_wrong_is_named(tools, field):
    refused(field, tools)


def test_choices():
    assert through([FUNCTION], "required")[0].choice == "required"
    made, _ = through([FUNCTION, CUSTOM], {"type": "custom", "name": "patch"})
    assert made.choice == {"type": "function", "function": {"name": "patch"}}
    assert made.echo_choice == {"type": "custom", "name": "patch"}
    assert through([FUNCTION])[0].echo_choice == "auto"


def test_allowed_tools_are_the_only_ones_shown():
    allowed = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "custom", "name": "patch"}]}
    made, notes = through([FUNCTION, CUSTOM], allowed, True)
    assert [tool["function"]["name"] for tool in made.tools] == ["patch"]
    assert (made.choice, made.echo_choice, notes) == ("required", allowed, ("tool_choice",))
    assert len(made.echo_tools) == 2
    nothing, _ = through([FUNCTION], {"type": "allowed_tools", "mode": "auto", "tools": []}, True)
    assert (nothing.tools, nothing.choice, nothing.parallel) == (None, None, None)


def test_without_tools_there_is_no_choice():
    made, _ = through(None, "auto", True)
    assert (made.tools, made.choice, made.parallel) == (None, None, None)
    refused("tool_choice", None, "required")
    refused("tool_choice", [], {"type": "function", "name": "s3cret"})
    refused("tool_choice", [FUNCTION], {"type": "function", "name": "s3cret"})


@pytest.mark.parametrize(
    ("choice", "field"),
    [
        ("s3cret", "tool_choice"),
        (5, "tool_choice"),
        ({"type": "file_search"}, "tool_choice.type"),
        ({"type": "function"}, "tool_choice.name"),
        ({"type": "allowed_tools", "mode": "s3cret", "tools": []}, "tool_choice.mode"),
        ({"type": "allowed_tools", "tools": [{"type": "mcp"}]}, "tool_choice.tools[0].type"),
    ],
)
def test_choices_that_are_refused(choice, field):
    refused(field, [FUNCTION], choice)


def test_parallel_must_be_a_flag():
    refused("parallel_tool_calls", [FUNCTION], None, "s3cret")
