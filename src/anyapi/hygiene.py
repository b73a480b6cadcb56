"""Keeps what a process holds off the disk and away from other processes: no core dumps, no attaching; and says whether it may be swapped.

Imports next to nothing: every command of `anyapi` does this before anything else, since a key or a prompt may be read a moment later.
Executing another program makes a process dumpable again (execve(2)), so what starts anew does it anew.
"""

import ctypes
import enum
import resource
from pathlib import Path

PR_GET_DUMPABLE, PR_SET_DUMPABLE = 3, 4
_GROUPS, _SWAPS, _MINE = Path("/sys/fs/cgroup"), Path("/proc/swaps"), Path("/proc/self/cgroup")
_LIMIT = "memory.swap.max"


class Swap(enum.StrEnum):
    """Whether the kernel may write pages of this process to a disk."""

    OFF = "off"
    """The machine has no swap, or a control group of this process may use none."""
    POSSIBLE = "possible"
    """There is swap: content may end in it. Whether it is encrypted cannot be seen from here."""
    UNKNOWN = "unknown"


def forbid_dumps() -> None:
    """No core file and no attaching by other processes of the same user (prctl(2), PR_SET_DUMPABLE). Root can still attach."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def dumps_forbidden() -> bool:
    """Whether that is in force, as the kernel says it."""
    return resource.getrlimit(resource.RLIMIT_CORE)[0] == 0 and ctypes.CDLL(None).prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0


def swap(swaps: Path = _SWAPS, mine: Path = _MINE, groups: Path = _GROUPS) -> Swap:
    """Look at the machine's swap, and at the limits of this process's control groups (version 2); the paths are those of proc(5)."""
    try:
        if len(swaps.read_text().splitlines()) < 2:
            return Swap.OFF
        return Swap.OFF if _limited_to_nothing(mine.read_text(), groups) else Swap.POSSIBLE
    except OSError:
        return Swap.UNKNOWN


def _limited_to_nothing(mine: str, groups: Path) -> bool:
    """Whether this process's group, or one that holds it, may not swap at all."""
    path = next((line.removeprefix("0::/") for line in mine.splitlines() if line.startswith("0::/")), None)
    if path is None:
        return False  # version 1 counts memory and swap together: nothing to be read from that
    group = groups / path
    held = [group, *(parent for parent in group.parents if parent.is_relative_to(groups))]
    return any((each / _LIMIT).read_text().strip() == "0" for each in held if (each / _LIMIT).is_file())
