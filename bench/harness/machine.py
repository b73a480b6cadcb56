"""The machine: which two cores are used, how busy others keep them, and what is written about it in the report. Measures no gateway."""

import os
import platform
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
QUIET_BEFORE = 0.15
"""Cores that others may use in the moment before a phase starts."""
QUIET_DURING = 0.25
"""Cores that others may use while a phase runs; more, because interrupts of our own traffic count as theirs."""
IDLE_COLUMNS = (3, 4)  # idle, iowait
OPEN_FILES = 65_536


class CannotRun(Exception):
    """The benchmark cannot start or go on; the text says why and what to do."""


@dataclass(frozen=True)
class Cores:
    """The two cores of a run: the gateway has one to itself, load and mock share the other."""

    gateway: int
    load: int


def pick_cores() -> Cores:
    """The two lowest cores that this process may use. Raises CannotRun when there are fewer."""
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        raise CannotRun("The benchmark needs two CPU cores, one for the gateway and one for the load; this process may use only one.")
    return Cores(allowed[0], allowed[1])


def raise_open_files() -> None:
    """Lets this process and its children open enough sockets for the held streams (the usual soft limit is 1024)."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def busy_seconds(cores: Cores) -> float:
    """Seconds since boot in which the two cores did anything, time stolen by the hypervisor included (proc(5), /proc/stat)."""
    names = {f"cpu{cores.gateway}", f"cpu{cores.load}"}
    ticks = 0
    for line in Path("/proc/stat").read_text().splitlines():
        name, *columns = line.split()
        if name in names:
            ticks += sum(int(value) for at, value in enumerate(columns[:8]) if at not in IDLE_COLUMNS)
    return ticks / TICKS_PER_SECOND


class Watch:
    """Tells how much of the two cores others use. `own` gives the CPU seconds of everything that belongs to this run."""

    def __init__(self, cores: Cores, own: Callable[[], float], patience: float) -> None:
        self._cores = cores
        self._own = own
        self._patience = patience
        self._longest = patience / 5
        self._mark = (0.0, 0.0, 0.0)

    @property
    def patience(self) -> float:
        """Seconds that this run may still spend waiting and repeating."""
        return self._patience

    def spend(self, seconds: float) -> None:
        """Takes the time of a repeated phase off the patience."""
        self._patience -= seconds

    def start(self) -> None:
        """Starts counting."""
        self._mark = (time.monotonic(), busy_seconds(self._cores), self._own())

    def share(self) -> float:
        """Cores used by others since `start`, 0.0 to 2.0."""
        then, busy, own = self._mark
        elapsed = max(time.monotonic() - then, 1e-9)
        return max(0.0, (busy_seconds(self._cores) - busy) - (self._own() - own)) / elapsed

    def wait(self) -> float:
        """Waits for a quiet moment, as long as the patience of the run and a fifth of the whole allow. Returns the last share seen."""
        deadline = time.monotonic() + min(self._longest, max(self._patience, 0.0))
        first = True
        while True:
            self.start()
            time.sleep(0.5)
            share = self.share()
            if not first:
                self._patience -= 0.5
            if share <= QUIET_BEFORE or time.monotonic() >= deadline:
                return share
            first = False


def describe(cores: Cores) -> dict[str, str | int]:
    """What the report says about the machine."""
    model = "unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    kilobytes = int(Path("/proc/meminfo").read_text().split()[1])
    return {
        "cpu": model,
        "cores": os.cpu_count() or 0,
        "gateway_core": cores.gateway,
        "load_core": cores.load,
        "memory_mb": kilobytes // 1024,
        "kernel": platform.release(),
        "architecture": platform.machine(),
    }
