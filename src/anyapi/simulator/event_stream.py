"""Frames of `application/vnd.amazon.eventstream`: a prelude with two lengths, headers, a payload, and two checksums.

Source: the event stream specification of Smithy (https://smithy.io/2.0/aws/amazon-eventstream.html). Only string headers are written.
"""

import struct
import zlib
from collections.abc import Mapping

_PRELUDE = struct.Struct(">II")
_CHECKSUM = struct.Struct(">I")
_OVERHEAD = _PRELUDE.size + 2 * _CHECKSUM.size
_STRING = 7
ENDLESS_LENGTH = 0x7FFF_FFFF


def encode(headers: Mapping[str, str], payload: bytes) -> bytes:
    """Return one frame."""
    return _frame(b"".join(_header(name.encode(), value.encode()) for name, value in headers.items()), payload)


def with_payload(frame: bytes, payload: bytes) -> bytes:
    """Return the frame with another payload and the checksums that belong to it."""
    return _frame(_divided(frame)[0], payload)


def payload_of(frame: bytes) -> bytes:
    """Return the payload of a frame made here."""
    return _divided(frame)[1]


def with_wrong_checksum(frame: bytes, which: str) -> bytes:
    """Return the frame with one bit of a checksum turned over: the `prelude`'s, else the whole message's."""
    place = _PRELUDE.size if which == "prelude" else len(frame) - _CHECKSUM.size
    return frame[:place] + bytes([frame[place] ^ 1]) + frame[place + 1 :]


def endless_start() -> bytes:
    """Return the prelude of a frame of two gibibytes, its checksum right."""
    prelude = _PRELUDE.pack(ENDLESS_LENGTH, 0)
    return prelude + _CHECKSUM.pack(zlib.crc32(prelude))


def _header(name: bytes, value: bytes) -> bytes:
    return bytes([len(name)]) + name + bytes([_STRING]) + struct.pack(">H", len(value)) + value


def _frame(headers: bytes, payload: bytes) -> bytes:
    prelude = _PRELUDE.pack(_OVERHEAD + len(headers) + len(payload), len(headers))
    checked = prelude + _CHECKSUM.pack(zlib.crc32(prelude)) + headers + payload
    return checked + _CHECKSUM.pack(zlib.crc32(checked))


def _divided(frame: bytes) -> tuple[bytes, bytes]:
    start = _PRELUDE.size + _CHECKSUM.size
    _, length = _PRELUDE.unpack_from(frame)
    return frame[start : start + length], frame[start + length : -_CHECKSUM.size]
