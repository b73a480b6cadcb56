"""Writes usage rows in batches, off the request path, and accounts for every accepted request. Does not read or total them.

Lives through a full disk by itself: rows wait in memory and are tried again. Rows that a killed process did not write, or that had
to be given up, become rows of outcome `unknown`.
"""

import contextlib
import secrets
from collections import deque
from collections.abc import Callable
from pathlib import Path

import msgspec

from anyapi.domain.call import App
from anyapi.domain.ids import OWN, AccountId, DecisionId, KeyId
from anyapi.domain.usage import UsageRow, UsageSource
from anyapi.errors import StorageError
from anyapi.storage import statements, usage_statements
from anyapi.storage.acceptance import AcceptedCount, Leftover, leftovers
from anyapi.storage.batch_thread import BatchThread
from anyapi.storage.connection import data_directory
from anyapi.storage.driver import Connection, Driver, NotStorable, code_of
from anyapi.storage.drivers import driver_for
from anyapi.storage.events import EventKind, FailureState, Report, WriterEvent, WriterState, no_report
from anyapi.storage.rows import DEFAULT_USAGE_DAYS, DELETED_ACCOUNT, UNKNOWN_ACCOUNT
from anyapi.storage.usage_sums import NotAdded, RowsDiffer, add_up, purge, write, write_new

_MOST_ROWS = 512
"""Rows of one statement. Beside a busy event loop each statement costs a wait of 5 ms for the interpreter lock: this many keep up with any
rate that the loop can reach. Binding them takes the loop's time, about a millisecond."""
_BATCHES_UNCHECKED = 8
_ADD_UP_SECONDS = 30.0
_PURGE_SECONDS = 600.0
_PURGE_ROWS = 500
_WIPE_AGAIN_SECONDS = 30.0
"""Until the write-ahead log is tried again that somebody was reading when it was to be emptied."""
UNKNOWN = "unknown"


