"""Overwrites what Python's small-object allocator keeps of freed objects (docs/adr/0008).

Objects of up to 512 bytes come from arenas of Python's own, which reuses freed blocks without wiping them. To have each of them wiped
when it is freed would take another allocator, for every object of every request; instead every free block is taken and written to, and
given back, once a second. A block is known to be the last free one of its size when the next one lies in memory that was not mapped
before: the allocator asks for a new arena only when all it has is used (Objects/obmalloc.c).
"""

from bisect import bisect_right
from pathlib import Path

SMALLEST, LARGEST, STEP = 48, 512, 16
"""Bytes of a block that can be filled with a `bytes` object, which has 33 bytes around its content."""
AROUND = 33
WHOLE = 480
"""The largest size that divides a pool (16 KiB less its head of 48 bytes) with only 16 bytes left over: free pools are filled with it."""
SIZES = (WHOLE, *(size for size in range(LARGEST, SMALLEST - 1, -STEP) if size != WHOLE))
POOL_BITS = 14
"""A pool is 16 KiB and lies on a multiple of that."""
BATCH = 64
MOST = 4096
"""Batches of one size after which it is given up: another allocator is in force, or something is very wrong."""
MAPS = Path("/proc/self/maps")


class _Mapped:
    """The memory that was mapped when this was made."""

    __slots__ = ("_ends", "_starts")

    def __init__(self) -> None:
        ranges = [line.split(b" ", 1)[0].split(b"-") for line in MAPS.read_bytes().splitlines()]
        self._starts = [int(start, 16) for start, _ in ranges]
        self._ends = [int(end, 16) for _, end in ranges]

    def holds(self, address: int) -> bool:
        """Whether the address was mapped."""
        at = bisect_right(self._starts, address) - 1
        return at >= 0 and address < self._ends[at]


def overwrite() -> bool:
    """Write zeros into every free block of the small-object allocator; false if that could not be done to the end.

    Out of reach is what is left over at the end of a pool in use, less than one block of its size. Blocks of 32 bytes hold numbers, or
    text of which only a few bytes fit, and are filled with numbers; those of 16 hold nothing but empty objects.
    """
    mapped = _Mapped()
    held: list[object] = []
    try:
        return all(_fill(size, mapped, held) for size in SIZES) and _fill_smallest(mapped, held)
    finally:
        held.clear()


def _fill(size: int, mapped: _Mapped, held: list[object]) -> bool:
    """Take every free block of a size and write zeros into it."""
    content, count = size - AROUND, BATCH
    for _ in range(MOST):
        held += [bytes(content) for _ in range(count)]
        if not mapped.holds(id(held[-1])):
            return True
    return False


def _fill_smallest(mapped: _Mapped, held: list[object]) -> bool:
    """The blocks of 32 bytes, by complex numbers, which are all value but for their first 16 bytes."""
    for number in range(MOST):
        held += [complex(number, each) for each in range(BATCH)]
        if not mapped.holds(id(held[-1])):
            return True
    return False
