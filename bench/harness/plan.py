"""What has to be measured for the chosen figures, in which order and how often. Pure; `session` carries it out."""

from collections.abc import Iterable
from dataclasses import dataclass

from .figures import ANYAPI, DIRECT, MANY_KEYS, NGINX, UNRECORDED, UNSCRUBBED, Figure, Key
from .load import EVEN_PHASES, SHAPES, Phase

RUNS = 5
QUICK_RUNS = 3
SHORT_SERIES = 3
"""Repeats of what has no bar against nginx and varies little."""
SHORT_PHASES = frozenset({Phase.PACED})
HELD_PHASES = (Phase.HELD, Phase.HELD_TLS)
START_PHASES = (Phase.STARTUP, Phase.RESIDENT)
ORDER = (DIRECT, NGINX, ANYAPI, UNSCRUBBED, UNRECORDED, MANY_KEYS)


@dataclass(frozen=True)
class Plan:
    """Everything that one invocation measures."""

    runs: int
    needed: frozenset[Key]

    def load_steps(self, run: int) -> list[Key]:
        """Phases of one alternating run, numbered from 1. Targets take turns inside a phase, so that what is compared lies close in
        time; every other run goes through them backwards, so that a drift of the machine favours nobody."""
        steps = []
        for phase in SHAPES:
            if phase in SHORT_PHASES and run > SHORT_SERIES:
                continue
            targets = [name for name in ORDER if (name, phase) in self.needed]
            steps += [(name, phase) for name in (targets if run % 2 else reversed(targets))]
        return steps

    def held_steps(self, run: int) -> list[Key]:
        """Held streams of one series. Only those with a bar are repeated."""
        names = [name for name in (NGINX, ANYAPI, UNSCRUBBED) if name == ANYAPI or run == 1]
        if run > min(SHORT_SERIES, self.runs):
            return []
        return [(name, phase) for phase in HELD_PHASES for name in names if (name, phase) in self.needed]

    def even_steps(self, run: int) -> list[Key]:
        """Requests at an even rate and flushes of the disk, in one process close together in time."""
        return [(name, phase) for name in ORDER for phase in EVEN_PHASES[:: 1 if run % 2 else -1] if (name, phase) in self.needed]

    def start_steps(self) -> list[str]:
        """Targets whose start (and idle memory) is measured."""
        return [name for name in ORDER if any((name, phase) in self.needed for phase in START_PHASES)]

    def uses(self, name: str) -> bool:
        """Whether a target is needed at all."""
        return any(target == name for target, _ in self.needed)


def make(figures: Iterable[Figure], *, quick: bool) -> Plan:
    """The plan for these figures."""
    needed = frozenset(key for figure in figures for key in figure.needs)
    return Plan(QUICK_RUNS if quick else RUNS, needed)
