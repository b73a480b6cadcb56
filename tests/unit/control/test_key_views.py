"""Keys as they are shown."""

import math

import pytest

from anyapi.control.key_views import Limits, limits_of, shown
from anyapi.domain.limits import CapPeriod
from anyapi.domain.requirement import Settings
from anyapi.errors import BadRequest
from anyapi.storage.rows import KeyRow, SpendingRow

NOW = 1_795_521_600.0


@pytest.mark.parametrize("cap", [math.nan, math.inf, -math.inf, -1.0])
def test_a_cap_is_a_sum_of_money(cap):
    with pytest.raises(BadRequest) as caught:
        Limits(cap).check()
    assert caught.value.field == "spend_cap"


@pytest.mark.parametrize(("period", "left"), [("day", 9.0), ("week", 8.0), ("month", 7.0), ("total", 0.0)])
def test_what_is_left_goes_by_the_period(period, left):
    row = KeyRow("key_1", "p", b"1" * 32, "default", NOW, spend_cap=10.0, period=CapPeriod(period))
    found = shown(row, Settings(), SpendingRow("key_1", 11.0, 3.0, 2.0, 1.0), NOW)
    assert (found.left, found.begins_anew_at is None) == (left, period == "total")
    assert limits_of(row) == Limits(10.0, CapPeriod(period))


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({}, "active"),
        ({"disabled_at": NOW}, "disabled"),
        ({"expires_at": NOW, "disabled_at": NOW}, "expired"),
        ({"revoked_at": NOW, "expires_at": NOW}, "revoked"),
        ({"expires_at": NOW + 1}, "active"),
    ],
)
def test_states(fields, state):
    assert shown(KeyRow("key_1", "p", b"1" * 32, "default", NOW, **fields), Settings(), None, NOW).state == state
