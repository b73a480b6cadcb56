"""What goes out in one turn of the loop, written together at its end: a peer is then woken once for all of it, not once for each piece.

The loop writes at once. With many connections busy, whoever reads has gone to sleep again before the next piece comes, and waking it
costs more than the writing (measured: docs/adr/0007). With one request alone in the house waiting would only cost time: it goes out now.
"""

import asyncio
from collections.abc import Callable

MOST = 256 * 1024
"""Bytes that wait at most: what is more goes out in the middle of a turn."""
Write = Callable[[bytes], object]


class Outbox:
    """Writes that wait for the end of a turn, in order. Holds content for that long: never printed. Not for threads."""

    __slots__ = ("_bytes", "_loop", "_waiting", "active")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Nothing waits."""
        self._loop = loop
        self._waiting: list[tuple[Write, bytes]] = []
        self._bytes = 0
        self.active = 0
        """Requests that are being answered."""

    def __repr__(self) -> str:
        """How many wait, and nothing of them."""
        return f"<Outbox of {len(self._waiting)}>"

    def put(self, write: Write, data: bytes) -> None:
        """Have `write` called with `data` before this turn ends. Whoever closes a transport must `flush` before, or does without `data`."""
        waiting = self._waiting
        if not waiting:
            if self.active < 2:
                write(data)
                return
            self._loop.call_soon(self.flush)
        waiting.append((write, data))
        self._bytes += len(data)
        if self._bytes > MOST:
            self.flush()

    def flush(self) -> None:
        """Write all that waits."""
        if not self._waiting:
            return
        waiting, self._waiting, self._bytes = self._waiting, [], 0
        for write, data in waiting:
            try:
                write(data)
            except RuntimeError:  # what the loop says of a transport that was closed meanwhile
                continue
