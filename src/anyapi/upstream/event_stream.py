"""`application/vnd.amazon.eventstream`, sans-I/O: take a byte stream apart into messages, both checksums proven.

What a message means is not known here. It is built so: total length and header length (4 bytes each, big endian), CRC-32 of these 8
bytes, headers, payload, CRC-32 of all before.
Source: AWS, Amazon Transcribe developer guide, "Event stream encoding"; Smithy, "Amazon Event Stream specification".
"""

import struct
import uuid
import zlib
from typing import TypeAlias

import msgspec

LIMIT = 1024 * 1024
"""Bytes of one message at most. AWS allows 24 MiB; a piece of an answer has a few hundred, and nobody may make us hold back more."""

PRELUDE = 12
"""Two lengths and their checksum."""
FRAME = PRELUDE + 4
"""The bytes of a message that has neither headers nor payload."""

HeaderValue: TypeAlias = bool | int | bytes | str | uuid.UUID
"""A timestamp is its milliseconds since 1970."""

_lengths = struct.Struct(">III")
_checksum = struct.Struct(">I")
_short = struct.Struct(">H")
_numbers = {2: struct.Struct(">b"), 3: struct.Struct(">h"), 4: struct.Struct(">i"), 5: struct.Struct(">q"), 8: struct.Struct(">q")}


class Message(msgspec.Struct, frozen=True):
    """One message. Its payload holds content: never printed."""

    headers: dict[str, HeaderValue]
    payload: bytes

    def __repr__(self) -> str:
        """Never the content."""
        return "<Message>"

    def text(self, name: str) -> str:
        """The header of that name if it is a string, else the empty string."""
        value = self.headers.get(name)
        return value if isinstance(value, str) else ""


class Decoder:
    """Gives back whole messages, and holds back at most one incomplete one.

    INVARIANT: a message is given out only after its last byte came and both checksums fit.
    """

    __slots__ = ("_held", "_needed", "broken")

    def __init__(self) -> None:
        """Start with nothing held."""
        self._held = bytearray()
        self._needed = PRELUDE
        self.broken = False
        """A checksum, a length or a header is wrong. Nothing is given out any more: where the next message starts cannot be known."""

    def __repr__(self) -> str:
        """Never the content."""
        return "<Decoder>"

    @property
    def holding(self) -> bool:
        """Whether an incomplete message is held back."""
        return bool(self._held)

    def feed(self, data: bytes) -> list[Message]:
        """Take bytes as they came off the wire; return the messages that they complete, those before a break included."""
        if self.broken:
            return []
        self._held += data
        found: list[Message] = []
        if len(self._held) < self._needed:
            return found
        whole = bytes(self._held)
        at = 0
        try:
            while len(whole) - at >= self._needed:
                if self._needed == PRELUDE:
                    self._needed = _total(whole, at)
                    continue
                found.append(_message(whole, at, self._needed))
                at += self._needed
                self._needed = PRELUDE
        except ValueError:
            self.broken = True
            self._held = bytearray()
            return found
        del self._held[:at]
        return found


def _total(data: bytes, at: int) -> int:
    """The length of the message that starts there, from its prelude."""
    total, headers, stated = _lengths.unpack_from(data, at)
    if zlib.crc32(data[at : at + 8]) != stated:
        raise ValueError("the prelude's checksum does not fit")
    if not FRAME + headers <= total <= LIMIT:
        raise ValueError("the lengths do not fit")
    return int(total)


def _message(data: bytes, at: int, total: int) -> Message:
    end = at + total - 4
    if zlib.crc32(memoryview(data)[at:end]) != _checksum.unpack_from(data, end)[0]:
        raise ValueError("the message's checksum does not fit")
    split = at + PRELUDE + int(_lengths.unpack_from(data, at)[1])
    return Message(_headers(data[at + PRELUDE : split]), data[split:end])


def _headers(data: bytes) -> dict[str, HeaderValue]:
    """Read all headers: length of the name (1 byte), name, type (1 byte), value. Raises ValueError when they do not fill `data` exactly."""
    found: dict[str, HeaderValue] = {}
    at = 0
    while at < len(data):
        start, at = at + 1, at + 1 + data[at]
        name = data[start:at].decode()
        if not name or name in found or at >= len(data):
            raise ValueError("a header without name or type, or one twice")
        found[name], at = _value(data, at)
    return found


def _value(data: bytes, at: int) -> tuple[HeaderValue, int]:
    """Read the type and the value that stand there, and say where they end."""
    kind, at = data[at], at + 1
    if kind in (0, 1):
        return kind == 0, at
    number = _numbers.get(kind)
    if number is not None:
        return int(number.unpack(_cut(data, at, number.size))[0]), at + number.size
    if kind in (6, 7):
        size = int(_short.unpack(_cut(data, at, 2))[0])
        value = _cut(data, at + 2, size)
        return (value if kind == 6 else value.decode()), at + 2 + size
    if kind == 9:
        return uuid.UUID(bytes=_cut(data, at, 16)), at + 16
    raise ValueError("a header of an unknown type")


def _cut(data: bytes, at: int, size: int) -> bytes:
    part = data[at : at + size]
    if len(part) != size:
        raise ValueError("a header is cut short")
    return part
