"""Two things sockets do not offer in one call: a reset instead of an orderly end, and to know what the peer's kernel has not yet taken."""

import asyncio
import fcntl
import socket
import struct
import termios
from typing import Protocol


class SocketLike(Protocol):
    """A socket, or what a transport gives out as one."""

    def fileno(self) -> int:
        """Return the file descriptor."""
        ...

    def setsockopt(self, level: int, option: int, value: bytes, /) -> None:
        """Set an option."""
        ...


_ON_WITH_ZERO = struct.pack("ii", 1, 0)
_TRIES = 2_000
_PAUSE = 0.001


def reset_on_close(sock: SocketLike) -> None:
    """Make the next close send RST (SO_LINGER with zero seconds, socket(7))."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ON_WITH_ZERO)


async def all_acknowledged(sock: SocketLike) -> None:
    """Wait, two seconds at most, until the peer's kernel acknowledged every byte: a reset throws the rest away (SIOCOUTQ, tcp(7))."""
    for _ in range(_TRIES):
        answer = fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, b"\0" * 4)
        if not struct.unpack("i", answer)[0]:
            return
        await asyncio.sleep(_PAUSE)
