"""Has what accounts asked to have kept sealed and written, after their answers are out; deletes what has expired. Opens nothing.

One thread. Content waits in memory until it is sealed, within a budget that requests under way count against too; only ciphertext gets
near the database. The seal is made when the first entry comes: who logs nothing loads nothing.
"""

import contextlib
import itertools
import json
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from anyapi.domain.ids import AccountId
from anyapi.domain.prompt_log import Kept, LogEntry
from anyapi.errors import AnyAPIError, StorageError
from anyapi.storage import log_statements as statements
from anyapi.storage.batch_thread import BatchThread
from anyapi.storage.driver import Connection, Driver, NotStorable, Value, code_of
from anyapi.storage.drivers import driver_at
from anyapi.storage.events import EventKind, FailureState, Report, WriterEvent, WriterState, no_report

MOST_HELD = 64 * 1024 * 1024
"""Bytes of content that all requests of this process hold together, under way and waiting."""
BATCH = 64
"""Small entries of one transaction, and expired ones of one deletion."""
TICK = 60.0
"""Seconds between looks for what has expired."""
TRIES = 3
"""A large entry is given up after so many: there is a process that may fail each time."""


class Seal(Protocol):
    """`anyapi.sealing.sealer`."""

    def is_large(self, kept: Kept) -> bool:
        """Whether it is sealed in another process."""
        ...

    def seal(self, kept: Kept, take: Callable[[bytes], None]) -> None:
        """Give the ciphertext, piece by piece."""
        ...

    def rest(self) -> None:
        """Nothing came for a while."""
        ...


