"""The driver of SQLite: one file in the data directory, standard library only."""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import cast

from anyapi.errors import StorageError
from anyapi.storage.connection import NOT_STORABLE, connect, database_path, storage_error
from anyapi.storage.driver import Conflict, Connection, NotStorable, Progress, Row, SchemaState, Value, Values
from anyapi.storage.schema import no_progress, prepare, state

_CHECKPOINT_BYTES = 8 * 1024 * 1024
"""Size of the WAL file at which it is moved over. It says what waits because `connect` has it shrink when it starts anew. Rows would not
do for a measure: one written alone takes 30 times the room of one in a full batch."""
_FEW = 32
"""Rows whose statement is prepared in less time than one more transaction takes."""


class SqliteDriver:
    """One database file."""

    shared = False
    padding = bytes(4096)
    """A row has less than this in pages that it shares with others (file format, 1.6)."""

    def __init__(self, data_dir: Path) -> None:
        """The database of a data directory, which is made where it is missing. Raises `StorageError`."""
        self.path = database_path(data_dir)
        self._wal = self.path.with_name(f"{self.path.name}-wal")

    def state(self) -> SchemaState:
        """What the file is."""
        return state(self.path)

    def prepare(self, progress: Progress = no_progress) -> None:
        """Make or update the tables."""
        prepare(self.path, progress)

    def connect(self, *, durable: bool = True, everybody: bool = False) -> Connection:  # noqa: ARG002 SQLite has no second wall
        """Open a connection in autocommit mode."""
        return cast("Connection", connect(self.path, synchronous="FULL" if durable else "NORMAL"))

    def hung_up(self, connection: Connection) -> bool:  # noqa: ARG002 there is nobody at the other end
        """Never."""
        return False

    @contextlib.contextmanager
    def unit(self, connection: Connection, *, writes: bool, several: bool = False) -> Iterator[None]:
        """One statement is a unit by itself; several that write get the write lock from the start, several that read see one state."""
        if not several:
            yield
            return
        connection.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
        try:
            yield
            connection.execute("COMMIT")
        finally:
            if cast("sqlite3.Connection", connection).in_transaction:
                connection.execute("ROLLBACK")

    def read(self, connection: Connection, statement: str, values: Values = ()) -> list[Row]:
        """One statement is a unit by itself."""
        return connection.execute(statement, values).fetchall()

    def alone(self, connection: Connection) -> contextlib.AbstractContextManager[None]:  # noqa: ARG002 no other process extends the log
        """Nothing: the write lock is never held while a thread waits for the interpreter's."""
        return contextlib.nullcontext()

    def insert(self, connection: Connection, statement: Callable[[int], str], rows: Sequence[Sequence[Value]]) -> int:
        """Bind every value of every row."""
        return connection.execute(statement(len(rows)), [value for row in rows for value in row]).rowcount

    def portion(self, waiting: int, most: int) -> int:
        """Either all of a few, or a power of two.

        A statement for so many rows is prepared anew unless the connection still has it, which takes longer than to insert them (8 against
        3 us a usage row, measured): there must not be one for every number.
        """
        return min(most, waiting if waiting < _FEW else 1 << (waiting.bit_length() - 1))

    @contextlib.contextmanager
    def translated(self, doing: str) -> Iterator[None]:
        """Turn what goes wrong into `StorageError`; a value that SQLite cannot hold is named as that, without the value."""
        try:
            yield
        except sqlite3.IntegrityError as error:
            raise Conflict(*_told(error, doing)) from None
        except sqlite3.Error as error:
            raise (NotStorable if isinstance(error, NOT_STORABLE) else StorageError)(*_told(error, doing)) from None
        except (OverflowError, UnicodeError) as error:
            code = type(error).__name__
            raise NotStorable(f"could not {doing} ({code}): a value cannot be stored", {"code": code}) from None

    def empty_wal(self, connection: Connection, *, waits: bool) -> bool:
        """Move the whole WAL into the database and cut it to nothing."""
        if waits:
            return _emptied(connection)
        ((patience,),) = connection.execute("PRAGMA busy_timeout").fetchall()
        connection.execute("PRAGMA busy_timeout = 0").fetchall()
        try:
            return _emptied(connection)
        finally:
            connection.execute(f"PRAGMA busy_timeout = {cast('int', patience)}").fetchall()

    def file_bytes(self) -> int:
        """The database without its WAL."""
        return self.path.stat().st_size

    def tidy(self, connection: Connection, *, failing: bool) -> None:
        """Move the WAL into the database here, where nobody waits for the fsync."""
        if failing:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()  # perhaps our own WAL is what fills the disk
        elif self._wal.stat().st_size > _CHECKPOINT_BYTES:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()


def _emptied(connection: Connection) -> bool:
    ((busy, _, _),) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return not busy


def _told(error: sqlite3.Error, doing: str) -> tuple[str, dict[str, object]]:
    told = storage_error(error, doing)
    return told.message, told.metadata
