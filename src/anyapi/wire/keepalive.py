"""TCP keep-alive: the kernel asks a silent peer for a sign of life. Sends no byte of ours, and ends no answer whose peer is there.

An answer may be awaited for ten minutes without a byte, and what stands between (NAT, firewalls, load balancers) forgets connections that
are silent for a few minutes, some without telling either end.
"""

import asyncio
import socket
from typing import Protocol

IDLE, INTERVAL, COUNT = 60, 15, 4
"""Seconds of silence before the first question, seconds between two of them, and how many may stay without an answer."""
BRIEF = 120.0
"""Seconds of silence that nothing in between takes for an end."""
_TIMES = {"TCP_KEEPIDLE": IDLE, "TCP_KEEPINTVL": INTERVAL, "TCP_KEEPCNT": COUNT}
_OPTIONS = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *((socket.IPPROTO_TCP, getattr(socket, name), value) for name, value in _TIMES.items() if hasattr(socket, name)),
]
"""Where the platform has no times of a socket's own, its usual ones hold."""


class Socket(Protocol):
    """What event loops give of a socket."""

    def setsockopt(self, level: int, name: int, value: int, /) -> None:
        """As that of `socket.socket`."""
        ...


def keep_alive(sock: Socket) -> None:
    """Switch it on for a TCP socket. Of one that listens, what it accepts from now on has it too: Linux hands these options on."""
    for level, name, value in _OPTIONS:
        sock.setsockopt(level, name, value)


def keep_through(transport: asyncio.BaseTransport | None, seconds: float) -> bool:
    """Keep a connection alive that may be silent for so long; gives whether it is. One that may not stays as it was.

    To ask a transport for its socket takes memory for as long as it is open, and there may be thousands whose peers write all the time.
    """
    sock = None if transport is None or seconds <= BRIEF else transport.get_extra_info("socket")
    if sock is not None:
        keep_alive(sock)
    return sock is not None
