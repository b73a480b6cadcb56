"""Halves of surrogate pairs in JSON text: found, and nothing else touched."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyapi.wire.surrogates import Events, without_halves

TEXTS = st.text(st.characters() | st.characters(categories=["Cs"]) | st.sampled_from('\\ud8DcC3"/😀'))
"""Halves among them, and what looks like their escapes."""


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        (rb'"\ud83d"', rb'"\ufffd"'),
        (rb'"\ude00"', rb'"\ufffd"'),
        (rb'"\uD83D\uDE00"', rb'"\uD83D\uDE00"'),
        (rb'"\ud83d\ud83d\ude00"', rb'"\ufffd\ud83d\ude00"'),
        (rb'"\ude00\ud83d"', rb'"\ufffd\ufffd"'),
        (rb'"\\ud83d"', rb'"\\ud83d"'),
        (rb'"\\\ud83d"', rb'"\\\ufffd"'),
        (rb'"\u2028\ud83dx"', rb'"\u2028\ufffdx"'),
        (rb'"\ud83', rb'"\ud83'),
        (b"", b""),
    ],
)
def test_each_half_alone_becomes_a_replacement_character(text, whole):
    assert without_halves(text) == whole


@given(TEXTS, st.booleans())
def test_what_python_writes_is_readable_then(text, ascii_only):
    written = json.dumps(text, ensure_ascii=True).encode() if ascii_only else json.dumps(text).encode("utf-8", "surrogatepass")
    found = without_halves(written)
    assert len(found) == len(written)
    # surrogates of the text that happen to stand as a pair are one character to a reader of JSON
    expected = json.loads(written).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert msgspec.json.decode(found) == expected


@given(st.text())
def test_text_without_halves_is_the_same(text):
    written = json.dumps(text).encode()
    assert without_halves(written) == written


def event(text, name="content"):
    return b'data: {"%b":"%b"}\n\n' % (name.encode(), text)


SPLIT = event(rb"one \ud83d") + event(rb"\ude00 two")
JOINED = event(b"one ") + event(rb"\ud83d\ude00 two")


@pytest.mark.parametrize(
    ("events", "joined"),
    [
        (SPLIT, JOINED),
        (SPLIT * 2, JOINED * 2),
        (event(b"x") + SPLIT + event(b"y"), event(b"x") + JOINED + event(b"y")),
        (event(rb"\ud83d") + event(rb"\ude00\ud83d") + event(rb"\ude00"), event(b"") + event(rb"\ud83d\ude00") + event(rb"\ud83d\ude00")),
        (event(rb"\ud83d"), event(rb"\ufffd")),
        (event(rb"\ud83d") + event(b"x"), event(rb"\ufffd") + event(b"x")),
        (event(rb"\ud83d") + event(b"x") + event(rb"\ude00"), event(rb"\ufffd") + event(b"x") + event(rb"\ufffd")),
        (event(rb"\ud83d") + event(rb"\"\ude00"), event(rb"\ufffd") + event(rb"\"\ufffd")),
        (event(rb"\ud83d x") + event(rb"\ude00"), event(rb"\ufffd x") + event(rb"\ufffd")),
        (event(rb"\\ud83d") + event(rb"\\ude00"), event(rb"\\ud83d") + event(rb"\\ude00")),
        (event(rb"\ud83d\ude00") + event(rb"\ude00"), event(rb"\ud83d\ude00") + event(rb"\ufffd")),
        (event(b"plain") + b": comment\n\n", event(b"plain") + b": comment\n\n"),
        (b"", b""),
    ],
)
def test_a_character_in_two_events_is_one_in_the_second(events, joined):
    whole = Events()
    assert whole.feed(events, last=True) == joined
    apart = Events()
    parts = [part + b"\n\n" for part in events.split(b"\n\n")[:-1]]
    assert b"".join([apart.feed(part, last=False) for part in parts] + [apart.feed(b"", last=True)]) == joined


def test_only_an_event_that_ends_within_a_character_waits():
    events = Events()
    assert events.feed(event(b"x") + event(rb"\ud83d"), last=False) == event(b"x")
    assert events.feed(event(rb"\ude00"), last=False) == event(b"") + event(rb"\ud83d\ude00")
    assert events.feed(event(rb"\ude00"), last=False) == event(rb"\ufffd")
