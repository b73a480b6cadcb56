"""What the translators of chat completions share: each mistake is named by its path, and by the provider that cannot take it."""

import pytest

from anyapi.errors import BadRequest
from anyapi.upstream.translate.adjustments import Adjustments
from anyapi.upstream.translate.chat_reading import (
    calls_of,
    choice_of,
    functions_of,
    image_of,
    parts_of,
    schema_of,
    spoken,
    tools_of,
    written,
)


def call(**changes):
    return {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}', **changes}}


def refused(found, field):
    with pytest.raises(BadRequest) as caught:
        list(found)
    assert caught.value.field == field
    assert "secret" not in str(caught.value)
    return str(caught.value)


def test_parts_come_with_kind_and_path():
    assert list(parts_of([{"type": "text", "text": "a"}], "m.content", {"text"}, "Acme")) == [
        ("text", {"type": "text", "text": "a"}, "m.content[0]")
    ]


@pytest.mark.parametrize("part", [{"type": "secret"}, {}, {"type": ["text"]}])
def test_a_part_of_another_kind_is_refused(part):
    text = refused(parts_of([part], "m", {"text", "image"}, "Acme"), "m[0].type")
    assert "one of image, text for a message of this role at Acme" in text


def test_calls():
    (found,) = calls_of([call()], "m.tool_calls", "Acme")
    assert (found.id, found.name, found.arguments, found.where) == ("c1", "f", {"a": 1}, "m.tool_calls[0]")
    assert found.source == call()
    assert repr(found) == "<ToolCall>"
    assert list(calls_of(None, "m", "Acme")) == []
    (empty,) = calls_of([call(arguments=" ")], "m", "Acme")
    assert empty.arguments == {}


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({}, "m"),
        ([{**call(), "type": "custom"}], "m[0].type"),
        ([{**call(), "id": 3}], "m[0].id"),
        ([call(name=None)], "m[0].function.name"),
        ([call(arguments="secret")], "m[0].function.arguments"),
        ([call(arguments="[1]")], "m[0].function.arguments"),
        ([call(arguments=None)], "m[0].function.arguments"),
    ],
)
def test_calls_refused(value, field):
    refused(calls_of(value, "m", "Acme"), field)


def test_functions():
    tool = {"type": "function", "function": {"name": "f"}}
    assert list(functions_of([tool], "Acme")) == [(tool, {"name": "f"}, "tools[0]")]
    assert "for Acme" in refused(functions_of([{"type": "secret"}], "Acme"), "tools[0].type")
    refused(functions_of({}, "Acme"), "tools")


def test_schemas_say_that_they_are_objects():
    assert schema_of(None, "p") == {"type": "object", "properties": {}}
    assert schema_of({"properties": {}}, "p") == {"type": "object", "properties": {}}
    assert schema_of({"type": None, "required": []}, "p") == {"type": "object", "required": []}
    for wrong in ({"type": "array"}, {"type": "secret"}):
        with pytest.raises(BadRequest) as caught:
            schema_of(wrong, "p")
        assert caught.value.field == "p.type"


def test_what_cannot_be_written_is_refused():
    assert written({"a": [1, "é"]}) == '{"a":[1,"é"]}'.encode()
    with pytest.raises(BadRequest, match="cannot be written as JSON again") as caught:
        written({"secret": "\ud800"})
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_a_string_is_one_part_of_text():
    assert list(parts_of("a", "m", {"text"}, "Acme")) == [("text", {"type": "text", "text": "a"}, "m[0]")]
    for content in (None, 7, {"secret": 1}):
        assert "a string or an array of parts" in refused(parts_of(content, "m", {"text"}, "Acme"), "m")


def test_what_an_assistant_said():
    assert spoken({"content": "a", "refusal": "b"}, "m", "Acme") == ("a", "m.content")
    assert spoken({"content": None, "refusal": "b"}, "m", "Acme") == ("b", "m.refusal")
    assert spoken({}, "m", "Acme") is None
    for name in ("audio", "function_call"):
        assert "Acme" in refused(map(lambda message: spoken(message, "m", "Acme"), [{name: "secret"}]), f"m.{name}")


def test_images():
    notes = Adjustments()
    assert image_of({"image_url": {"url": "https://a/b", "detail": "low"}}, "m", ("low",), notes) == ("https://a/b", "low")
    assert image_of({"image_url": {"url": "data:image/PNG;base64,AA=="}}, "m", ("low",), notes) == ("data:image/PNG;base64,AA==", None)
    assert notes.names == ()
    assert image_of({"image_url": {"url": "https://a/b", "detail": ["secret"]}}, "m", ("low",), notes) == ("https://a/b", None)
    assert notes.names == ("messages.image_url.detail",)
    for url in ("http://secret", "data:image/tiff;base64,AA==", "data:text/plain,secret", 7):
        refused(map(lambda url: image_of({"image_url": {"url": url}}, "m", (), notes), [url]), "m.image_url.url")


def test_tools():
    function = {"name": "f", "description": "d", "strict": True, "parameters": {"properties": {}}}
    (found,) = tools_of([{"type": "function", "function": function}], "Acme")
    assert (found.name, found.said, found.strict, found.where) == ("f", {"name": "f", "description": "d"}, True, "tools[0]")
    assert found.schema == {"type": "object", "properties": {}}
    assert [at for _, at in found.sources] == ["tools[0].function", "tools[0]"]
    assert repr(found) == "<Tool>"
    (bare,) = tools_of([{"type": "function", "function": {"name": "f"}}], "Acme")
    assert (bare.said, bare.strict) == ({"name": "f"}, False)
    assert list(tools_of(None, "Acme")) == []


NAMED = {"type": "function", "function": {"name": "f"}}


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (None, ("auto", None)),
        ("auto", ("auto", None)),
        ("none", ("none", None)),
        ("required", ("required", None)),
        (NAMED, ("required", "f")),
    ],
)
def test_choices(value, found):
    assert choice_of(value, ["f"], "Acme") == found


@pytest.mark.parametrize(
    ("value", "tools", "field"),
    [
        ("secret", ["f"], "tool_choice"),
        ("required", [], "tool_choice"),
        (NAMED, [], "tool_choice"),
        ({"type": "allowed_tools"}, ["f"], "tool_choice.type"),
        ({"type": "function"}, ["f"], "tool_choice.function"),
        (7, ["f"], "tool_choice"),
    ],
)
def test_choices_that_cannot_be(value, tools, field):
    refused(map(lambda chosen: choice_of(chosen, tools, "Acme"), [value]), field)
