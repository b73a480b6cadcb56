import inspect
import re

import pytest

from anyapi import errors
from anyapi.errors import AnyAPIError, BadRequest, CatalogueError, ConfigError, Overloaded, RateLimited, RequestError
from anyapi.gateway.render import STATUS, error_of

CLASSES = {kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, BaseException)}
REQUEST_ERRORS = sorted(
    (kind for kind in CLASSES if issubclass(kind, RequestError) and kind is not RequestError), key=lambda kind: kind.__name__
)
OF_ITS_PARENT = {errors.RequestTimedOut, errors.ExpectationFailed, errors.HeadersTooLarge}
"""Those that a caller handles as it handles their parent, and that have a status of their own."""


def drawn(text):
    """(name, parent) for each line of the tree in a docstring; a level is four columns."""
    line = re.compile(r"^((?:│   |    )*)(?:[├└]── )(\w+)", re.MULTILINE)
    found, above = [("AnyAPIError", "Exception")], ["AnyAPIError"]
    for indent, name in line.findall(text):
        depth = len(indent) // 4 + 1
        found.append((name, above[depth - 1]))
        above[depth:] = [name]
    return found


def test_the_tree_drawn_is_the_tree_there_is():
    found = drawn(errors.__doc__)
    assert len(found) == len(set(found))
    assert set(found) == {(kind.__name__, kind.__base__.__name__) for kind in CLASSES}


def test_the_reader_of_the_drawing_sees_levels():
    text = "AnyAPIError\n├── A    words ├── not this\n│   ├── B\n│   │   └── C\n│   └── D\n└── E\n"
    assert drawn(text)[1:] == [("A", "AnyAPIError"), ("B", "A"), ("C", "B"), ("D", "A"), ("E", "AnyAPIError")]


def test_every_class_is_ours_and_described():
    for kind in CLASSES:
        assert kind.__module__ == "anyapi.errors"
        assert kind.__doc__
        assert issubclass(kind, AnyAPIError)


@pytest.mark.parametrize("kind", REQUEST_ERRORS, ids=lambda kind: kind.__name__)
def test_every_request_error_has_a_wire_type_and_a_status(kind):
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", kind.type)
    assert ("type" in vars(kind)) != (kind in OF_ITS_PARENT or kind is BadRequest)
    status, shown = error_of(kind("what happened"))
    assert (shown["type"], shown["message"], shown["metadata"]) == (kind.type, "what happened", {})
    assert status == shown["code"] == STATUS[kind]
    assert 400 <= status < 600


def test_no_two_share_a_wire_type_but_those_that_are_one_kind():
    own = [kind.type for kind in REQUEST_ERRORS if kind not in OF_ITS_PARENT]
    assert len(own) == len(set(own))
    for kind in OF_ITS_PARENT:
        assert kind.type == kind.__base__.type
        assert STATUS[kind] != STATUS[kind.__base__]


def test_errors_of_the_operator_are_not_shown_to_callers():
    for error in (ConfigError("secret place", file="anyapi.toml"), CatalogueError("secret place", file="models.yaml")):
        assert not isinstance(error, RequestError)
        status, shown = error_of(error)
        assert (status, shown["type"]) == (500, "internal_error")
        assert "secret place" not in str(shown)


def test_a_message_is_the_text_and_metadata_is_ones_own():
    error = RequestError("what happened")
    assert (error.message, str(error), error.metadata) == ("what happened", "what happened", {})
    error.metadata["a"] = 1
    assert RequestError("x").metadata == {}


def test_a_bad_request_names_its_field():
    assert (BadRequest("must be text", "messages[0].role").field, BadRequest("must be text").field) == ("messages[0].role", None)
    assert BadRequest("must be text", "model").metadata == {"field": "model"}
    assert BadRequest("must be text").metadata == {}
    assert error_of(BadRequest("must be text", "model"))[1]["param"] == "model"


@pytest.mark.parametrize("kind", [RateLimited, Overloaded])
def test_when_to_come_back_is_said_in_seconds(kind):
    assert kind("later", {"limit": 3}, 1.5).retry_after == 1.5
    assert kind("later").retry_after is None
    assert kind("later", {"limit": 3}).metadata == {"limit": 3}


@pytest.mark.parametrize(
    ("where", "text"),
    [
        ({}, "wrong"),
        ({"file": "anyapi.toml"}, "anyapi.toml: wrong"),
        ({"field": "server.listen"}, "server.listen: wrong"),
        ({"file": "anyapi.toml", "field": "server.listen"}, "anyapi.toml: server.listen: wrong"),
    ],
)
def test_a_config_error_says_where(where, text):
    error = ConfigError("wrong", **where)
    assert (error.message, str(error)) == (text, text)
    assert (error.file, error.field, error.problems) == (where.get("file"), where.get("field"), ())


@pytest.mark.parametrize(
    ("where", "text"),
    [
        ({}, "models.yaml: wrong"),
        ({"record": "openai"}, "models.yaml: openai: wrong"),
        ({"field": "api.env"}, "models.yaml: api.env: wrong"),
        ({"record": "openai", "field": "api.env"}, "models.yaml: openai: api.env: wrong"),
    ],
)
def test_a_catalogue_error_says_where(where, text):
    error = CatalogueError("wrong", file="models.yaml", **where)
    assert (error.message, str(error)) == (text, text)
    assert (error.file, error.record, error.field) == ("models.yaml", where.get("record"), where.get("field"))


def test_several_problems_stay_apart():
    one, two = ConfigError("a", field="x"), ConfigError("b", field="y")
    assert ConfigError("2 problems", file="anyapi.toml", problems=(one, two)).problems == (one, two)