class UsageWriter:
    """The `UsageSink` of either database: one thread with its own connection. `accept` and `put` are for one thread, the event loop's."""

    def __init__(
        self,
        data_dir: Path,
        clock: Callable[[], float],
        *,
        limit: int = 65_536,
        interval: float = 0.05,
        default_days: float = DEFAULT_USAGE_DAYS,
        report: Report = no_report,
        driver: Driver | None = None,
    ) -> None:
        """Open the store (its tables must exist) and write `unknown` rows for what earlier processes left. Raises `StorageError`.

        What was accepted is counted in `data_dir`, whichever database the rows go to: that of `driver`, else SQLite there. `limit` is how
        many rows may wait; `interval` in seconds, how long rows are gathered; `default_days` how long rows are kept where the account
        sets nothing.
        """
        data_directory(data_dir)
        self._driver = driver_for(data_dir) if driver is None else driver
        self._clock, self._limit, self._report = clock, limit, report
        self._default_days = default_days
        self._start = secrets.token_hex(8)
        self._rows: deque[UsageRow] = deque()
        self._batch: list[UsageRow] = []
        self._forgotten: frozenset[AccountId] = frozenset()
        self._written = self._duplicates = self._refused = 0
        self._dropped = self._dropped_reported = 0
        self._closed = False
        self._failure = FailureState("usage", report)
        self._purge_at, self._add_up_at, self._unwiped = 0.0, clock() + _ADD_UP_SECONDS, False
        self._not_added = NotAdded()
        self._connection: Connection | None = None
        with contextlib.closing(self._driver.connect()) as connection:
            self.unknown_at_start = self._settle_leftovers(connection, data_dir)
            with self._driver.translated("note the start"), self._driver.unit(connection, writes=True):
                connection.execute(statements.ADD_START, (self._start, clock()))
        self._accepted = AcceptedCount(data_dir, self._start, clock())
        self._thread = BatchThread("anyapi-usage", self._work, self._crashed, interval=interval, idle=_ADD_UP_SECONDS)

    def accept(self) -> None:
        """Count one accepted request."""
        if not self._closed:
            self._accepted.accept()

    def put(self, row: UsageRow) -> None:
        """Take one row. The oldest waiting row is given up when there is no room."""
        if self._closed:
            self._dropped += 1
            return
        if len(self._rows) >= self._limit:
            with contextlib.suppress(IndexError):
                self._rows.popleft()
                self._dropped += 1
        self._rows.append(row)
        self._accepted.note(row.at)
        if not self._thread.asked:
            self._thread.ask()

    @property
    def state(self) -> WriterState:
        """Figures for metrics and readiness."""
        return WriterState(
            self._written, len(self._rows) + len(self._batch), self._dropped + self._refused, self._duplicates, self._failure.failing
        )

    def forget(self, accounts: frozenset[AccountId]) -> None:
        """From now on write rows of these accounts, and of no others, without anything that names them."""
        self._forgotten = accounts

    def flush(self, timeout: float = 10.0) -> None:
        """Wait until every row put before is written; raises `StorageError` after `timeout` seconds."""
        if not self._closed:
            self._thread.flush(timeout)

    def close(self, timeout: float = 10.0) -> None:
        """Write what waits, note the end, stop. What could not be written is counted at the next start."""
        if self._closed:
            return
        self._closed = True
        ended = self._thread.close(timeout)
        if ended and self._connection is not None:
            self._connection.close()
            self._connection = None
        settled = False
        # A thread that hangs in a write may still finish it: then only the next start can tell what is missing.
        if ended:
            with contextlib.suppress(StorageError), contextlib.closing(self._driver.connect()) as connection:
                self._settle(connection, self._accepted.leftover)
                settled = True
        self._accepted.close(delete=settled)

    def _work(self) -> bool:
        try:
            with self._driver.translated("write usage"):
                self._write_all(self._connected())
        except StorageError as error:
            self._disconnect()
            self._fail(code_of(error))
            return False
        self._report_dropped()
        self._failure.succeeded()
        return True

    def _write_all(self, connection: Connection) -> None:
        if self._failure.failing:
            self._driver.tidy(connection, failing=True)
        batches, left = 0, len(self._rows)
        while left or self._batch:  # what comes meanwhile is worth a batch of its own
            left -= self._fill(left)
            if self._batch:
                self._write(connection, len(self._batch))
            batches += 1
            if batches % _BATCHES_UNCHECKED == 0:
                self._driver.tidy(connection, failing=False)
        self._driver.tidy(connection, failing=False)
        self._add_up(connection)
        self._purge(connection)

    def _fill(self, waiting: int) -> int:
        """Fill the batch with some of so many rows, and say of how many. Some may be gone meanwhile; what failed before goes first."""
        size = 0 if self._batch else self._driver.portion(waiting, _MOST_ROWS)
        with contextlib.suppress(IndexError):
            for _ in range(size):
                self._batch.append(self._rows.popleft())
        if self._forgotten:
            self._batch = [_nobodys(row) if row.account in self._forgotten else row for row in self._batch]
        return size

    def _write(self, connection: Connection, size: int) -> None:
        """Write so many rows of the batch. If one of them cannot be stored or is there already, the others must not wait for ever."""
        self._accepted.announce(size, self._batch[0].decision)
        try:
            write(self._driver, connection, self._batch[:size])
        except RowsDiffer:
            if size == 1:
                self._note_written(1, 0)
                return
        except NotStorable:
            if size == 1:
                self._refused += 1
                self._report(WriterEvent("usage", EventKind.LOST, "row_not_storable", 1))
                del self._batch[0]
                return
        else:
            self._note_written(size, size)
            return
        self._write(connection, size // 2)
        self._write(connection, size - size // 2)

    def _note_written(self, size: int, inserted: int) -> None:
        self._accepted.written(inserted)
        self._not_added.keep(self._batch[:inserted])
        self._written += inserted
        self._duplicates += size - inserted
        del self._batch[:size]

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = self._driver.connect(durable=False, everybody=True)
        return self._connection

    def _disconnect(self) -> None:
        """Forget the connection: after an error a fresh one is the only one whose state is known."""
        if self._connection is not None:
            with contextlib.suppress(StorageError), self._driver.translated("close the database"):
                self._connection.close()
            self._connection = None

    def _purge(self, connection: Connection) -> None:
        """Delete one small batch of expired rows; the next one follows with the next batch of new rows, or an interval later."""
        now = self._clock()
        if 0.0 < self._purge_at - now <= _PURGE_SECONDS:  # else it is due, or the clock was put back
            return
        gone = purge(self._driver, connection, now, self._default_days, _PURGE_ROWS)
        self._unwiped = self._unwiped or gone > 0
        if gone < _PURGE_ROWS:
            self._wipe(connection)
            self._purge_at = now + (_WIPE_AGAIN_SECONDS if self._unwiped else _PURGE_SECONDS)
        else:
            self._thread.ask()

    def _wipe(self, connection: Connection) -> None:
        """Move into SQLite's file what was deleted there, which has it until then, and out of the write-ahead log what it still has."""
        if self._unwiped:
            self._unwiped = self._driver.empty_wal(connection, waits=False) is False

    def _add_up(self, connection: Connection) -> None:
        """Bring the sums up to date now and then: to add to a cell costs the same for one row and for a thousand."""
        now, waiting = self._clock(), self._not_added
        due = not 0.0 < self._add_up_at - now <= _ADD_UP_SECONDS  # or the clock was put back
        # The first time what earlier processes left, which may be much: not before the start is done.
        if waiting.added is None or (waiting.rows and (self._closed or waiting.many or due)):
            add_up(self._driver, connection, waiting)
            self._add_up_at = now + _ADD_UP_SECONDS

    def _settle_leftovers(self, connection: Connection, directory: Path) -> int:
        with contextlib.closing(leftovers(directory)) as gone:
            return sum(self._settle(connection, leftover) for leftover in gone)

    def _settle(self, connection: Connection, leftover: Leftover) -> int:
        """Write an `unknown` row for every accepted request of a process that has none. Gives how many; doing it twice adds nothing."""
        doing = "count the requests that an earlier process did not write down"
        with self._driver.translated(doing), self._driver.unit(connection, writes=True, several=True):
            stored = connection.execute(usage_statements.HAS_USAGE, (leftover.announced_first,)).fetchone()
            missing = max(0, leftover.accepted - leftover.written - (leftover.announced if stored else 0))
            write_new(connection, (_unknown_row(leftover.start, number, leftover.last_at) for number in range(missing)))
            connection.execute(statements.END_START, (missing, self._clock(), leftover.start))
        return missing

    def _crashed(self, error: Exception) -> None:
        self._disconnect()
        self._fail(type(error).__name__)

    def _fail(self, code: str) -> None:
        self._report_dropped()
        self._failure.failed(code, len(self._rows) + len(self._batch))

    def _report_dropped(self) -> None:
        dropped = self._dropped
        if dropped > self._dropped_reported:
            self._report(WriterEvent("usage", EventKind.LOST, "no_room", dropped - self._dropped_reported))
            self._dropped_reported = dropped


def _nobodys(row: UsageRow) -> UsageRow:
    """The row of a deleted account's request: that it was accepted is still counted."""
    credential = None if row.credential is None or row.credential.startswith(OWN) else row.credential
    return msgspec.structs.replace(
        row, account=DELETED_ACCOUNT, key=KeyId(DELETED_ACCOUNT), project=None, app=App(), credential=credential, sent_to=None
    )


def _unknown_row(start: str, number: int, at: float) -> UsageRow:
    return UsageRow(
        decision=DecisionId(f"dec_{start}{number:010d}"),
        at=at,
        account=UNKNOWN_ACCOUNT,
        key=KeyId(UNKNOWN),
        operation=UNKNOWN,
        model=UNKNOWN,
        outcome=UNKNOWN,
        status=0,
        source=UsageSource.UNKNOWN,
    )
