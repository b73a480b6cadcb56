"""Deadlines by one timer, on a loop whose time the test sets."""

import asyncio
import math

import pytest
from tests.unit.wire.peers import run, until

from anyapi.wire import deadlines
from anyapi.wire.deadlines import NEVER, PERIOD, Sweep


class Timer:
    def __init__(self, at, call):
        self.at, self.call, self.cancelled = at, call, False

    def cancel(self):
        self.cancelled = True


class Clockwork:
    """As much of an event loop as a sweep needs, with a clock that only `advance` moves."""

    def __init__(self):
        self.now, self.timers = 1000.0, []

    def time(self):
        return self.now

    def call_later(self, delay, call):
        self.timers.append(Timer(self.now + delay, call))
        return self.timers[-1]

    def advance(self, seconds):
        end = self.now + seconds
        while due := [timer for timer in self.timers if timer.at <= end and not timer.cancelled]:
            timer = min(due, key=lambda one: one.at)
            self.timers.remove(timer)
            self.now = max(self.now, timer.at)
            timer.call()
        self.now = end


class Member:
    def __init__(self, deadline, then=None):
        self.deadline, self.then, self.calls = deadline, then, 0

    def expired(self):
        self.calls += 1
        if self.then is not None:
            self.then(self)


@pytest.fixture
def loop():
    return Clockwork()


@pytest.fixture
def sweep(loop):
    return Sweep(loop)


def test_a_deadline_that_passed_is_called_within_a_period(loop, sweep):
    member = Member(loop.now + 10, lambda one: setattr(one, "deadline", NEVER))
    sweep.add(member)
    loop.advance(10 - PERIOD)
    assert member.calls == 0
    loop.advance(2 * PERIOD)
    assert member.calls == 1
    loop.advance(100)
    assert member.calls == 1


def test_a_deadline_is_over_at_its_instant(loop, sweep):
    exactly, after = Member(loop.now + PERIOD), Member(math.nextafter(loop.now + PERIOD, math.inf))
    sweep.add(exactly)
    sweep.add(after)
    loop.advance(PERIOD)
    assert (exactly.calls, after.calls) == (1, 0)


def test_never_is_never(loop, sweep):
    member = Member(NEVER)
    sweep.add(member)
    loop.advance(1e4)
    assert member.calls == 0


def test_members_come_and_go_while_it_sweeps(loop, sweep):
    late = Member(loop.now)
    leaving = Member(loop.now, sweep.discard)
    calling = Member(loop.now, lambda one: (sweep.discard(one), sweep.add(late)))
    for member in (leaving, calling):
        sweep.add(member)
    assert len(sweep) == 2
    loop.advance(PERIOD)
    assert (leaving.calls, calling.calls, late.calls) == (1, 1, 0)
    assert len(sweep) == 1
    loop.advance(PERIOD)
    assert (leaving.calls, calling.calls, late.calls) == (1, 1, 1)


def test_a_member_that_sets_no_new_deadline_is_called_again(loop, sweep):
    member = Member(loop.now)
    sweep.add(member)
    loop.advance(3 * PERIOD)
    assert member.calls == 3


def test_discarding_a_stranger_is_nothing(sweep):
    sweep.discard(Member(0.0))
    assert len(sweep) == 0


def test_closing_stops_the_timer(loop, sweep):
    member = Member(loop.now)
    sweep.add(member)
    sweep.close()
    loop.advance(10)
    assert member.calls == 0


def test_it_runs_on_a_real_loop(monkeypatch):
    monkeypatch.setattr(deadlines, "PERIOD", 0.005)

    async def main():
        loop = asyncio.get_running_loop()
        sweep = Sweep(loop)
        member = Member(loop.time() + 0.01, lambda one: setattr(one, "deadline", NEVER))
        sweep.add(member)
        await until(lambda: member.calls)
        sweep.close()

    run(main)
