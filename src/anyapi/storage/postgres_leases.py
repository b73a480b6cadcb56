"""What is published, and which workers go by it: how a change over PostgreSQL is known to be in force everywhere (docs/adr/0015).

A worker says again and again which version it goes by, and may serve until a lease after it last could. Who changed something waits until
each worker has said the newest version or its lease has run out. All by the database's clock but for the worker's own end, which it
counts from before it asked, so that it never thinks itself alive when others think it is not.
"""

import contextlib

import psycopg
from psycopg.rows import TupleRow

from anyapi.crypto.secret import Secret
from anyapi.errors import StorageError
from anyapi.storage.postgres_driver import PostgresDriver, WorkersConnection, opened

MARGIN = 0.05
"""Seconds by which a worker is believed alive longer than it believes itself."""
_NEWEST = "SELECT version FROM published"
# The lock makes a change wait for it, or it for the change: a worker cannot confirm an old version after a new one was committed.
_CONFIRM = """
WITH newest AS (SELECT version FROM published FOR SHARE),
    confirmed AS (
        INSERT INTO workers (id, version, confirmed_at, lease)
        SELECT %(id)s, version, clock_timestamp(), %(lease)s FROM newest WHERE version = %(version)s
        ON CONFLICT (id) DO UPDATE SET version = excluded.version, confirmed_at = excluded.confirmed_at
    )
SELECT version, CASE WHEN version = %(version)s AND %(first)s THEN pg_notify('anyapi_confirmed', '') END FROM newest
"""
_LEAVE = "DELETE FROM workers WHERE id = %s"
_FORGET = "DELETE FROM workers WHERE confirmed_at + make_interval(secs => lease) < clock_timestamp() - interval '1 day'"
_LIVE = """
SELECT coalesce(max(lease - extract(epoch FROM clock_timestamp() - confirmed_at)) FILTER (WHERE version < %(version)s), -1), count(*)
FROM workers WHERE clock_timestamp() < confirmed_at + make_interval(secs => lease + %(margin)s)
"""


class Leases(WorkersConnection):
    """One worker's side. For one thread at a time."""

    first, listens = "LISTEN anyapi_changed", True

    def __init__(self, url: Secret, worker: str, seconds: float) -> None:
        """`seconds` is the worker's lease."""
        super().__init__(url, worker, seconds)
        self._said = 0

    def newest(self) -> int:
        """The newest published version. What is read after this is at least as new. Raises `StorageError`."""
        with self._connection("read the newest version") as raw:
            return _number(raw.execute(_NEWEST))

    def confirm(self, version: int) -> int:
        """Say that this worker goes by `version`, if that is the newest; give the newest. Raises `StorageError`."""
        with self._connection("confirm the snapshot") as raw:
            values = {"id": self._worker, "lease": self._seconds, "version": version, "first": version != self._said}
            newest = _number(raw.execute(_CONFIRM, values))
            if newest == version != self._said:
                if self._said == 0:
                    raw.execute(_FORGET)
                self._said = version
            return newest

    def signalled(self, seconds: float) -> bool:
        """Wait at most so long for a change to be signalled; False if none was. Raises `StorageError`."""
        with self._connection("wait for changes") as raw:
            return any(True for _ in raw.notifies(timeout=seconds, stop_after=1))

    def leave(self) -> None:
        """This worker serves no more: nobody has to wait for it."""
        with contextlib.suppress(StorageError), self._connection("leave") as raw:
            raw.execute(_LEAVE, (self._worker,))
        self._disconnect()


class Onlooker:
    """Who waits for workers. May be shared between threads; keeps the connections that nobody waits on, since opening one takes longest."""

    def __init__(self, url: Secret) -> None:
        """Connects when it has to."""
        self._url = url
        self._idle: list[psycopg.Connection[TupleRow]] = []

    def in_force(self) -> tuple[int, int]:
        """Wait until every live worker goes by what is published now; give that version and the number of live workers.

        At most a lease: by then a worker that does not answer has stopped by itself. Raises `StorageError`.
        """
        with PostgresDriver(self._url).translated("see whether it is in force"):
            while self._idle:
                with contextlib.suppress(psycopg.OperationalError, IndexError):  # it broke meanwhile, or somebody else took it
                    return self._watched(self._idle.pop())
            return self._watched(opened(self._url))

    def close(self) -> None:
        """Close what is kept."""
        while self._idle:
            self._idle.pop().close()

    def _watched(self, raw: psycopg.Connection[TupleRow]) -> tuple[int, int]:
        with contextlib.ExitStack() as stack:
            stack.callback(raw.close)
            found = _seen(raw)
            raw.execute("UNLISTEN *")  # nobody reads what comes while it is idle
            stack.pop_all()
        self._idle.append(raw)
        return found


def _seen(raw: psycopg.Connection[TupleRow]) -> tuple[int, int]:
    listening = raw.execute(f"LISTEN anyapi_confirmed; {_NEWEST}".encode())
    listening.nextset()
    version = _number(listening)
    while True:
        ((left, workers),) = raw.execute(_LIVE, {"version": version, "margin": MARGIN}).fetchall()
        if left < -MARGIN:
            return version, workers
        any(True for _ in raw.notifies(timeout=min(max(left + MARGIN, 0.001), 1.0), stop_after=1))


def in_force(url: Secret) -> tuple[int, int]:
    """`Onlooker.in_force`, once."""
    with contextlib.closing(Onlooker(url)) as onlooker:
        return onlooker.in_force()


def alive(url: Secret) -> int:
    """How many workers may serve at this moment. Raises `StorageError`."""
    with PostgresDriver(url).translated("count the workers"), contextlib.closing(opened(url)) as raw:
        ((_, workers),) = raw.execute(_LIVE, {"version": 0, "margin": MARGIN}).fetchall()
        return int(workers)


def _number(found: psycopg.Cursor[TupleRow]) -> int:
    ((number, *_),) = found.fetchall()
    return int(number)
