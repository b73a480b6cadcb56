"""Measured health: moving averages, the circuit breaker with its probe, and the retry budget. The clock is the test's."""

import pytest

from anyapi.domain.catalogue import Endpoint
from anyapi.domain.decision import Candidate, Decision, EndpointHealth, Outcome, OutcomeKind
from anyapi.gateway.health import COUNTED, FAILURES, LONGEST, OPEN_SECONDS, WEIGHT, Health, RetryBudget


def seen(key, endpoint="e"):
    """A decision that permits one endpoint, whose health is measured under `key`."""
    candidate = Candidate(Endpoint(endpoint, "m", "p", "x"), "credential", None, health_key=key)
    return [Decision("m", "hash", "v1", (candidate,), (), 0.0)]


SEEN = seen("e")
OK, BAD = Outcome(OutcomeKind.SUCCESS), Outcome(OutcomeKind.SERVER_ERROR)


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def health(clock):
    return Health(clock)


def fail(health, times=FAILURES, outcome=BAD):
    for _ in range(times):
        health.note("e", outcome, None)


def is_open(health):
    return health.view(SEEN)["e"].circuit_open


def test_nothing_is_known_at_first(health):
    assert health.view(SEEN) == {}
    assert health.opens_in(SEEN) == 1.0


def test_averages_move_a_fifth_of_the_way(health):
    health.note("e", OK, 1.0, 50.0)
    assert health.view(SEEN)["e"] == EndpointHealth(1.0, 50.0, 0.0, circuit_open=False)
    health.note("e", OK, 2.0, 100.0)
    assert health.view(SEEN)["e"] == EndpointHealth(pytest.approx(1.2), pytest.approx(60.0), 0.0, circuit_open=False)
    health.note("e", OK, None)
    assert health.view(SEEN)["e"].latency == pytest.approx(1.2)


def test_a_refusal_of_content_is_an_answer(health):
    fail(health, FAILURES - 1)
    health.note("e", Outcome(OutcomeKind.CONTENT_REFUSED), 0.5)
    fail(health, FAILURES - 1)
    assert not is_open(health)
    assert health.view(SEEN)["e"].latency == 0.5


def test_errors_rise_and_fall(health):
    fail(health, 2)
    rate = WEIGHT + WEIGHT * (1 - WEIGHT)
    assert health.view(SEEN)["e"].error_rate == pytest.approx(rate)
    health.note("e", OK, 1.0)
    assert health.view(SEEN)["e"].error_rate == pytest.approx(rate * (1 - WEIGHT))


@pytest.mark.parametrize("kind", OutcomeKind)
def test_which_outcomes_count(health, kind):
    fail(health, FAILURES, Outcome(kind))
    assert is_open(health) is (kind in COUNTED)
    expected = kind in COUNTED or kind is OutcomeKind.RATE_LIMITED
    assert (health.view(SEEN)["e"].error_rate > 0) is expected


def test_the_callers_faults_do_not_count():
    assert COUNTED.isdisjoint({OutcomeKind.REJECTED, OutcomeKind.CONTENT_REFUSED, OutcomeKind.CLIENT_GONE, OutcomeKind.SUCCESS})


def test_a_circuit_opens_after_failures_in_a_row_and_not_before(health):
    fail(health, FAILURES - 1)
    assert (is_open(health), health.generation) == (False, 0)
    health.note("e", OK, 1.0)
    fail(health, FAILURES - 1)
    assert not is_open(health)
    fail(health, 1)
    assert (is_open(health), health.generation > 0) == (True, True)


def test_it_is_open_for_a_while(health, clock):
    fail(health)
    assert health.opens_in(SEEN) == OPEN_SECONDS
    clock.now += OPEN_SECONDS - 0.01
    assert is_open(health)
    assert health.opens_in(SEEN) == 1.0, "told to come back in a second at the least"
    clock.now += 0.01
    assert not is_open(health)


def test_each_failed_probe_doubles_the_time_up_to_a_minute(health, clock):
    fail(health)
    for seconds in (OPEN_SECONDS * 2, OPEN_SECONDS * 4, OPEN_SECONDS * 8, LONGEST, LONGEST):
        clock.now += LONGEST
        assert not is_open(health)
        fail(health, 1)
        assert health.opens_in(SEEN) == pytest.approx(seconds)


