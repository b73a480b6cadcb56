"""When a spend cap begins anew."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyapi.domain.limits import CapPeriod
from anyapi.policy.periods import begins_anew, day_of, first_day, first_days

EPOCH = dt.date(1970, 1, 1)


def number(year, month, day):
    return (dt.date(year, month, day) - EPOCH).days


@pytest.mark.parametrize(
    ("day", "week", "month"),
    [
        ((2026, 11, 27), (2026, 11, 23), (2026, 11, 1)),
        ((2026, 11, 23), (2026, 11, 23), (2026, 11, 1)),
        ((2026, 11, 22), (2026, 11, 16), (2026, 11, 1)),
        ((2027, 1, 1), (2026, 12, 28), (2027, 1, 1)),
        ((2028, 2, 29), (2028, 2, 28), (2028, 2, 1)),
    ],
)
def test_first_days(day, week, month):
    assert first_days(number(*day)) == (number(*month), number(*week), number(*day))
    assert first_day(CapPeriod.TOTAL, number(*day)) == 0


def test_a_day_ends_at_midnight_utc():
    midnight = dt.datetime(2026, 11, 27, tzinfo=dt.UTC).timestamp()
    assert (day_of(midnight - 0.001), day_of(midnight)) == (number(2026, 11, 26), number(2026, 11, 27))


@given(st.integers(0, 60_000), st.sampled_from(CapPeriod))
def test_the_next_period_begins_where_this_one_ends(day, period):
    following = begins_anew(period, day)
    if period is CapPeriod.TOTAL:
        assert following is None
        return
    then = day_of(following)
    assert first_day(period, day) <= day < then == first_day(period, then)
    assert first_day(period, then - 1) == first_day(period, day)
    date = EPOCH + dt.timedelta(days=first_day(period, day))
    assert {CapPeriod.DAY: True, CapPeriod.WEEK: date.weekday() == 0, CapPeriod.MONTH: date.day == 1}[period]
