"""Seals large entries in a process of its own: sealing holds the interpreter lock, and would hold up everybody's requests meanwhile.

The process starts with the first large entry, ends when none came for a minute, and inherits the allocator that overwrites freed memory.
Frames go both ways over its pipes: a length of four bytes, then so many bytes; a frame of length 0 ends an entry. The first frame of an
entry names the recipients. Nothing is written to a file.
"""

import contextlib
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO

from anyapi import hygiene
from anyapi.errors import StorageError
from anyapi.sealing.age import Take, seal

CLOSE_SECONDS = 2.0
_BROKE = "the process that seals large entries ended early"


class Apart:
    """The process, started when it is needed. For one thread."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Of the process, if there is one."""
        return None if self._process is None else self._process.pid

    def seal(self, chunks: Iterable[bytes | memoryview], recipients: Sequence[str], take: Take) -> None:
        """What `age.seal` does, there. Raises `StorageError` if the process dies; and what `take` raises, after which it is ended."""
        process = self._running()
        fed, answer = _pipes(process)
        feeder = threading.Thread(target=_feed, args=(fed, chunks, recipients), name="anyapi-seal-feed", daemon=True)
        feeder.start()
        whole = False
        try:
            for piece in _frames(answer):
                take(piece)
            whole = True
        except (OSError, EOFError):
            raise StorageError(_BROKE) from None
        finally:
            if not whole:
                self.close()  # it may be in the midst of an entry
            feeder.join()

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(CLOSE_SECONDS)
        for pipe in _pipes(process):
            with contextlib.suppress(OSError):
                pipe.close()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.close()
            command = [sys.executable, "-c", "from anyapi.sealing.apart import main; main()"]
            # Standard error is closed: a traceback there could hold content.
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)  # noqa: S603 ourselves
        return self._process


def main() -> None:
    """What the process does: seal entry after entry from standard input to standard output, until that ends."""
    hygiene.forbid_dumps()
    source, answer = sys.stdin.buffer, sys.stdout.buffer
    with contextlib.suppress(EOFError, BrokenPipeError, KeyboardInterrupt):
        while True:
            recipients = next(_frames(source)).decode("ascii").split()
            seal(_frames(source), recipients, lambda piece: _write(answer, piece))
            _write(answer, b"")


def _pipes(process: subprocess.Popen[bytes]) -> tuple[BinaryIO, BinaryIO]:
    assert process.stdin is not None  # noqa: S101 both are pipes, as asked above
    assert process.stdout is not None  # noqa: S101
    return process.stdin, process.stdout  # type: ignore[return-value]


def _feed(pipe: BinaryIO, chunks: Iterable[bytes | memoryview], recipients: Sequence[str]) -> None:
    """In a thread: the process takes no more than it has sealed, and what it has sealed somebody has to read meanwhile."""
    with contextlib.suppress(OSError, ValueError):  # whoever reads its answer notices that it is gone
        _write(pipe, " ".join(recipients).encode())
        for chunk in chunks:
            _write(pipe, chunk)
        _write(pipe, b"")


def _write(pipe: BinaryIO, data: bytes | memoryview) -> None:
    pipe.write(len(data).to_bytes(4))
    pipe.write(data)
    if not data:
        pipe.flush()


def _frames(pipe: BinaryIO) -> Iterator[bytes]:
    """The frames up to the one that ends an entry. Raises `EOFError` where the pipe ends first."""
    while size := int.from_bytes(_exactly(pipe, 4)):
        yield _exactly(pipe, size)


def _exactly(pipe: BinaryIO, size: int) -> bytes:
    data = pipe.read(size)
    if len(data) < size:
        raise EOFError
    return data
