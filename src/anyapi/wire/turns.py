"""Turns of many connections on one loop: who sends faster than it is read gives way to the others after each full buffer.

libuv reads one socket up to 32 times before it looks at another one, as long as each read fills the buffer. What came has to be parsed, so
that one sender could hold up everybody else for a second at each of their steps.
"""

import asyncio
from collections.abc import Callable


def give_way(loop: asyncio.AbstractEventLoop, transport: asyncio.Transport | None, reads: Callable[[], bool]) -> None:
    """Read no more from it in this turn of the loop; and in the next one only if `reads` then says so."""
    if transport is not None and not transport.is_closing():
        transport.pause_reading()
        loop.call_soon(_go_on, transport, reads)


def _go_on(transport: asyncio.Transport, reads: Callable[[], bool]) -> None:
    if reads() and not transport.is_closing():
        transport.resume_reading()
