"""What keys use: a Hypothesis machine against an oracle that keeps every request and adds them up anew each time."""

import datetime as dt
from fractions import Fraction

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from anyapi.domain.limits import Allowance, CapPeriod, KeyLimits
from anyapi.gateway.ledger import MINUTE, NANO, Account, nano

CAPS = st.sampled_from([0.0, 0.000000001, 0.01, 0.1, 0.3, 1.0, 10.0])
PERIODS = st.sampled_from(CapPeriod)
AMOUNTS = st.one_of(st.integers(0, 2 * NANO), st.sampled_from([1, NANO // 10, NANO // 3, NANO]))


def begins(period, day):
    """The oracle's own calendar."""
    date = dt.date(1970, 1, 1) + dt.timedelta(days=day)
    if period == "total":
        return dt.date.min
    return {"day": date, "week": dt.date.fromisocalendar(*date.isocalendar()[:2], 1), "month": date.replace(day=1)}[period]


class Spending(RuleBasedStateMachine):
    """Requests are admitted and settled in any order while the clock jumps, caps change and the process starts anew."""

    running = Bundle("running")

    @initialize(cap=CAPS, period=PERIODS, day=st.integers(20_000, 20_100))
    def begin(self, cap, period, day):
        self.day, self.cap, self.period = day, cap, period
        self.under_way, self.settled = {}, []
        self.numbered = 0
        self.account = Account()
        self.adopt()

    def spent(self):
        now = begins(self.period, self.day)
        return sum(Fraction(cost) for day, cost in self.settled if begins(self.period, day) == now)

    def adopt(self):
        """A snapshot that was built just now."""
        first = 0 if self.period is CapPeriod.TOTAL else (begins(self.period, self.day) - dt.date(1970, 1, 1)).days
        self.limits = KeyLimits("key_1", self.cap, self.period, None, float(self.spent() / NANO), first)
        self.account.adopt(self.limits, self.day)

    @rule(target=running, amount=AMOUNTS)
    def admit(self, amount):
        self.account.adopt(self.limits, self.day)
        room = self.account.room(self.cap)
        if amount > room:
            return None
        self.account.hold(amount)
        self.numbered += 1
        self.under_way[self.numbered] = (amount, self.day)
        held = sum(amount for amount, _ in self.under_way.values())
        assert held + self.spent() <= nano(self.cap)
        return self.numbered

    @rule(which=consumes(running), share=st.sampled_from([0, 0, 1, 2, 3]))
    def settle(self, which, share):
        """With nothing (an empty answer, a client that left), with a third of it, or with all."""
        if which not in self.under_way:
            return
        amount, day = self.under_way.pop(which)
        cost = amount * share // 3
        self.account.release(amount, cost, day)
        self.settled.append((day, cost))

    @rule(days=st.one_of(st.integers(-2, 2), st.just(31)))
    def clock_moves(self, days):
        self.day += days

    @rule()
    def publish(self):
        self.adopt()

    @rule(cap=CAPS, period=PERIODS)
    def change(self, cap, period):
        self.cap, self.period = cap, period
        self.adopt()

    @rule()
    def start_anew(self):
        """The process was killed: what ran is over and cost nothing."""
        self.under_way.clear()
        self.account = Account()
        self.adopt()

    @invariant()
    def nothing_leaks(self):
        if hasattr(self, "account"):
            assert self.account.held == sum(amount for amount, _ in self.under_way.values())


TestSpending = Spending.TestCase
TestSpending.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


class Rate(RuleBasedStateMachine):
    """In no minute are there more requests than the limit, and the next one is let through as soon as that holds."""

    @initialize(limit=st.integers(1, 5))
    def begin(self, limit):
        self.limit, self.now, self.made = limit, 1000.0, []
        self.account = Account()

    @rule(seconds=st.sampled_from([0.0, 0.5, 1.0, 12.0, 59.0, 59.999, 60.0, 61.0]))
    def time_passes(self, seconds):
        self.now += seconds

    @rule()
    def ask(self):
        recent = [at for at in self.made if at > self.now - MINUTE]
        allowance = self.account.allowance(self.limit, self.now)
        reset = recent[-1] + MINUTE - self.now if recent else 0.0
        assert allowance == Allowance(self.limit, self.limit - len(recent), reset)
        if allowance.remaining:
            self.account.count(self.now)
            self.made.append(self.now)
        else:
            wait = self.account.next_free(self.limit, self.now)
            assert 0 < wait <= MINUTE
            assert wait == recent[0] + MINUTE - self.now


TestRate = Rate.TestCase
TestRate.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)


def test_a_lower_rate_waits_until_as_many_are_over():
    account = Account()
    for second in range(4):
        account.count(float(second))
    assert account.allowance(2, 10.0).remaining == 0
    assert account.next_free(2, 10.0) == pytest.approx(52.0)  # the third is over then, and one is left


def test_ten_tenths_are_one():
    account = Account()
    account.adopt(KeyLimits("key_1", 1.0), 20_000)
    for _ in range(10):
        assert account.room(1.0) >= nano(0.1)
        account.hold(nano(0.1))
    assert account.room(1.0) == 0


def test_what_is_left_in_dollars():
    account = Account()
    account.adopt(KeyLimits("key_1", 1.0, spent=0.25), 20_000)
    account.hold(nano(0.5))
    left = account.left(1.0)
    assert (left.spent, left.held, left.left) == (0.25, 0.5, 0.25)
    assert account.left(0.1).left == 0.0
    assert account.left(None).left is None


def test_only_the_last_periods_are_kept():
    account = Account()
    account.adopt(KeyLimits("key_1", 1.0, CapPeriod.DAY), 20_000)
    for day in range(20_000, 20_100):
        account.release(0, 5, day)
    account.adopt(KeyLimits("key_1", 1.0, CapPeriod.DAY), 20_099)
    assert account.spent == 5
    assert len(account._spent) <= 8
