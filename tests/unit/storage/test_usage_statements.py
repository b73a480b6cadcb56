"""The SQL about usage is constant, parses against the tables, names their columns, and finds its rows by an index."""

import contextlib

import pytest
from tests.conformance.samples import DAY, NOON
from tests.conformance.stores import postgresql
from tests.tools.usage_history import BIGGEST, DAYS, add_rows

from anyapi.storage import exposure_reading
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


FEW = {
    "rows": statements.NOT_ADDED,
    "rows of account": statements.NOT_ADDED_OF_ACCOUNT,
    "span": statements.SPAN_NOT_ADDED,
    "span of all": exposure_reading.NEW,
    "version": statements.USAGE_VERSION,
    "counted": statements.ADDED,
}
"""Those that look for rows which are not in the sums yet: a few, the newest."""


@pytest.mark.parametrize("name", FEW)
def test_what_is_not_in_the_sums_is_found_by_its_number(connection, name):
    """And not by its time, which would be to look through all rows of a span, or through all."""
    found = plan(connection, FEW[name])
    assert "usage USING INTEGER PRIMARY KEY (rowid>?)" in found
    assert "usage_at_account" not in found


@pytest.fixture(scope="module")
def on_postgresql(tmp_path_factory):
    with postgresql(tmp_path_factory.mktemp("plans")) as backend, contextlib.closing(backend.driver.connect(everybody=True)) as opened:
        opened.execute("SET enable_seqscan = off")  # which so few rows would be worth
        add_rows(opened, 20_000, NOON)
        for statement in statements.SET_ADDED:
            opened.execute(statement, {"number": 20_000})
        opened.execute("ANALYZE")
        yield opened


@pytest.mark.parametrize("name", FEW)
def test_so_it_is_on_postgresql(on_postgresql, name):
    values = {"account": BIGGEST, "since": NOON - DAYS * DAY, "until": NOON}
    asked = on_postgresql.execute(f"EXPLAIN {FEW[name]}", values)
    found = " / ".join(line for (line,) in asked.fetchall())
    assert "usage_pkey" in found
    assert "usage_at_account" not in found


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
