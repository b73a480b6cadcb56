"""Whole hours from sums plus the ends from rows is what the rows add up to: for random rows, deletions and spans, against plain loops."""

import contextlib
import datetime as dt
import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conformance.samples import NOON, usage_row
from tests.conformance.stores import BACKENDS, postgresql, sqlite

from anyapi.domain.call import App
from anyapi.domain.usage import LATENCY_BOUNDS, TokenCount, UsageSource
from anyapi.storage.rows import UsageGroup
from anyapi.storage.usage_reading import Part, cut
from anyapi.storage.usage_sums import NotAdded, add_up, purge, write

HOUR, DAY = 3600.0, 86400.0
ALWAYS = (-math.inf, math.inf)
instants = st.one_of(
    st.integers(-30, 30).map(lambda hours: NOON + hours * HOUR),
    st.floats(NOON - 30 * HOUR, NOON + 30 * HOUR),
    st.sampled_from([NOON - 0.001, NOON + 1.0, NOON + HOUR - 1e-6]),
)
took = st.one_of(st.sampled_from(LATENCY_BOUNDS), st.floats(0.0, 400.0))
changes = st.fixed_dictionaries(
    {
        "at": instants,
        "account": st.sampled_from(["a", "b", "a-b"]),
        "key": st.sampled_from(["k1", "k2"]),
        "model": st.sampled_from(["m/1", "m/2", "unknown"]),
        "outcome": st.sampled_from(["success", "success", "timed_out", "no_eligible_endpoint"]),
        "source": st.sampled_from(UsageSource),
        "tokens": st.builds(TokenCount, *[st.integers(0, 10**6)] * 4),
        "app": st.builds(App, id=st.sampled_from([None, "i"]), name=st.sampled_from([None, "n", "-"]), session_id=st.just("s")),
        "provider": st.sampled_from([None, "p"]),
        "duration": took,
        "first_token": st.none() | took,
        "cost": st.none() | st.floats(0.0, 10.0),
        "host": st.sampled_from([None, "h"]),
        "evidence": st.sampled_from([None, "agreed", "retained", "stored"]),
    }
)
spans = st.tuples(instants | st.just(-math.inf), instants | st.just(math.inf))


def label_of(by, row):
    if by in (UsageGroup.DAY, UsageGroup.HOUR):
        return dt.datetime.fromtimestamp(math.floor(row.at), dt.UTC).strftime("%Y-%m-%d" + (" %H:00" if by is UsageGroup.HOUR else ""))
    return (row.app.name or row.app.id if by is UsageGroup.APP else getattr(row, by.value)) or "-"


def bucket_of(seconds):
    return next(place for place, (low, high) in enumerate(pairwise((-math.inf, *LATENCY_BOUNDS, math.inf))) if low < seconds <= high)


def counted(values):
    buckets = [bucket_of(value) for value in values if value is not None]
    return tuple(buckets.count(place) for place in range(len(LATENCY_BOUNDS) + 1))


def expected(by, rows):
    """What the rows add up to, said the long way."""
    totals, times = {}, {}
    for label in sorted({label_of(by, row) for row in rows}):
        here = [row for row in rows if label_of(by, row) == label]
        answered = [row for row in here if row.outcome == "success"]
        totals[label] = {
            "label": label,
            "requests": len(here),
            "succeeded": len(answered),
            **{
                f"{name}_tokens": sum(getattr(row.tokens, name) for row in here) for name in ("prompt", "completion", "cached", "reasoning")
            },
            "cost": pytest.approx(sum(row.cost or 0.0 for row in here), abs=1e-9),
            "unpriced": sum(row.cost is None for row in here),
            "unmeasured": sum(row.source != "measured" for row in here),
            "contradicted": sum(row.evidence in ("retained", "stored") for row in here),
        }
        if answered:
            times[label] = (counted(row.duration for row in answered), counted(row.first_token for row in answered))
    return totals, times


@contextlib.contextmanager
def opened(kind, directory):
    """A backend's store and a writer's connection."""
    with kind(directory) as backend, backend.store(NOON) as store:
        with contextlib.closing(backend.driver.connect(durable=False, everybody=True)) as connection:
            yield store, backend.driver, connection


@pytest.fixture(scope="module", params=BACKENDS, ids=lambda kind: kind.__name__)
def place(request, tmp_path_factory):
    with opened(request.param, tmp_path_factory.mktemp("store")) as found:
        yield found


@pytest.fixture(scope="module")
def of_postgres(tmp_path_factory):
    with opened(postgresql, tmp_path_factory.mktemp("store")) as found:
        yield found


