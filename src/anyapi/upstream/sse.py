"""Server-sent events, sans-I/O: cut a byte stream at event boundaries, and read the events in a cut.

Source: the WHATWG HTML standard, section 9.2 (event stream interpretation). What a stream means is not known here, and `id` and `retry`
are not looked at: nobody resumes an inference.
"""

from collections.abc import Iterator
from typing import Protocol

LIMIT = 1024 * 1024
"""Bytes of one incomplete event that are held back at most."""

BLANK = b"\n\n"
"""What makes an event whole that is held back, wherever in its last line end it broke off."""
BOM = b"\xef\xbb\xbf"


class Reader(Protocol):
    """Whoever reads a stream's events, as far as its end is concerned."""

    complete: bool

    def feed(self, data: bytes) -> bytes:
        """Take bytes as they came off the wire; return what may go on."""
        ...


def ended(reader: Reader, *, holding: bool) -> bytes:
    """What may go on where the message has ended in good order: an event that is held back for want of its blank line alone counts.

    Nothing unless the stream is complete with it: then it was more than the blank line that lacked.
    """
    last = reader.feed(BLANK) if holding else b""
    return last if reader.complete else b""


class Splitter:
    """Gives back whole events, byte for byte as they came, and holds back at most one incomplete event.

    A byte order mark before the first one is left out: it means nothing there, and anywhere else it is a letter like others.

    INVARIANT: what `feed` returned so far is a prefix of what went in, and ends after a blank line (or is empty).
    """

    __slots__ = ("_fresh", "_held", "_lf_due", "_limit", "overflow")

    def __init__(self, limit: int = LIMIT) -> None:
        """Start with nothing held. `limit`: bytes of one incomplete event that may be."""
        self._limit = limit
        self._held = bytearray()
        self._fresh = True
        """Nothing was returned yet."""
        self._lf_due = False
        """What was returned ends with CR: an LF that follows belongs to it."""
        self.overflow = False
        """An event exceeded the limit. Nothing is returned any more."""

    @property
    def holding(self) -> bool:
        """Whether an incomplete event is held back."""
        return bool(self._held)

    def feed(self, data: bytes) -> bytes:
        """Take bytes as they came off the wire; return the whole events that they complete, possibly none."""
        if self._held or self._fresh or self._lf_due or self.overflow:
            return self._feed_in_between(data)
        if data.endswith(b"\n\n"):  # the common case: a write of the provider holds whole events
            return data
        end = _boundary(data, 0) or _blank_lines(data)
        if end < len(data):
            self._held += data[end:]
            self._check()
        self._lf_due = not self._held and data.endswith(b"\r")
        return data[:end]

    def _feed_in_between(self, data: bytes) -> bytes:
        if self.overflow or not data:
            return b""
        if self._lf_due:
            self._lf_due = False
            return b"\n" + self.feed(data[1:]) if data.startswith(b"\n") else self.feed(data)
        held = self._held
        before = len(held)
        held += data
        end = _boundary(held, max(0, before - 1))  # its first byte may be the last one held
        if not end and not before:
            end = _blank_lines(data)
        whole = bytes(held[:end])
        del held[:end]
        if self._fresh and whole:
            self._fresh = False
            whole = whole.removeprefix(BOM)
        self._lf_due = not held and whole.endswith(b"\r")
        self._check()
        return whole

    def _check(self) -> None:
        if len(self._held) > self._limit:
            self.overflow = True
            self._held = bytearray()


def _boundary(data: bytes | bytearray, start: int) -> int:
    """Where the last blank line from `start` on ends, 0 if there is none. A line ends with LF, CRLF or CR.

    A CR at the very end counts as a line end at once: nobody waits for an LF that may never come.
    """
    end = data.rfind(b"\n\n", start) + 2
    if end < 2:
        end = 0
    if data.find(b"\r", start) >= 0:
        for blank in (b"\n\r", b"\r\r"):
            at = data.rfind(blank, start) + 2
            if at >= 2:
                end = max(end, at + 1 if data[at : at + 1] == b"\n" else at)
    return end


def _blank_lines(data: bytes) -> int:
    """How long the line ends at the beginning are. Before an event they are whole as they come."""
    return len(data) - len(data.lstrip(b"\r\n"))


def with_plain_ends(data: bytes) -> bytes:
    """The same with LF at the end of each line."""
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if data.find(b"\r") >= 0 else data


def events(whole: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Read what `Splitter.feed` returned: each event's name (`message` if it has none) and data. Events without data are nothing."""
    for block in with_plain_ends(whole).split(b"\n\n"):
        name, data = b"message", None
        for line in block.split(b"\n"):
            field, _, value = line.partition(b":")
            if field == b"data":
                value = value.removeprefix(b" ")
                data = value if data is None else data + b"\n" + value
            elif field == b"event":
                name = value.removeprefix(b" ") or b"message"
        if data is not None:
            yield name, data
