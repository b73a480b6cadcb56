"""Who was sent what, read back from usage rows: nothing over a midnight or a cut, every attempt counted, nobody else's rows."""

import contextlib

import pytest
from tests.conformance.samples import DAY, NOON, usage_row
from tests.conformance.stores import postgresql, sqlite

from anyapi.domain.call import App
from anyapi.storage.exposure_reading import _parts
from anyapi.storage.sql_store import SqlStore
from anyapi.storage.usage_sums import write
from anyapi.storage.usage_writer import UsageWriter

MIDNIGHT = NOON + DAY / 2


@pytest.fixture(params=[sqlite, postgresql], ids=lambda backend: backend.__name__)
def driver(request, tmp_path):
    with request.param(tmp_path) as backend:
        backend.driver.prepare()
        yield backend.driver


@pytest.fixture
def read(driver, tmp_path):
    """Writes rows and reads what was sent."""

    def reading(*rows, account="default", cuts=()):
        writer = UsageWriter(tmp_path, lambda: NOON, driver=driver)
        for row in rows:
            writer.accept()
            writer.put(row)
        writer.close()
        with SqlStore(driver) as store:
            return store.recipients(account, cuts)

    return reading


def told(found):
    return sorted((one.app, one.endpoint, one.credential, one.requests, one.first_at - NOON, one.last_at - NOON) for one in found)


def test_alike_requests_are_one(read):
    found = read(usage_row(1), usage_row(2, duration=3.0), usage_row(3, app=App(id="app", name="shop")), usage_row(4, account="other"))
    assert told(found) == [
        ("app", "sim-zero/claude-3.5-sonnet", "env:SIM", 2, 1.0, 5.0),
        ("shop", "sim-zero/claude-3.5-sonnet", "env:SIM", 1, 3.0, 3.5),
    ]
    assert {(one.account, one.key, one.data_class, one.provider, one.host) for one in found} == {
        ("default", "key_1", "internal", "sim-zero", None)
    }


def test_of_all_accounts(read):
    found = read(usage_row(1), usage_row(2, account="other"), account=None)
    assert sorted((one.account, one.requests) for one in found) == [("default", 1), ("other", 1)]


def test_what_was_sent_to_nobody_is_not_there(read):
    assert read(usage_row(1, provider=None, endpoint=None), usage_row(2, sent_to=())) == []


def test_each_attempt_counts_where_it_went(read):
    sent = (("a/one", "key-a"), ("a/one", "key-a"), ("sim-zero/claude-3.5-sonnet", "env:SIM"))
    found = read(usage_row(1, sent_to=sent, host="anthropic"))
    assert [(one.endpoint, one.credential, one.provider, one.host, one.requests) for one in found] == [
        ("a/one", "key-a", "", None, 1),
        ("a/one", "key-a", "", None, 1),
        ("sim-zero/claude-3.5-sonnet", "env:SIM", "sim-zero", "anthropic", 1),
    ]


def test_an_attempt_at_the_last_endpoint_that_was_not_the_last_says_nothing_of_a_host(read):
    own = ("sim-zero/claude-3.5-sonnet", "env:SIM")
    found = read(usage_row(1, sent_to=(own, own), host="anthropic"))
    assert [(one.provider, one.host) for one in found] == [("sim-zero", None), ("sim-zero", "anthropic")]


def test_a_midnight_and_a_cut_part_what_is_alike(read):
    offsets = (MIDNIGHT - NOON - 1, MIDNIGHT - NOON, MIDNIGHT - NOON + 50, MIDNIGHT - NOON + 100, 5.0)
    rows = [usage_row(number, at=NOON + offset, duration=0.0) for number, offset in enumerate(offsets)]
    found = read(*rows, cuts=[NOON - 5 * DAY, MIDNIGHT + 100.0])
    assert [(one.requests, one.first_at - MIDNIGHT, one.last_at - MIDNIGHT) for one in found] == [
        (2, -DAY / 2 + 5, -1.0),
        (2, 0.0, 50.0),
        (1, 100.0, 100.0),
    ]


def test_rows_that_stand_in_no_sum_yet_are_read_too(read, driver):
    read()
    with contextlib.closing(driver.connect(everybody=True)) as connection:
        write(driver, connection, [usage_row(1, at=NOON - 3 * DAY), usage_row(2), usage_row(3, account="other")])
        assert connection.execute("SELECT count(*) FROM usage_hours").fetchall() == [(0,)], "that is what this is about"
    assert [(one.account, one.requests) for one in read()] == [("default", 1), ("default", 1)]
    assert len(read(account=None)) == 3


def test_parts_cover_a_day_once():
    assert list(_parts(0.0, 10.0, [-3.0, 0.0, 4.0, 9.0, 10.0, 11.0])) == [(0.0, 4.0), (4.0, 9.0), (9.0, 10.0)]
    assert list(_parts(0.0, 10.0, [])) == [(0.0, 10.0)]
