"""An entry of a prompt log as one JSON document, made piece by piece; and read again where somebody could open it.

`prompt` is the request as it came, `response` the answer as it went: JSON, or an event stream as one text.
"""

from collections.abc import Iterator

import msgspec

from anyapi.domain.prompt_log import Kept
from anyapi.wire.surrogates import without_halves

FORMAT = "anyapi-log/1"
PIECE = 64 * 1024
_encode = msgspec.json.Encoder().encode


class Opened(msgspec.Struct, frozen=True):
    """A document after it was opened. Holds content: never printed as a whole by us."""

    format: str
    decision: str
    account: str
    at: float
    operation: str
    model: str
    outcome: str
    prompt: msgspec.Raw
    response: msgspec.Raw

    def __repr__(self) -> str:
        """The decision's id alone."""
        return f"<Opened {self.decision}>"


_decode = msgspec.json.Decoder(Opened).decode


def document(kept: Kept) -> Iterator[bytes | memoryview]:
    """The document in pieces of at most `PIECE` bytes, so that no second copy of the whole is made."""
    entry = kept.entry
    head = {
        "format": FORMAT,
        "decision": entry.decision,
        "account": entry.account,
        "at": entry.at,
        "operation": entry.operation,
        "model": entry.model,
        "outcome": entry.outcome,
    }
    yield _encode(head)[:-1] + b',"prompt":'
    yield from _cut(kept.prompt or b"null")
    yield b',"response":'
    if not kept.response:
        yield b"null"
    elif not kept.streamed:
        for part in kept.response:
            yield from _cut(part)
    else:
        yield b'"'
        for part in kept.response:
            yield from _cut(_encode(part.decode("utf-8", "replace"))[1:-1])
        yield b'"'
    yield b"}"


def read(plain: bytes) -> Opened:
    """Read an opened document. Raises `ValueError` for one that is none, without its text.

    U+FFFD stands for halves of surrogate pairs, which answers may hold and no decoder takes, where there are any.
    """
    try:
        try:
            opened = _decode(plain)
        except msgspec.DecodeError:
            opened = _decode(without_halves(plain))
    except (ValueError, RecursionError):
        raise ValueError("this is not an entry of a prompt log") from None
    if opened.format != FORMAT:
        raise ValueError("this entry was written by a newer AnyAPI")
    return opened


def _cut(data: bytes) -> Iterator[bytes | memoryview]:
    view = memoryview(data)
    for start in range(0, len(data), PIECE):
        yield view[start : start + PIECE]
