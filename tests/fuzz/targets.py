"""T05: all targets by name, and what each promise costs: whatever comes in, no exception, at most a second and 256 MB."""

import time
from collections.abc import Callable

from tests.fuzz import audit_targets, http_targets, pair_targets, wire_targets

SECONDS = 1.0
"""CPU seconds that one input may take."""
MEGABYTES = 256
TARGETS: dict[str, Callable[[bytes], None]] = {
    **wire_targets.TARGETS,
    **audit_targets.TARGETS,
    **http_targets.TARGETS,
    **pair_targets.TARGETS,
}


class TooSlow(Exception):
    """An input took longer than it may."""


def run(name: str, data: bytes) -> None:
    """Give one input to a target. Raises whatever shows that a promise is broken."""
    started = time.process_time()
    TARGETS[name](data)
    if time.process_time() - started > SECONDS:
        raise TooSlow(f"{time.process_time() - started:.2f} s")