def test_a_success_closes_it_and_forgets(health, clock):
    fail(health, FAILURES + 2)
    generation = health.generation
    health.note("e", OK, 1.0)
    assert (is_open(health), health.generation) == (False, generation + 1)
    fail(health)
    assert health.opens_in(SEEN) == OPEN_SECONDS, "the doubling starts anew"


def test_a_success_without_a_circuit_changes_no_generation(health):
    health.note("e", OK, 1.0)
    fail(health, 1)
    health.note("e", OK, 1.0)
    assert health.generation == 0


def test_one_probe_goes_first(health, clock):
    fail(health)
    health.probe("e")
    assert health.opens_in(SEEN) == OPEN_SECONDS, "it is open: there is nothing to probe"
    clock.now += OPEN_SECONDS
    generation = health.generation
    assert not is_open(health)
    health.probe("e")
    assert (is_open(health), health.generation) == (True, generation + 1)
    clock.now += 1.0
    assert not is_open(health), "a probe that was never heard of again does not keep it open"
    health.probe("e")
    health.note("e", OK, 1.0)
    assert not is_open(health)
    health.probe("e")
    assert not is_open(health)


def test_probing_what_never_failed_is_nothing(health):
    health.probe("unknown")
    health.note("e", OK, 1.0)
    health.probe("e")
    assert (health.generation, is_open(health)) == (0, False)


@pytest.mark.parametrize(("asked", "seconds"), [(3.0, 3.0), (0.5, 0.5), (60.0, 60.0), (3600.0, LONGEST)])
def test_a_rate_limit_keeps_away_for_as_long_as_asked(health, clock, asked, seconds):
    health.note("e", Outcome(OutcomeKind.RATE_LIMITED, asked), None)
    assert is_open(health)
    clock.now += seconds
    assert not is_open(health)


@pytest.mark.parametrize("asked", [None, 0.0])
def test_a_rate_limit_that_asks_for_nothing_opens_nothing(health, asked):
    fail(health, FAILURES * 2, Outcome(OutcomeKind.RATE_LIMITED, asked))
    assert not is_open(health)


def test_a_shorter_wait_does_not_shorten_a_longer_one(health):
    health.note("e", Outcome(OutcomeKind.RATE_LIMITED, 30.0), None)
    health.note("e", Outcome(OutcomeKind.RATE_LIMITED, 2.0), None)
    assert health.opens_in(SEEN) == 30.0


def test_the_first_circuit_to_close_is_waited_for(health):
    health.note("a", Outcome(OutcomeKind.RATE_LIMITED, 30.0), None)
    health.note("b", Outcome(OutcomeKind.RATE_LIMITED, 7.0), None)
    assert health.opens_in([*seen("a", "a"), *seen("b", "b")]) == 7.0


# --- the budget


def test_a_tenth_of_the_traffic_may_be_retried_and_ten_at_once():
    budget = RetryBudget()
    assert sum(budget.may_retry() for _ in range(100)) == 10
    budget.requests = 100
    assert sum(budget.may_retry() for _ in range(100)) == 10
    budget.requests = 1000
    assert sum(budget.may_retry() for _ in range(1000)) == 90


def test_what_was_saved_up_long_ago_does_not_count():
    budget = RetryBudget()
    budget.requests = RetryBudget.WINDOW + 50
    assert sum(budget.may_retry() for _ in range(1000)) == 15


def test_what_an_accounts_own_credential_ran_into_is_its_own(health, clock):
    own = seen("e own:1")
    health.note("e", OK, 2.0)
    health.note("e own:1", Outcome(OutcomeKind.RATE_LIMITED, 30.0), None)
    assert (health.view(own)["e"].circuit_open, is_open(health)) == (True, False)
    assert (health.opens_in(own), health.opens_in(SEEN)) == (30.0, 1.0)
    assert health.view(seen("e own:2")) == {}
    assert health.view(SEEN)["e"].latency == 2.0
    health.probe("e own:1")
    clock.now += 30.0
    assert not health.view(own)["e"].circuit_open


def test_open_circuits_are_told_by_endpoint_and_not_those_of_an_accounts_own_credential(health, clock):
    fail(health)
    for _ in range(FAILURES):
        health.note("e own:1234567890abcdef", BAD, None)
        health.note("other own:1234567890abcdef", BAD, None)
    assert health.open_circuits() == {"e"}
    clock.now += OPEN_SECONDS
    assert health.open_circuits() == set()
