"""Usage rows and their hourly sums, on either database.

Everything that adds or takes usage rows does it here. Rows have numbers, and `usage_added` says up to which of them they stand in the sums
of their hours and in the spending of their keys; `add_up` moves on from there in one transaction. Whoever reads the sums adds the rows
beyond, so that rows and sums never disagree. Rows that are deleted are taken from the sums, and nothing from the spending.
"""

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias, TypeVar

from anyapi.domain.usage import UsageRow
from anyapi.storage import usage_statements as statements
from anyapi.storage.driver import Connection, Driver, Progress, Value
from anyapi.storage.key_statements import insert_spending
from anyapi.storage.rollups import AppLabels, Cell, Kinds, Sums, cells, kinds
from anyapi.storage.spending import spending_of
from anyapi.storage.tenant import EVERYBODY, only
from anyapi.storage.usage_columns import from_columns, to_columns
from anyapi.storage.usage_reading import Read, app_labels, number

_MOST_CELLS = 128
"""Of one statement: what they bind is about what the rows of a full batch bind."""
_MOST_NEW = 512
_READ_ROWS = 10_000
_FEW_ROWS, _ROWS_OF_A_KIND, _MANY_ROWS = 5_000, 100, 100_000
_T = TypeVar("_T")
Insert: TypeAlias = Callable[[Connection, Callable[[int], str], Sequence[Sequence[Value]]], int]


class RowsDiffer(Exception):
    """The store holds other rows than was thought, so sums of these would be wrong; nothing was changed."""


class NotAdded:
    """What one writer has written since the sums were brought up to date: a copy in memory, so that its rows need not be read back.

    INVARIANT: it is gone by only if these are all the rows that the store has beyond the newest one that was added.
    """

    def __init__(self) -> None:
        """The store alone says what is missing."""
        self.begin(None)

    def begin(self, added: Value) -> None:
        """Start anew after the row of that number."""
        self.added, self.rows = added, 0
        self.found: Kinds = {}

    def keep(self, rows: Sequence[UsageRow]) -> None:
        """Note what was written."""
        self.rows += len(rows)
        kinds(rows, self.found)

    @property
    def many(self) -> bool:
        """Whether it is time to add them up: what that costs goes by how many kinds they are, and what waiting costs by the rows."""
        most = max(_FEW_ROWS, _ROWS_OF_A_KIND * sum(map(len, self.found.values())))
        return self.rows >= min(most, _MANY_ROWS)


def write(driver: Driver, connection: Connection, rows: Sequence[UsageRow]) -> None:
    """Write rows. Raises `StorageError`, and `RowsDiffer` for a decision that is known.

    A statement for each power of two of rows, so that few texts are prepared; each costs a wait for the interpreter lock beside a busy
    event loop, and so does the transaction around them.
    """
    with driver.translated("write usage"), driver.unit(connection, writes=True, several=True):
        _insert(driver.insert, connection, rows)


def add_up(driver: Driver, connection: Connection, known: NotAdded | None = None) -> None:
    """Add the rows that are not in the sums yet to the sums, and what they cost to the spending of their keys. Raises `StorageError`.

    `known` is what a writer thinks that these rows are.
    """
    with driver.translated("add up usage"), only(EVERYBODY):
        with driver.unit(connection, writes=False):
            ((added, missing, newest),) = connection.execute(statements.ADDED).fetchall()
        if not missing:
            if known is not None and added != known.added:
                known.begin(added)
            return
        with driver.unit(connection, writes=True, several=True):
            newest = _add_missing(connection, driver.insert, known)
    if known is not None:
        known.begin(newest)


def write_new(connection: Connection, rows: Iterable[UsageRow]) -> None:
    """Write those rows that are not in the store, in the write transaction that the caller holds. Raises the driver's errors."""
    new = [row for row in rows if connection.execute(statements.HAS_USAGE, (row.decision,)).fetchone() is None]
    for start in range(0, len(new), _MOST_NEW):
        _insert(_by_places, connection, new[start : start + _MOST_NEW])


def add_missing(connection: Connection) -> None:
    """Do what `add_up` does, in a write transaction that sees all accounts, which the caller holds. Raises the driver's errors.

    INVARIANT: a row that is not in the sums is never deleted; whoever would delete one does this before, in the same transaction.
    """
    _add_missing(connection, _by_places, None)


