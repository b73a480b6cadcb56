"""Writes contradictions, off the request path. They are few: one for each endpoint, credential and code until it is cleared.

Does not judge. What is not yet on the disk is given by `waiting`, so that a snapshot that is built meanwhile does not forget it.
"""

import contextlib
from collections import deque
from pathlib import Path

import msgspec

from anyapi.domain.evidence import Contradiction
from anyapi.errors import StorageError
from anyapi.storage import statements
from anyapi.storage.batch_thread import BatchThread
from anyapi.storage.driver import Connection, Driver, NotStorable, code_of
from anyapi.storage.drivers import driver_at
from anyapi.storage.events import EventKind, FailureState, Report, WriterEvent, WriterState, no_report

_IDLE_SECONDS = 3600.0


class ContradictionWriter:
    """The `ContradictionSink` of either database: one thread, which connects when there is something to write."""

    def __init__(self, place: Path | Driver, *, report: Report = no_report) -> None:
        """The store's tables must exist."""
        self._driver, self._report = driver_at(place), report
        self._waiting: deque[Contradiction] = deque()
        self._written = self._lost = 0
        self._closed = False
        self._failure = FailureState("evidence", report)
        self._thread = BatchThread("anyapi-evidence", self._work, self._crashed, interval=0.05, idle=_IDLE_SECONDS)

    def put(self, found: Contradiction) -> None:
        """Take one; one that is known is ignored."""
        self._waiting.append(found)
        self._thread.hurry()

    def waiting(self) -> tuple[Contradiction, ...]:
        """Those that are not written yet, oldest first. One that is written at this moment may still be among them."""
        return tuple(self._waiting)

    @property
    def state(self) -> WriterState:
        """Figures for metrics and readiness."""
        return WriterState(self._written, len(self._waiting), self._lost, 0, self._failure.failing)

    def flush(self, timeout: float = 10.0) -> None:
        """Wait until every one put before is written; raises `StorageError` after `timeout` seconds."""
        if not self._closed:
            self._thread.flush(timeout)

    def close(self, timeout: float = 10.0) -> None:
        """Write what waits and stop."""
        if not self._closed:
            self._closed = True
            self._thread.close(timeout)

    def _work(self) -> bool:
        if not self._waiting:
            return True
        try:
            with contextlib.closing(self._driver.connect(everybody=True)) as connection:
                while self._waiting:
                    self._write(connection, self._waiting[0])
                    self._waiting.popleft()
        except StorageError as error:
            self._fail(code_of(error))
            return False
        self._failure.succeeded()
        return True

    def _write(self, connection: Connection, found: Contradiction) -> None:
        values = tuple(msgspec.to_builtins(found)[name] for name in statements.CONTRADICTION_COLUMNS)
        try:
            with self._driver.translated("write down the contradiction"):
                connection.execute(statements.ADD_CONTRADICTION, values)
            self._written += 1
        except NotStorable:
            self._lost += 1
            self._report(WriterEvent("evidence", EventKind.LOST, "row_not_storable", 1))

    def _crashed(self, error: Exception) -> None:
        self._fail(type(error).__name__)

    def _fail(self, code: str) -> None:
        self._failure.failed(code, len(self._waiting))
