"""Looking at chat completions: the events of a stream, whole ones with LF line ends, and what an answer holds. Keeps nothing."""

import re
from collections.abc import Callable
from typing import TypeVar

import msgspec

from anyapi.wire.surrogates import without_halves
from anyapi.wire.utf8 import is_utf8

FIELD = re.compile(rb"(data|event|id|retry)?:")
EMPTY = frozenset({b"null", b'""', b"[]"})
"""Values that say nothing."""
DONE = b"[DONE]"
FAILED = "error"
"""The finish reason by which routers and servers say that the model failed in the middle of its answer."""


class Chunk(msgspec.Struct):
    """What is read of a chunk."""

    choices: list[msgspec.Raw] = []
    usage: msgspec.Raw = msgspec.Raw(b"null")
    error: msgspec.Raw = msgspec.Raw(b"null")


class _End(msgspec.Struct):
    finish_reason: str | None = None


class _Ends(msgspec.Struct):
    choices: list[_End] = []


class _Delta(msgspec.Struct):
    delta: dict[str, msgspec.Raw] = {}


class _Opening(msgspec.Struct):
    choices: list[_Delta] = []


class _Added(msgspec.Struct):
    reasoning: msgspec.Raw = msgspec.Raw(b"null")
    reasoning_details: msgspec.Raw = msgspec.Raw(b"null")
    images: msgspec.Raw = msgspec.Raw(b"null")


class _Message(msgspec.Struct):
    message: _Added


class _Messages(msgspec.Struct):
    choices: list[_Message]


T = TypeVar("T")

_decode_chunk = msgspec.json.Decoder(Chunk).decode
_decode_ends = msgspec.json.Decoder(_Ends).decode
_decode_opening = msgspec.json.Decoder(_Opening).decode
_decode_added = msgspec.json.Decoder(_Messages).decode
_decode_raw = msgspec.json.Decoder(msgspec.Raw).decode


def is_plain(data: bytes) -> bool:
    """Whether `data` is nothing but whole events of one `data: ` line each, all JSON, with LF line ends."""
    if not (data.startswith(b"data: ") and data.endswith(b"\n\n") and is_utf8(data)):
        return False
    events = data[6:-2].split(b"\n\ndata: ")
    if data.count(b"\n") != 2 * len(events) or b"\r" in data:  # a further line, which JSON would take for a space
        return False
    try:
        for event in events:  # joined, two halves could make a whole
            _decode_raw(event)
    except (ValueError, RecursionError):
        return False
    return True


def is_event(event: bytes) -> bool:
    """Whether what stands between two blank lines is an event of the format: UTF-8, JSON, the terminal marker, comments, other fields."""
    if not is_utf8(event) or not all(FIELD.match(line) for line in event.split(b"\n") if line):
        return False
    text = _data_of(event)
    if not text or text == DONE:
        return True
    return decoded(_decode_raw, text) is not None


def decoded(decode: Callable[[bytes], T], text: bytes) -> T | None:
    """Decode JSON text; None where it is not of the form. Servers that count in UTF-16 send half of a character in each of two events."""
    try:
        return decode(text)
    except (ValueError, RecursionError):
        whole = without_halves(text)
        return None if whole == text else decoded(decode, whole)


def says_something(event: bytes) -> bool:
    """Whether a chunk's delta holds anything but a role. What cannot be read so far might."""
    data = _data_of(event)
    if not data or data == DONE:
        return False
    opening = decoded(_decode_opening, data)
    if opening is None:
        return True
    return any(name != "role" and bytes(value) not in EMPTY for choice in opening.choices for name, value in choice.delta.items())


def adds(body: bytes) -> bool:
    """Whether a whole answer holds what routers and servers add to OpenAI's format. Read apart, for an answer that has nothing else."""
    found = decoded(_decode_added, body)
    if found is None:
        return False
    return any(bytes(value) not in EMPTY for choice in found.choices for value in msgspec.structs.astuple(choice.message))


def says_failed(event: bytes) -> bool:
    """Whether a choice of a chunk ended because the model failed."""
    ends = decoded(_decode_ends, _data_of(event))
    return ends is not None and any(choice.finish_reason == FAILED for choice in ends.choices)


def read_chunk(event: bytes) -> Chunk | None:
    """The JSON object of one event's data lines; None where it is not one."""
    return decoded(_decode_chunk, _data_of(event))


def _data_of(event: bytes) -> bytes:
    return b"\n".join([line[5:].removeprefix(b" ") for line in event.split(b"\n") if line.startswith(b"data:")])
