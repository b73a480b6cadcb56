"""Slices of keys' limits on a real server: together never more than a cap or a rate, whatever the workers do."""

import contextlib
import time

import psycopg
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from tests.conformance.samples import NOON, key_row, usage_row
from tests.conftest import LONG
from tests.tools import postgres

from anyapi.crypto.secret import Secret
from anyapi.domain.limits import CapPeriod, KeyLimits
from anyapi.domain.slices import Ask
from anyapi.errors import StorageError
from anyapi.gateway.ledger import NANO
from anyapi.gateway.sliced_account import SlicedAccount
from anyapi.policy.periods import SECONDS_A_DAY, day_of, first_day
from anyapi.storage import postgres_driver
from anyapi.storage.postgres_slices import SliceStore

TODAY = 20_000
CAP = 10


def limits_of(cap=float(CAP), rate=None, period=CapPeriod.TOTAL):
    return KeyLimits("key_1", cap, period, rate)


@pytest.fixture
def workers(backend):
    """Makes workers; the key that they share is in the store."""
    with backend.store(NOON) as store, contextlib.ExitStack() as stack:
        store.add_key(key_row(1, lineage="key_1"))

        def make(name, seconds=30.0):
            made = SliceStore(Secret(backend.url), name, seconds)
            stack.callback(made._disconnect)
            return made

        yield make


def spend(url, cost, day=TODAY):
    with contextlib.closing(psycopg.connect(url, autocommit=True)) as raw:
        raw.execute("SELECT set_config('anyapi.account', '*', FALSE)")
        raw.execute(
            "INSERT INTO spending VALUES ('default', 'key_1', %s, %s) ON CONFLICT (lineage, day) DO UPDATE SET cost = spending.cost + %s",
            (day, cost, cost),
        )


def leased(url, columns="worker, amount, requests"):
    with contextlib.closing(psycopg.connect(url, autocommit=True)) as raw:
        raw.execute("SELECT set_config('anyapi.account', '*', FALSE)")
        return raw.execute(f"SELECT {columns} FROM slices ORDER BY worker").fetchall()


def ask(cap=float(CAP), rate=None, period=CapPeriod.TOTAL, since=0, **fields):
    return Ask(limits=limits_of(cap, rate, period), since=since, **fields)


def test_what_one_has_leased_others_cannot_have_until_it_is_given_back(backend, workers):
    first, second = workers("a"), workers("b")
    (grant,) = first.lease([ask(wanted=7 * NANO)])
    assert (grant.amount, grant.spent) == (7 * NANO, 0)
    assert second.lease([ask(wanted=7 * NANO)])[0].amount == 3 * NANO
    assert leased(backend.url) == [("a", 7 * NANO, 0), ("b", 3 * NANO, 0)]
    assert first.lease([ask(kept=2 * NANO)])[0].amount == 0
    assert second.lease([ask(kept=3 * NANO, wanted=9 * NANO)])[0].amount == 5 * NANO
    second.leave()
    assert leased(backend.url) == [("a", 2 * NANO, 0)]


def test_what_is_spent_is_counted_and_that_of_earlier_periods_is_not(backend, workers):
    spend(backend.url, 4.0)
    spend(backend.url, 5.0, TODAY - 1)
    worker, period = workers("a"), CapPeriod.DAY
    (grant,) = worker.lease([ask(period=period, since=first_day(period, TODAY), wanted=20 * NANO)])
    assert (grant.spent, grant.amount) == (4 * NANO, 6 * NANO)
    assert worker.lease([ask(wanted=20 * NANO)])[0].amount == 1 * NANO


def test_usage_rows_that_are_not_added_to_the_spending_yet_count_too(backend, workers):
    sink, worker = backend.usage_sink(NOON), workers("a")
    for number in range(3):
        sink.accept()
        sink.put(usage_row(number, decision=f"dec_{number}", at=NOON - number * SECONDS_A_DAY, account="default", key="key_1", cost=1.5))
    sink.flush()
    assert worker.lease([ask()])[0].spent == 4_500_000_000
    today = ask(period=CapPeriod.DAY, since=day_of(NOON))
    assert worker.lease([today])[0].spent == 1_500_000_000
    sink.close()
    assert worker.lease([ask()])[0].spent == 4_500_000_000


