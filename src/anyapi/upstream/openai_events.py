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
UNSAID = frozenset({"role", "refusal"})
"""Parts of a delta that are no content."""
FAILED = "error"
"""The finish reason by which routers and servers say that the model failed in the middle of its answer."""


class Chunk(msgspec.Struct):
    """What is read of a chunk."""

    choices: list[msgspec.Raw] | None = None
    usage: msgspec.Raw = msgspec.Raw(b"null")
    error: msgspec.Raw = msgspec.Raw(b"null")

    @property
    def is_one(self) -> bool:
        """Whether it is one at all: usage alone is, as some servers send it."""
        return self.choices is not None or bytes(self.usage) not in EMPTY


class _Plain(msgspec.Struct, gc=False):
    choices: list[msgspec.Raw]


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
_decode_plain = msgspec.json.Decoder(_Plain).decode
_decode_ends = msgspec.json.Decoder(_Ends).decode
_decode_opening = msgspec.json.Decoder(_Opening).decode
_decode_added = msgspec.json.Decoder(_Messages).decode
_decode_raw = msgspec.json.Decoder(msgspec.Raw).decode


def is_plain(data: bytes) -> bool:
    """Whether `data` is nothing but whole events of one `data: ` line each, all JSON objects with `choices`, with LF line ends."""
    if not (data.startswith(b"data: ") and data.endswith(b"\n\n") and is_utf8(data)):
        return False
    if data.find(b"\r") >= 0:
        return False
    try:
        for event in data[6:-2].split(b"\n\ndata: "):  # joined, two halves could make a whole
            if event.find(b"\n") >= 0:  # a further line, which JSON would take for a space
                return False
            _decode_plain(event)
    except (ValueError, RecursionError):
        return False
    return True


def is_chunk(event: bytes) -> bool | None:
    """Whether what stands between two blank lines is a chunk, the terminal marker, or comments and fields without data.

    False for any other JSON, and for what is named an error: both need a closer look. None for what is no event of the format.
    """
    if not is_utf8(event) or not all(FIELD.match(line) for line in event.split(b"\n") if line):
        return None
    text, named = data_of(event), is_named_error(event)
    if not text or text == DONE:
        return not named
    try:
        _decode_plain(text)
    except (ValueError, RecursionError):
        return None if decoded(_decode_raw, text) is None else False
    return not named


def decoded(decode: Callable[[bytes], T], text: bytes) -> T | None:
    """Decode JSON text; None where it is not of the form. Servers that count in UTF-16 send half of a character in each of two events."""
    try:
        return decode(text)
    except (ValueError, RecursionError):
        whole = without_halves(text)
        return None if whole == text else decoded(decode, whole)


def says_something(event: bytes) -> bool:
    """Whether a chunk's delta holds anything but a role or a refusal. What cannot be read so far might."""
    data = data_of(event)
    if not data or data == DONE:
        return False
    opening = decoded(_decode_opening, data)
    if opening is None:
        return True
    return any(name not in UNSAID and bytes(value) not in EMPTY for choice in opening.choices for name, value in choice.delta.items())


def adds(body: bytes) -> bool:
    """Whether a whole answer holds what routers and servers add to OpenAI's format. Read apart, for an answer that has nothing else."""
    found = decoded(_decode_added, body)
    if found is None:
        return False
    return any(bytes(value) not in EMPTY for choice in found.choices for value in msgspec.structs.astuple(choice.message))


def says_failed(event: bytes) -> bool:
    """Whether a choice of a chunk ended because the model failed."""
    ends = decoded(_decode_ends, data_of(event))
    return ends is not None and any(choice.finish_reason == FAILED for choice in ends.choices)


def read_chunk(event: bytes) -> Chunk | None:
    """The JSON object of one event's data lines; None where it is not one."""
    return decoded(_decode_chunk, data_of(event))


def is_named_error(event: bytes) -> bool:
    """Whether an event's name says that it is an error."""
    if event.find(b"event:") < 0:
        return False
    return any(line[6:].strip() == b"error" for line in event.split(b"\n") if line.startswith(b"event:"))


def data_of(event: bytes) -> bytes:
    """The data lines of one event."""
    return b"\n".join([line[5:].removeprefix(b" ") for line in event.split(b"\n") if line.startswith(b"data:")])
