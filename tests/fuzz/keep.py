"""Keeps the corpus small: `python -m tests.fuzz.keep` writes the first inputs of targets that have none, `... TARGET DIRECTORY` adds what a run found.

Of all inputs of a target, short ones first, those stay that reach a line or a branch of the product that none before them reached. Those that
once broke a promise always stay: they are in `FOUND`. Needs Python 3.12 (`sys.monitoring`).
"""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.fuzz.corpus import found, inputs, write

LONGEST = 2500
"""Bytes of an input that is kept for what it reaches."""
TOOL = sys.monitoring.COVERAGE_ID
PRODUCT = "/anyapi/"


class Reached:
    """Lines and branches of the product that were reached so far."""

    def __init__(self) -> None:
        """Begin to watch."""
        self.seen: set[tuple[object, ...]] = set()
        events, monitoring = sys.monitoring.events, sys.monitoring
        monitoring.use_tool_id(TOOL, "fuzz")
        monitoring.set_events(TOOL, events.LINE | events.BRANCH)
        monitoring.register_callback(TOOL, events.LINE, self._line)
        monitoring.register_callback(TOOL, events.BRANCH, self._branch)

    def _line(self, code: object, line: int) -> object:
        if PRODUCT in code.co_filename:  # type: ignore[attr-defined]
            self.seen.add((code, line))
        return sys.monitoring.DISABLE

    def _branch(self, code: object, at: int, to: int) -> object:
        if PRODUCT not in code.co_filename:  # type: ignore[attr-defined]
            return sys.monitoring.DISABLE
        self.seen.add((code, at, to))
        return None

    def more_by(self, target: Callable[[bytes], None], data: bytes) -> bool:
        """Whether this input reaches anything new."""
        before = len(self.seen)
        target(data)
        return len(self.seen) > before


def keep(name: str, others: Iterable[bytes]) -> None:
    """Choose among the corpus of a target and other inputs."""
    from tests.fuzz.targets import TARGETS

    reached = Reached()
    always = found(name)
    for data in always:
        reached.more_by(TARGETS[name], data)
    candidates = sorted(
        {*inputs(name), *(data for data in others if len(data) <= LONGEST)} - set(always), key=lambda data: (len(data), data)
    )
    write(name, [data for data in candidates if reached.more_by(TARGETS[name], data)])


def first() -> None:
    """Give each target without a corpus its first inputs."""
    from tests.fuzz.seeds import seeds

    for name, made in seeds().items():
        if not inputs(name):
            write(name, made)


if __name__ == "__main__":
    if len(sys.argv) == 1:
        first()
    else:
        keep(sys.argv[1], [path.read_bytes() for path in Path(sys.argv[2]).iterdir() if not path.name.startswith("crash-")])
