"""The SQL is constant, parses against the tables, and names columns in the order of the structs."""

import re
import sqlite3

import pytest
from tests.unit.storage.every_statement import ALL

from anyapi.domain.usage import DecisionRecord
from anyapi.storage import statements
from anyapi.storage.rows import AccountRow, CredentialRow, KeyRow, ProjectRow


@pytest.mark.parametrize("statement", ALL)
def test_every_statement_parses(connection, statement):
    values = dict.fromkeys(re.findall(r":([a-z_]+)", statement)) or (None,) * statement.count("?")
    try:
        connection.execute(f"EXPLAIN {statement}", values)
    except sqlite3.Error as error:
        pytest.fail(str(error))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (AccountRow, statements.ACCOUNTS),
        (ProjectRow, statements.PROJECTS),
        (KeyRow, statements.KEYS),
        (CredentialRow, statements.CREDENTIALS),
    ],
)
def test_columns_stand_in_the_order_of_the_struct(connection, kind, text):
    assert tuple(column[0] for column in connection.execute(text).description) == kind.__struct_fields__


def test_inserted_columns_are_those_of_the_tables(connection):
    stored = [row[1] for row in connection.execute("PRAGMA table_info(decision_records)")]
    assert sorted(statements.DECISION_COLUMNS) == sorted(stored)
    assert statements.DECISION_COLUMNS == DecisionRecord.__struct_fields__


@pytest.mark.parametrize("rows", [1, 2, 128])
def test_many_rows_in_one_statement(connection, rows):
    assert statements.insert_decisions(rows).count("?") == rows * len(statements.DECISION_COLUMNS)
    assert statements.insert_decisions(rows) is statements.insert_decisions(rows)
