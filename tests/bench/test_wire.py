"""What the benchmark sends and what it accepts as a right answer."""

import json

import pytest
from bench.harness import answers, bodies, routes
from bench.harness.bodies import Scenario
from bench.harness.routes import Route


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


def test_the_same_letter_in_anthropics_format_has_about_the_same_size():
    chat, messages = bodies.request_body("m", Scenario.JSON), routes.messages_body("m", Scenario.JSON)
    assert len(messages) == pytest.approx(len(chat), rel=0.05)
    assert json.loads(messages)["messages"] == json.loads(chat)["messages"][1:]
    assert json.loads(routes.messages_body("m", Scenario.BURST))["stream"] is True


def test_the_mocks_own_messages_are_right():
    answers.check(routes.message(), Scenario.JSON, Route.MESSAGES)
    events = routes.message_events()
    assert len(events) == bodies.EVENTS + 2  # three that frame the text stand for one of role, finish, usage
    answers.check(b"".join(events), Scenario.BURST, Route.MESSAGES)


@pytest.mark.parametrize("lost", [20, -2, -1], ids=["a word", "usage", "end"])
def test_a_broken_stream_of_messages_is_a_wrong_answer(lost):
    events = routes.message_events()
    del events[lost]
    with pytest.raises(answers.WrongAnswer):
        answers.check(b"".join(events), Scenario.BURST, Route.MESSAGES_OVER_CHAT)


@pytest.mark.parametrize("lost", [20, -2, -1], ids=["a word", "usage", "end"])
def test_a_broken_translated_stream_is_a_wrong_answer(lost):
    events = bodies.events()
    answers.check(b"".join(events), Scenario.BURST, Route.CHAT_OVER_MESSAGES)
    del events[lost]
    with pytest.raises(answers.WrongAnswer):
        answers.check(b"".join(events), Scenario.BURST, Route.CHAT_OVER_MESSAGES)


@pytest.mark.parametrize("broken", [b"{}", routes.message().replace(b"97", b"96"), bodies.completion()])
def test_a_broken_message_is_a_wrong_answer(broken):
    with pytest.raises(answers.WrongAnswer):
        answers.check(broken, Scenario.JSON, Route.MESSAGES)