@pytest.fixture(scope="module")
def of_sqlite(tmp_path_factory):
    with opened(sqlite, tmp_path_factory.mktemp("store")) as found:
        yield found


def agrees(store, rows, since, until, account):
    chosen = [row for row in rows if since <= row.at < until and account in (None, row.account)]
    for by in UsageGroup:
        totals, times = expected(by, chosen)
        found = {
            one.label: {name: getattr(one, name) for name in one.__struct_fields__} for one in store.usage_totals(by, since, until, account)
        }
        assert found == totals, by
        assert {one.label: (one.duration, one.first_token) for one in store.usage_times(by, since, until, account)} == times, by
    newest_first = [row.decision for row in sorted(chosen, key=lambda row: (row.at, row.decision), reverse=True)]
    for limit in (3, 1000):
        assert [row.decision for row in store.usage_rows(since, until, account, limit)] == newest_first[:limit]


histories = (
    st.lists(st.tuples(st.lists(changes, max_size=12), st.sampled_from([None, "own", "all"])), max_size=4),
    st.lists(spans, min_size=1, max_size=3),
    st.none() | st.floats(NOON - 20 * HOUR, NOON + 10 * HOUR),
    st.sampled_from([None, "a", "b", "a-b"]),
)


@pytest.mark.timeout(1200)
@given(*histories)
def test_sums_and_rows_agree(of_sqlite, batches, asked, purged, account):
    check(of_sqlite, batches, asked, purged, account)


@pytest.mark.timeout(1200)
@settings(settings(), max_examples=settings().max_examples // 5)
@given(*histories)
def test_sums_and_rows_agree_on_postgresql(of_postgres, batches, asked, purged, account):
    check(of_postgres, batches, asked, purged, account)


def check(place, batches, asked, purged, account):
    store, driver, connection = place
    connection.execute("DELETE FROM usage")
    connection.execute("DELETE FROM usage_hours")
    add_up(driver, connection, NotAdded())
    rows, known = [], NotAdded()
    for batch, added_up in batches:
        new = [usage_row(len(rows) + number, **each) for number, each in enumerate(batch)]
        if new:
            write(driver, connection, new)
            known.keep(new)
        if added_up == "own":
            add_up(driver, connection, known)
        elif added_up == "all":
            add_up(driver, connection)
        rows += new
    if purged is not None:
        while purge(driver, connection, purged + DAY, 1.0, 5):
            pass
        rows = [row for row in rows if row.at >= purged]
    for since, until in [ALWAYS, *asked]:
        agrees(store, rows, since, until, account)
    if not rows:
        add_up(driver, connection)
        assert connection.execute("SELECT count(*) FROM usage_hours").fetchone() == (0,)


@given(*[st.floats(NOON - 30 * HOUR, NOON + 30 * HOUR)] * 4)
def test_a_span_is_cut_so_that_every_instant_counts_once(since, until, one, other):
    oldest, newest = sorted((one, other))
    found = cut(since, until, oldest, newest)
    assert found.first % 3600 == found.last % 3600 == 0
    for at in (oldest, newest, since, until, (oldest + newest) / 2, *(math.nextafter(at, way) for at in (since, until) for way in ALWAYS)):
        if oldest <= at <= newest:
            times = (found.first <= at < found.last) + sum(part.since <= at < part.until for part in found.parts)
            assert times == (since <= at < until)
    assert all(part.hour <= part.since < part.until <= part.hour + 3600 for part in found.parts)


def test_hours_are_read_whole_where_nothing_lies_outside():
    assert cut(-math.inf, math.inf, NOON + 5, NOON + 7) == (NOON, NOON + 3600, ())
    assert cut(NOON + 1, NOON + 9, NOON + 5, NOON + 7) == (NOON, NOON + 3600, ())
    assert cut(NOON + 6, NOON + 7, NOON + 5, NOON + 7) == (0, 0, (Part(NOON, NOON + 6, NOON + 7),))
    assert cut(0, 1, NOON, NOON) == (0, 0, ())


def test_an_account_with_few_rows_far_apart(place):
    store, driver, connection = place
    rows = [usage_row(90_000 + number, at=NOON - number * DAY, account="rare") for number in range(40)]
    write(driver, connection, rows)
    assert store.usage_rows(*ALWAYS, "rare", 25) == rows[:25]
    assert store.usage_rows(NOON - 39 * DAY, NOON - 2 * DAY, "rare", 1000) == rows[3:]
    assert store.usage_rows(*ALWAYS, "nobody", 25) == []
