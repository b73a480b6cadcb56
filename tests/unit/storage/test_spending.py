"""Rows and what they cost go into the store together; what keys spent is read in tests/conformance."""

import contextlib

import pytest
from tests.conformance.samples import DAY, NOON, key_row, usage_row

from anyapi.storage.driver import Conflict
from anyapi.storage.drivers import driver_for
from anyapi.storage.rollups import kinds
from anyapi.storage.spending import spending_of, spent_in
from anyapi.storage.sqlite import SqliteStore
from anyapi.storage.usage_sums import RowsDiffer, add_up, write
from anyapi.storage.usage_writer import UsageWriter

TODAY = int(NOON // DAY)


class Written:
    """A store with one key, and a connection of its own that writes rows."""

    def __init__(self, directory):
        self.driver = driver_for(directory)
        self.connection = self.driver.connect()

    def write(self, *rows):
        write(self.driver, self.connection, rows)

    def read(self, statement, values):
        return self.connection.execute(statement, values).fetchall()

    def stored(self):
        (rows,) = self.connection.execute("SELECT count(*) FROM usage").fetchone()
        add_up(self.driver, self.connection)
        (spent,) = self.connection.execute("SELECT total(cost) FROM spending").fetchone()
        return rows, spent


@pytest.fixture
def written(tmp_path):
    with SqliteStore(tmp_path) as store:
        store.add_key(key_row(1))
    made = Written(tmp_path)
    with contextlib.closing(made.connection):
        yield made


def test_by_key_and_day():
    rows = [
        usage_row(1, cost=0.25),
        usage_row(2, cost=0.5),
        usage_row(3, cost=None),
        usage_row(4, cost=0.0),
        usage_row(5, key="key_2", cost=1.0),
    ]
    assert spent_in(kinds([*rows, usage_row(6, at=NOON + DAY, cost=2.0)])) == {
        ("key_1", TODAY): 0.75,
        ("key_2", TODAY): 1.0,
        ("key_1", TODAY + 1): 2.0,
    }


def test_by_lineage_each_day_once(written):
    written.connection.execute(
        "INSERT INTO keys SELECT 'key_2', prefix, x'02', account, 1, project, name, NULL, NULL, NULL, period, NULL, NULL, lineage FROM keys"
    )
    rows = [usage_row(1, cost=0.25), usage_row(2, key="key_2", cost=0.5), usage_row(3, key="key_gone", cost=1.0)]
    assert spending_of(written.read, kinds(rows)) == [("default", "key_1", TODAY, 0.75)]
    assert spending_of(written.read, kinds([usage_row(4, cost=None)])) == []


def test_rows_that_are_there_already_add_nothing(written):
    written.write(usage_row(1))
    for rows in ([usage_row(1)], [usage_row(1), usage_row(2)]):
        with pytest.raises(RowsDiffer):
            written.write(*rows)
        assert written.stored() == (1, 0.25)
    written.write(usage_row(2), usage_row(3))
    assert written.stored() == (3, 0.75)


def test_both_or_neither(written):
    written.connection.execute("CREATE TRIGGER refuse BEFORE INSERT ON usage BEGIN SELECT RAISE(ABORT, 'no'); END")
    with pytest.raises(Conflict):
        written.write(usage_row(1))
    assert written.stored() == (0, 0.0)


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
