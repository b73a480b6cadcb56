"""Enters into the audit log what was decided, what came of it, and what was changed; signs checkpoints. One thread, off the request path.

Three things wait to be entered: requests in a queue in memory, decision records and changes in tables of their own, where they are durable
already. What stands in a table leaves it in the statement that enters it, so that a kill neither loses nor doubles it. The tree is
extended here, by one writer at a time: an entry whose place is taken by another process's is tried again behind it.
"""

import contextlib
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from anyapi.audit.notes import Checkpoint, SigningKey, encode64
from anyapi.domain.decision import Decision
from anyapi.domain.ids import AccountId
from anyapi.domain.usage import UsageRow
from anyapi.errors import AnyAPIError, StorageError
from anyapi.storage import audit_statements as statements
from anyapi.storage.audit_composing import Change, Composer, Item, Own, Recorded, Request
from anyapi.storage.audit_log import AppendedLog
from anyapi.storage.batch_thread import BatchThread
from anyapi.storage.driver import Conflict, Connection, Driver, NotStorable, code_of
from anyapi.storage.drivers import driver_at
from anyapi.storage.events import EventKind, FailureState, Report, WriterEvent, WriterState, no_report

_MOST_ITEMS = 512
_TRIES = 8
"""How often at once, where another process is entering too."""
_SEAL_SECONDS = 1.0
"""How long entries may stand without a checkpoint over them."""


class _Moved(Exception):
    """Another process wrote an entry where ours was to stand."""


