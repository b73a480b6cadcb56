"""What an attempt tells of its endpoint: times of its own, tokens a second, and nothing where they would say something else."""

import pytest
from tests.unit.gateway.test_settle import begun
from tests.unit.wire.peers import on_loop

from anyapi.domain.decision import Outcome, OutcomeKind
from anyapi.domain.usage import TokenCount
from anyapi.gateway import measuring
from anyapi.gateway.measuring import FEWEST, SHORTEST, note
from anyapi.gateway.settle import REFUSED_LATE

SUCCESS = Outcome(OutcomeKind.SUCCESS)
ADMITTED, BEGAN, NOW = 100.0, 103.0, 107.0
"""Monotonic seconds: three went by before the attempt, which took four."""


@pytest.fixture
def measured(monkeypatch):
    """Latency and throughput after one attempt; None where there is no record."""
    monkeypatch.setattr(measuring, "monotonic", lambda: NOW)

    def measure(outcome=SUCCESS, *, slowed=False, tokens=TokenCount(5, 80), **state):
        admission = begun(tokens=tokens, **{"started": ADMITTED, **state})
        assert note(admission, outcome, BEGAN, slowed=slowed) is outcome
        (record,) = admission.plane.health._records.values()
        return record.latency, record.throughput

    return measure


@on_loop
async def test_of_a_stream_the_tokens_are_those_after_its_first_content(measured):
    assert measured(streamed=True, first_token=5.0) == (pytest.approx(2.0), pytest.approx(80 / 2))


@on_loop
async def test_a_whole_answer_is_measured_over_the_attempt(measured):
    assert measured(first_token=NOW - ADMITTED) == (pytest.approx(4.0), pytest.approx(80 / 4))


@on_loop
async def test_what_others_took_before_is_not_the_endpoints(measured):
    """The usage row goes on counting from the request: of `first_token` nothing is taken off."""
    admission = begun(started=ADMITTED, first_token=3.5, streamed=True)
    note(admission, SUCCESS, BEGAN, slowed=False)
    (record,) = admission.plane.health._records.values()
    assert (record.latency, admission.first_token) == (pytest.approx(0.5), 3.5)


@on_loop
async def test_content_that_went_out_as_the_request_came_is_measured_too(measured):
    """Nought seconds is a time, and not one that is unknown."""
    assert measured(started=BEGAN, first_token=0.0, streamed=True) == (0.0, pytest.approx(80 / 4))


@pytest.mark.parametrize("state", [{"first_token": 7.0 - SHORTEST / 2}, {"first_token": 5.0, "tokens": TokenCount(5, 80, 0, 60)}])
@on_loop
async def test_a_stream_that_came_at_once_and_one_whose_reasoning_may_be_hidden_count_whole(measured, state):
    assert measured(streamed=True, **state)[1] == pytest.approx(80 / 4)


@on_loop
async def test_a_span_that_is_just_long_enough(measured):
    assert measured(streamed=True, first_token=7.0 - SHORTEST * 1.01)[1] == pytest.approx(80 / SHORTEST, rel=0.02)


@pytest.mark.parametrize(
    "state",
    [
        {"tokens": None},
        {"tokens": TokenCount(5, FEWEST - 1)},
        {"slowed": True},
        {"outcome": Outcome(OutcomeKind.CONTENT_REFUSED)},
    ],
    ids=["not stated", "few", "a slow client", "a refusal"],
)
@on_loop
async def test_what_says_nothing_of_throughput(measured, state):
    latency, throughput = measured(streamed=True, first_token=5.0, **state)
    assert (latency, throughput) == (pytest.approx(2.0), None)


@on_loop
async def test_a_filter_that_cut_a_stream_short_leaves_what_was_measured(measured):
    assert measured(REFUSED_LATE, streamed=True, first_token=5.0)[1] == pytest.approx(40.0)


@on_loop
async def test_an_attempt_that_took_no_time_divides_nothing(measured, monkeypatch):
    monkeypatch.setattr(measuring, "monotonic", lambda: BEGAN)
    assert measured(first_token=BEGAN - ADMITTED) == (0.0, None)


@pytest.mark.parametrize("kind", [OutcomeKind.TIMED_OUT, OutcomeKind.INTERRUPTED, OutcomeKind.CLIENT_GONE])
@on_loop
async def test_of_what_failed_nothing_is_measured(measured, kind):
    assert measured(Outcome(kind), streamed=True, first_token=5.0) == (None, None)


@on_loop
async def test_nobody_is_told_of_where_there_was_no_candidate():
    admission = begun(reached=False)
    assert note(admission, SUCCESS, BEGAN, slowed=False) is SUCCESS
    assert admission.plane.health._records == {}
