"""What a writer tells its owner about itself: for logs, metrics and readiness. Counts and codes only, never a row's values."""

import enum
from collections.abc import Callable
from typing import TypeAlias

import msgspec


class EventKind(enum.StrEnum):
    """What happened to a writer."""

    FAILED = "failed"
    """A write failed; it is tried again until it succeeds."""
    RECOVERED = "recovered"
    LOST = "lost"
    """Rows were given up: too many waited, or the store cannot hold them. Or somebody took them away (`log_replaced`)."""


class WriterEvent(msgspec.Struct, frozen=True):
    """One thing to report. `code` is SQLite's name of an error, or what else is the cause; `count` is how many rows it is about."""

    writer: str
    kind: EventKind
    code: str
    count: int = 0


Report: TypeAlias = Callable[[WriterEvent], None]
"""Called on the writer's thread; must not raise and must not wait."""


class WriterState(msgspec.Struct, frozen=True):
    """A writer's figures since it was opened."""

    written: int
    waiting: int
    lost: int
    duplicates: int
    failing: bool
    """The last write failed: new work should be refused until one succeeds."""


def no_report(event: WriterEvent) -> None:
    """Report to nobody; for tests and for readers of `WriterState` alone."""


class FailureState:
    """Whether a writer's last write failed. Reports that once, and once that it is over."""

    def __init__(self, writer: str, report: Report) -> None:
        """`writer` is its name in reports."""
        self._writer, self._report = writer, report
        self.failing = False

    def failed(self, code: str, count: int = 0) -> None:
        """A write failed; `count` rows wait."""
        if not self.failing:
            self.failing = True
            self._report(WriterEvent(self._writer, EventKind.FAILED, code, count))

    def succeeded(self) -> None:
        """A write succeeded."""
        if self.failing:
            self.failing = False
            self._report(WriterEvent(self._writer, EventKind.RECOVERED, "ok"))
