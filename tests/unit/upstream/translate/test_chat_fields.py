"""Reading a request's outer fields: absent, dropped, refused, noted."""

import msgspec
import pytest

from anyapi.errors import BadRequest
from anyapi.upstream.translate.adjustments import Adjustments
from anyapi.upstream.translate.chat_fields import COMMON, HINTS, UNSAID, ChatFields, Rules, choices_asked, hides_reasoning

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


def refusal(ask):
    with pytest.raises(BadRequest) as caught:
        ask()
    assert "secret" not in str(caught.value)
    return caught.value.field


def test_numbers_and_flags():
    found, notes = source(a=0.5, b=3, c=True, d="secret")
    assert (found.number("a", 0, 1), found.number("x", 0, 1)) == (0.5, None)
    assert (found.integer("b", 0), found.integer("b", 0, 3), found.integer("x", 0)) == (3, 3, None)
    assert (found.flag("c"), found.flag("x")) == (True, None)
    asks = [lambda: found.number("b", 0, 1), lambda: found.integer("b", 0, 2), lambda: found.integer("b", 4), lambda: found.flag("d")]
    assert [refusal(ask) for ask in asks] == ["b", "b", "b", "d"]
    assert notes.names == ()


@pytest.mark.parametrize(("value", "found", "noted"), [(0.5, 0.5, ()), (1, 0.9, ("p",)), (0, 0.1, ("p",)), (None, None, ())])
def test_the_nearest_that_a_provider_takes(value, found, noted):
    asked, notes = source(p=value)
    assert (asked.nearest("p", (0, 1), (0.1, 0.9)), notes.names) == (found, noted)
    assert refusal(lambda: source(p=2)[0].nearest("p", (0, 1), (0.1, 0.9))) == "p"


@pytest.mark.parametrize(("seed", "found", "noted"), [(5, 5, ()), (-1, None, ("seed",)), (11, None, ("seed",)), (None, None, ())])
def test_seeds(seed, found, noted):
    asked, notes = source(seed=seed)
    assert (asked.seed(0, 10), notes.names) == (found, noted)


def test_stops():
    assert [source(stop=stop)[0].stops("Acme") for stop in (None, "a", ["a", "b"], [])] == [[], ["a"], ["a", "b"], []]
    assert [refusal(lambda stop=stop: source(stop=stop)[0].stops("Acme", 2)) for stop in ("", ["a", ""], [7], 7, ["a"] * 3)] == ["stop"] * 5


SCHEMA = {"type": "object"}


@pytest.mark.parametrize(
    ("asked", "found", "noted"),
    [
        (None, None, ()),
        ({"type": "text"}, None, ()),
        ({"type": "json_object"}, {}, ()),
        ({"type": "json_schema", "json_schema": {"schema": SCHEMA}}, SCHEMA, ()),
        (
            {"type": "json_schema", "json_schema": {"schema": SCHEMA, "description": "d"}},
            SCHEMA,
            ("response_format.json_schema.description",),
        ),
    ],
)
def test_formats(asked, found, noted):
    fields, notes = source(response_format=asked)
    assert (fields.json_format(able=None, mixes=True), notes.names) == (found, noted)


@pytest.mark.parametrize(
    ("asked", "able", "field"),
    [
        ("secret", None, "response_format"),
        ({"type": "secret"}, None, "response_format.type"),
        ({"type": "json_schema"}, None, "response_format.json_schema"),
        ({"type": "json_schema", "json_schema": {"schema": 1}}, True, "response_format.json_schema.schema"),
        ({"type": "json_schema", "json_schema": {"schema": SCHEMA}}, False, "response_format"),
    ],
)
def test_formats_that_cannot_be(asked, able, field):
    assert refusal(lambda: source(response_format=asked)[0].json_format(able=able, mixes=True)) == field


def test_json_beside_tools():
    fields = {"response_format": {"type": "json_object"}, "tools": [1]}
    assert source(**fields)[0].json_format(able=None, mixes=True) == {}
    assert refusal(lambda: source(**fields)[0].json_format(able=None, mixes=False)) == "response_format"
    assert source(**{**fields, "tools": []})[0].json_format(able=None, mixes=False) == {}


def test_the_shared_tables_do_not_overlap():
    assert not COMMON & HINTS
    assert not (COMMON | HINTS) & UNSAID.keys()
