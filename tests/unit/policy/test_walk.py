"""The walk over a route."""

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.policy.test_order import candidates

from anyapi.domain.decision import Attempt, Outcome, OutcomeKind, Route
from anyapi.policy.walk import FAILOVER, RETRY, walk

A, B, C, D, E = candidates(*[(1, 1)] * 5)
ENDS = {OutcomeKind.SUCCESS, OutcomeKind.REJECTED, OutcomeKind.INTERRUPTED, OutcomeKind.CLIENT_GONE, OutcomeKind.CONTENT_REFUSED}


def drive(route, outcomes, may_retry=lambda: True):
    """The attempts that the walk makes when calls end like this, and what it returns."""
    outcomes = [outcome if isinstance(outcome, Outcome) else Outcome(OutcomeKind(outcome)) for outcome in outcomes]
    walking, attempts, feed = walk(route, may_retry), [], iter(outcomes)
    try:
        attempts.append(next(walking))
        while True:
            attempts.append(walking.send(next(feed)))
    except StopIteration as stop:
        assert next(feed, None) is None, "the walk ended before the script"
        return attempts, stop.value


def steps(attempts):
    return [(attempt.candidate.endpoint.provider, attempt.wait) for attempt in attempts]


def test_the_sets_of_the_brief():
    failing = {"connect_failed", "timed_out", "rate_limited", "server_error", "overloaded", "bad_response", "unauthorized"}
    assert failing == FAILOVER
    assert {"connect_failed", "overloaded", "server_error", "rate_limited"} == RETRY
    assert set(OutcomeKind) == FAILOVER | ENDS


def test_success_ends_it():
    attempts, outcome = drive(Route((A, B), 2), ["success"])
    assert (attempts, outcome) == ([Attempt(A, 1)], Outcome(OutcomeKind.SUCCESS))


@pytest.mark.parametrize("kind", sorted(ENDS))
def test_what_ends_it(kind):
    attempts, outcome = drive(Route((A, B), 4), [kind])
    assert (steps(attempts), outcome.kind) == ([("a", 0.0)], kind)


@pytest.mark.parametrize("kind", sorted(FAILOVER))
def test_what_fails_over_at_once(kind):
    attempts, outcome = drive(Route((A, B, C), 4), [Outcome(kind, retry_after=3.0), "success"])
    assert attempts == [Attempt(A, 1, 0.0), Attempt(B, 2, 0.0)]
    assert outcome.kind is OutcomeKind.SUCCESS


def test_a_refusal_fails_over_only_when_asked():
    attempts, outcome = drive(Route((A, B), 2, failover_on_refusal=True), ["content_refused", "content_refused"])
    assert (steps(attempts), outcome.kind) == ([("a", 0.0), ("b", 0.0)], "content_refused")


@pytest.mark.parametrize("kind", sorted(FAILOVER))
def test_one_retry_when_candidates_run_out(kind):
    if kind in RETRY:
        attempts, outcome = drive(Route((A,), 4), [kind, "timed_out"])
        assert attempts == [Attempt(A, 1, 0.0), Attempt(A, 2, 0.2)]
        assert outcome.kind is OutcomeKind.TIMED_OUT
    else:
        attempts, outcome = drive(Route((A,), 4), [kind])
        assert (steps(attempts), outcome.kind) == ([("a", 0.0)], kind)


def test_only_one_retry_and_of_the_best():
    attempts, outcome = drive(Route((A, B), 4), ["server_error", "connect_failed", "overloaded"])
    assert (steps(attempts), outcome.kind) == ([("a", 0.0), ("b", 0.0), ("a", 0.2)], "overloaded")
    attempts, _ = drive(Route((A, B), 4), ["unauthorized", "connect_failed", "success"])
    assert steps(attempts) == [("a", 0.0), ("b", 0.0), ("b", 0.2)]
    attempts, _ = drive(Route((A, B), 4, failover_on_refusal=True), ["server_error", "content_refused", "success"])
    assert steps(attempts) == [("a", 0.0), ("b", 0.0), ("a", 0.2)]


@pytest.mark.parametrize(("asked", "wait"), [(0.0, 0.0), (0.1, 0.1), (5.0, 5.0), (5.01, None), (-1.0, 0.0), (math.inf, None)])
def test_retry_after(asked, wait):
    outcomes = [Outcome(OutcomeKind.RATE_LIMITED, retry_after=asked)]
    attempts, outcome = drive(Route((A,), 4), outcomes if wait is None else [*outcomes, "success"])
    assert steps(attempts) == [("a", 0.0), *([] if wait is None else [("a", wait)])]
    assert outcome.kind is (OutcomeKind.RATE_LIMITED if wait is None else OutcomeKind.SUCCESS)


def test_one_that_asks_for_too_long_is_passed_over():
    outcomes = [Outcome(OutcomeKind.RATE_LIMITED, retry_after=60.0), Outcome(OutcomeKind.OVERLOADED, retry_after=1.0), "success"]
    assert steps(drive(Route((A, B), 4), outcomes)[0]) == [("a", 0.0), ("b", 0.0), ("b", 1.0)]


def test_the_budget_is_asked_only_for_a_retry():
    asked = []

    def refuse():
        asked.append(True)
        return False

    attempts, outcome = drive(Route((A, B), 4), ["server_error", "timed_out"], refuse)
    assert (steps(attempts), outcome.kind, len(asked)) == ([("a", 0.0), ("b", 0.0)], "timed_out", 1)
    drive(Route((A, B), 2), ["server_error", "server_error"], refuse)
    drive(Route((A, B), 4), ["timed_out", "timed_out"], refuse)
    drive(Route((A, B), 4), ["server_error", "success"], refuse)
    assert len(asked) == 1


def test_never_more_than_the_attempts_allowed():
    attempts, outcome = drive(Route((A, B, C), 2), ["server_error", "overloaded"])
    assert (steps(attempts), outcome.kind) == ([("a", 0.0), ("b", 0.0)], "overloaded")
    assert len(drive(Route((A, B, C, D, E), 4), ["timed_out"] * 4)[0]) == 4
    assert len(drive(Route((A, B, C), 1), ["server_error"])[0]) == 1


@pytest.mark.parametrize("route", [Route((), 2), Route((A,), 0)])
def test_a_route_without_an_attempt_is_a_mistake(route):
    with pytest.raises(ValueError, match="^a route needs a candidate and an attempt$"):
        next(walk(route, lambda: True))


@given(
    st.integers(1, 5),
    st.integers(1, 4),
    st.lists(st.builds(Outcome, st.sampled_from(OutcomeKind), st.none() | st.floats(0, 10)), min_size=5, max_size=5),
    st.booleans(),
    st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_no_walk_leaves_the_route_or_exceeds_it(size, most, outcomes, refusal, budget):
    route = Route((A, B, C, D, E)[:size], most, refusal)
    walking, seen, feed = walk(route, lambda: budget), [], itertools.chain(outcomes)
    try:
        seen.append(next(walking))
        while True:
            outcome = next(feed)
            seen.append(walking.send(outcome))
    except StopIteration as stop:
        returned = stop.value
    assert returned == outcome
    assert all(attempt.candidate in route.candidates for attempt in seen)
    assert [attempt.number for attempt in seen] == list(range(1, len(seen) + 1))
    assert len(seen) <= min(most, size + 1)
    assert all(0 <= attempt.wait <= 5 for attempt in seen)
    assert all(attempt.wait == 0 for attempt in seen[:size])
