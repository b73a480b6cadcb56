"""What the benchmark sends and what it accepts as a right answer."""

import json

import pytest
from bench.harness import answers, bodies
from bench.harness.bodies import Scenario


def test_request_bodies_have_the_sizes_that_the_figures_name():
    assert len(bodies.request_body("bench/json", Scenario.JSON)) == bodies.REQUEST_BYTES
    large = bodies.request_body("bench/json", Scenario.JSON, size=bodies.LARGE_REQUEST_BYTES)
    assert len(large) == pytest.approx(bodies.LARGE_REQUEST_BYTES, abs=8)
    assert len(bodies.completion()) == bodies.ANSWER_BYTES


def test_bodies_are_the_same_in_every_run():
    assert bodies.request_body("m", Scenario.BURST) == bodies.request_body("m", Scenario.BURST)


def test_policy_and_streaming_are_asked_only_where_they_should_be():
    plain = json.loads(bodies.request_body("m", Scenario.JSON))
    assert "data_policy" not in plain
    assert "stream" not in plain
    asked = json.loads(bodies.request_body("m", Scenario.SLOW, with_policy=True))
    assert asked["data_policy"] == {"training_allowed": False, "retention_days": 30}
    assert asked["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize(("scenario", "count"), [(Scenario.BURST, bodies.EVENTS), (Scenario.SLOW, bodies.SLOW_EVENTS)])
def test_the_mocks_own_stream_is_right(scenario, count):
    events = bodies.events(count)
    assert len(events) == count + 1
    answers.check(b"".join(events), scenario)


def test_the_mocks_own_answer_is_right():
    answers.check(bodies.completion(), Scenario.JSON)


@pytest.mark.parametrize(
    "broken",
    [
        b"".join(bodies.events()[:-1]),  # no [DONE]
        b"".join(bodies.events()[:50] + bodies.events()[51:]),  # one event lost
        b"".join(bodies.events()[:-2] + bodies.events()[-3:-2] + bodies.events()[-1:]),  # usage lost, count right
        b"",
    ],
)
def test_a_broken_stream_is_a_wrong_answer(broken):
    with pytest.raises(answers.WrongAnswer):
        answers.check(broken, Scenario.BURST)


@pytest.mark.parametrize("broken", [b"{}", b"[]", b"no json", bodies.completion().replace(b'"total_tokens":415', b'"total_tokens":0')])
def test_a_broken_answer_is_a_wrong_answer(broken):
    with pytest.raises(answers.WrongAnswer):
        answers.check(broken, Scenario.JSON)
