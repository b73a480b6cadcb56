"""Usage rows are written together with what they add to the spending of their keys: one transaction holds both or neither.

Adds up what keys spent; decides nothing. A store that writes rows in another way calls `add_spending` in the transaction that inserts them.
"""

import contextlib
import sqlite3
from collections.abc import Callable, Iterable, Sequence

from anyapi.domain.ids import KeyId
from anyapi.domain.usage import UsageRow
from anyapi.storage import statements
from anyapi.storage.key_statements import ADD_SPENDING

SECONDS_A_DAY = 86_400


class RowsDiffer(Exception):
    """Some of the rows are in the store already, so what is new of them was not said; nothing was changed."""


def spent_in(rows: Iterable[UsageRow]) -> dict[tuple[KeyId, int], float]:
    """What rows cost, by key and UTC day (since 1970)."""
    found: dict[tuple[KeyId, int], float] = {}
    for row in rows:
        if row.cost:
            place = (row.key, int(row.at // SECONDS_A_DAY))
            found[place] = found.get(place, 0.0) + row.cost
    return found


def add_spending(execute: Callable[[str, tuple[int, float, str]], object], rows: Iterable[UsageRow]) -> None:
    """Add what rows cost to what their keys spent. All of them must be new, and `execute` run within the transaction that inserts them."""
    for (key, day), cost in spent_in(rows).items():
        execute(ADD_SPENDING, (day, cost, key))


def write_rows(connection: sqlite3.Connection, rows: Sequence[UsageRow], values: list[str | float | None]) -> int:
    """Insert rows, whose columns are `values`, with their spending, and say how many were new: all, or of a single one none.

    Raises `sqlite3.Error`, and `RowsDiffer`.
    """
    connection.execute("BEGIN")
    try:
        inserted: int = connection.execute(statements.insert_usage(len(rows)), values).rowcount
        if inserted == len(rows):
            add_spending(connection.execute, rows)
        elif len(rows) > 1:
            raise RowsDiffer
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
    return inserted
