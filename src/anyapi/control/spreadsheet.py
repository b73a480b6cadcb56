"""Values for a spreadsheet: none of them may be taken for a formula."""

import csv
import datetime as dt
import io
from collections.abc import Iterable

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A white space before the sign is passed over by some."""


def cell(value: object) -> object:
    """A value for CSV: text that a spreadsheet would take for a formula gets an apostrophe before it (OWASP, CSV injection)."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def written_time(at: float) -> str:
    """Unix seconds as a date that people and spreadsheets can read, to the millisecond."""
    return dt.datetime.fromtimestamp(at, dt.UTC).isoformat(timespec="milliseconds")


def written(rows: Iterable[Iterable[object]]) -> str:
    """Rows as lines of CSV, each value as a spreadsheet may have it."""
    text = io.StringIO()
    csv.writer(text).writerows([cell(value) for value in row] for row in rows)
    return text.getvalue()
