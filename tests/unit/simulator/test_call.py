from types import SimpleNamespace

import pytest

from anyapi.simulator.call import Call, Rejected, Tool, said_last, tools_to_use

ONE, TWO = Tool("one", {}), Tool("two", {})


@pytest.mark.parametrize(
    ("choice", "text", "parallel", "expected"),
    [
        (None, "Hello", True, ()),
        (None, "Please use the tool now", True, (ONE,)),
        ("auto", "USE THE TOOL", True, (ONE,)),
        ("auto", "use the tools", True, (ONE, TWO)),
        ("auto", "use the tools", False, (ONE,)),
        ("auto", None, True, ()),
        ("none", "use the tool", True, ()),
        ("any", "Hello", True, (ONE,)),
        ("any", None, True, (ONE,)),
        ("=two", "Hello", True, (TWO,)),
    ],
)
def test_which_tools_are_used(choice, text, parallel, expected):
    assert tools_to_use((ONE, TWO), choice, text, parallel=parallel) == expected


def test_tools_that_are_named_with_arguments():
    said = 'Use the tool two with {"a": {"b": 1}}, then use the tool one with {}. Then use the tool three with {"c": 2}'
    calls = tools_to_use((ONE, TWO), "auto", said)
    assert calls == (Tool("two", {}, {"a": {"b": 1}}), Tool("one", {}, {}))
    assert tools_to_use((ONE, TWO), "auto", said, parallel=False) == calls[:1]
    assert tools_to_use((ONE,), "auto", 'use the tool two with {"a": 1}') == ()
    assert tools_to_use((ONE, TWO), "auto", "use the tool two with {oops") == (ONE,)
    assert tools_to_use((ONE, TWO), "none", said) == ()


def test_no_tools_no_calls():
    assert tools_to_use((), "any", "use the tool") == ()


def test_an_unknown_name_is_rejected():
    with pytest.raises(Rejected, match="tool_choice") as caught:
        tools_to_use((ONE,), "=three", None)
    assert caught.value.status == 400


def test_content_is_not_printed():
    assert repr(Call("secret", 1)) == "<Call>"


def test_instructions_are_not_what_was_said_last():
    user, system, developer, other = (SimpleNamespace(role=role) for role in ("user", "system", "developer", None))
    assert said_last([system, user, system, developer]) is user
    assert said_last([user, other, system]) is other
    assert said_last([system]) is None
