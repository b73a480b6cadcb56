"""Rows and sums in one store: added up once, deleted together, made anew."""

import contextlib
import math

import pytest
from tests.conformance.samples import DAY, NOON, usage_row
from tests.conformance.stores import BACKENDS

from anyapi.domain.call import App
from anyapi.errors import StorageError
from anyapi.storage.rollups import OTHER_APPS
from anyapi.storage.rows import AccountRow, UsageGroup
from anyapi.storage.usage_sums import NotAdded, RowsDiffer, add_up, purge, rebuild, write, write_new

ALWAYS = (-math.inf, math.inf)


@pytest.fixture(params=BACKENDS, ids=lambda kind: kind.__name__)
def backend(request, tmp_path):
    with request.param(tmp_path) as found:
        yield found


@pytest.fixture
def store(backend):
    with backend.store(NOON) as opened:
        yield opened


@pytest.fixture
def driver(backend):
    return backend.driver


@pytest.fixture
def connection(store, driver):
    with contextlib.closing(driver.connect(durable=False, everybody=True)) as opened:
        yield opened


def counts(store):
    return {by.value: {total.label: total.requests for total in store.usage_totals(by, *ALWAYS)} for by in UsageGroup}


def hours(connection):
    return connection.execute("SELECT * FROM usage_hours ORDER BY dimension, account, hour, label").fetchall()


def test_the_edge_is_exact_and_an_account_may_keep_longer_than_the_default(store, driver, connection):
    store.add_account(AccountRow("keeps", "Keeps", NOON, 10.0))
    rows = [usage_row(1, at=NOON), usage_row(2, account="keeps", at=NOON), usage_row(3, at=NOON + 1)]
    write(driver, connection, rows)
    found = []
    for at in (NOON + DAY, NOON + DAY + 0.5, NOON + DAY + 1.5, NOON + 10 * DAY + 0.5):
        found.append((purge(driver, connection, at, 1.0, 100), counts(store)["account"]))
    assert found == [(0, {"default": 2, "keeps": 1}), (1, {"default": 1, "keeps": 1}), (1, {"keeps": 1}), (1, {})]
    assert hours(connection) == []


def test_no_rows_no_write_lock(store, driver, connection):
    with contextlib.closing(driver.connect()) as other, driver.unit(other, writes=True, several=True):
        assert purge(driver, connection, NOON, 1.0, 100) == 0


def test_a_row_that_is_known_writes_nothing_at_all(store, driver, connection):
    write(driver, connection, [usage_row(1)])
    before = counts(store)
    with pytest.raises(RowsDiffer):
        write(driver, connection, [usage_row(2), usage_row(1), usage_row(3)])
    assert counts(store) == before
    assert counts(store)["account"] == {"default": 1}
    write(driver, connection, [usage_row(2)])
    assert counts(store)["account"] == {"default": 2}


def test_of_rows_that_may_be_there_only_new_ones_are_written(store, driver, connection):
    rows = [usage_row(number) for number in range(1300)]
    for some in (rows[:700], rows):
        with driver.unit(connection, writes=True, several=True):
            write_new(connection, some)
    assert counts(store)["key"] == {"key_1": 1300}


def test_two_that_delete_at_once_take_each_row_from_the_sums_once(store, driver, connection, monkeypatch):
    """The other one is quicker: what was found is gone when it is to be deleted."""
    write(driver, connection, [usage_row(number) for number in range(20)])
    quicker, once = driver.connect(durable=False, everybody=True), []

    from_columns = purge.__globals__["from_columns"]

    def reads_slowly(values):
        if not once:
            once.append(True)
            assert purge(driver, quicker, NOON + 2 * DAY, 1.0, 7) == 7
        return from_columns(values)

    monkeypatch.setattr("anyapi.storage.usage_sums.from_columns", reads_slowly)
    assert purge(driver, connection, NOON + 2 * DAY, 1.0, 10) == 10
    assert counts(store)["account"] == {"default": 3}
    assert counts(store)["app"] == {"app": 3}
    quicker.close()


def test_apps_beyond_their_number_come_and_go_together(store, driver, connection):
    apps = [usage_row(number, at=NOON + number, app=App(name=f"app{number % 250}")) for number in range(500)]
    for start in range(0, 500, 100):
        write(driver, connection, apps[start : start + 100])
    before = counts(store)["app"]
    assert (len(before), before[OTHER_APPS], sum(before.values())) == (201, 100, 500)
    assert purge(driver, connection, NOON + DAY + 300, 1.0, 1000) == 300
    left = counts(store)["app"]
    assert left == {**{f"app{number}": 1 for number in range(50, 200)}, OTHER_APPS: 50}
    assert purge(driver, connection, NOON + 2 * DAY, 1.0, 1000) == 200
    assert hours(connection) == []


