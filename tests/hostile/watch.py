"""What a gateway costs while it is attacked: its memory, read from the kernel, and how long it makes honest callers wait."""

import time
from pathlib import Path

from tests.tools.gateway import Gateway

MIB = 1 << 20


def _status(pid: int, name: str) -> int:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024


class Memory:
    """Resident memory of a process from now on, in bytes. The peak is the kernel's own, so that no spike is missed between two looks.

    A gateway forbids others to look into it, so only root can have the peak begin anew; others see what is held when they look.
    """

    def __init__(self, pid: int) -> None:
        """Begin to watch: the peak so far is forgotten."""
        self._pid, self._highest = pid, "VmHWM"
        try:
            Path(f"/proc/{pid}/clear_refs").write_text("5")
        except PermissionError:
            self._highest = "VmRSS"
        self.at_start = _status(pid, "VmRSS")

    @property
    def rise(self) -> int:
        """Highest so far, above what there was at the start."""
        return _status(self._pid, self._highest) - self.at_start

    @property
    def kept(self) -> int:
        """What is still held above what there was at the start."""
        return _status(self._pid, "VmRSS") - self.at_start


def latencies(gateway: Gateway, count: int) -> list[float]:
    """Seconds of so many good requests, one after the other, shortest first. Every one must be answered with 200."""
    taken = []
    for _ in range(count):
        begun = time.perf_counter()
        answer = gateway.chat()
        taken.append(time.perf_counter() - begun)
        assert answer.status == 200, answer.body
    return sorted(taken)


def p99(sorted_seconds: list[float]) -> float:
    """The 99th percentile of sorted values."""
    return sorted_seconds[min(len(sorted_seconds) - 1, int(len(sorted_seconds) * 0.99))]


def connections_to(port: int) -> int:
    """How many TCP connections (IPv4) are open at a port of this machine."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(local.endswith(f":{port:04X}") and state == "01" for _, local, _, state, *_ in lines)
