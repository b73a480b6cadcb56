"""The list of what is held of an account is held against the tables that exist and against the inventory: nothing can be forgotten."""

import re

import pytest

from anyapi.gateway.privacy import stored
from anyapi.storage.holdings import HOLDINGS, NOT_HELD


@pytest.fixture(scope="module")
def schema(connection):
    """The columns of every table, each with its declared type."""
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")]
    return {table: {row[1]: (row[2], bool(row[3])) for row in connection.execute(f"PRAGMA table_info({table})")} for table in tables}


def test_every_table_is_either_held_or_said_not_to_be(schema):
    # `audit_request` says what the column `entry` of `audit_entries` holds of requests; the log and the counting file are no tables.
    assert {one.table for one in HOLDINGS} | set(NOT_HELD) - {"audit_request", "log", "accepted"} == set(schema) - {"alembic_version"}, (
        "a new table needs an entry in storage/holdings.py: whose its rows are, what of them may leave, what becomes of them"
    )


def test_every_record_of_the_inventory_is_in_the_archive_and_the_reverse():
    assert {entry["record"] for entry in stored(90.0)} == {one.record for one in HOLDINGS} | set(NOT_HELD)


@pytest.mark.parametrize("one", HOLDINGS, ids=lambda one: one.record)
def test_an_entry_names_columns_that_exist_and_its_account(schema, one):
    columns = schema[one.table]
    assert {name.strip('"') for name in one.order} <= {name for name, (_, never_null) in columns.items() if never_null}
    assert {name for name, _ in one.withheld} | one.json <= set(columns)
    assert ":account" in one.mine
    assert ":account" in one.gone
    assert one.why


@pytest.mark.parametrize("one", HOLDINGS, ids=lambda one: one.record)
def test_nothing_that_opens_something_leaves(schema, one):
    """Hashes, seals and whatever else is bytes; and whatever is called a secret."""
    secret = {
        name for name, (kind, _) in schema[one.table].items() if kind == "BLOB" or re.search(r"password|secret|sha256|token$", name)
    } - {"first_token", "entry", "piece"}
    # An entry of the audit log holds ids, codes and figures; a piece of a sealed log opens for those whom the account itself named alone.
    assert secret <= {name for name, _ in one.withheld}


def test_whoever_is_referred_to_goes_later(schema):
    order = [one.table for one in HOLDINGS]
    for earlier, later in (("keys", "projects"), ("privacy_messages", "privacy_requests"), ("members", "people"), ("sessions", "people")):
        assert order.index(earlier) < order.index(later)
    assert order[-1] == "accounts"