def test_sums_made_anew_are_those_that_were_kept(store, driver, connection):
    rows = [usage_row(number, at=NOON + 600 * number, model=f"m/{number % 3}", cost=0.25 * (number % 2)) for number in range(1000)]
    for start in range(0, 1000, 64):
        write(driver, connection, rows[start : start + 64])
    add_up(driver, connection)
    kept, told = hours(connection), []
    with driver.unit(connection, writes=True, several=True):
        rebuild(connection, lambda done, whole: told.append((done, whole)))
    assert hours(connection) == kept
    assert told == [(1000, 1000)]


class Writer:
    """What a usage writer does with its rows."""

    def __init__(self, driver, connection):
        self.driver, self.connection, self.known = driver, connection, NotAdded()
        self.add_up()

    def write(self, *rows):
        write(self.driver, self.connection, rows)
        self.known.keep(rows)

    def add_up(self):
        add_up(self.driver, self.connection, self.known)


def sums_made_anew(driver, connection):
    with driver.unit(connection, writes=True, several=True):
        rebuild(connection, lambda done, whole: None)
    return hours(connection)


@pytest.mark.parametrize(
    "meanwhile", ["nothing", "another adds up", "another writes", "an account goes", "rows expire", "a start is counted"]
)
def test_rows_are_added_up_once_whatever_others_do(backend, store, driver, connection, meanwhile, tmp_path):
    writer, other = Writer(driver, connection), Writer(driver, connection)
    rows = [usage_row(number, at=NOON + number, account="ab"[number % 2], model=f"m/{number % 3}") for number in range(40)]
    for start in range(0, 40, 10):
        writer.write(*rows[start : start + 10])
        if start == 20:
            if meanwhile == "another adds up":
                other.add_up()
            if meanwhile == "another writes":
                other.write(*(usage_row(100 + number) for number in range(10)))
            if meanwhile == "an account goes":
                with backend.holdings() as holdings:
                    assert holdings.delete_usage("a")[0] == 15
                    assert holdings.delete_hours("a") > 0
                other.write(*(usage_row(100 + number) for number in range(15)))
            if meanwhile == "rows expire":
                assert purge(driver, connection, NOON + DAY + 4, 1.0, 100) == 4
            if meanwhile == "a start is counted":
                with driver.unit(connection, writes=True, several=True):
                    write_new(connection, [usage_row(5), usage_row(200)])
    before = counts(store)
    writer.add_up()
    assert counts(store) == before
    assert (writer.known.rows, writer.known.found) == (0, {})
    writer.write(usage_row(300))
    after = counts(store)
    writer.add_up()
    other.add_up()
    assert counts(store) == after
    assert hours(connection) == sums_made_anew(driver, connection)


def test_what_could_not_be_added_up_waits(store, driver, connection):
    writer = Writer(driver, connection)
    writer.write(usage_row(1))
    connection.execute("ALTER TABLE usage_hours RENAME TO away")
    with pytest.raises(StorageError):
        writer.add_up()
    connection.execute("ALTER TABLE away RENAME TO usage_hours")
    assert writer.known.rows == 1
    writer.add_up()
    assert (writer.known.rows, counts(store)["key"]) == (0, {"key_1": 1})
    assert hours(connection) == sums_made_anew(driver, connection)


def test_a_number_is_never_given_again(store, driver, connection):
    """Else rows that come after the newest were deleted would be taken for rows that are in the sums."""
    writer = Writer(driver, connection)
    writer.write(*(usage_row(number) for number in range(5)))
    writer.add_up()
    assert purge(driver, connection, NOON + 2 * DAY, 1.0, 100) == 5
    writer.write(usage_row(9))
    assert counts(store)["account"] == {"default": 1}
    writer.add_up()
    assert counts(store)["account"] == {"default": 1}


def test_waiting_rows_are_many_by_their_kinds():
    found = []
    for kinds in (1, 200, 2000):
        known = NotAdded()
        known.begin(0)
        while not known.many:
            known.keep([usage_row(number, key=f"k{number % kinds}") for number in range(1000)])
        found.append(known.rows)
    assert found == [5_000, 20_000, 100_000]
