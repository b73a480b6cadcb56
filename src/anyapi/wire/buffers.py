"""One read buffer for all connections of an event loop, zeroed after each read.

An event loop's own read buffer keeps the last thing that anybody sent. Every protocol here is a `BufferedProtocol` on a buffer of
ours, so that plaintext can be wiped as soon as it was parsed (measured: docs/adr/0008). Sharing is safe because a loop reads and
calls back without yielding in between.
"""

SIZE = 256 * 1024


class ReadBuffer:
    """A buffer that protocols of one loop share. Not for threads."""

    __slots__ = ("_zeros", "scrubbing", "view")

    def __init__(self, *, size: int = SIZE, scrubbing: bool = True) -> None:
        """`size` in bytes; `scrubbing` off leaves old bytes in place."""
        self.view = memoryview(bytearray(size))
        self._zeros = memoryview(bytes(size))
        self.scrubbing = scrubbing

    def wipe(self, count: int) -> None:
        """Zero the first `count` bytes."""
        if self.scrubbing:
            self.view[:count] = self._zeros[:count]
