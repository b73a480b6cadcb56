"""Measured health: moving averages, the circuit breaker with its probe, and the retry budget. The clock is the test's."""

import pytest

from anyapi.domain.catalogue import Endpoint
from anyapi.domain.decision import BEYOND_LIMITS, CUT_AT_LIMITS, Candidate, Decision, EndpointHealth, Outcome, OutcomeKind
from anyapi.gateway.health import ALONE, COUNTED, FAILURES, LONGEST, OPEN_SECONDS, SHARED, WEIGHT, Health, RetryBudget


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


# --- whose failures they are

TIMED_OUT, BROKEN = Outcome(OutcomeKind.TIMED_OUT), Outcome(OutcomeKind.INTERRUPTED)


def met(health, account, *outcomes):
    for outcome in outcomes:
        health.note("e", outcome, 1.0, None, account)


def test_which_failures_a_caller_can_bring_about_alone():
    assert ALONE < COUNTED
    assert ALONE.isdisjoint({OutcomeKind.CONNECT_FAILED, OutcomeKind.SERVER_ERROR, OutcomeKind.OVERLOADED})


@pytest.mark.parametrize("kind", sorted(COUNTED))
def test_one_accounts_failures_open_nothing_for_others_that_it_can_bring_about_alone(health, kind):
    met(health, "good", OK)
    met(health, "odd", *[Outcome(kind)] * FAILURES * 3)
    assert is_open(health) is (kind not in ALONE)


@pytest.mark.parametrize("kind", sorted(COUNTED))
def test_the_only_account_there_is_has_its_circuit_opened(health, kind):
    met(health, "one", *[Outcome(kind)] * (FAILURES - 1))
    assert not is_open(health)
    met(health, "one", Outcome(kind))
    assert is_open(health)
    met(health, "one", OK, *[Outcome(kind)] * FAILURES)
    assert is_open(health), "its own answers share it with nobody"


def test_failures_of_two_accounts_are_the_endpoints(health):
    met(health, "good", OK)
    met(health, "odd", *[TIMED_OUT] * FAILURES)
    assert not is_open(health)
    met(health, "good", TIMED_OUT)
    assert is_open(health)


@pytest.mark.parametrize("outcome", [BAD, Outcome(OutcomeKind.CONNECT_FAILED), Outcome(OutcomeKind.TIMED_OUT, status=504)])
def test_failures_that_no_caller_brings_about_are_the_endpoints(health, outcome):
    met(health, "good", OK)
    met(health, "odd", *[TIMED_OUT] * (FAILURES - 1), outcome)
    assert is_open(health)


def test_what_nobody_is_named_for_is_the_endpoints(health):
    met(health, "good", OK)
    fail(health, FAILURES, TIMED_OUT)
    assert is_open(health)


def test_an_endpoint_is_shared_for_a_while_after_two_accounts_had_answers(health, clock):
    met(health, "good", OK)
    met(health, "odd", OK, *[BROKEN] * FAILURES)
    assert not is_open(health), "an answer of its own makes it nobody's alone"
    met(health, "odd", OK)
    clock.now += SHARED - 0.01
    met(health, "odd", *[BROKEN] * FAILURES)
    assert not is_open(health)
    met(health, "odd", OK)
    clock.now += 0.01
    met(health, "odd", *[BROKEN] * FAILURES)
    assert is_open(health), "the other was not here for a minute"


def test_what_fails_for_a_minute_without_an_answer_to_anybody_is_the_endpoints(health, clock):
    met(health, "good", OK)
    met(health, "odd", *[TIMED_OUT] * FAILURES)
    clock.now += SHARED - 0.01
    met(health, "odd", TIMED_OUT)
    assert not is_open(health)
    clock.now += 0.01
    met(health, "odd", TIMED_OUT)
    assert is_open(health)


def test_answers_of_others_begin_the_row_anew(health, clock):
    met(health, "good", OK)
    for _ in range(FAILURES * 3):
        met(health, "odd", *[TIMED_OUT] * FAILURES)
        clock.now += SHARED
        met(health, "good", OK)
    assert not is_open(health)


@pytest.mark.parametrize("outcome", [BEYOND_LIMITS, CUT_AT_LIMITS])
def test_what_exceeds_a_limit_of_ours_counts_for_nothing(health, outcome):
    fail(health, FAILURES * 2, outcome)
    assert (is_open(health), health.view(SEEN)["e"].error_rate) == (False, 0.0)
