"""What a target understands is carried, and what it does not is noted."""

from tests.unit.upstream.translate.anthropic_events import raw, resolved

from anyapi.upstream.translate.hub_target import CACHE_CONTROL, EXTENSIONS, HUB, STRICT, Carrier, Target

MARKED = {"cache_control": raw({"type": "ephemeral"})}


def test_the_hub_takes_everything_and_openai_nothing():
    assert all(Carrier(HUB).keeps(name) for name in EXTENSIONS)
    assert not any(Carrier(STRICT).keeps(name) for name in EXTENSIONS)
    assert Carrier(Target(extensions=frozenset({CACHE_CONTROL}))).keeps(CACHE_CONTROL)
    assert not Carrier(Target(reasoning=False)).reasoning


def test_cache_marks():
    carrier, made = Carrier(HUB), {}
    carrier.cache(MARKED, made)
    assert (resolved(made), carrier.notes.names) == ({"cache_control": {"type": "ephemeral"}}, ())
    carrier, made = Carrier(STRICT), {}
    carrier.cache(MARKED, made)
    assert (made, carrier.notes.names) == ({}, ("cache_control",))
    carrier = Carrier(STRICT)
    carrier.cache({"cache_control": raw(None)}, {})
    carrier.cache({}, {})
    assert carrier.notes.names == ()


def test_names_that_a_client_made_up_are_not_repeated():
    carrier = Carrier(HUB)
    carrier.note_rest({"a": raw(1)}, frozenset({"a"}), "messages")
    assert carrier.notes.names == ()
    carrier.note_rest({"s3cret": raw(1)}, frozenset({"a"}), "messages")
    assert carrier.notes.names == ("messages.other",)