class LogWriter:
    """The `LogSink` of either database. `hold`, `release` and `put` are for the event loop's thread; the rest for any."""

    def __init__(
        self, place: Path | Driver, clock: Callable[[], float], make: Callable[[], Seal], *, report: Report = no_report, tick: float = TICK
    ) -> None:
        """The store's tables must exist. `make` makes the seal. `tick` in seconds."""
        self._driver, self._clock, self._make, self._report = driver_at(place), clock, make, report
        self._seal: Seal | None = None
        self._waiting: deque[tuple[Kept, int]] = deque()
        self._held, self._room = 0, threading.Lock()
        self._written = self._lost = self._expired = 0
        self._closed = False
        self._forgotten: frozenset[AccountId] = frozenset()
        self._tries, self._tick, self._expire_at, self._unwiped = 0, tick, 0.0, True
        self._failure = FailureState("logs", report)
        self._thread = BatchThread("anyapi-logs", self._work, self._crashed, interval=0.05, idle=tick)

    def hold(self, size: int) -> bool:
        """Count bytes of a request under way."""
        with self._room:
            if self._held + size > MOST_HELD:
                self._lost += 1
                return False
            self._held += size
            return True

    def release(self, size: int) -> None:
        """Count them no more."""
        with self._room:
            self._held -= size

    def put(self, kept: Kept, held: int) -> None:
        """Take an entry and the bytes that were counted for it."""
        if self._closed:
            self._lost += 1
            self.release(held)
            return
        self._waiting.append((kept, held))
        if not self._thread.asked:
            self._thread.ask()

    @property
    def held(self) -> int:
        """Bytes of content in memory now."""
        return self._held

    @property
    def state(self) -> WriterState:
        """Figures for metrics and readiness."""
        return WriterState(self._written, len(self._waiting), self._lost, 0, self._failure.failing)

    def forget(self, accounts: frozenset[AccountId]) -> None:
        """From now on keep nothing of these accounts."""
        self._forgotten = accounts

    def flush(self, timeout: float = 10.0) -> None:
        """Wait until every entry put before is written or given up; raises `StorageError` after `timeout` seconds."""
        if not self._closed:
            self._thread.flush(timeout)

    def close(self, timeout: float = 10.0) -> None:
        """Seal and write what waits, and stop. What could not be written is gone: it was never anywhere but in memory."""
        if self._closed:
            return
        self._closed = True
        self._thread.close(timeout)
        if self._seal is not None:
            self._seal.rest()
        self._lost += len(self._waiting)
        self._waiting.clear()

    def _work(self) -> bool:
        lost, idle = self._lost, not self._waiting
        try:
            with contextlib.closing(self._driver.connect(durable=False, everybody=True)) as connection:
                while self._waiting:
                    self._next(connection)
                self._expire(connection)
        except StorageError as error:
            self._failure.failed(code_of(error), len(self._waiting))
            return False
        finally:
            if self._lost > lost:
                self._report(WriterEvent("logs", EventKind.LOST, "not_kept", self._lost - lost))
        if idle and self._seal is not None:
            self._seal.rest()
        self._failure.succeeded()
        return True

    @contextlib.contextmanager
    def _transaction(self, connection: Connection, doing: str) -> Iterator[None]:
        with self._driver.translated(doing), self._driver.unit(connection, writes=True, several=True):
            yield

    def _next(self, connection: Connection) -> None:
        """Seal and write what waits first: a large entry, or small ones together. What fails stays where it is, and is tried again."""
        seal = self._seal = self._seal or self._make()
        first = self._waiting[0][0]
        if not self._is_kept(first):
            self._done(1)
        elif seal.is_large(first):
            self._large(connection, seal, first)
            self._done(1)
        else:
            waiting = itertools.islice(tuple(self._waiting), BATCH)
            small = [kept for kept, _ in itertools.takewhile(lambda one: not seal.is_large(one[0]), waiting)]
            self._small(
                connection, [(kept.entry, pieces) for kept in small if self._is_kept(kept) and (pieces := self._sealed(seal, kept))]
            )
            self._done(len(small))

    def _small(self, connection: Connection, sealed: Sequence[tuple[LogEntry, list[bytes]]]) -> None:
        """Write entries in one transaction; if one of them cannot be stored, the others must not go with it."""
        try:
            with self._transaction(connection, "write the log"):
                for entry, pieces in sealed:
                    size = sum(len(piece) for piece in pieces)
                    if self._add(connection, entry, size):
                        for number, piece in enumerate(pieces):
                            connection.execute(statements.ADD_PIECE, self._piece(entry, number, piece))
        except NotStorable:
            if len(sealed) == 1:
                self._lost += 1
                return
            for one in sealed:
                self._small(connection, [one])
        else:
            self._written += len(sealed)

    def _sealed(self, seal: Seal, kept: Kept) -> list[bytes]:
        """The ciphertext of a small entry; nothing where there is none to be had."""
        pieces: list[bytes] = []
        try:
            seal.seal(kept, pieces.append)
        except AnyAPIError:
            self._lost += 1
            return []
        return pieces

    def _large(self, connection: Connection, seal: Seal, kept: Kept) -> None:
        """Write a large entry piece by piece as it is sealed; until the last one it is not seen."""
        entry, sizes = kept.entry, list[int]()

        def take(piece: bytes) -> None:
            with self._transaction(connection, "write the log"):
                connection.execute(statements.ADD_PIECE, self._piece(entry, len(sizes), piece))
            sizes.append(len(piece))

        try:
            with self._transaction(connection, "write the log"):
                added = self._add(connection, entry, None)
            if added:
                seal.seal(kept, take)
                with self._transaction(connection, "write the log"):
                    connection.execute(statements.COMPLETE, (sum(sizes), entry.account, entry.decision))
        except AnyAPIError as error:
            self._take_back(connection, entry)
            self._tries += 1
            if isinstance(error, StorageError) and not isinstance(error, NotStorable) and self._tries < TRIES:
                raise
            self._lost += 1
        else:
            self._written += added
        self._tries = 0

    def _take_back(self, connection: Connection, entry: LogEntry) -> None:
        """Remove the part of an entry that was written."""
        with self._transaction(connection, "write the log"):
            connection.execute(statements.DROP_PIECES_OF_ENTRY, (entry.account, entry.decision))
            connection.execute(statements.DROP_ENTRY, (entry.account, entry.decision))

    def _add(self, connection: Connection, entry: LogEntry, size: int | None) -> bool:
        """Add the row of an entry; False where the account's log was cleared after the request."""
        values = {**msgspec.to_builtins(entry), "recipients": json.dumps(entry.recipients), "bytes": size}
        return connection.execute(statements.ADD_ENTRY, (*values.values(), entry.account, entry.at)).rowcount > 0

    def _piece(self, entry: LogEntry, number: int, piece: bytes) -> tuple[Value, ...]:
        return entry.account, entry.decision, number, self._driver.padding, piece

    def _is_kept(self, kept: Kept) -> bool:
        return kept.entry.account not in self._forgotten

    def _done(self, count: int) -> None:
        for _ in range(count):
            _, held = self._waiting.popleft()
            self.release(held)

    def _expire(self, connection: Connection) -> None:
        """Delete what has expired, and get its bytes out of the write-ahead log too."""
        if 0.0 < self._expire_at - self._clock() <= self._tick:  # else it is due, or the clock was put back
            return
        values = {"now": self._clock(), "limit": BATCH}
        gone = BATCH
        while gone == BATCH:
            with self._transaction(connection, "delete the expired log"):
                connection.execute(statements.DROP_EXPIRED_PIECES, values)
                gone = connection.execute(statements.DROP_EXPIRED, values).rowcount
            self._unwiped = self._unwiped or gone > 0
        if self._unwiped:
            with self._driver.translated("empty the write-ahead log"):
                self._unwiped = self._driver.empty_wal(connection, waits=False) is False
        self._expire_at = self._clock() + self._tick

    def _crashed(self, error: Exception) -> None:
        self._failure.failed(type(error).__name__, len(self._waiting))
