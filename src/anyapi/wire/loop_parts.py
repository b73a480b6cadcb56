"""What all connections of one event loop share, towards clients and towards providers."""

import asyncio

from anyapi.wire.buffers import ReadBuffer
from anyapi.wire.deadlines import Sweep
from anyapi.wire.outbox import Outbox


class LoopParts:
    """The read buffer for plaintext, the sweep of deadlines, the outbox, and the loop itself."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, scrubbing: bool = True) -> None:
        """`scrubbing`: whether the buffer is overwritten after each read."""
        self.loop = loop
        self.buffer = ReadBuffer(scrubbing=scrubbing)
        self.sweep = Sweep(loop)
        self.outbox = Outbox(loop)
