"""What stores and writers need of a database: statements with values, units of work, errors in our words. Knows no table.

Statements are written once, as SQLite takes them; the driver of PostgreSQL rewrites what it spells otherwise (`postgres_statements`).
"""

import enum
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol, TypeAlias

from anyapi.errors import StorageError

Value: TypeAlias = str | float | bytes | None
Values: TypeAlias = Sequence[Value] | Mapping[str, Value]
Row: TypeAlias = tuple[Value, ...]
Progress: TypeAlias = Callable[[int, int], None]
"""Is told how many rows are done, of how many."""


class SchemaState(enum.StrEnum):
    """What a database is, seen from this release."""

    EMPTY = "empty"
    CURRENT = "current"
    OLDER = "older"
    FOREIGN = "foreign"
    """Tables that are not ours, or those of a newer release."""


class NotStorable(StorageError):
    """The row is at fault and not the store: trying again would not help."""


class Conflict(NotStorable):
    """A constraint refused the row: its id is taken, or it names something that does not exist."""


def code_of(error: StorageError) -> str:
    """The database's name of what failed, for example `SQLITE_FULL` or `SQLSTATE_53100`."""
    return str(error.metadata.get("code", type(error).__name__))


class Cursor(Protocol):
    """What a statement gave."""

    @property
    def rowcount(self) -> int:
        """How many rows were written."""
        ...

    @property
    def description(self) -> Sequence[Sequence[object]]:
        """The columns of a selection: the name of each stands first."""
        ...

    def fetchone(self) -> Row | None:
        """The next row."""
        ...

    def fetchall(self) -> list[Row]:
        """All rows that are left."""
        ...


class Connection(Protocol):
    """One connection, for one thread at a time. It raises the driver's own errors: work with it inside `Driver.translated`."""

    def execute(self, statement: str, values: Values = ..., /) -> Cursor:
        """Run a constant statement; values travel beside it."""
        ...

    def close(self) -> None:
        """Close it."""
        ...


class Driver(Protocol):
    """One database. May be shared between threads; connections may not."""

    @property
    def shared(self) -> bool:
        """Whether processes that know nothing of each other use it: then what is in force goes by `storage/postgres_leases`."""
        ...

    @property
    def padding(self) -> bytes:
        """What stands before a row's ciphertext so that none of it lies in a page with other rows, where copies of it would be left."""
        ...

    def state(self) -> SchemaState:
        """What its tables are, seen from this release. Changes nothing. Raises `StorageError`."""
        ...

    def prepare(self, progress: Progress = ..., /) -> None:
        """Make the tables of this release where they are missing or older; `progress` hears of what takes long. Raises `StorageError`."""
        ...

    def connect(self, *, durable: bool = True, everybody: bool = False) -> Connection:
        """Open a connection. Not `durable`: a loss of power may take the last commits. Raises `StorageError`.

        `everybody`: statements outside units see the rows of all accounts, as writers need; without it they see none.
        """
        ...

    def hung_up(self, connection: Connection) -> bool:
        """Whether the other side has ended a connection that nobody used meanwhile: then another is to be opened in its place."""
        ...

    def unit(self, connection: Connection, *, writes: bool, several: bool = False) -> AbstractContextManager[None]:
        """Run the block's statements, one or `several`, all or none. Of two units that write at once the second sees the first.

        Several that read see one state of the database.

        On PostgreSQL they see the rows of the tenant in force alone (`storage/tenant.py`).
        """
        ...

    def read(self, connection: Connection, statement: str, values: Values = ()) -> list[Row]:
        """What one statement that reads finds, in a unit of its own."""

    def alone(self, connection: Connection) -> AbstractContextManager[None]:
        """Run the block while no other process extends the audit log: all or none of it on PostgreSQL.

        On SQLite, which one process serves, this is nothing: each statement is a unit by itself.
        """
        ...

    def insert(self, connection: Connection, statement: Callable[[int], str], rows: Sequence[Sequence[Value]]) -> int:
        """Insert many rows with one statement, all or none; says how many are new.

        `statement` gives `INSERT INTO table (columns) VALUES (?, ...), ...` for so many rows, with what follows after them.
        """
        ...

    def portion(self, waiting: int, most: int) -> int:
        """How many of the rows that wait, at most `most`, one `insert` should take; at least one where any wait."""
        ...

    def translated(self, doing: str) -> AbstractContextManager[None]:
        """Turn what goes wrong while `doing` (our words) into `StorageError`, `NotStorable` or `Conflict`; never with a value."""
        ...

    def empty_wal(self, connection: Connection, *, waits: bool) -> bool | None:
        """Move what was deleted out of SQLite's write-ahead log; False while somebody reads it, None where there is none.

        `waits`: for readers, and nobody else can write meanwhile; otherwise it is done at once or not at all.
        """
        ...

    def file_bytes(self) -> int | None:
        """Size of the file that can be rewritten without what was deleted; None where there is none: PostgreSQL overwrites nothing."""
        ...

    def tidy(self, connection: Connection, *, failing: bool) -> None:
        """What a writer does after a batch, where nobody waits; `failing`: the last write failed."""
        ...
