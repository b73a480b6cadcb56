"""What every store shares: a driver, a connection of its own, a lock. Knows no table and no dialect."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import msgspec

from anyapi.storage.driver import Connection, Driver, Row, Values
from anyapi.storage.drivers import driver_at
from anyapi.storage.usage_reading import Read


class Database:
    """One connection, one caller at a time; a thread that wants to read beside another opens its own."""

    def __init__(self, place: "Path | Driver | Database") -> None:
        """Open the database, making tables where they are missing; a path is a data directory with SQLite. Raises `StorageError`.

        Another store as the place: its connection is shared, and its callers take turns with this one's. The other one closes it.
        """
        self._driver: Driver
        self._lock: threading.Lock
        self._connection: Connection
        self._owner = not isinstance(place, Database)
        if isinstance(place, Database):
            self._driver, self._lock, self._connection = place._driver, place._lock, place._connection  # noqa: SLF001 it is one of us
            return
        self._driver, self._lock = driver_at(place), threading.Lock()
        self._driver.prepare()
        self._connection = self._driver.connect()

    def __enter__(self) -> Self:
        """Give the open store."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    @property
    def driver(self) -> Driver:
        """The database, for those that need a connection of their own."""
        return self._driver

    def close(self) -> None:
        """Close the connection; the store cannot be used afterwards."""
        if self._owner:
            with self._lock:
                self._connection.close()

    def _read(self, doing: str, statement: str, values: Values = ()) -> list[Row]:
        with self._lock, self._driver.translated(doing):
            return self._driver.read(self._connection, statement, values)

    @contextlib.contextmanager
    def _reading(self, doing: str) -> Iterator[Read]:
        """Run the questions of the block on one state of the store: nothing that others write meanwhile is seen by some of them only."""
        with self._lock, self._driver.translated(doing), self._driver.unit(self._connection, writes=False, several=True):
            yield lambda statement, values: self._connection.execute(statement, values).fetchall()

    @contextlib.contextmanager
    def _transaction(self, doing: str) -> Iterator[Connection]:
        """Run the statements of the block as one; nobody else writes meanwhile."""
        with self._lock, self._driver.translated(doing), self._driver.unit(self._connection, writes=True, several=True):
            yield self._connection

    def _write(self, doing: str, statement: str, values: Values) -> int:
        with self._lock, self._driver.translated(doing), self._driver.unit(self._connection, writes=True):
            return self._connection.execute(statement, values).rowcount


_T = TypeVar("_T", bound=msgspec.Struct)


def rows_of(kind: type[_T], rows: list[Row], *, strict: bool = True) -> list[_T]:
    """Build structs from rows whose columns stand in the order of the struct's fields. Not `strict`: 0 and 1 may be a bool."""
    fields = kind.__struct_fields__
    return [msgspec.convert(dict(zip(fields, row, strict=True)), kind, strict=strict) for row in rows]


def one_of(kind: type[_T], rows: list[Row], *, strict: bool = True) -> _T | None:
    """The first of them, or None if there is none."""
    return next(iter(rows_of(kind, rows, strict=strict)), None)