def test_a_cap_that_was_lowered_below_what_is_leased_gives_nothing(workers):
    first, second = workers("a"), workers("b")
    first.lease([ask(wanted=8 * NANO)])
    assert second.lease([ask(cap=5.0, wanted=1)])[0].amount == 0


def test_requests_of_the_last_minute_count_whoever_made_them(backend, workers):
    first, second = workers("a"), workers("b")
    assert first.lease([ask(None, 4, wanted_requests=3)])[0].requests == 3
    (grant,) = first.lease([ask(None, 4, ages=(30.0, 0.0), kept_requests=1)])
    assert (grant.requests, grant.requests_left) == (0, 2)
    (grant,) = second.lease([ask(None, 4, wanted_requests=5)])
    assert (grant.requests, grant.requests_left) == (1, 1)
    assert leased(backend.url) == [("a", 0, 1), ("b", 0, 1)]
    (grant,) = first.lease([ask(None, 4, ages=(0.0,), wanted_requests=1)])  # the third, made with the one that was kept
    assert grant.requests == grant.requests_left == 0
    (grant,) = second.lease([ask(None, 4, ages=(0.0,), wanted_requests=1)])
    assert (grant.requests, grant.requests_left) == (0, 0)
    assert 29 < grant.next_free <= 31, "when the oldest is a minute ago"
    assert 59 < grant.reset <= 61


def test_requests_of_longer_ago_do_not_count_and_are_forgotten(backend, workers):
    worker = workers("a")
    (grant,) = worker.lease([ask(None, 2, ages=(63.0, 90.0), wanted_requests=2)])
    assert grant.requests == 2
    with contextlib.closing(psycopg.connect(backend.url, autocommit=True)) as raw:
        raw.execute("SELECT set_config('anyapi.account', '*', FALSE)")
        assert raw.execute("SELECT count(*) FROM recent_requests").fetchall() == [(0,)]


def test_of_a_worker_that_says_nothing_any_more_the_slices_are_free_when_they_end(backend, workers):
    gone, other = workers("gone", 1.0), workers("b")
    assert gone.lease([ask(rate=10, wanted=CAP * NANO, wanted_requests=10)])[0].amount == CAP * NANO
    assert other.lease([ask(rate=10, wanted=1, wanted_requests=1)])[0].amount == 0
    deadline = time.monotonic() + 10
    while not (grant := other.lease([ask(rate=10, wanted=1, wanted_requests=1)])[0]).amount:
        assert time.monotonic() < deadline
    assert grant.requests == 1
    assert [worker for worker, _, _ in leased(backend.url)] == ["b"]


def test_a_key_that_is_not_in_the_store_leaves_nothing_there(backend, workers):
    limits = KeyLimits("key_of_a_deleted_account", 1.0, requests_per_minute=5)
    workers("a").lease([Ask(limits=limits, since=0, wanted=5, wanted_requests=1, ages=(0.0,))])
    assert leased(backend.url) == []


def test_many_keys_in_one_round_each_get_their_own(backend, workers):
    with backend.store(NOON) as store:
        store.add_key(key_row(2, lineage="key_2"))
    other = Ask(limits=KeyLimits("key_2", 1.0), since=0, wanted=2 * NANO)
    grants = workers("a").lease([other, ask(wanted=NANO)])
    assert [grant.amount for grant in grants] == [NANO, NANO]
    assert sorted(leased(backend.url, "lineage, amount")) == [("key_1", NANO), ("key_2", NANO)]


def test_a_connection_that_ended_while_nobody_used_it_is_opened_again(backend, workers):
    worker = workers("a")
    worker.lease([])
    with psycopg.connect(backend.url, autocommit=True) as raw:
        postgres.end_others(raw)
    assert worker.lease([ask(wanted=NANO)])[0].amount == NANO


