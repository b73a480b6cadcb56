"""Rows and what they cost go into the store together; what keys spent is read in tests/conformance."""

import sqlite3

import pytest
from tests.conformance.samples import DAY, NOON, key_row, usage_row

from anyapi.storage.connection import connect, database_path
from anyapi.storage.spending import RowsDiffer, spent_in, write_rows
from anyapi.storage.sqlite import SqliteStore
from anyapi.storage.usage_writer import UsageWriter, _flat

TODAY = int(NOON // DAY)


@pytest.fixture
def connection(tmp_path):
    with SqliteStore(tmp_path) as store:
        store.add_key(key_row(1))
    opened = connect(database_path(tmp_path))
    yield opened
    opened.close()


def write(connection, *rows):
    return write_rows(connection, rows, [value for row in rows for value in _flat(row)])


def stored(connection):
    (rows,) = connection.execute("SELECT count(*) FROM usage").fetchone()
    (spent,) = connection.execute("SELECT total(cost) FROM spending").fetchone()
    return rows, spent


def test_by_key_and_day():
    rows = [
        usage_row(1, cost=0.25),
        usage_row(2, cost=0.5),
        usage_row(3, cost=None),
        usage_row(4, cost=0.0),
        usage_row(5, key="key_2", cost=1.0),
    ]
    assert spent_in([*rows, usage_row(6, at=NOON + DAY, cost=2.0)]) == {
        ("key_1", TODAY): 0.75,
        ("key_2", TODAY): 1.0,
        ("key_1", TODAY + 1): 2.0,
    }


def test_rows_that_are_there_already_add_nothing(connection):
    assert write(connection, usage_row(1)) == 1
    assert write(connection, usage_row(1)) == 0
    with pytest.raises(RowsDiffer):
        write(connection, usage_row(1), usage_row(2))
    assert stored(connection) == (1, 0.25)
    assert write(connection, usage_row(2), usage_row(3)) == 2
    assert stored(connection) == (3, 0.75)


def test_both_or_neither(connection):
    connection.execute("CREATE TRIGGER refuse BEFORE INSERT ON spending BEGIN SELECT RAISE(ABORT, 'no'); END")
    with pytest.raises(sqlite3.IntegrityError):
        write(connection, usage_row(1))
    assert stored(connection) == (0, 0.0)
    assert not connection.in_transaction


def test_the_writer_takes_the_new_ones_of_a_mixed_batch(tmp_path):
    with SqliteStore(tmp_path) as store:
        store.add_key(key_row(1))
        sink = UsageWriter(tmp_path, lambda: NOON, interval=0.2)
        for number in (1, 2, 1, 3, 3, 4, 2):
            sink.put(usage_row(number))
        sink.flush()
        assert sink.state.duplicates == 3
        sink.close()
        assert len(store.usage_rows(0.0, NOON + DAY)) == 4
        assert store.spending("default", TODAY, TODAY, TODAY)[0].total == 1.0
