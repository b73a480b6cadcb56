"""The SQL about usage is constant, parses against the tables, names their columns, and finds its rows by an index."""

import pytest

from anyapi.storage import usage_statements as statements
from anyapi.storage.rollups import COLUMNS, DIMENSIONS, MEASURES
from anyapi.storage.rows import UsageGroup

NAMES = ("since", "until", "account", "limit", "before", "hour", "first", "last", "now", "default_days", "batch", "list")
TEXTS = {
    **{
        name: value
        for name, value in vars(statements).items()
        if name.startswith(("USAGE_", "DELETE_", "HOURS_", "APPS_", "NOT_ADDED", "NUMBERED_", "ANY_", "SPAN_")) and isinstance(value, str)
    },
    **{f"hours {by}": statements.sums_of_hours(by, MEASURES, of_account=True) for by in UsageGroup},
    **{f"rows {by}": statements.sums_of_rows(by, of_account=True) for by in UsageGroup},
    **{f"times {by}": statements.times_of_rows(by, of_account=True) for by in UsageGroup},
}


def plan(connection, text):
    values = (None,) * text.count("?") if "?" in text else dict.fromkeys(NAMES, 1)
    return " / ".join(str(row[3]) for row in connection.execute(f"EXPLAIN QUERY PLAN {text}", values))


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_every_statement_parses_and_scans_no_table(connection, name):
    found = plan(connection, TEXTS[name])
    assert found
    assert "SCAN usage" not in found.replace("SCAN usage_added", ""), found


def test_questions_about_hours_read_one_stretch_of_the_table(connection):
    found = plan(connection, statements.sums_of_hours(UsageGroup.MODEL, MEASURES, of_account=True))
    assert "dimension=? AND account=? AND hour>? AND hour<?" in found


def test_expiry_and_reports_use_the_index(connection):
    for text in (statements.EXPIRED_USAGE, statements.USAGE_ROWS, statements.sums_of_rows(UsageGroup.MODEL, of_account=True)):
        found = plan(connection, text)
        assert "INDEX usage_at_account" in found, found


def test_columns_are_those_of_the_tables(connection):
    for table, columns in (("usage", ("number", *statements.USAGE_COLUMNS)), ("usage_hours", COLUMNS), ("usage_added", ("number",))):
        stored = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        assert sorted(columns) == sorted(stored)


def test_every_label_has_cells_or_is_made_of_all(connection):
    assert set(DIMENSIONS) == {"all", *UsageGroup} - {UsageGroup.DAY, UsageGroup.HOUR, UsageGroup.ACCOUNT}


@pytest.mark.parametrize("rows", [1, 2, 128])
def test_many_rows_in_one_statement(rows):
    assert statements.insert_usage(rows).count("?") == rows * len(statements.USAGE_COLUMNS)
    assert statements.add_to_hours(rows).count("?") == rows * len(COLUMNS)
    assert statements.insert_usage(rows) is statements.insert_usage(rows)
