"""The ledger out of a real store: the catalogue of each time counts, also one that a newer has replaced since."""

import time

import msgspec
import pytest
from tests.conformance.samples import DAY, NOON, usage_row
from tests.unit.policy.samples import block, context, kept, provider

from anyapi.catalogue.canonical import encode, version_of
from anyapi.control.adopting import adopt
from anyapi.control.exposures import _expired_before, exposures
from anyapi.domain.exposure import Keeping
from anyapi.storage.rows import AccountRow
from anyapi.storage.sqlite import SqliteStore
from anyapi.storage.usage_writer import UsageWriter


def today(retention):
    """What is in force under this retention, with a catalogue that has the version of its content."""
    made = context([provider(policy=block(retention=retention))])
    catalogue = msgspec.structs.replace(made.catalogue, version="")
    catalogue = msgspec.structs.replace(catalogue, version=version_of(encode(catalogue), ""))
    return msgspec.structs.replace(made, catalogue=catalogue)


@pytest.mark.parametrize(
    ("account", "before"),
    [
        ("young", None),
        ("old", NOON - 90 * DAY),
        ("short", NOON - 10 * DAY),
        ("long", None),
        (None, NOON - 10 * DAY),
        ("not in the store", NOON - 90 * DAY),
    ],
)
def test_from_when_on_rows_are_kept_where_somebody_was_there_before(account, before):
    ages = {"young": (80, None), "old": (91, None), "short": (11, 10.0), "long": (200, 365.0)}
    rows = [AccountRow(name, name, NOON - age * DAY, days) for name, (age, days) in ages.items()]
    assert _expired_before(rows, account, NOON, 90.0) == before


@pytest.fixture
def put(tmp_path, review):
    def putting(*rows):
        writer = UsageWriter(tmp_path, lambda: NOON)
        for row in rows:
            writer.accept()
            writer.put(row)
        writer.close()

    return putting


def row(number, at):
    return usage_row(number, at=at, provider="p", endpoint="p/one", credential="p-key", duration=0.0)


def told(tmp_path, review, context, now):
    with SqliteStore(tmp_path, time.time) as store:
        return [(one.main.kept, one.main.days, one.requests) for one in exposures(store, review, context, "default", now).entries]


def test_each_request_by_the_catalogue_of_its_time(tmp_path, review, put):
    first, second = today(kept("limited", 30)), today(kept())
    adopt(review, first.catalogue, first.catalogue, NOON, 180.0)
    adopt(review, second.catalogue, second.catalogue, NOON + 100, 180.0)
    put(row(1, NOON - 5), row(2, NOON + 5), row(3, NOON + 99), row(4, NOON + 100), row(5, NOON + 90_000))
    found = told(tmp_path, review, second, NOON + 100_000)
    assert found == [(Keeping.UNKNOWN, None, 1), (Keeping.UNTIL, 30.0, 2), (Keeping.NOTHING, 0.0, 2)]


def test_a_catalogue_stays_as_long_as_there_are_rows_of_its_time(tmp_path, review, put):
    states = [today(kept("limited", days)) for days in (30, 20, 10)]
    for number, state in enumerate(states):
        adopt(review, state.catalogue, state.catalogue, NOON + 100 * number, 180.0)
    put(row(1, NOON + 150))
    for number in (1, 2, 3):
        review.note_progress(number, 0, 0, NOON + 300)
    assert [review.catalogue_body(state.catalogue.version) is not None for state in states] == [False, True, True]
    assert told(tmp_path, review, states[2], NOON + 400) == [(Keeping.UNTIL, 20.0, 1)]


def test_a_catalogue_that_cannot_be_read_is_unknown(tmp_path, review, put):
    first, second = today(kept("limited", 30)), today(kept())
    adopt(review, first.catalogue, first.catalogue, NOON, 180.0)
    adopt(review, second.catalogue, second.catalogue, NOON + 100, 180.0)
    for number in (1, 2):
        review.note_progress(number, 0, 0, NOON + 200)  # before any row is there: the first goes
    put(row(1, NOON + 5))
    assert told(tmp_path, review, second, NOON + 300) == [(Keeping.UNKNOWN, None, 1)]