class AuditWriter:
    """The audit sink of either database. `put` is for the event loop's thread; the others for any."""

    def __init__(
        self,
        place: Path | Driver,
        key: Callable[[], SigningKey] | None,
        clock: Callable[[], float],
        *,
        unrecorded: frozenset[str | None] = frozenset(),
        limit: int = 65_536,
        report: Report = no_report,
    ) -> None:
        """Open the log; its tables must exist. `key` gives the key that signs now, `clock` Unix seconds.

        Without a key (a command, beside no server) what is entered is left for the next server to sign.
        Requests of the data classes `unrecorded` are left out (None: those that name no class). `limit` is how many requests may wait.
        """
        self.driver = driver_at(place)
        self._key, self._clock = key, clock
        self._unrecorded, self._limit, self._report = unrecorded, limit, report
        self._queue: deque[Request] = deque()
        self._own: deque[Own] = deque()
        self._batch: list[Item] = []
        self._ready = 0
        """How many requests wait whose decision records were there when the tables were read."""
        self._written = self._lost = self._duplicates = 0
        self._dropped = self._dropped_reported = 0
        self._closed = self._outdated = False
        self._wanted = self._served = 0
        """How often a checkpoint was asked for, and up to which time of asking there is one."""
        self._sealed_at = -_SEAL_SECONDS
        self._failure = FailureState("audit", report)
        self._connection: Connection | None = None
        self._composer = Composer()
        self._log: AppendedLog | None = None
        self._signed: Checkpoint | None = None
        """What was signed here last: whatever is read anew must go on from it."""
        self._thread = BatchThread("anyapi-audit", self._work, self._crashed, interval=0.1, idle=_SEAL_SECONDS)

    def put(self, row: UsageRow, decisions: tuple[Decision, ...], commitment: str | None = None, /) -> None:
        """See `AuditSink`. Never waits; a request that finds no room is counted as a gap."""
        if row.data_class in self._unrecorded:
            return
        if self._closed or len(self._queue) >= self._limit:
            self._dropped += 1
            return
        self._queue.append((row, decisions, commitment))
        if not self._thread.asked:
            self._thread.ask()

    def outdate(self) -> None:
        """Say that another snapshot is in force: requests go by other decisions from now on, and the old ones need not be kept alive."""
        self._outdated = True

    def note(self, kind: str, values: Mapping[str, str | int]) -> None:
        """Enter something of the gateway's own: a start, another catalogue."""
        self._own.append(Own(kind, round(self._clock() * 1000), dict(values)))
        self._thread.ask()

    def forget(self, accounts: frozenset[AccountId]) -> None:
        """Enter what waits while the log's ids lead to these accounts yet; entries name nobody else. See `UsageSink.forget`."""
        if accounts:
            self._thread.hurry()

    @property
    def state(self) -> WriterState:
        """Figures for metrics and readiness."""
        waiting = len(self._queue) + len(self._own) + len(self._batch)
        return WriterState(self._written, waiting, self._lost + self._dropped, self._duplicates, self._failure.failing)

    def flush(self, timeout: float = 10.0) -> None:
        """Return when all that was taken before stands in the log under a durable checkpoint; raises `StorageError` if not in time."""
        if not self._closed:
            self._wanted += 1
            self._thread.flush(timeout)

    def close(self, timeout: float = 10.0) -> None:
        """Enter what waits, sign, stop."""
        if self._closed:
            return
        self._closed = True
        self._wanted += 1
        if self._thread.close(timeout):
            self._disconnect()

    def _work(self) -> bool:
        wanted = self._wanted  # who asks from here on hurries another run
        if self._outdated:
            self._outdated = False
            self._composer.let_go()
        try:
            with self.driver.translated("extend the audit log"):
                if not any(self._extended(wanted) for _ in range(_TRIES)):
                    return False
        except AnyAPIError as error:
            self._disconnect()
            code = code_of(error) if isinstance(error, StorageError) else type(error).__name__
            self._failure.failed(code, self.state.waiting)
            return False
        self._failure.succeeded()
        return True

    def _extended(self, wanted: int) -> bool:
        try:
            self._extend(wanted)
        except _Moved:
            self._log = None  # nothing failed: it is read anew, and what waits is entered behind the other's entry
            return False
        return True

    def _extend(self, wanted: int) -> None:
        log = self._current(self._connected())
        more = True
        while more:  # until all is entered that waited when this began; what comes meanwhile is worth a batch of its own
            more = self._enter(log)
        self._seal(log, wanted)

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = self.driver.connect(durable=False, everybody=True)
            self._composer.log_id.connection = self._connection
        return self._connection

    def _current(self, connection: Connection) -> AppendedLog:
        """The log as it is known here; read anew after a failure. The key that signs is announced in it before its first signature."""
        if self._log is None:
            self._composer.forget()
            self._log = AppendedLog(self.driver, connection)
            self._compare(self._log)
        if self._key is not None:
            self._log.announce(self._key().public, self._now())
        return self._log

    def _compare(self, log: AppendedLog) -> None:
        """Enter it, and say so, where the log that was read anew is not the one that was signed: another, or less, was put in its place.

        It is signed all the same, since a restored copy is no fault; but not as if nothing had been.
        """
        before, self._signed = self._signed, None
        if before is None or log.goes_on_from(before):
            return
        self._own.append(Own("log_replaced", self._now(), {"root": encode64(before.root), "size": before.size}))
        self._report(WriterEvent("audit", EventKind.LOST, "log_replaced", max(0, before.size - log.size)))

    def _now(self) -> int:
        return round(self._clock() * 1000)

    def _enter(self, log: AppendedLog) -> bool:
        """Enter a batch, and say whether there is more; an item that cannot be stored is left out alone."""
        waiting: list[Item] = []
        try:
            with log.alone():
                waiting = self._waiting(log.connection)
                more = self._gather() or len(waiting) >= _MOST_ITEMS
                rows = self._append(log, [*waiting, *self._batch])
        except NotStorable:
            if not self.driver.shared and log.moved():
                raise _Moved from None
            self._composer.forget()
            rows = sum([self._enter_one(log, item) for item in (*waiting, *self._batch)])
            more = rows > 0
        self._written += rows
        self._batch.clear()
        return more

    def _waiting(self, connection: Connection) -> list[Item]:
        """What stands in tables. Decision records of requests that wait here are older than these, so they are found."""
        self._ready = len(self._queue)
        changes = connection.execute(statements.WAITING_CHANGES, (_MOST_ITEMS,)).fetchall()
        recorded = connection.execute(statements.WAITING_DECISIONS, (_MOST_ITEMS,)).fetchall()
        return [*map(Change._make, changes), *map(Recorded._make, recorded)]

    def _gather(self) -> bool:
        """Fill the batch, and say whether there is more; what stood in it after a failure stays."""
        if self._batch:
            return True
        own = [self._own.popleft() for _ in range(len(self._own))]
        dropped = self._dropped
        if dropped > self._dropped_reported:
            lost, self._dropped_reported = dropped - self._dropped_reported, dropped
            own.append(Own("gap", self._now(), {"lost": lost}))
            self._report(WriterEvent("audit", EventKind.LOST, "no_room", lost))
        take = self._queue.popleft
        self._batch = [*own, *[take() for _ in range(min(_MOST_ITEMS, self._ready))]]
        return self._ready > _MOST_ITEMS

    def _enter_one(self, log: AppendedLog, item: Item) -> int:
        try:
            with log.alone():
                return self._append(log, [item])
        except NotStorable as error:
            self._composer.forget()
            if isinstance(error, Conflict):
                self._duplicates += 1
            else:
                self._lose(1)
        return 0

    def _append(self, log: AppendedLog, items: Sequence[Item]) -> int:
        """Add the items' entries; says how many these are."""
        with self.driver.translated("extend the audit log"):
            rows, refused = self._composer.compose(items, log.size)
            if rows:
                log.append(rows)
        if refused:
            self._lose(refused)
        return len(rows)

    def _lose(self, count: int) -> None:
        self._lost += count
        self._report(WriterEvent("audit", EventKind.LOST, "entry_not_storable", count))

    def _seal(self, log: AppendedLog, wanted: int) -> None:
        """Sign, but not more often than once a second, unless somebody waited for it when this run began."""
        now = time.monotonic()
        if self._key is not None and (wanted != self._served or (not log.sealed and now - self._sealed_at >= _SEAL_SECONDS)):
            self._signed = log.seal(self._key())
            self._sealed_at = now
            self._served = wanted

    def _disconnect(self) -> None:
        """Forget the connection and what was known of the log: after an error only a fresh look is sure."""
        self._log = None
        self._composer.log_id.connection = None
        if self._connection is not None:
            with contextlib.suppress(StorageError), self.driver.translated("close the database"):
                self._connection.close()
            self._connection = None

    def _crashed(self, error: Exception) -> None:
        self._disconnect()
        self._failure.failed(type(error).__name__)
