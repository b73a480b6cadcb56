"""The framing: AWS's published messages, every cut, every flipped bit, every kind of header."""

import struct
import uuid
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.upstream.frames import frame, header

from anyapi.upstream.event_stream import LIMIT, Decoder, Message

ONE = frame(header(b":event-type", b"x"), b'{"a":1}')
TWO = frame(header(b":message-type", b"event") + header(b"n", b"\x05", 2), b"secret")


def decoded(data):
    decoder = Decoder()
    found = decoder.feed(data)
    return found, decoder


def test_published_checksums():
    """The empty message, and one with a payload alone, with the checksums that AWS's own test suites state for them."""
    assert frame(b"") == bytes.fromhex("00000010 00000000 05c248eb 7d98c8ff")
    assert frame(b"", b"{'foo':'bar'}") == bytes.fromhex("0000001d 00000000 fd528c5a") + b"{'foo':'bar'}" + bytes.fromhex("c3653936")
    assert decoded(frame(b""))[0] == [Message({}, b"")]
    assert decoded(frame(b"", b"{'foo':'bar'}"))[0] == [Message({}, b"{'foo':'bar'}")]


def test_every_type_of_header():
    identity = uuid.uuid5(uuid.NAMESPACE_DNS, "example.org")
    headers = [
        header(b"yes", b"", 0),
        header(b"no", b"", 1),
        header(b"byte", b"\xff", 2),
        header(b"short", struct.pack(">h", -2), 3),
        header(b"int", struct.pack(">i", -(2**31)), 4),
        header(b"long", struct.pack(">q", 2**63 - 1), 5),
        header(b"blob", b"\x00\xff", 6),
        header("naïve".encode(), "Grüß".encode(), 7),
        header(b"at", struct.pack(">q", 1_800_000_000_123), 8),
        header(b"id", identity.bytes, 9),
    ]
    (message,), decoder = decoded(frame(b"".join(headers), b"p"))
    assert message.headers == {
        "yes": True,
        "no": False,
        "byte": -1,
        "short": -2,
        "int": -(2**31),
        "long": 2**63 - 1,
        "blob": b"\x00\xff",
        "naïve": "Grüß",
        "at": 1_800_000_000_123,
        "id": identity,
    }
    assert message.headers["yes"] is True
    assert (message.text("naïve"), message.text("byte"), message.text("absent")) == ("Grüß", "", "")
    assert not decoder.holding


def test_nothing_prints_content():
    (message,), decoder = decoded(TWO)
    assert "secret" not in repr(message) + repr(decoder)


def test_a_cut_at_every_byte_gives_whole_messages_only():
    data = ONE + TWO + ONE
    ends = [len(ONE), len(ONE) + len(TWO), len(data)]
    for cut in range(len(data) + 1):
        found, decoder = decoded(data[:cut])
        assert len(found) == sum(end <= cut for end in ends)
        assert decoder.holding is (cut not in (0, *ends))
        assert not decoder.broken
        assert found + decoder.feed(data[cut:]) == decoded(data)[0]
        assert not decoder.holding


def test_byte_by_byte():
    decoder = Decoder()
    data = ONE + TWO
    assert [message for byte in data for message in decoder.feed(bytes([byte]))] == decoded(data)[0]


def test_every_flipped_bit_is_noticed():
    for at in range(len(TWO)):
        for bit in range(8):
            bad = bytearray(ONE + TWO)
            bad[len(ONE) + at] ^= 1 << bit
            found, decoder = decoded(bytes(bad))
            assert decoder.broken
            assert found == decoded(ONE)[0]


def test_nothing_comes_after_a_break():
    decoder = Decoder()
    assert decoder.feed(ONE + b"\x00" * 12 + ONE) == decoded(ONE)[0]
    assert decoder.broken
    assert not decoder.holding
    assert decoder.feed(ONE) == []


def test_a_message_may_have_a_mebibyte_and_no_more():
    largest = frame(b"", b"x" * (LIMIT - 16))
    found, decoder = decoded(largest)
    assert len(found[0].payload) == LIMIT - 16
    assert not decoder.broken
    decoder = Decoder()
    decoder.feed(frame(b"", b"x" * (LIMIT - 15))[:12])  # refused by its prelude: nothing of it is held
    assert decoder.broken
    assert not decoder.holding


def prelude(total, headers):
    lengths = struct.pack(">II", total, headers)
    return lengths + struct.pack(">I", zlib.crc32(lengths))


@pytest.mark.parametrize(("total", "headers"), [(0, 0), (15, 0), (16, 1), (2**32 - 1, 0), (100, 2**32 - 1), (100, 85)])
def test_impossible_lengths(total, headers):
    assert decoded(prelude(total, headers))[1].broken


@pytest.mark.parametrize(
    "headers",
    [
        b"\x00\x00",  # no name
        b"\x01a",  # no type
        b"\x05abc",  # a name cut short
        b"\x01a\x0a",  # an unknown type
        b"\x01a\x07\x00",  # a length cut short
        b"\x01a\x07\x00\x05abc",  # a value cut short
        b"\x01a\x05\x00\x00",
        b"\x01a\x09\x00",
        b"\x01\xff\x00",  # not UTF-8
        b"\x01a\x07\x00\x01\xff",
        header(b"a", b"", 0) * 2,
    ],
)
def test_bad_headers(headers):
    found, decoder = decoded(frame(headers, b"p"))
    assert found == []
    assert decoder.broken


HEADERS = st.dictionaries(
    st.text(min_size=1, max_size=20),
    st.one_of(st.booleans(), st.binary(max_size=50), st.text(max_size=50), st.integers(-(2**63), 2**63 - 1), st.uuids()),
    max_size=6,
)


def encoded(headers):
    made = b""
    for name, value in headers.items():
        if isinstance(value, bool):
            made += header(name.encode(), b"", 0 if value else 1)
        elif isinstance(value, int):
            made += header(name.encode(), struct.pack(">q", value), 5)
        elif isinstance(value, bytes):
            made += header(name.encode(), value, 6)
        elif isinstance(value, str):
            made += header(name.encode(), value.encode(), 7)
        else:
            made += header(name.encode(), value.bytes, 9)
    return made


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(HEADERS, st.binary(max_size=200)), max_size=4), st.lists(st.integers(1, 60), max_size=30))
def test_what_goes_in_comes_out_however_it_is_cut(messages, sizes):
    data = b"".join(frame(encoded(headers), payload) for headers, payload in messages)
    decoder, found, at = Decoder(), [], 0
    for size in [*sizes, len(data) + 1]:
        found += decoder.feed(data[at : at + size])
        at += size
    assert found == [Message(headers, payload) for headers, payload in messages]
    assert not decoder.broken
    assert not decoder.holding


@settings(max_examples=300, deadline=None)
@given(st.lists(st.binary(max_size=80), max_size=5))
def test_garbage_never_raises(parts):
    decoder = Decoder()
    for part in parts:
        decoder.feed(part)
    assert decoder.broken or len(b"".join(parts)) < 12 or decoder.holding or not b"".join(parts)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60), st.binary(max_size=20))
def test_garbage_headers_with_good_checksums_never_raise(headers, payload):
    found, decoder = decoded(frame(headers, payload))
    assert decoder.broken is (found == [])
