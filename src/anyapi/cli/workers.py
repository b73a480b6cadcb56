"""`anyapi serve --workers N`: further processes on the same port, started again when one dies."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from anyapi.telemetry.log import Event, log

_PR_SET_PDEATHSIG = 1
_PAUSE_SECONDS = 1.0
"""Between the end of a worker and the start of the next in its place."""


@contextlib.contextmanager
def more_workers(count: int, path: Path | None) -> Iterator[None]:
    """Run so many further workers beside the block, and end them with it."""
    stopping = threading.Event()
    running: set[subprocess.Popen[bytes]] = set()
    keepers = [
        threading.Thread(target=_keep, args=(path, number, stopping, running), name=f"anyapi-worker-{number}")
        for number in range(1, count + 1)
    ]
    for keeper in keepers:
        keeper.start()
    try:
        yield
    finally:
        stopping.set()
        for process in tuple(running):
            process.terminate()
        for keeper in keepers:
            keeper.join()


def end_with_parent(parent: int) -> None:
    """Have the system end this process in good order when the one that started it is gone (prctl(2), PR_SET_PDEATHSIG).

    Raises `SystemExit` where that is gone already: the system says nothing of what was before it was asked.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        raise SystemExit("anyapi: the process that started this one is gone, so it ends.")


def _keep(path: Path | None, number: int, stopping: threading.Event, running: set[subprocess.Popen[bytes]]) -> None:
    """One worker after the other in the same place."""
    options = ("--no-control", "--quiet", "--of-parent", str(os.getpid()), "--number", str(number))
    command = [sys.executable, "-m", "anyapi", "serve", *options, *(() if path is None else ("--config", str(path)))]
    while not stopping.is_set():
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603 ourselves
        running.add(process)
        if stopping.is_set():
            process.terminate()
        status = process.wait()
        running.discard(process)
        if not stopping.is_set():
            log(Event.WORKER_ENDED, code=str(status))
            stopping.wait(_PAUSE_SECONDS)
