"""Frames against values that were worked out by another implementation, and against a reader written apart (`formats.frames`)."""

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.simulator.formats import frames

from anyapi.simulator.event_stream import ENDLESS_LENGTH, encode, endless_start, payload_of, with_payload, with_wrong_checksum

HEADERS = {":event-type": "x", ":content-type": "application/json", ":message-type": "event"}


def test_the_empty_message_of_the_specification():
    assert encode({}, b"").hex() == "0000001000000000" + "05c248eb" + "7d98c8ff"


def test_a_message_with_a_payload():
    frame = encode({}, b"{'foo':'bar'}")
    assert frame.hex() == "0000001d00000000" + "fd528c5a" + b"{'foo':'bar'}".hex() + "c3653936"


@given(st.dictionaries(st.sampled_from([":a", "b", "日本"]), st.text(max_size=300)), st.dictionaries(st.text(), st.integers()))
def test_what_is_written_is_read(headers, value):
    payload = str(value).encode().hex().join('""').encode()
    frame = encode(headers, payload)
    assert payload_of(frame) == payload
    assert [(found, f'"{text}"'.encode()) for found, text in frames(frame)] == [(headers, payload)]


def test_another_payload_gets_its_checksums():
    assert with_payload(encode(HEADERS, b"{}"), b"[1]") == encode(HEADERS, b"[1]")


@pytest.mark.parametrize("which", ["message", "prelude"])
def test_a_wrong_checksum(which):
    good = encode(HEADERS, b"{}")
    bad = with_wrong_checksum(good, which)
    assert len(bad) == len(good)
    prelude_right = struct.unpack(">I", bad[8:12])[0] == zlib.crc32(bad[:8])
    assert prelude_right == (which == "message")
    assert struct.unpack(">I", bad[-4:])[0] != zlib.crc32(bad[:-4])


def test_a_frame_without_end():
    start = endless_start()
    assert struct.unpack(">II", start[:8]) == (ENDLESS_LENGTH, 0)
    assert struct.unpack(">I", start[8:])[0] == zlib.crc32(start[:8])
