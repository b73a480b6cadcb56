"""One SQLite database file and what every store on it shares: a connection, a lock, errors in our words. Knows no table."""

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias, TypeVar

import msgspec

from anyapi.errors import StorageError
from anyapi.storage.connection import connect, database_path, storage_error
from anyapi.storage.schema import prepare

Value: TypeAlias = str | float | bytes | None
Values: TypeAlias = tuple[Value, ...] | Mapping[str, Value]
Row: TypeAlias = tuple[Value, ...]
Read: TypeAlias = Callable[[str, Mapping[str, Value]], list[Row]]
"""Asks one question of the store."""


class SqliteFile:
    """One connection, one caller at a time; a thread that wants to read beside another opens its own."""

    def __init__(self, data_dir: Path) -> None:
        """Open the database in `data_dir`, making directory and tables where they are missing. Raises `StorageError`."""
        self.path = database_path(data_dir)
        prepare(self.path)
        self._lock = threading.Lock()
        self._connection = connect(self.path)

    def __enter__(self) -> Self:
        """Give the open store."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the store cannot be used afterwards."""
        with self._lock:
            self._connection.close()

    def _read(self, doing: str, statement: str, values: Values = ()) -> list[Row]:
        with self._lock, translated(doing):
            return self._connection.execute(statement, values).fetchall()

    @contextlib.contextmanager
    def _transaction(self, doing: str) -> Iterator[sqlite3.Connection]:
        """Run the statements of the block as one, with the write lock from the start."""
        with self._lock, translated(doing):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    @contextlib.contextmanager
    def _reading(self, doing: str) -> Iterator[Read]:
        """Run the questions of the block on one state of the store: nothing that others write meanwhile is seen by some of them only."""
        with self._lock, translated(doing):
            self._connection.execute("BEGIN")
            try:
                yield lambda statement, values: self._connection.execute(statement, values).fetchall()
            finally:
                self._connection.execute("ROLLBACK")

    def _write(self, doing: str, statement: str, values: Values) -> int:
        with self._lock, translated(doing):
            return self._connection.execute(statement, values).rowcount


@contextlib.contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn what goes wrong into `StorageError`; a value that SQLite cannot hold is named as that, without the value."""
    try:
        yield
    except sqlite3.Error as error:
        raise storage_error(error, doing) from None
    except (OverflowError, UnicodeError) as error:
        raise StorageError(
            f"could not {doing} ({type(error).__name__}): a value cannot be stored", {"code": type(error).__name__}
        ) from None


_T = TypeVar("_T", bound=msgspec.Struct)


def rows_of(kind: type[_T], rows: list[Row], *, strict: bool = True) -> list[_T]:
    """Build structs from rows whose columns stand in the order of the struct's fields. Not `strict`: 0 and 1 may be a bool."""
    fields = kind.__struct_fields__
    return [msgspec.convert(dict(zip(fields, row, strict=True)), kind, strict=strict) for row in rows]
