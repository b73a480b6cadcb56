"""Requests of a key with limits lease what they lack, over sockets; the database is a ledger in memory that a test can halt or break."""

import asyncio
import json

import msgspec
from tests.unit.gateway.test_key_limits import PRICED, limited, ok, shown
from tests.unit.gateway.workbench import chat, gateway
from tests.unit.upstream.provider import playing
from tests.unit.wire.peers import on_loop, until

from anyapi.domain.slices import Grant, portion
from anyapi.gateway.slices import Slices

DOLLAR = 1_000_000_000


class Bank:
    """Gives of what there is, when it is let; keeps what it was asked."""

    def __init__(self, money=DOLLAR, requests=100):
        self.money, self.requests, self.spent = money, requests, 0
        self.rounds, self.halted, self.broken, self.waiting = [], False, False, []

    def begin(self, asks, told):
        self.rounds.append(asks)
        if self.halted:
            self.waiting.append((asks, told))
        else:
            asyncio.get_running_loop().call_soon(self.answer, asks, told)

    def answer(self, asks, told):
        if self.broken:
            told(None)
            return
        grants = []
        for ask in asks:
            self.spent += ask.settled
            grant = Grant(
                amount=portion(ask.wanted, self.money),
                spent=self.spent,
                requests=portion(ask.wanted_requests, self.requests),
                requests_left=7,
            )
            self.money -= grant.amount
            self.requests -= grant.requests
            grants.append(grant)
        told(grants)

    def go_on(self):
        self.halted = False
        for asks, told in self.waiting:
            self.answer(asks, told)


def sliced(bank, *scripts, caller, seconds=10.0):
    slices = Slices(asyncio.get_running_loop(), seconds, bank.begin)
    return slices, gateway(*scripts, caller=caller, endpoints=PRICED, out={"slices": slices, "accounts": slices.accounts})


@on_loop
async def test_the_first_request_waits_for_a_round_and_the_next_for_nothing():
    bank = Bank()
    slices, opened = sliced(bank, playing(ok(), ok()), caller=limited(spend_cap=1.0, requests_per_minute=50))
    async with opened as running:
        assert [(await running.post(chat(max_tokens=10))).status for _ in range(2)] == [200, 200]
        assert len(bank.rounds) == 2, "one for the rate and one for the cost"
        (asked,) = bank.rounds[-1]
        assert asked.wanted == DOLLAR // 100
    slices.close()


@on_loop
async def test_a_key_without_limits_is_asked_for_nowhere():
    bank = Bank()
    slices, opened = sliced(bank, playing(ok()), caller=None)
    async with opened as running:
        assert (await running.post()).status == 200
        assert await shown(running) is None
    assert (bank.rounds, slices._tick) == ([], None)


@on_loop
async def test_requests_that_come_together_share_a_round_and_those_that_come_later_the_next():
    bank = Bank()
    bank.halted = True
    slices, opened = sliced(bank, playing(*[ok()] * 6), caller=limited(spend_cap=1.0))
    async with opened as running:
        waiting = [asyncio.ensure_future(running.post(chat(max_tokens=10)))]
        await until(lambda: bank.waiting)
        waiting += [asyncio.ensure_future(running.post(chat(max_tokens=10))) for _ in range(5)]
        (account,) = slices.accounts.values()
        await until(lambda: account._wanted == 5 * DOLLAR // 100)
        bank.go_on()
        assert [one.status for one in await asyncio.gather(*waiting)] == [200] * 6
        assert [asks[0].wanted for asks in bank.rounds][:1] == [DOLLAR // 100]
        assert len(bank.rounds) <= 3
    slices.close()


@on_loop
async def test_what_is_not_to_be_had_is_a_429_and_is_not_asked_for_again_at_once():
    bank = Bank(requests=0)
    slices, opened = sliced(bank, caller=limited(requests_per_minute=5))
    async with opened as running:
        answers = [await running.post() for _ in range(5)]
        assert [answer.status for answer in answers] == [429] * 5
        assert answers[0].field("x-ratelimit-remaining-requests") == b"0"
        assert len(bank.rounds) <= 2
    slices.close()


@on_loop
async def test_what_is_too_little_for_a_request_goes_back_at_once_to_whom_it_may_be_enough_for():
    """Each of several workers kept such a part, for as long as they were asked: a key was refused for good with money left."""
    bank = Bank(money=DOLLAR // 200)
    slices, opened = sliced(bank, playing(ok()), caller=limited(spend_cap=1.0))
    async with opened as running:
        assert (await running.post(chat(max_tokens=10))).status == 429
        await until(lambda: len(bank.rounds) > 1)
        assert [(asks[0].kept, asks[0].wanted) for asks in bank.rounds[:2]] == [(0, DOLLAR // 100), (0, 0)]
        assert (await running.post(chat(max_tokens=10))).status == 429
        assert len(bank.rounds) == 2
    slices.close()


@on_loop
async def test_when_the_database_fails_it_is_a_503_and_nothing_was_sent():
    bank = Bank()
    bank.broken = True
    slices, opened = sliced(bank, caller=limited(spend_cap=1.0))
    async with opened as running:
        answer = await running.post(chat(max_tokens=10))
        assert (answer.status, answer.field("retry-after")) == (503, b"1")
        assert "limits" in json.loads(answer.body)["error"]["message"]
    slices.close()


@on_loop
async def test_when_the_database_is_silent_requests_wait_no_longer_than_the_lease():
    bank = Bank()
    bank.halted = True
    slices, opened = sliced(bank, playing(ok()), caller=limited(spend_cap=1.0), seconds=0.1)
    async with opened as running:
        assert (await running.post(chat(max_tokens=10))).status == 503
        bank.go_on()
        slices._seconds = 10.0
        assert (await running.post(chat(max_tokens=10))).status == 200
    slices.close()


@on_loop
async def test_what_is_unused_goes_back_after_a_while_and_then_nothing_is_asked_any_more():
    bank = Bank()
    slices, opened = sliced(bank, playing(ok(7)), caller=limited(spend_cap=1.0))
    async with opened as running:
        assert (await running.post(chat(max_tokens=10))).status == 200
        await until(lambda: slices._tick is None and not slices._active)
        assert sum(ask.settled for asks in bank.rounds for ask in asks) == 7 * DOLLAR // 1000
        assert bank.rounds[-1][0].kept == 0
        assert (await shown(running))["spent"] == 0.007
    slices.close()


@on_loop
async def test_what_was_leased_before_the_last_lease_ran_out_is_given_up_before_it_is_said():
    bank = Bank()
    slices, opened = sliced(bank, playing(ok(), ok()), caller=limited(spend_cap=100.0), seconds=0.0)
    async with opened as running:
        assert (await running.post(chat(max_tokens=10))).status == 429
        assert all(ask.kept == 0 for asks in bank.rounds for ask in asks)
        slices._seconds = 10.0
        await asyncio.sleep(0.3)
        assert (await running.post(chat(max_tokens=10))).status == 200
    slices.close()


@on_loop
async def test_what_a_key_shows_is_asked_for():
    bank = Bank()
    bank.spent = DOLLAR // 2
    slices, opened = sliced(bank, caller=limited(spend_cap=1.0, requests_per_minute=9))
    async with opened as running:
        now = await shown(running)
        assert (now["spent"], now["left"], now["requests_left"]) == (0.5, 0.5, 7)
        bank.broken = True
        assert (await running.get(b"/v1/key")).status == 503
    slices.close()


def test_a_grant_is_nothing_where_nothing_was_given():
    assert msgspec.structs.astuple(Grant()) == (0, 0, 0, 0, 0.0, 0.0)
