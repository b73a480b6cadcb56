"""Counts accepted and written requests in a memory-mapped file, so that rows a killed process did not write are counted at the next start.

The pages of the mapping belong to the kernel: SIGKILL loses none of them, and counting costs no system call and no SQL. A batch of rows is
announced before it is inserted, so that a process killed between the commit and its count is told from one killed before it. A lock on
the file tells a running process's counts from a dead one's. Not proof against a loss of power, which may take the newest counts as
it may take the newest plain rows. Knows nothing of single requests.
"""

import fcntl
import mmap
import os
import struct
from collections.abc import Generator
from pathlib import Path

import msgspec

from anyapi.domain.ids import DecisionId
from anyapi.errors import StorageError

_MAGIC = b"anyapiU1"
_LAYOUT = struct.Struct("=8sQdQQQ64s")
"""Magic, accepted, time of the newest row, written; then the announced batch: its rows, what was written before it, its first row."""
_COUNTS_AT = 32
_COUNTS = struct.Struct("=QQ")
_FIRST_AT = 48
_FIRST = struct.Struct("=64s")
_SIZE = 4096
_SUFFIX = ".accepted"


class Leftover(msgspec.Struct, frozen=True):
    """The counts of a process that is gone, or would be found if this one ended now. `last_at` in Unix seconds."""

    start: str
    accepted: int
    last_at: float
    written: int
    announced: int
    """Rows that were being inserted and are not in `written`: they are in the store if `announced_first` is."""
    announced_first: DecisionId


class AcceptedCount:
    """The counts of this process. `accept` and `note` are for the event loop's thread, `announce` and `written` for the writer's."""

    def __init__(self, directory: Path, start: str, at: float) -> None:
        """Make the file of the start `start` at the time `at`, and lock it until `close`. Raises `StorageError`."""
        self._path = directory / f"{start}{_SUFFIX}"
        unlocked = directory / f"{start}.new"
        try:
            self._descriptor = os.open(unlocked, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Written and synced once, so that a disk that fills up later cannot make the mapping fault.
            os.write(self._descriptor, _LAYOUT.pack(_MAGIC, 0, at, 0, 0, 0, b"").ljust(_SIZE, b"\0"))
            os.fsync(self._descriptor)
            self._map = mmap.mmap(self._descriptor, _SIZE)
            # It gets the name that `leftovers` looks for only now that it is locked.
            unlocked.rename(self._path)
        except OSError as error:
            raise StorageError(f"could not make the file that counts requests ({error.strerror}): check {directory}") from None
        self._words = memoryview(self._map).cast("Q")
        self._times = memoryview(self._map).cast("d")

    def accept(self) -> None:
        """Count one accepted request."""
        self._words[1] += 1

    def note(self, at: float) -> None:
        """Note the time of the newest row."""
        self._times[2] = at

    def announce(self, rows: int, first: DecisionId) -> None:
        """Say that so many rows are about to be inserted, all or none, the first of them of this decision."""
        # The first row comes before the counts: torn by a kill, the old counts no longer fit `written` or the new row is not stored.
        _FIRST.pack_into(self._map, _FIRST_AT, first.encode())
        _COUNTS.pack_into(self._map, _COUNTS_AT, rows, self._words[3])

    def written(self, rows: int) -> None:
        """Say that so many new rows are stored. One aligned store: a kill finds it done or not done."""
        self._words[3] += rows

    @property
    def leftover(self) -> Leftover:
        """What would be found if this process ended now."""
        return _leftover(self._path, self._map[: _LAYOUT.size])

    def close(self, *, delete: bool) -> None:
        """Release the file; delete it once every accepted request has its row."""
        self._words.release()
        self._times.release()
        self._map.close()
        if delete:
            self._path.unlink(missing_ok=True)
        os.close(self._descriptor)


def leftovers(directory: Path) -> Generator[Leftover, None, None]:
    """Give the counts of processes that are gone, one by one; a file is deleted when the caller comes back for the next.

    A caller that fails in between leaves the file for another time. Files of running processes are passed over.
    """
    for path in sorted(directory.glob(f"*{_SUFFIX}")):
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            content = os.read(descriptor, _LAYOUT.size)
            if len(content) == _LAYOUT.size and content.startswith(_MAGIC):
                yield _leftover(path, content)
            path.unlink(missing_ok=True)
        except BlockingIOError:
            continue
        finally:
            os.close(descriptor)


def _leftover(path: Path, content: bytes) -> Leftover:
    _, accepted, last_at, written, announced, before, first = _LAYOUT.unpack(content)
    return Leftover(
        start=path.name.removesuffix(_SUFFIX),
        accepted=accepted,
        last_at=last_at,
        written=written,
        announced=announced if before == written else 0,
        announced_first=DecisionId(first.rstrip(b"\0").decode(errors="replace")),
    )
