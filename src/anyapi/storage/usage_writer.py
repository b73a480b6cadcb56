"""Writes usage rows in batches, off the request path, and accounts for every accepted request. Does not read or total them.

Lives through a full disk by itself: rows wait in memory and are tried again. Rows that a killed process did not write, or that had
to be given up, become rows of outcome `unknown`.
"""

import contextlib
import secrets
import sqlite3
from collections import deque
from collections.abc import Callable
from pathlib import Path

import msgspec

from anyapi.domain.call import App
from anyapi.domain.ids import AccountId, DecisionId, KeyId
from anyapi.domain.usage import UsageRow, UsageSource
from anyapi.errors import StorageError
from anyapi.storage import statements
from anyapi.storage.acceptance import AcceptedCount, Leftover, leftovers
from anyapi.storage.batch_thread import BatchThread
from anyapi.storage.connection import NOT_STORABLE, connect, database_path, error_code, storage_error
from anyapi.storage.events import EventKind, FailureState, Report, WriterEvent, WriterState, no_report
from anyapi.storage.expiry import purge
from anyapi.storage.rows import DEFAULT_USAGE_DAYS, DELETED_ACCOUNT, UNKNOWN_ACCOUNT

_MOST_ROWS = 512
"""Rows of one statement. Beside a busy event loop each statement costs a wait of 5 ms for the interpreter lock: this many keep up with any
rate that the loop can reach. Binding them takes the loop's time, about a millisecond."""
_CHECKPOINT_BYTES = 8 * 1024 * 1024
"""Size of the WAL file at which it is moved over. It says what waits because `connect` has it shrink when it starts anew. Rows would not
do for a measure: one written alone takes 30 times the room of one in a full batch."""
_BATCHES_UNCHECKED = 8
_PURGE_SECONDS = 600.0
_PURGE_ROWS = 500
UNKNOWN = "unknown"


class UsageWriter:
    """The `UsageSink` of SQLite: one thread with its own connection. `accept` and `put` are for one thread, the event loop's."""

    def __init__(
        self,
        data_dir: Path,
        clock: Callable[[], float],
        *,
        limit: int = 65_536,
        interval: float = 0.05,
        default_days: float = DEFAULT_USAGE_DAYS,
        report: Report = no_report,
    ) -> None:
        """Open the store (its tables must exist) and write `unknown` rows for what earlier processes left. Raises `StorageError`.

        `limit` is how many rows may wait; `interval` in seconds, how long rows are gathered; `default_days` how long rows are kept
        where the account sets nothing.
        """
        self._path = database_path(data_dir)
        self._wal = self._path.with_name(f"{self._path.name}-wal")
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
        self._purge_at = 0.0
        self._connection: sqlite3.Connection | None = None
        with contextlib.closing(connect(self._path)) as connection:
            self.unknown_at_start = _settle_leftovers(connection, data_dir, clock())
            _execute(connection, statements.ADD_START, (self._start, clock()), "note the start")
        self._accepted = AcceptedCount(data_dir, self._start, clock())
        self._thread = BatchThread("anyapi-usage", self._work, self._crashed, interval=interval, idle=_PURGE_SECONDS)

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
            with contextlib.suppress(StorageError), contextlib.closing(connect(self._path)) as connection:
                _settle(connection, self._accepted.leftover, self._clock())
                settled = True
        self._accepted.close(delete=settled)

    def _work(self) -> bool:
        try:
            connection = self._connected()
            if self._failure.failing:
                # Perhaps our own WAL is what fills the disk.
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            batches = 0
            while self._next_batch():
                self._write(connection)
                batches += 1
                if batches % _BATCHES_UNCHECKED == 0:
                    self._checkpoint(connection)
            self._checkpoint(connection)
            self._purge(connection)
        except (sqlite3.Error, StorageError) as error:
            self._disconnect()
            self._fail(error_code(error))
            return False
        self._report_dropped()
        self._failure.succeeded()
        return True

    def _next_batch(self) -> bool:
        """Fill the batch; what stood in it after a failure stays first."""
        while len(self._batch) < _MOST_ROWS:
            try:
                self._batch.append(self._rows.popleft())
            except IndexError:
                break
        if self._forgotten:
            self._batch = [_nobodys(row) if row.account in self._forgotten else row for row in self._batch]
        return bool(self._batch)

    def _write(self, connection: sqlite3.Connection) -> None:
        """Write the longest part of the batch that has a prepared statement: a power of two."""
        size = 1 << (len(self._batch).bit_length() - 1)
        self._accepted.announce(size, self._batch[0].decision)
        values = [value for row in self._batch[:size] for value in _flat(row)]
        try:
            inserted = connection.execute(statements.insert_usage(size), values).rowcount
        except NOT_STORABLE:
            # One row that SQLite cannot hold (a count beyond 64 bits) must not keep the others waiting for ever.
            self._write_first(connection)
            return
        self._note_written(size, inserted)

    def _write_first(self, connection: sqlite3.Connection) -> None:
        self._accepted.announce(1, self._batch[0].decision)
        try:
            inserted = connection.execute(statements.insert_usage(1), _flat(self._batch[0])).rowcount
        except NOT_STORABLE:
            self._refused += 1
            self._report(WriterEvent("usage", EventKind.LOST, "row_not_storable", 1))
            del self._batch[0]
        else:
            self._note_written(1, inserted)

    def _note_written(self, size: int, inserted: int) -> None:
        self._accepted.written(inserted)
        self._written += inserted
        self._duplicates += size - inserted
        del self._batch[:size]

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = connect(self._path, synchronous="NORMAL")
        return self._connection

    def _disconnect(self) -> None:
        """Forget the connection: after an error a fresh one is the only one whose state is known."""
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _checkpoint(self, connection: sqlite3.Connection) -> None:
        """Move the WAL into the database here, where nobody waits for the fsync."""
        if self._wal.stat().st_size > _CHECKPOINT_BYTES:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def _purge(self, connection: sqlite3.Connection) -> None:
        """Delete one small batch of expired rows; the next one follows with the next batch of new rows, or an interval later."""
        now = self._clock()
        if now < self._purge_at:
            return
        if purge(connection, now, self._default_days, _PURGE_ROWS) < _PURGE_ROWS:
            self._purge_at = now + _PURGE_SECONDS
        else:
            self._thread.ask()

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
    credential = None if row.credential is None or row.credential.startswith("own:") else row.credential
    return msgspec.structs.replace(row, account=DELETED_ACCOUNT, key=KeyId(DELETED_ACCOUNT), project=None, app=App(), credential=credential)


