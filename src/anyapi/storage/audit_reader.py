"""Reading the audit log on a connection of one's own: for checking, export, receipts. Writes nothing but what waits to be entered."""

import contextlib
import sqlite3
from collections.abc import Iterator
from functools import partial
from types import TracebackType
from typing import Self, cast

from anyapi.audit.tiles import Tile, subtrees
from anyapi.audit.tree import inclusion_proof
from anyapi.domain.ids import AccountId, DecisionId
from anyapi.errors import StorageError
from anyapi.storage import audit_statements as statements
from anyapi.storage.audit_notes import note_for_audit
from anyapi.storage.audit_tables import entries_of, fetch_from, number, size_of
from anyapi.storage.driver import Driver, Row, Value

_PAGE = 1024
_FIRST = -1e19
"""Below all that a column can hold: what somebody put there is read too."""


class AuditReader:
    """The stored log as it is now. Every method raises `StorageError` and nothing else."""

    def __init__(self, driver: Driver) -> None:
        """The database's tables must exist."""
        self._driver = driver
        self._connection = driver.connect(everybody=True)
        if isinstance(self._connection, sqlite3.Connection):
            # What is not UTF-8 was changed by somebody: it is read as something that cannot be right, instead of not at all.
            self._connection.text_factory = lambda value: value.decode(errors="replace")

    def __enter__(self) -> Self:
        """Give the open log."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        with contextlib.suppress(StorageError), self._driver.translated("close the database"):
            self._connection.close()

    @contextlib.contextmanager
    def at_rest(self) -> Iterator[Self]:
        """The log as it is at one moment, for as long as the block lasts; others go on writing."""
        with self._driver.translated("read the audit log"), self._driver.unit(self._connection, writes=False, several=True):
            yield self

    def size(self) -> int:
        """How many entries there are."""
        with self._driver.translated("read the audit log"):
            return size_of(self._connection)

    def entries(self) -> Iterator[tuple[int, str | None, bytes]]:
        """Position, reference and bytes of every entry."""
        with self._driver.translated("read the audit log"):
            yield from cast("Iterator[tuple[int, str | None, bytes]]", self._paged(statements.PAGE, (_FIRST,)))

    def some_entries(self, start: int, end: int) -> list[bytes]:
        """The bytes of a range of entries."""
        with self._driver.translated("read the audit log"):
            return [entry for _, _, entry in entries_of(self._connection, start, end)]

    def tiles(self) -> Iterator[Tile]:
        """Every full tile."""
        with self._driver.translated("read the audit log"):
            yield from map(Tile._make, self._paged(statements.TILES, (_FIRST, _FIRST)))

    def tile(self, level: int, number: int, width: int) -> bytes:
        """The hashes of a tile, full or not."""
        with self._driver.translated("read the audit log"):
            return b"".join(fetch_from(self._connection, level, number, width))

    def checkpoints(self) -> Iterator[tuple[int, str]]:
        """Every checkpoint, by size."""
        with self._driver.translated("read the audit log"):
            yield from cast("Iterator[tuple[int, str]]", self._paged(statements.CHECKPOINTS, (_FIRST,)))

    def _paged(self, statement: str, after: tuple[Value, ...]) -> Iterator[Row]:
        """All rows in pages, each from behind the last one's key: a cursor that stays open would have PostgreSQL send all at once."""
        while page := self._connection.execute(statement, (*after, _PAGE)).fetchall():
            yield from page
            after = page[-1][: len(after)]

    def _first(self, statement: str, values: tuple[Value, ...] = ()) -> Row | None:
        with self._driver.translated("read the audit log"):
            return self._connection.execute(statement, values).fetchone()

    def newest(self) -> tuple[int, str] | None:
        """Size and note of the newest checkpoint."""
        return cast("tuple[int, str] | None", self._first(statements.CHECKPOINT))

    def waiting(self) -> int:
        """How many changes and decision records wait to be entered."""
        return number(self._first(statements.WAITING_COUNT))

    def place(self, ref: str) -> tuple[int, bytes] | None:
        """Position and bytes of the entry of a reference."""
        return cast("tuple[int, bytes] | None", self._first(statements.PLACE, (ref,)))

    def entry(self, position: int) -> bytes | None:
        """The bytes of an entry."""
        found = self._first(statements.ENTRY, (position,))
        return None if found is None else cast("bytes", found[0])

    def of_account(self, log_id: str, start: int, end: int, most: int, *, changes: bool) -> list[tuple[int, bytes]]:
        """Position and bytes of the newest entries of a range that name the account of this random id, newest first; or of its changes."""
        statement = statements.CHANGES_OF_ACCOUNT if changes else statements.OF_ACCOUNT
        with self._driver.translated("read the audit log"):
            found = self._connection.execute(statement, (start, end, log_id.encode(), most)).fetchall()
        return cast("list[tuple[int, bytes]]", found)

    def proof(self, position: int, size: int) -> list[bytes]:
        """The proof that an entry stands in the log of `size` entries."""
        with self._driver.translated("read the audit log"):
            return inclusion_proof(position, size, subtrees(partial(fetch_from, self._connection), size))

    def key_entries(self) -> list[bytes]:
        """The entries that announce keys, oldest first."""
        with self._driver.translated("read the audit log"):
            return [cast("bytes", entry) for _, entry in self._connection.execute(statements.KEYS).fetchall()]

    def was_used(self, account: AccountId, decision: DecisionId) -> bool:
        """Whether the account has a usage row of this decision."""
        with self._driver.translated("read the usage"):
            return self._connection.execute(statements.USED, (decision, account)).fetchone() is not None

    def log_id(self, kind: str, account: str, subject: str) -> str | None:
        """The random id of a thing, or None where it has none (any more)."""
        found = self._first(statements.NAME, (kind, account, subject))
        return None if found is None else str(found[0])

    def named(self, log_id: str) -> tuple[str, str, str] | None:
        """Kind, account and id of what a random id stands for, or None where that was forgotten."""
        return cast("tuple[str, str, str] | None", self._first(statements.NAMED, (log_id,)))

    def add_waiting(self, at: int, kind: str, values: dict[str, str | int]) -> None:
        """Note something that is to be entered: an export, say. `at` in Unix milliseconds."""
        with self._driver.translated("note it for the audit log"):
            note_for_audit(self._connection, kind, values, at)
