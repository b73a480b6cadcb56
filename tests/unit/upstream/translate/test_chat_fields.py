"""Reading a request's outer fields: absent, dropped, refused, noted."""

import msgspec
import pytest

from anyapi.errors import BadRequest
from anyapi.upstream.translate.adjustments import Adjustments
from anyapi.upstream.translate.chat_fields import ChatFields, Rules, choices_asked, hides_reasoning

RULES = Rules("Acme", frozenset({"model", "max_tokens"}), {"audio": (lambda value: value == [], "it is deaf.")}, frozenset({"user"}))


def raws(**fields):
    return {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in fields.items()}


def source(drops=frozenset(), **fields):
    notes = Adjustments()
    return ChatFields(raws(**fields), drops, notes), notes


def test_null_and_dropped_fields_are_absent():
    found, notes = source(frozenset({"b", "z"}), a=None, b=1, c=[2])
    assert (found.get("a"), found.get("b"), found.get("c"), found.get("d")) == (None, None, [2], None)
    assert notes.names == ("b",)


def test_the_rest_is_settled():
    found, notes = source(model="x", audio=[], user="u", invented=1)
    found.settle_rest(RULES)
    assert set(notes.names) == {"user", "other"}


def test_a_refusal_names_the_field_and_not_the_value():
    with pytest.raises(BadRequest) as caught:
        source(audio="SECRET")[0].settle_rest(RULES)
    assert caught.value.field == "audio"
    assert "Acme" in caught.value.message
    assert "SECRET" not in caught.value.message


@pytest.mark.parametrize(
    ("fields", "most", "limit", "noted"),
    [
        ({}, 10, None, ()),
        ({"max_tokens": 5}, None, 5, ()),
        ({"max_completion_tokens": 5}, 10, 5, ()),
        ({"max_tokens": 5, "max_completion_tokens": 5}, 10, 5, ()),
        ({"max_tokens": 50}, 10, 10, ("max_tokens",)),
        ({"max_completion_tokens": 50}, 10, 10, ("max_completion_tokens",)),
    ],
)
def test_max_tokens(fields, most, limit, noted):
    found, notes = source(**fields)
    assert found.max_tokens(most) == limit
    assert notes.names == noted


@pytest.mark.parametrize("fields", [{"max_tokens": 0}, {"max_tokens": "5"}, {"max_tokens": 5, "max_completion_tokens": 6}])
def test_bad_max_tokens(fields):
    with pytest.raises(BadRequest):
        source(**fields)[0].max_tokens(None)


def test_peeking_never_raises():
    assert hides_reasoning(raws(reasoning={"exclude": True}))
    for value in ({"exclude": False}, {}, [], "x", None):
        assert not hides_reasoning(raws(reasoning=value))
    broken = {"reasoning": msgspec.Raw(b'{"exclude":tr'), "n": msgspec.Raw(b"[")}
    assert not hides_reasoning(broken)
    assert not hides_reasoning({})
    assert choices_asked(raws(n=3)) == 3
    assert [choices_asked(raws(n=value)) for value in (None, 0, -1, True, "2", 1.5)] == [1] * 6
    assert choices_asked(broken) == choices_asked({}) == 1
