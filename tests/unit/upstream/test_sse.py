"""The splitter gives back whole events, whatever the line ends and wherever the bytes are cut."""

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anyapi.upstream import sse

ENDS = ["\n", "\r\n", "\r"]
STREAM = ": comment\ndata: häß 世界 🌍\n\nevent: two\ndata: a\ndata: b\ndata\n\n\ndata:no space\nid: 7\nretry: 10\n\nunknown: x\n\ndata: last\n\n"
READ = [("message", "häß 世界 🌍"), ("two", "a\nb\n"), ("message", "no space"), ("message", "last")]


def read(whole: bytes) -> list[tuple[str, str]]:
    return [(name.decode(), data.decode()) for name, data in sse.events(whole)]


def fed(chunks: list[bytes]) -> list[bytes]:
    splitter = sse.Splitter()
    out = [splitter.feed(chunk) for chunk in chunks]
    assert not splitter.overflow
    assert not splitter.holding
    return out


@pytest.mark.parametrize("end", ENDS)
def test_every_line_end_reads_the_same(end):
    assert read(STREAM.replace("\n", end).encode()) == READ


@pytest.mark.parametrize("end", ENDS)
def test_a_cut_at_every_byte_changes_nothing(end):
    data = STREAM.replace("\n", end).encode()
    for cut in range(len(data) + 1):
        parts = fed([data[:cut], data[cut:]])
        assert b"".join(parts) == data
        assert [event for part in parts for event in read(part)] == READ


@pytest.mark.parametrize("end", ENDS)
def test_one_byte_at_a_time(end):
    data = STREAM.replace("\n", end).encode()
    parts = fed([data[i : i + 1] for i in range(len(data))])
    assert b"".join(parts) == data
    assert [event for part in parts for event in read(part)] == READ


def test_line_ends_may_be_mixed_within_a_stream():
    for first in ENDS:
        for second in ENDS:
            if first + second == "\r\n":
                continue  # that is one line end
            data = f"data: x{first}{second}data: y{first}{second}".encode()
            assert read(b"".join(fed([data[i : i + 1] for i in range(len(data))]))) == [("message", "x"), ("message", "y")]


def test_an_event_is_held_until_its_blank_line():
    splitter = sse.Splitter()
    assert splitter.feed(b"data: x\n") == b""
    assert splitter.holding
    assert splitter.feed(b"\ndata: y\n") == b"data: x\n\n"
    assert splitter.feed(b"\n") == b"data: y\n\n"
    assert not splitter.holding


def test_crlf_is_one_line_end_and_no_blank_line():
    splitter = sse.Splitter()
    assert splitter.feed(b"data: x\r") == b""
    assert splitter.feed(b"\n") == b""
    assert splitter.feed(b"data: y\r\n") == b""
    assert splitter.feed(b"\r\n") == b"data: x\r\ndata: y\r\n\r\n"


def test_a_line_end_that_comes_in_two_reads_stays_where_it_is():
    """What was given back ends with CR, but more has come since: an LF that comes now belongs to the other CR, at the end of that."""
    stream = b"data: x\r\rdata: y\r\ndata: z\r\n\r\n"
    for cut in range(len(stream)):
        assert b"".join(fed([stream[:cut], stream[cut:]])) == stream
        for other in range(cut, len(stream)):
            assert b"".join(fed([stream[:cut], stream[cut:other], stream[other:]])) == stream


def test_an_event_without_a_name_is_a_message():
    assert read(b"event:\ndata: x\n\nevent: \ndata: y\n\n") == [("message", "x"), ("message", "y")]


def test_an_endless_event_overflows_at_one_mebibyte_and_not_before():
    splitter = sse.Splitter()
    for _ in range(16):
        assert splitter.feed(b"x" * 65536) == b""
    assert not splitter.overflow
    assert splitter.feed(b"x") == b""
    assert splitter.overflow
    assert not splitter.holding
    assert splitter.feed(b"data: y\n\n") == b""


def test_events_before_an_overflow_are_given_back():
    splitter = sse.Splitter()
    assert splitter.feed(b"data: x\n\n" + b"y" * (sse.LIMIT + 1)) == b"data: x\n\n"
    assert splitter.overflow


def test_a_held_event_that_grows_byte_by_byte_stays_linear():
    """A quadratic splitter needs minutes for this; the test's time limit notices."""
    splitter = sse.Splitter()
    for _ in range(200_000):
        splitter.feed(b"x")
    assert splitter.feed(b"\n\n") == b"x" * 200_000 + b"\n\n"


def test_a_byte_order_mark_is_left_out_before_the_first_event_alone_wherever_reads_end():
    mark = b"\xef\xbb\xbf"
    text = b"data: x\n" + mark + b"data: no field of that name\n\n" + mark + b"data: nor here\n\ndata: " + mark + b"w\n\n"
    for size in (1, 2, 3, 5, 1000):
        splitter = sse.Splitter()
        stream = mark + text
        parts = [splitter.feed(stream[at : at + size]) for at in range(0, len(stream), size)]
        assert b"".join(parts) == text
        assert [event for part in parts for event in sse.events(part)] == [(b"message", b"x"), (b"message", mark + b"w")]


def test_only_one_space_after_the_colon_is_dropped():
    assert read(b"data:  x \n\n") == [("message", " x ")]


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 2**32))
def test_nothing_is_lost_added_or_reordered(data, seed):
    data = data.replace(b"a", b"\n").replace(b"b", b"\r").replace(b"c", b"\n\n").replace(b"d", b"\r\n")
    chance, splitter, out, at = random.Random(seed), sse.Splitter(), [], 0
    while at < len(data):
        size = chance.randint(1, 9)
        out.append(splitter.feed(data[at : at + size]))
        at += size
    whole = b"".join(out)
    assert data.removeprefix(sse.BOM).startswith(whole)
    assert whole + splitter.feed(b"x\n\n") == (data + b"x\n\n").removeprefix(sse.BOM)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([b"\xf6", b"\x80", b"\r", b"\n", b"data: x", b":", sse.BOM]), max_size=9), st.data())
def test_what_is_given_back_does_not_depend_on_the_cut(parts, draw):
    """Bytes that no UTF-8 begins with, and blank lines more than one, included."""
    text = b"".join(parts)
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    at_once, in_pieces = sse.Splitter(), sse.Splitter()
    whole = at_once.feed(text)
    assert b"".join(in_pieces.feed(text[a:b]) for a, b in itertools.pairwise([0, *cuts, len(text)])) == whole
    assert in_pieces.holding == at_once.holding == (len(whole) < len(text.removeprefix(sse.BOM) if whole else text))


def test_a_blank_line_more_is_whole_as_it_comes():
    splitter = sse.Splitter()
    assert [splitter.feed(bytes([byte])) for byte in b"\xf6\x80\r\r\r"] == [b"", b"", b"", b"\xf6\x80\r\r", b"\r"]
    assert not splitter.holding


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="dat: xe\n\r", max_size=60))
def test_events_do_not_depend_on_the_cut(text):
    data = text.encode() + b"x\n\n"
    whole = read(sse.Splitter().feed(data))
    parts = fed([data[i : i + 1] for i in range(len(data))])
    assert [event for part in parts for event in read(part)] == whole
