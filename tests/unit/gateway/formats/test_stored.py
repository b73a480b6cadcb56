"""`store` and `metadata` are taken off in every format; what they asked for is named, and only app fields are read."""

import json

import msgspec
import pytest

from anyapi.domain.call import App
from anyapi.errors import BadRequest
from anyapi.gateway.formats.stored import take_off


def fields(**values):
    return {name: msgspec.Raw(json.dumps(value).encode()) for name, value in values.items()}


@pytest.mark.parametrize(
    ("given", "app", "adjusted"),
    [
        ({}, None, []),
        ({"store": None, "metadata": None}, None, []),
        ({"store": False}, None, []),
        ({"store": True}, None, ["store"]),
        ({"metadata": {"app_id": "shop"}}, App(id="shop"), ["metadata"]),
        ({"store": True, "metadata": {"other": "x"}}, App(), ["store", "metadata"]),
    ],
)
def test_both_are_taken_off(given, app, adjusted):
    found = fields(model="m", **given)
    assert take_off(found) == (app, adjusted)
    assert set(found) == {"model"}


def test_an_app_field_that_stands_twice_is_refused():
    """Whichever counted, the other might be one that is refused."""
    for text in (b'{"app_id":"a b","app_id":"shop"}', b'{"app_id":"shop","app\\u005fid":"other"}', b'{"user_id":1,"user_id":"x"}'):
        with pytest.raises(BadRequest, match="twice") as caught:
            take_off({"metadata": msgspec.Raw(text)}, unread=frozenset({"user_id"}))
        assert caught.value.field == "metadata"


def test_names_may_be_left_unread():
    given = {"user_id": "x y", "app_id": "shop"}
    assert take_off(fields(metadata=given), unread=frozenset({"user_id"}))[0] == App(id="shop")
    with pytest.raises(BadRequest):
        take_off(fields(metadata=given))


@pytest.mark.parametrize("given", [{"store": "secret"}, {"store": 1}, {"metadata": "secret"}, {"metadata": {"app_id": "a b secret"}}])
def test_what_is_wrong_is_named_and_not_repeated(given):
    with pytest.raises(BadRequest) as caught:
        take_off(fields(**given))
    assert caught.value.field.startswith(next(iter(given)))
    assert "secret" not in str(caught.value)
