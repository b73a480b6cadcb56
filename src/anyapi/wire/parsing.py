"""What llhttp calls while it reads, handed on to the connection that is being read: one set of callbacks for all connections of a loop.

A parser holds each of its callbacks as long as it lives. Those of a connection of its own are five bound methods, half a kilobyte under the
wiping allocator, for each stream that is open.
"""

from typing import Protocol


class Parsed(Protocol):
    """A connection, as llhttp sees it."""

    def on_message_begin(self) -> None:
        """The first byte of a message."""

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""

    def on_headers_complete(self) -> None:
        """The head is whole."""

    def on_body(self, part: bytes) -> None:
        """A piece of the body."""

    def on_message_complete(self) -> None:
        """The message is whole."""


class Callbacks:
    """The callbacks. INVARIANT: `reading` is whoever's bytes are fed to a parser now; a loop feeds one at a time."""

    __slots__ = ("on_body", "on_header", "on_headers_complete", "on_message_begin", "on_message_complete", "reading")

    def __init__(self) -> None:
        """Nobody is being read. Each callback is made once, here."""
        self.reading: Parsed = None  # type: ignore[assignment] # nobody, and then nothing is fed
        self.on_message_begin, self.on_message_complete = self._message_begin, self._message_complete
        self.on_header, self.on_headers_complete, self.on_body = self._header, self._headers_complete, self._body

    def let_go(self, gone: Parsed) -> None:
        """A connection is gone: it must not be held, with all that it refers to, for having been read last."""
        if self.reading is gone:
            self.reading = None  # type: ignore[assignment]

    def _message_begin(self) -> None:
        self.reading.on_message_begin()

    def _header(self, name: bytes, value: bytes) -> None:
        self.reading.on_header(name, value)

    def _headers_complete(self) -> None:
        self.reading.on_headers_complete()

    def _body(self, part: bytes) -> None:
        self.reading.on_body(part)

    def _message_complete(self) -> None:
        self.reading.on_message_complete()
