"""What a report is made of: leaks, what could not be looked at, leaks that were not found; none of them is passed over."""

import contextlib

import pytest

from anyapi.prove.caller import Caller, Ended, Outcome, ends
from anyapi.prove.examine import LONG, long_prompts, prove
from anyapi.prove.planted import Planted
from anyapi.prove.sinks import MEMORY, Sink


class Leaky:
    """Keeps what it is asked in places of a test."""

    key, url = "sk-0123456789abcdef", "http://here"

    def __init__(self):
        self.kept = {}

    def sink(self, name, *, blind=False, forbidden=""):
        @contextlib.contextmanager
        def plant(canary):
            self.kept[name] = self.kept.get(name, b"") + (b"" if blind else canary.encode())
            yield

        def look(search):
            if forbidden:
                raise PermissionError(forbidden)
            search.text(name, self.kept.get(name, b"nothing"))

        return Sink(name, look, plant)


@pytest.fixture
def leaky():
    return Leaky()


def outcome(leaky, where=None, name="one", wanted=200):
    def ask(caller, mark):
        if where is not None:
            leaky.kept[where] = mark("prompt").encode()
        mark("other")
        return Ended(200)

    return Outcome(name, ends(wanted), ask)


def proven(leaky, classes, sinks):
    said = []
    report = prove(Caller(leaky, None, Planted()), classes, sinks, 0.0, said.append)
    assert said
    return report


def test_nothing_leaks(leaky):
    report = proven(leaky, [outcome(leaky), outcome(leaky, name="two")], [leaky.sink("a"), leaky.sink("b")])
    assert (report.proven, report.hits, report.outcome_classes, report.requests, report.canaries) == (True, 0, 2, 2, 2)
    assert (report.sinks, report.planted_leaks, report.planted_leaks_found) == (2, 2, 2)
    assert report.searched == {"a": 7, "b": 7}


def test_a_leak_is_named_without_its_text(leaky):
    report = proven(leaky, [outcome(leaky, "a", "a bad one")], [leaky.sink("a")])
    assert (report.proven, report.hits) == (False, 1)
    assert report.found == ("a bad one as plain in a",)


def test_a_sink_that_cannot_be_read_proves_nothing(leaky):
    report = proven(leaky, [outcome(leaky)], [leaky.sink("a"), leaky.sink("b", forbidden="not root")])
    assert (report.proven, report.unsearched, report.sinks, report.planted_leaks) == (False, {"b": "not root"}, 1, 1)


def test_where_there_are_no_traces_that_is_said(leaky):
    assert proven(leaky, [outcome(leaky)], [leaky.sink("a")]).absent == ("no traces: the configuration names no collector",)
    assert proven(leaky, [outcome(leaky)], [leaky.sink("traces")]).absent == ()
    assert proven(leaky, [outcome(leaky)], [leaky.sink("traces", forbidden="elsewhere")]).absent == ()


def test_a_search_that_finds_no_planted_leak_proves_nothing(leaky):
    report = proven(leaky, [outcome(leaky)], [leaky.sink("a", blind=True), leaky.sink("b")])
    assert (report.proven, report.missed, report.planted_leaks_found) == (False, ("a",), 1)


def test_a_class_that_ended_otherwise_proves_nothing(leaky):
    report = proven(leaky, [outcome(leaky, wanted=404), outcome(leaky, name="two")], [leaky.sink("a")])
    assert (report.proven, report.ended_otherwise, report.outcome_classes) == (False, ("one: 200",), 1)


def test_what_was_not_tried_stands_in_the_report(leaky):
    report = prove(Caller(leaky, None, Planted()), [outcome(leaky)], [leaky.sink("a")], 0.0, lambda _: None, {"two": "no key"})
    assert (report.proven, report.untried, report.requests) == (True, {"two": "no key"}, 1)
    assert proven(leaky, [outcome(leaky)], [leaky.sink("a")]).untried == {}


def test_of_a_hundred_short_texts_one_may_be_in_memory_and_no_long_one(leaky):
    many = [outcome(leaky, name=str(number)) for number in range(99)]
    short = proven(leaky, [*many, outcome(leaky, MEMORY)], [leaky.sink(MEMORY)])
    assert (short.proven, short.hits, short.short_left, short.short_texts) == (True, 0, 1, 100)
    long = proven(leaky, [*many, outcome(leaky, MEMORY, f"{LONG} of 512 bytes")], [leaky.sink(MEMORY)])
    assert (long.proven, long.hits, long.long_texts) == (False, 1, 1)
    few = proven(leaky, [outcome(leaky, MEMORY), outcome(leaky, name="two")], [leaky.sink(MEMORY)])
    assert (few.proven, few.short_left) == (True, 1), "rounded up"


def test_long_prompts_are_long_and_refused_where_nothing_is_to_be_sent():
    class Kept:
        planted = Planted()
        bodies = []

        def chat(self, mark, model, **over):
            self.bodies.append(over)
            return Ended(403)

    caller = Kept()
    for one in long_prompts(sent=False, times=8):
        assert one.call(caller, caller.planted.new(one.name)) in one.wanted
    sizes = [len(body["messages"][0]["content"]) for body in caller.bodies]
    assert min(sizes) >= 512
    assert max(sizes) >= 60_000
    assert all(body["data_policy"] for body in caller.bodies)
    assert all(one.wanted == ends(200) for one in long_prompts(sent=True, times=2))
