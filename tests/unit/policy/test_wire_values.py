"""Readers of single values: what they take, and what they say of the rest."""

import pytest

from anyapi.domain.call import Sort
from anyapi.errors import BadRequest
from anyapi.policy import wire_values as wire
from anyapi.policy.wire_values import Known

KNOWN = Known(frozenset({"openai", "anthropic", "groq"}), frozenset({"soc2", "iso27001"}))


def refusal(read, *args):
    with pytest.raises(BadRequest) as caught:
        read(*args)
    return caught.value.message, caught.value.field


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, "null"), (1, "a number"), (0.5, "a number"), ("x", "a string"), ([], "an array"), ({}, "an object")],
)
def test_flags(value, words):
    assert refusal(wire.read_flag, value, "f") == (f"`f` must be true or false, not {words}.", "f")


def test_flags_are_read():
    assert wire.read_flag(True, "f") is True
    assert wire.read_flag(False, "f") is False


@pytest.mark.parametrize("value", [0, 0.5, 30, 1e9])
def test_numbers(value):
    assert wire.read_number(value, "f") == value
    assert isinstance(wire.read_number(value, "f"), float)


def test_minus_zero_is_zero():
    assert str(wire.read_number(-0.0, "f")) == "0.0"


@pytest.mark.parametrize("value", [-1, -0.001, float("nan"), float("inf"), float("-inf"), 10**400, -(10**400)])
def test_numbers_out_of_range(value):
    assert refusal(wire.read_number, value, "f") == ("`f` must be a finite number of at least 0.", "f")


@pytest.mark.parametrize(("value", "words"), [(None, "null"), (True, "a boolean"), ("1", "a string"), ([1], "an array"), ({}, "an object")])
def test_what_is_no_number(value, words):
    assert refusal(wire.read_number, value, "f") == (f"`f` must be a number of at least 0, not {words}.", "f")


def test_text():
    assert wire.read_text("", "f") == ""
    assert refusal(wire.read_text, 1, "f") == ("`f` must be a string, not a number.", "f")


def test_choice():
    assert wire.read_choice("latency", "f", Sort) is Sort.LATENCY
    assert refusal(wire.read_choice, "SECRET", "f", Sort) == ("`f` must be one of: price, latency, throughput.", "f")
    assert refusal(wire.read_choice, None, "f", Sort) == ("`f` must be a string, not null.", "f")


def test_lists():
    assert wire.read_list([], "f") == []
    assert wire.read_list(["a", "a"], "f") == ["a", "a"]
    assert refusal(wire.read_list, "a", "f") == ("`f` must be an array of strings, not a string.", "f")
    assert refusal(wire.read_list, ["a", None], "f") == ("`f[1]` must be a string, not null.", "f[1]")


def test_objects():
    value = {"a": 1}
    assert wire.read_object(value, "f", ("b", "a")) is value
    assert wire.read_object({}, "f", ("b", "a")) == {}
    assert refusal(wire.read_object, [], "f", ()) == ("`f` must be an object, not an array.", "f")
    assert refusal(wire.read_object, None, "f", ()) == ("`f` must be an object, not null.", "f")


def test_unknown_keys():
    keys = ("retention_days", "regions")
    assert refusal(wire.read_object, {"regions": 1, "region": 2}, "f", keys) == (
        "`f.region` is unknown. Did you mean `regions`?",
        "f.region",
    )
    assert refusal(wire.read_object, {"zzz": 1}, "f", keys) == ("`f.zzz` is unknown. Known here: regions, retention_days.", "f.zzz")
    two = ("regions", "region_x")
    assert refusal(wire.read_object, {"region": 1}, "f", two)[0] == "`f.region` is unknown. Did you mean `regions` or `region_x`?"


@pytest.mark.parametrize("key", ["my secret text", "", "a" * 65, "ключ", "a\nb"])
def test_a_key_that_is_no_field_name_is_not_repeated(key):
    message, field = refusal(wire.read_object, {key: 1}, "f", ("regions",))
    assert (message, field) == ("`f` holds an unknown field. Known here: regions.", "f")


def test_field_names():
    assert wire.is_field_name("a" * 64)
    assert wire.is_field_name("x-anyapi.A_9")
    assert not wire.is_field_name("a b")


def test_providers():
    assert wire.read_providers(["groq", "openai"], "f", KNOWN) == ["groq", "openai"]
    assert wire.read_providers([], "f", KNOWN) == []
    assert refusal(wire.read_providers, ["groq", "opnai"], "f", KNOWN) == (
        "`f[1]` is not a provider of this gateway. Similar: openai.",
        "f",
    )
    assert refusal(wire.read_providers, ["SECRET"], "f", KNOWN) == (
        "`f[0]` is not a provider of this gateway. GET /v1/models lists the providers.",
        "f",
    )
    two = Known(frozenset({"groq", "groqs"}), frozenset())
    assert refusal(wire.read_providers, ["gro"], "f", two)[0].endswith("Similar: groq, groqs.")


def test_certifications():
    assert wire.read_certifications(["soc2", "soc2"], "f", KNOWN) == {"soc2"}
    assert wire.read_certifications([], "f", KNOWN) == frozenset()
    assert refusal(wire.read_certifications, ["soc2", "SECRET"], "f", KNOWN) == (
        "`f[1]` is not a known certification. Known: iso27001, soc2.",
        "f",
    )


def test_regions():
    assert wire.read_regions(["de", "eu", "eea", "apac", "global", "local"], "f") == {"de", "eu", "eea", "apac", "global", "local"}
    assert wire.read_regions([], "f") == frozenset()
    near = {"EU": "eu", "eu ": "eu", "eu\n": "eu", "Europe": "eu", "DE": "de", "usa": "us", "world": "global"}
    for bad in ("e", "", "e1", "XY", "atlantis", *near):
        assert refusal(wire.read_regions, ["eu", bad], "f") == (
            "`f[1]` must be two lower-case letters, or eea, apac, global or local."
            + (f" Did you mean `{near[bad]}`?" if bad in near else ""),
            "f",
        )
