"""Reasoning goes round: what a provider needs back is in the item, whole, whatever the client drops of the rest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyapi.errors import BadRequest
from anyapi.upstream.translate.openai_responses_reasoning import PREFIX, Gathered, pack, read, unpack

DETAILS = st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=20) | st.integers(0, 9) | st.none(), max_size=4), max_size=4)


@given(DETAILS)
def test_what_is_packed_comes_out(details):
    sealed = pack(details)
    assert sealed.startswith(PREFIX)
    assert unpack(sealed, "w") == details


@pytest.mark.parametrize("body", ["", "!", "bm8", "NQ==", "WzVd", "eyJhIjoxfQ==", "W1tbW1tb" * 2000])
def test_damage_is_named(body):
    with pytest.raises(BadRequest) as caught:
        unpack(PREFIX + body, "input[3].encrypted_content")
    assert caught.value.field == "input[3].encrypted_content"


def test_pieces_become_what_they_were():
    gathered = Gathered()
    shown = [
        gathered.add(piece)
        for piece in (
            {"type": "reasoning.text", "text": "a", "index": 0},
            {"type": "reasoning.text", "text": "b", "index": 0, "signature": None},
            {"type": "reasoning.text", "signature": "si", "index": 0, "format": "f"},
            {"type": "reasoning.text", "signature": "g"},
            {"type": "reasoning.encrypted", "data": "d"},
        )
    ]
    assert shown == ["a", "b", "", "", ""]
    assert gathered.text == "ab"
    assert unpack(gathered.sealed(always=False), "w") == [
        {"type": "reasoning.text", "text": "ab", "index": 0, "signature": "sig", "format": "f"},
        {"type": "reasoning.encrypted", "data": "d"},
    ]


def test_an_index_tells_items_apart():
    gathered = Gathered()
    gathered.add({"type": "reasoning.text", "text": "a", "index": 0})
    assert gathered.takes({"index": 0})
    assert gathered.takes({})
    assert not gathered.takes({"index": 1})
    assert not Gathered.says({"type": "reasoning.text", "text": "", "signature": None})


def test_plain_text_is_sealed_when_asked_for():
    gathered = Gathered()
    assert gathered.sealed(always=True) is None
    gathered.say("t")
    assert gathered.sealed(always=False) is None
    assert unpack(gathered.sealed(always=True), "w") == [{"type": "reasoning.text", "text": "t"}]


def test_reading_items():
    details = [{"type": "reasoning.text", "text": "t", "signature": "s"}]
    only_sealed = read({"summary": [], "encrypted_content": pack(details)}, "i")
    assert (only_sealed.text, only_sealed.details) == ("t", details)
    both = read({"summary": [{"text": "x"}, {"text": "y"}], "content": None, "encrypted_content": None}, "i")
    assert (both.text, both.details) == ("x\n\ny", [])
    with pytest.raises(BadRequest):
        read({"encrypted_content": 5}, "i")
