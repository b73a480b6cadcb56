"""Starting the process again with the C library told to overwrite freed memory (docs/adr/0008). Imports next to nothing.

glibc reads its tunables and Python its allocator only when a process starts, so `anyapi serve` executes itself once.
"""

import os
import sys
from collections.abc import Mapping

TUNABLES = (
    "glibc.malloc.perturb=165"  # overwrite what is freed
    ":glibc.malloc.tcache_count=0"  # and keep nothing back from that
    ":glibc.malloc.mmap_threshold=262144"  # 100 KB are not worth a mapping of their own, three times dearer; pieces of a large body are
    ":glibc.malloc.trim_threshold=16777216"
)
SETTINGS = {"GLIBC_TUNABLES": TUNABLES, "PYTHONMALLOC": "pymalloc_debug"}


def configured(env: Mapping[str, str]) -> bool:
    """Whether this process was started with the allocator settings."""
    return all(env.get(name) == value for name, value in SETTINGS.items())


def execute_again(env: Mapping[str, str]) -> None:
    """Replace this process by itself with the allocator settings; returns only if they are in force already."""
    if not configured(env):
        sys.stdout.flush()
        sys.stderr.flush()
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**env, **SETTINGS})  # noqa: S606 ourselves, with our own arguments
