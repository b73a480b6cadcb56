"""Starts, pins, accounts for and ends processes, each by its id. Knows nothing of gateways."""

import os
import resource
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from .machine import TICKS_PER_SECOND

# Positions in /proc/PID/stat after the command name (proc(5)): state is 0.
STATE, PARENT, TIMES, STARTED = 0, 1, slice(11, 15), 19

GONE_S = 5.0
"""How long the kernel may take to clear a killed process away."""


def stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the command name, which may itself hold blanks. Raises OSError when the process is gone."""
    text = Path(f"/proc/{pid}/stat").read_text()
    return text[text.rindex(")") + 2 :].split()


def tree(root: int) -> list[int]:
    """`root` and everything below it, by parent ids."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with suppress(OSError):
                children.setdefault(int(stat(int(name))[PARENT]), []).append(int(name))
    found, open_ = [], [root]
    while open_:
        pid = open_.pop()
        found.append(pid)
        open_ += children.get(pid, [])
    return found


def cpu_seconds(root: int) -> float:
    """User and system time of the whole tree, children that have ended meanwhile included."""
    ticks = 0
    for pid in tree(root):
        with suppress(OSError):
            ticks += sum(int(value) for value in stat(pid)[TIMES])
    return ticks / TICKS_PER_SECOND


def resident_kb(root: int) -> int:
    """Resident memory of the whole tree in KB. smaps_rollup is exact where it may be read; the kernel batches the other counter."""
    total = 0
    for pid in tree(root):
        for source, field in (("smaps_rollup", "Rss:"), ("status", "VmRSS:")):
            with suppress(OSError):
                lines = Path(f"/proc/{pid}/{source}").read_text().splitlines()
                total += next((int(line.split()[1]) for line in lines if line.startswith(field)), 0)
                break
    return total


def alive(pid: int, started: str) -> bool:
    """Whether the process with this id and start time still runs; an id may have been given to another process since."""
    try:
        fields = stat(pid)
    except OSError:
        return False
    return fields[STARTED] == started and fields[STATE] != "Z"


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """Children started inside inherit this core; we return to ours afterwards."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Processes:
    """Everything that one run has started. Leaving the block ends it all, newest first."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._running.copy()):
            self.stop(process)

    def start(self, name: str, command: Sequence[str], core: int, environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Starts `command` on one core, its output in `name`.log. Its own session, so that Ctrl-C reaches only us and we end it in order."""
        with self.log(name).open("ab") as log, on_core(core):
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(environment) if environment is not None else None,
                start_new_session=True,
            )
        self._running.append(process)
        return process

    def log(self, name: str) -> Path:
        """Where the output of the process `name` goes."""
        return self._logs / f"{name}.log"

    def stop(self, process: subprocess.Popen[bytes], patience: float = 10.0) -> None:
        """Asks the process to end, waits, then ends what is left of its tree. Does nothing to a process that somebody else started."""
        if process not in self._running:
            return
        members = self._members(process.pid)
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(patience)
        for pid, started in members:
            if alive(pid, started):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        process.wait()
        deadline = time.monotonic() + GONE_S
        while any(alive(pid, started) for pid, started in members) and time.monotonic() < deadline:
            time.sleep(0.01)
        self._running.remove(process)

    def cpu_seconds(self) -> float:
        """CPU time of all that belongs to the run: what runs, what has ended, and ourselves."""
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        running = sum(cpu_seconds(process.pid) for process in self._running)
        return running + ended.ru_utime + ended.ru_stime + time.process_time()

    @staticmethod
    def _members(root: int) -> list[tuple[int, str]]:
        members = []
        for pid in tree(root):
            with suppress(OSError):
                members.append((pid, stat(pid)[STARTED]))
        return members