def _flat(row: UsageRow) -> tuple[str | float | None, ...]:
    """Give the values in the order of `USAGE_COLUMNS`."""
    tokens, app = row.tokens, row.app
    return (
        row.decision,
        row.at,
        row.account,
        row.key,
        row.operation,
        row.model,
        row.outcome,
        row.status,
        row.source.value,
        tokens.prompt,
        tokens.completion,
        tokens.cached,
        tokens.reasoning,
        row.project,
        app.id,
        app.name,
        app.version,
        app.user_id,
        app.session_id,
        row.provider,
        row.endpoint,
        row.credential,
        row.data_class,
        row.streamed,
        row.attempts,
        row.duration,
        row.first_token,
        row.cost,
        row.host,
        row.evidence,
    )


def _settle_leftovers(connection: sqlite3.Connection, directory: Path, now: float) -> int:
    with contextlib.closing(leftovers(directory)) as gone:
        return sum(_settle(connection, leftover, now) for leftover in gone)


def _settle(connection: sqlite3.Connection, leftover: Leftover, now: float) -> int:
    """Write an `unknown` row for every accepted request of a process that has none. Gives how many; doing it twice adds nothing."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        stored = connection.execute(statements.HAS_USAGE, (leftover.announced_first,)).fetchone()
        missing = max(0, leftover.accepted - leftover.written - (leftover.announced if stored else 0))
        connection.executemany(
            statements.insert_usage(1), (_flat(_unknown_row(leftover.start, number, leftover.last_at)) for number in range(missing))
        )
        connection.execute(statements.END_START, (missing, now, leftover.start))
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise storage_error(error, "count the requests that an earlier process did not write down") from None
    return missing


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


def _execute(connection: sqlite3.Connection, statement: str, values: tuple[str | float, ...], doing: str) -> None:
    try:
        connection.execute(statement, values)
    except sqlite3.Error as error:
        raise storage_error(error, doing) from None