def test_a_connection_that_broke_is_opened_again_and_no_url_is_told(backend, workers, monkeypatch):
    worker = workers("a")
    worker.lease([])
    with psycopg.connect(backend.url, autocommit=True) as raw:
        postgres.end_others(raw)
    with monkeypatch.context() as patched:
        patched.setattr(postgres_driver, "hung_up", lambda _raw: False)  # it breaks just after the look
        with pytest.raises(StorageError, match="SQLSTATE") as caught:
            worker.lease([ask(wanted=1)])
    assert "@" not in str(caught.value)
    assert worker.lease([ask(wanted=NANO)])[0].amount == NANO


class Together(RuleBasedStateMachine):
    """Three workers with the product's accounts and stores; what was ever spent and is held is added up apart."""

    url = None

    @initialize()
    def begin(self):
        self.now = 0.0
        self.spent, self.held, self.unwritten = 0, [], []
        self.limits = limits_of()
        with contextlib.closing(psycopg.connect(self.url, autocommit=True)) as raw:
            raw.execute("SELECT set_config('anyapi.account', '*', FALSE)")
            raw.execute("DELETE FROM slices; DELETE FROM spending")
        self.stores = [SliceStore(Secret(self.url), str(number), 3600.0) for number in range(3)]
        self.accounts = [self.account() for _ in range(3)]
        self.lost = []

    def account(self):
        made = SlicedAccount(lambda: True)
        made.adopt(self.limits, TODAY)
        return made

    def write(self, number):
        for one in [one for one in self.unwritten if one[0] == number]:
            spend(self.url, one[1] / NANO)
            self.unwritten.remove(one)

    @rule(number=st.integers(0, 2), amount=st.sampled_from([0, 1, NANO // 3, NANO, 3 * NANO, 11 * NANO]))
    def request(self, number, amount):
        account = self.accounts[number]
        if account.room(CAP) >= max(1, amount):
            account.hold(amount)
            self.held.append((number, amount))
        elif amount <= account.unspent(CAP):
            account.want(amount)

    @rule(number=st.integers(0, 2))
    def round(self, number):
        account = self.accounts[number]
        said = account.ask(self.now)
        self.write(number)
        (grant,) = self.stores[number].lease([said])
        account.take(said, grant, self.now)

    @rule(number=st.integers(0, 2))
    def round_that_is_lost(self, number):
        """The store has written it down and the answer does not arrive."""
        account = self.accounts[number]
        said = account.ask(self.now)
        self.write(number)
        self.stores[number].lease([said])

    @rule(number=st.integers(0, 2))
    def idle(self, number):
        self.accounts[number].give_up()

    @rule(place=st.integers(0, 100), share=st.sampled_from([0, 1, 3]))
    def settle(self, place, share):
        if self.held:
            number, amount = self.held.pop(place % len(self.held))
            cost = amount * share // 3
            self.accounts[number].release(amount, cost, TODAY)
            self.unwritten.append((number, cost))
            self.spent += cost

    @rule(number=st.integers(0, 2))
    def kill(self, number):
        """What it held ends with it; what it leased stays leased, since its slices outlive it for an hour here."""
        self.spent -= sum(cost for one, cost in self.unwritten if one == number)
        self.unwritten = [one for one in self.unwritten if one[0] != number]
        self.held = [one for one in self.held if one[0] != number]
        self.stores[number]._disconnect()
        self.stores[number] = SliceStore(Secret(self.url), f"{number} after {len(self.lost)}", 3600.0)
        self.lost.append(number)
        self.accounts[number] = self.account()

    @invariant()
    def never_more_than_the_cap(self):
        if hasattr(self, "accounts"):
            held = sum(amount for _, amount in self.held)
            assert held + self.spent <= CAP * NANO
            assert sum(account.held for account in self.accounts) == held

    def teardown(self):
        for store in getattr(self, "stores", []):
            store._disconnect()


def test_whatever_three_workers_do_together_they_keep_to_the_cap(backend, workers):  # noqa: ARG001 the key
    Together.url = backend.url
    run_state_machine_as_test(
        Together, settings=settings(max_examples=200 if LONG else 12, stateful_step_count=40 if LONG else 25, deadline=None, database=None)
    )
