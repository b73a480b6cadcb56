"""Halves of surrogate pairs in JSON text: found, and nothing else touched."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyapi.wire.surrogates import without_halves

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
