"""UTF-8 told piece by piece, with Python's own decoder as the judge."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyapi.wire import utf8
from anyapi.wire.utf8 import PIECE, is_utf8

GOOD = ["é", "\u0800", "\uffff", "\U00010000", "\U0010ffff", "\u20ac", "a"]
BAD = [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80", b"\x80", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x98"]


@pytest.mark.parametrize("text", GOOD)
def test_a_character_may_stand_across_the_end_of_a_piece(text):
    for before in range(PIECE - 5, PIECE + 2):
        assert is_utf8(b"x" * before + text.encode() * 3 + b"x" * PIECE)
    assert is_utf8(text.encode() * PIECE)


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("at", [0, 5, *range(PIECE - 4, PIECE + 3), 2 * PIECE - 1])
def test_what_is_no_utf8_is_found_anywhere(bad, at):
    for after in (b"", b"y" * PIECE, "é".encode() * PIECE):
        assert not is_utf8(b"x" * at + bad + after)


@given(st.binary(max_size=40), st.integers(0, 12))
def test_pieces_and_the_whole_agree(data, size):
    piece, utf8.PIECE = utf8.PIECE, 4 + size
    try:
        ours = is_utf8(data)
    finally:
        utf8.PIECE = piece
    try:
        data.decode("utf-8")
        whole = True
    except UnicodeDecodeError:
        whole = False
    assert ours is whole