def purge(driver: Driver, connection: Connection, now: float, default_days: float, batch: int) -> int:
    """Delete at most `batch` rows older than their account's `usage_days`, or `default_days`, with their part of the sums; say how many.

    `now` in Unix seconds. Raises the driver's errors. Looking for them takes no write lock in SQLite; deleting a small batch holds it
    briefly. With its `secure_delete` the bytes are overwritten in the file.
    """
    asked = {"now": now, "default_days": default_days, "batch": batch}
    while True:
        with driver.unit(connection, writes=False):
            found = connection.execute(statements.EXPIRED_USAGE, asked).fetchall()
        if not found:
            return 0
        rows = [from_columns(values) for values in found]
        # Another process may have deleted some of them meanwhile: then look again.
        with contextlib.suppress(RowsDiffer), driver.unit(connection, writes=True, several=True):
            return _delete(connection, rows)


def rebuild(connection: Connection, progress: Progress) -> None:
    """Sum every stored row anew, in the transaction that the caller holds: for a store whose rows are older than its sums.

    Takes a bounded number of rows into memory at a time. Raises the driver's errors.
    """
    connection.execute("DELETE FROM usage_hours")
    ((added, missing, _),) = connection.execute(statements.ADDED).fetchall()
    ((stored,),) = connection.execute("SELECT count(*) FROM usage").fetchall()
    whole, done, labels = number(stored) - number(missing), 0, app_labels(_reader(connection))
    for rows in _rows_after(connection, 0, int(number(added))):
        _add(_by_places, connection, cells(kinds(rows), labels))
        done += len(rows)
        progress(done, int(whole))
    add_missing(connection)


def _rows_after(connection: Connection, first: int, last: int) -> Iterator[list[UsageRow]]:
    """Rows by their numbers from after `first` to `last`, a bounded number at a time."""
    while found := connection.execute(statements.NUMBERED_USAGE, (first, last, _READ_ROWS)).fetchall():
        yield [from_columns(values) for _, *values in found]
        first = int(number(found[-1][0]))


def _add_missing(connection: Connection, insert: Insert, known: NotAdded | None) -> Value:
    """Give the number of the newest row, up to which all are added now."""
    ((added, missing, newest),) = connection.execute(statements.ADDED).fetchall()
    labels = app_labels(_reader(connection))
    if known is not None and (known.added, known.rows) == (added, missing):
        _add_found(insert, connection, known.found, labels)
    else:
        for rows in _rows_after(connection, int(number(added)), int(number(newest))):
            _add_found(insert, connection, kinds(rows), labels)
    newest = max(added, newest, key=number)
    for statement in statements.SET_ADDED:
        connection.execute(statement, {"number": newest})
    return newest


def _add_found(insert: Insert, connection: Connection, found: Kinds, labels: AppLabels) -> None:
    _add(insert, connection, cells(found, labels))
    spent = spending_of(_reader(connection), found)
    for part in _powers(spent, _MOST_CELLS):
        insert(connection, insert_spending, part)


def _delete(connection: Connection, rows: list[UsageRow]) -> int:
    decisions = {"list": json.dumps([row.decision for row in rows])}
    if connection.execute(statements.ANY_NOT_ADDED, decisions).fetchone():
        add_missing(connection)
    gone = cells(kinds(rows), app_labels(_reader(connection)).counted, sign=-1)
    if connection.execute(statements.DELETE_USAGE, decisions).rowcount != len(rows):
        raise RowsDiffer
    _add(_by_places, connection, gone)
    for account, hour in {(account, hour) for _, account, hour, _ in gone}:
        connection.execute(statements.DELETE_EMPTY_HOUR, {"account": account, "hour": hour})
    return len(rows)


def _reader(connection: Connection) -> Read:
    return lambda statement, values: connection.execute(statement, values).fetchall()


def _insert(insert: Insert, connection: Connection, rows: Sequence[UsageRow]) -> None:
    parts = _powers(rows, len(rows))
    if sum(insert(connection, statements.insert_usage, [to_columns(row) for row in part]) for part in parts) != len(rows):
        raise RowsDiffer


def _add(insert: Insert, connection: Connection, added: dict[Cell, Sums]) -> None:
    for part in _powers(list(added.items()), _MOST_CELLS):
        insert(connection, statements.add_to_hours, [(*cell, *sums) for cell, sums in part])


def _by_places(connection: Connection, statement: Callable[[int], str], rows: Sequence[Sequence[Value]]) -> int:
    return connection.execute(statement(len(rows)), [value for row in rows for value in row]).rowcount


def _powers(whole: Sequence[_T], most: int) -> Iterator[Sequence[_T]]:
    """Cut into parts of at most `most`, each as long as a power of two."""
    done = 0
    while done < len(whole):
        size = min(most, 1 << ((len(whole) - done).bit_length() - 1))
        yield whole[done : done + size]
        done += size
