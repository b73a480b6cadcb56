"""Keeps prompts from staying in the process's memory (docs/adr/0008); `anyapi.hygiene` keeps that memory off the disk.

`anyapi.relaunch` has glibc overwrite freed memory; here it is checked that it does. Reference cycles are collected on a timer, because
until then nothing is freed. Does nothing about the kernel's socket buffers or about swap; says so in SECURITY.md.
"""

import asyncio
import ctypes
import gc

import msgspec

COLLECT_SECONDS = 1.0
MARK = 0x3C
"""Not what glibc itself fills memory with."""


def works() -> bool:
    """Write into memory, free it, and look whether it was overwritten: a C library without the tunable leaves it as it was."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    libc.free.argtypes = [ctypes.c_void_p]
    size = 4096
    copy = ctypes.create_string_buffer(size)  # made before: an object made after could lie where we look
    fence = libc.malloc(size)
    address = libc.malloc(size)
    after = libc.malloc(size)
    if not (fence and address and after):
        return False
    ctypes.memset(address, MARK, size)
    libc.free(address)
    ctypes.memmove(copy, address, size)
    left = copy.raw.count(MARK)
    libc.free(fence)
    libc.free(after)
    return left < size // 8


KEYS = tuple(b"{%b}" % b",".join(b'"%05d":0' % number for number in range(first, first + 500)) for first in range(0, 6000, 500))
"""Several objects, so that never more than one of them takes memory: a megabyte each second would show in what every stream holds."""
_decode_keys = msgspec.json.Decoder(dict[str, int]).decode


class _Zeros(ctypes.Structure):
    """Handed over by value, it is copied onto the stack of whoever is called."""

    _fields_ = (("bytes", ctypes.c_char * (64 * 1024)),)


_ZEROS = _Zeros()
_take_zeros = ctypes.CDLL(None).getpid  # takes nothing, and so leaves what it is given where it lies
_take_zeros.argtypes = [_Zeros]


def _overwrite_stack() -> None:
    """Write zeros over the 64 KB of stack below us, where C code that has returned left its buffers (a few microseconds)."""
    _take_zeros(_ZEROS)


def _overwrite_keys() -> None:
    """Fill the table in which msgspec keeps up to 512 short object keys for the whole process, callers' names too (0.5 ms)."""
    for text in KEYS:
        _decode_keys(text)


class Collector:
    """Collects garbage every `COLLECT_SECONDS` instead of whenever Python thinks it is time; what stands at the start is left out."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, scrubbing: bool) -> None:
        """Start on the given loop; `scrubbing`: overwrite now what the start has freed, and each time what has been freed since."""
        self._loop, self._scrubbing = loop, scrubbing
        gc.disable()
        self.freeze()
        self._overwrite()
        self._timer = loop.call_later(COLLECT_SECONDS, self._collect)

    @staticmethod
    def freeze() -> None:
        """Leave everything that exists now out of later collections; a full one would stall the loop for 30 ms.

        INVARIANT: garbage is collected before. What is frozen in a ring is never freed, nor overwritten.
        """
        gc.collect()
        gc.freeze()

    def close(self) -> None:
        """Give collecting back to Python."""
        self._timer.cancel()
        gc.enable()

    def _collect(self) -> None:
        self._timer = self._loop.call_later(COLLECT_SECONDS, self._collect)
        gc.collect()
        self._overwrite()

    def _overwrite(self) -> None:
        if self._scrubbing:
            _overwrite_keys()
            _overwrite_stack()
