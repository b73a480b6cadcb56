"""Writes decision records so that they are on the disk before the request may go out. Does not judge, and does not read them.

Group commit: all records that wait while one commit is under way share the next one. Each commit is one SQL statement on a connection
with `synchronous=FULL`: it returns after the fsync of the WAL, and between its parts the thread never has to win the interpreter lock
back from a busy event loop.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

import msgspec

from anyapi.domain.ids import AccountId, KeyId
from anyapi.domain.usage import DecisionRecord
from anyapi.errors import StorageError
from anyapi.storage import statements
from anyapi.storage.batch_thread import BatchThread
from anyapi.storage.decision_columns import to_columns
from anyapi.storage.driver import Conflict, Connection, Driver, NotStorable, code_of
from anyapi.storage.drivers import driver_at
from anyapi.storage.events import EventKind, FailureState, Report, WriterEvent, WriterState, no_report
from anyapi.storage.rows import DELETED_ACCOUNT

_MOST_RECORDS = 64
"""Records of one commit."""
_IDLE_SECONDS = 3600.0
_Waiting: TypeAlias = tuple[DecisionRecord, asyncio.Future[None]]


class DecisionWriter:
    """The `DecisionSink` of either database: one thread with its own connection. `record` and `put` are for the event loop's thread."""

    def __init__(self, place: Path | Driver, *, limit: int = 16_384, interval: float = 0.05, report: Report = no_report) -> None:
        """Open the store; its tables must exist. `limit` is how many records may wait, `interval` how long plain ones are gathered (s)."""
        self._driver = driver_at(place)
        self._limit, self._report = limit, report
        self._waiting: deque[_Waiting] = deque()
        self._flying: list[asyncio.Future[None]] = []
        self._plain: deque[DecisionRecord] = deque()
        self._batch: list[DecisionRecord] = []
        self._written = self._lost = self._duplicates = 0
        self._closed = False
        self._forgotten: frozenset[AccountId] = frozenset()
        self._failure = FailureState("decisions", report)
        self._connection: Connection | None = self._connected()
        self._thread = BatchThread("anyapi-decisions", self._work, self._crashed, interval=interval, idle=_IDLE_SECONDS)

    def record(self, record: DecisionRecord) -> asyncio.Future[None]:
        """Give a future of the running loop that is done when the record is durable, or fails with `StorageError` if it is not."""
        future = asyncio.get_running_loop().create_future()
        if self._closed:
            future.set_exception(StorageError("the decision could not be recorded: the store is closed"))
        elif len(self._waiting) >= self._limit:
            future.set_exception(StorageError("the decision could not be recorded: too many wait already; the disk is too slow"))
        else:
            self._waiting.append((record, future))
            self._thread.hurry()
        return future

    def put(self, record: DecisionRecord) -> None:
        """Take a record that nobody waits for."""
        if self._closed or len(self._plain) >= self._limit:
            self._lost += 1
            self._report(WriterEvent("decisions", EventKind.LOST, "closed" if self._closed else "no_room", 1))
            return
        self._plain.append(record)
        self._thread.ask()

    def forget(self, accounts: frozenset[AccountId]) -> None:
        """From now on write records of these accounts, and of no others, without account and key."""
        self._forgotten = accounts

    @property
    def state(self) -> WriterState:
        """Figures for metrics and readiness."""
        waiting = len(self._waiting) + len(self._plain) + len(self._batch)
        return WriterState(self._written, waiting, self._lost, self._duplicates, self._failure.failing)

    def abandon(self) -> None:
        """Fail what requests wait for now: the database may not answer for long. For the event loop's thread.

        What it answers later stands in the store all the same: a decision that was not acted on.
        """
        error = StorageError("the decision could not be recorded in time: the database does not answer")
        for future in (*(future for _, future in tuple(self._waiting)), *self._flying):
            if not future.done():
                future.set_exception(error)

    def flush(self, timeout: float = 10.0) -> None:
        """Wait until every record taken before is written or has failed; raises `StorageError` after `timeout` seconds."""
        if not self._closed:
            self._thread.flush(timeout)

    def close(self, timeout: float = 10.0) -> None:
        """Write what waits and stop. What could not be written has failed or is counted as lost."""
        if self._closed:
            return
        self._closed = True
        if self._thread.close(timeout):
            self._disconnect()
        _answer([future for _, future in self._waiting], StorageError("the decision could not be recorded: the store is closed"))
        self._lost += len(self._plain) + len(self._batch)

    def _work(self) -> bool:
        """Write what waits, records with a waiting request first. With nothing to write, see whether a failing store works again."""
        if self._failure.failing and self.state.waiting == 0:
            return self._probe()
        while self.state.waiting:
            if self._waiting:
                self._write_waiting([self._waiting.popleft() for _ in range(min(_MOST_RECORDS, len(self._waiting)))])
            elif not self._write_plain():
                return False
        return not self._failure.failing

    def _probe(self) -> bool:
        """Find out whether a failing store works again. Who refuses work while it fails gives us nothing else to find it out by."""
        try:
            with self._driver.translated("look for the decision records"):
                connection = self._connection = self._connection or self._connected()
                for statement in statements.PROBE:
                    connection.execute(statement).fetchall()
        except StorageError as error:
            self._fail(code_of(error))
        else:
            self._failure.succeeded()
        return not self._failure.failing

    def _write_waiting(self, batch: list[_Waiting]) -> None:
        futures = self._flying = [future for _, future in batch]
        try:
            self._commit([record for record, _ in batch])
        except NotStorable as error:
            if len(batch) > 1:
                # One bad record must not take its neighbours down.
                for waiting in batch:
                    self._write_waiting([waiting])
                return
            code = code_of(error)
            self._duplicates += isinstance(error, Conflict)
            _answer(futures, StorageError(f"the decision could not be recorded ({code}): its id is taken, or a value is out of range"))
        except StorageError as error:
            self._fail(code_of(error))
            _answer(futures, error)
        else:
            _answer(futures, None)

    def _write_plain(self) -> bool:
        """Write one batch of records nobody waits for; they are kept when the store fails."""
        while self._plain and len(self._batch) < _MOST_RECORDS:
            self._batch.append(self._plain.popleft())
        try:
            self._commit(self._batch)
        except NotStorable:
            self._write_plain_singly()
        except StorageError as error:
            self._fail(code_of(error))
            return False
        self._batch.clear()
        return True

    def _write_plain_singly(self) -> None:
        for record in self._batch:
            try:
                self._commit([record])
            except Conflict:
                self._duplicates += 1
            except StorageError:
                self._lost += 1
                self._report(WriterEvent("decisions", EventKind.LOST, "record_not_storable", 1))

    def _commit(self, records: list[DecisionRecord]) -> None:
        if self._forgotten:
            records = [_nobodys(record) if record.account in self._forgotten else record for record in records]
        with self._driver.translated("record the decision"):
            if self._connection is not None and self._driver.hung_up(self._connection):
                self._disconnect()  # requests wait for this one, and none is refused for a server that was away in the night
            connection = self._connection = self._connection or self._connected()
            self._driver.insert(connection, statements.insert_decisions, [to_columns(record) for record in records])
        self._written += len(records)
        self._failure.succeeded()

    def _connected(self) -> Connection:
        return self._driver.connect(everybody=True)

    def _disconnect(self) -> None:
        """Forget the connection: after an error a fresh one is the only one whose state is known."""
        if self._connection is not None:
            with contextlib.suppress(StorageError), self._driver.translated("close the database"):
                self._connection.close()
            self._connection = None

    def _crashed(self, error: Exception) -> None:
        self._fail(type(error).__name__)

    def _fail(self, code: str) -> None:
        self._disconnect()
        self._failure.failed(code)


def _nobodys(record: DecisionRecord) -> DecisionRecord:
    return msgspec.structs.replace(record, account=DELETED_ACCOUNT, key=KeyId(DELETED_ACCOUNT))


def _answer(futures: Iterable[asyncio.Future[None]], error: StorageError | None) -> None:
    """Complete futures of one loop or of several: one wake-up for each loop, however many futures."""
    loops: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
    for future in futures:
        loops.setdefault(future.get_loop(), []).append(future)
    for loop, waiting in loops.items():
        # A loop that was closed has nobody left who waits.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(_complete, waiting, error)


def _complete(futures: list[asyncio.Future[None]], error: StorageError | None) -> None:
    for future in futures:
        if future.done():
            continue
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)
