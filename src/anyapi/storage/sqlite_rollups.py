"""Usage rows and their hourly sums in SQLite, written and deleted together: one transaction holds both or neither.

Everything that adds or takes usage rows does it here, so that rows and sums cannot disagree.
"""

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from anyapi.domain.usage import UsageRow
from anyapi.storage import usage_statements as statements
from anyapi.storage.rollups import AppLabels, Cell, Sums, cells
from anyapi.storage.schema import Progress
from anyapi.storage.usage_columns import from_columns, to_columns

_MOST_CELLS = 128
"""Of one statement: what they bind is about what the rows of a full batch bind."""
_MOST_NEW = 512
_REBUILT_ROWS = 10_000
_T = TypeVar("_T")


class RowsDiffer(Exception):
    """The store holds other rows than was thought, so sums of these would be wrong; nothing was changed."""


def app_labels(connection: sqlite3.Connection) -> AppLabels:
    """Which apps have cells of their own, as this connection sees it."""
    return AppLabels(lambda account, hour: [str(label) for (label,) in connection.execute(statements.APPS_OF_HOUR, (account, hour))])


def write(connection: sqlite3.Connection, rows: Sequence[UsageRow], labels: AppLabels) -> None:
    """Write rows and what they add to the sums of their hours. Raises `sqlite3.Error`, and `RowsDiffer` for a decision that is known.

    A statement for each power of two of rows, so that few texts are prepared; each costs a wait for the interpreter lock beside a busy
    event loop, and so does the transaction around them.
    """
    # Not inside: it may read, and a transaction that has read cannot always write.
    added = cells(rows, labels)
    with _transaction(connection, labels, "BEGIN"):
        _insert(connection, rows)
        _add(connection, added)


def write_new(connection: sqlite3.Connection, rows: Iterable[UsageRow]) -> None:
    """Write those rows that are not in the store, in the write transaction that the caller holds. Raises `sqlite3.Error`."""
    new = [row for row in rows if connection.execute(statements.HAS_USAGE, (row.decision,)).fetchone() is None]
    labels = app_labels(connection)
    for start in range(0, len(new), _MOST_NEW):
        part = new[start : start + _MOST_NEW]
        _insert(connection, part)
        _add(connection, cells(part, labels))


def purge(connection: sqlite3.Connection, now: float, default_days: float, batch: int) -> int:
    """Delete at most `batch` rows older than their account's `usage_days`, or `default_days`, with their part of the sums; say how many.

    `now` in Unix seconds. Raises `sqlite3.Error`. Looking for them takes no write lock; deleting a small batch holds it briefly. With
    `secure_delete` the bytes are overwritten in the file.
    """
    labels = app_labels(connection)
    while found := connection.execute(statements.EXPIRED_USAGE, {"now": now, "default_days": default_days, "batch": batch}).fetchall():
        # Another process may have deleted some of them meanwhile: then look again.
        with contextlib.suppress(RowsDiffer):
            return _delete(connection, [from_columns(values) for values in found], labels)
    return 0


def rebuild(connection: sqlite3.Connection, progress: Progress) -> None:
    """Sum every stored row anew, in the transaction that the caller holds: for a store whose rows are older than its sums.

    Takes a bounded number of rows into memory at a time. Raises `sqlite3.Error`.
    """
    (whole,) = connection.execute("SELECT count(*) FROM usage").fetchone()
    labels, done = app_labels(connection), 0
    connection.execute("DELETE FROM usage_hours")
    reading = connection.execute(statements.ALL_USAGE)
    while found := reading.fetchmany(_REBUILT_ROWS):
        _add(connection, cells([from_columns(values) for values in found], labels))
        done += len(found)
        progress(done, whole)


def _delete(connection: sqlite3.Connection, rows: list[UsageRow], labels: AppLabels) -> int:
    with _transaction(connection, labels, "BEGIN IMMEDIATE"):
        gone = cells(rows, labels.counted, sign=-1)
        if connection.execute(statements.DELETE_USAGE, (json.dumps([row.decision for row in rows]),)).rowcount != len(rows):
            raise RowsDiffer
        _add(connection, gone)
        for account, hour in {(account, hour) for _, account, hour, _ in gone}:
            connection.execute(statements.DELETE_EMPTY_HOUR, {"account": account, "hour": hour})
    return len(rows)


def _insert(connection: sqlite3.Connection, rows: Sequence[UsageRow]) -> None:
    inserted = 0
    for part in _powers(rows, len(rows)):
        values = [value for row in part for value in to_columns(row)]
        inserted += connection.execute(statements.insert_usage(len(part)), values).rowcount
    if inserted != len(rows):
        raise RowsDiffer


def _add(connection: sqlite3.Connection, added: dict[Cell, Sums]) -> None:
    for part in _powers(list(added.items()), _MOST_CELLS):
        connection.execute(statements.add_to_hours(len(part)), [value for cell, sums in part for value in (*cell, *sums)])


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection, labels: AppLabels, begin: str) -> Iterator[None]:
    connection.execute(begin)
    committed = False
    try:
        yield
        connection.execute("COMMIT")
        committed = True
    finally:
        if not committed:
            labels.forget()
        if connection.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")


def _powers(whole: Sequence[_T], most: int) -> Iterator[Sequence[_T]]:
    """Cut into parts of at most `most`, each as long as a power of two."""
    done = 0
    while done < len(whole):
        size = min(most, 1 << ((len(whole) - done).bit_length() - 1))
        yield whole[done : done + size]
        done += size
