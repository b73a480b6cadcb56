"""The noise is what is stated of it: discrete Laplace, epsilon 1 and delta 1e-6 between weeks that differ by one account (test T21).

Draws are OpenDP's own, some ten thousand in `make test` and a million in `make test-long`.
"""

import math
from collections import Counter

import pytest
from tests.conftest import LONG

from anyapi.ranking.noise import discrete_laplace, drawn
from anyapi.ranking.terms import DELTA, EPSILON, FEWEST_ACCOUNTS, SHOWN_FROM

DRAWS = 1_000_000 if LONG else 40_000
SURE = 4.06
"""Standard deviations of a two-sided 99.9 % confidence, over about 20 events at once (Bonferroni)."""


@pytest.fixture(scope="module")
def mechanism():
    found, epsilon = discrete_laplace(1.0 / EPSILON)
    assert epsilon == EPSILON
    return found


@pytest.fixture(scope="module")
def at_the_threshold(mechanism):
    """What is shown of a cell of 34 accounts and of the same with one more, many times over: the count, or None."""
    return [seen(mechanism, SHOWN_FROM), seen(mechanism, SHOWN_FROM + 1)]


def seen(mechanism, count, draws=DRAWS):
    return Counter(noisy if noisy >= SHOWN_FROM else None for noisy in mechanism([count] * draws))


def exceeds(first, second, epsilon, delta, draws):
    """The events that are surely likelier under `first` than e^epsilon times under `second`, plus delta."""
    outcomes = first.keys() | second.keys()
    events = [{outcome} for outcome in outcomes]
    events += [{each for each in outcomes if each is not None and each >= least} for least in range(SHOWN_FROM, SHOWN_FROM + 8)]
    events += [{each for each in outcomes if each is None or each < least} for least in range(SHOWN_FROM, SHOWN_FROM + 8)]
    found = []
    for event in events:
        p, q = (sum(each[outcome] for outcome in event) / draws for each in (first, second))
        lower = p - SURE * math.sqrt(p * (1 - p) / draws) - SURE**2 / draws
        upper = q + SURE * math.sqrt(q * (1 - q) / draws) + SURE**2 / draws
        if lower > math.exp(epsilon) * upper + delta:
            found.append(event)
    return found


def test_neighbouring_weeks_differ_by_no_more_than_is_stated(at_the_threshold):
    without, with_one = at_the_threshold
    assert exceeds(without, with_one, EPSILON, DELTA, DRAWS) == []
    assert exceeds(with_one, without, EPSILON, DELTA, DRAWS) == []


def test_that_is_as_much_as_is_stated(at_the_threshold):
    """The bound is met: at a tenth less it would not hold. So the test above can fail."""
    without, with_one = at_the_threshold
    assert exceeds(without, with_one, EPSILON * 0.8, DELTA, DRAWS) or exceeds(with_one, without, EPSILON * 0.8, DELTA, DRAWS)


def test_half_the_noise_would_be_found():
    weaker, epsilon = discrete_laplace(0.5)
    assert epsilon == 2.0
    first, second = (seen(weaker, count, DRAWS // 2) for count in (SHOWN_FROM, SHOWN_FROM + 1))
    assert exceeds(second, first, EPSILON, DELTA, DRAWS // 2)


def test_the_draws_are_discrete_laplace(mechanism):
    """Chi-square against the stated distribution, tails together; and the standard deviation that goes with it."""
    draws = mechanism([0] * DRAWS)
    base = math.exp(-EPSILON)
    reach = 6 if not LONG else 10
    expected = [(1 - base) / (1 + base) * base ** abs(k) * DRAWS for k in range(-reach, reach + 1)]
    counts = Counter(draws)
    tail = DRAWS - sum(expected)
    statistic = sum((counts[k] - want) ** 2 / want for k, want in zip(range(-reach, reach + 1), expected, strict=True))
    statistic += (sum(count for k, count in counts.items() if abs(k) > reach) - tail) ** 2 / tail
    degrees = 2 * reach + 1
    assert statistic < degrees + 3.3 * math.sqrt(2 * degrees) + 4, statistic  # about 0.1 %
    deviation = math.sqrt(sum(each * each for each in draws) / DRAWS)
    assert abs(deviation - math.sqrt(2 * base) / (1 - base)) < 0.05


def test_too_few_accounts_are_not_shown(mechanism):
    """Of cells with one account fewer than there must be, at most one in a million is; none is expected among these."""
    shown = sum(noisy >= SHOWN_FROM for noisy in mechanism([FEWEST_ACCOUNTS - 1] * DRAWS))
    assert shown <= (5 if LONG else 1)
    base = math.exp(-EPSILON)
    assert base ** (SHOWN_FROM - FEWEST_ACCOUNTS) / (1 + base) <= DELTA < base ** (SHOWN_FROM - FEWEST_ACCOUNTS - 1) / (1 + base)


def test_what_is_not_shown_does_not_leave_the_process():
    answer = drawn({"counts": [0, 10_000, 0, 3, 20_000], "scale": 1.0, "shown_from": 34})
    assert [place for place, _ in answer["shown"]] == [1, 4]
    assert all(abs(count - want) < 30 for (_, count), want in zip(answer["shown"], (10_000, 20_000), strict=True))
    assert answer["epsilon"] == 1.0
    assert drawn({"counts": [], "scale": 1.0, "shown_from": 34}) == {"epsilon": 1.0, "shown": []}
