"""Usage rows and their hourly sums, written and deleted together: one transaction holds both or neither. On either database.

Everything that adds or takes usage rows does it here, so that rows and sums cannot disagree. What new rows cost is added to the spending of
their keys in the same transaction; rows that are deleted take nothing from it.
"""

import contextlib
import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias, TypeVar

from anyapi.domain.usage import UsageRow
from anyapi.storage import usage_statements as statements
from anyapi.storage.driver import Connection, Driver, Progress, Value
from anyapi.storage.key_statements import insert_spending
from anyapi.storage.rollups import AppLabels, Cell, Sums, cells
from anyapi.storage.spending import spending_of
from anyapi.storage.usage_columns import from_columns, to_columns
from anyapi.storage.usage_reading import Page

_MOST_CELLS = 128
"""Of one statement: what they bind is about what the rows of a full batch bind."""
_MOST_NEW = 512
_REBUILT_ROWS = 10_000
_T = TypeVar("_T")
Insert: TypeAlias = Callable[[Connection, Callable[[int], str], Sequence[Sequence[Value]]], int]


class RowsDiffer(Exception):
    """The store holds other rows than was thought, so sums of these would be wrong; nothing was changed."""


def app_labels(connection: Connection) -> AppLabels:
    """Which apps have cells of their own, as this connection sees it."""
    return AppLabels(
        lambda account, hour: [str(label) for (label,) in connection.execute(statements.APPS_OF_HOUR, (account, hour)).fetchall()]
    )


def write(driver: Driver, connection: Connection, rows: Sequence[UsageRow], labels: AppLabels) -> None:
    """Write rows and what they add to the sums of their hours and to the spending of their keys.

    Raises `StorageError`, and `RowsDiffer` for a decision that is known.

    A statement for each power of two of rows, so that few texts are prepared; each costs a wait for the interpreter lock beside a busy
    event loop, and so does the transaction around them.
    """
    added, committed = cells(rows, labels), False
    try:
        with driver.translated("write usage"), driver.unit(connection, writes=True, several=True):
            _insert(driver.insert, connection, rows)
            _add(driver.insert, connection, added)
            for part in _powers(spending_of(connection, rows), _MOST_CELLS):
                driver.insert(connection, insert_spending, part)
        committed = True
    finally:
        if not committed:
            labels.forget()


def write_new(connection: Connection, rows: Iterable[UsageRow]) -> None:
    """Write those rows that are not in the store, in the write transaction that the caller holds. Raises the driver's errors."""
    new = [row for row in rows if connection.execute(statements.HAS_USAGE, (row.decision,)).fetchone() is None]
    labels = app_labels(connection)
    for start in range(0, len(new), _MOST_NEW):
        part = new[start : start + _MOST_NEW]
        _insert(_by_places, connection, part)
        _add(_by_places, connection, cells(part, labels))


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
    ((whole,),) = connection.execute("SELECT count(*) FROM usage").fetchall()
    labels, done, page = app_labels(connection), 0, Page(-math.inf, math.inf, _REBUILT_ROWS)
    connection.execute("DELETE FROM usage_hours")
    while found := connection.execute(statements.USAGE_ROWS, page._asdict()).fetchall():
        rows = [from_columns(values) for values in found]
        _add(_by_places, connection, cells(rows, labels))
        done += len(rows)
        page = page._replace(until=rows[-1].at, before=rows[-1].decision)
        progress(done, int(whole or 0))


def _delete(connection: Connection, rows: list[UsageRow]) -> int:
    gone = cells(rows, app_labels(connection).counted, sign=-1)
    if connection.execute(statements.DELETE_USAGE, (json.dumps([row.decision for row in rows]),)).rowcount != len(rows):
        raise RowsDiffer
    _add(_by_places, connection, gone)
    for account, hour in {(account, hour) for _, account, hour, _ in gone}:
        connection.execute(statements.DELETE_EMPTY_HOUR, {"account": account, "hour": hour})
    return len(rows)


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
