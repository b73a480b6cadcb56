"""What a key uses on one of several workers: what it says, keeps and gives back. That many keep to a cap: tests/unit/storage/test_postgres_slices."""

import msgspec
import pytest

from anyapi.domain.limits import CapPeriod, KeyLimits
from anyapi.domain.slices import Grant
from anyapi.gateway.ledger import NANO
from anyapi.gateway.sliced_account import REFUSED_SECONDS, SlicedAccount

TODAY = 20_000
LIMITS = KeyLimits("key_1", 10.0, CapPeriod.DAY, 60, 2.5, TODAY)


@pytest.fixture
def account():
    made = SlicedAccount(lambda: True)
    made.adopt(LIMITS, TODAY)
    return made


def leased(account, now=100.0, **fields):
    said = account.ask(now)
    account.take(said, Grant(**fields), now)
    return said


def test_before_the_first_round_nothing_may_be_used_and_the_snapshot_says_what_was_spent(account):
    assert (account.room(10.0), account.may(60, 100.0), account.speaks) == (0, False, False)
    left = account.left(10.0)
    assert (left.spent, left.held, left.left) == (2.5, 0.0, 7.5)
    assert account.allowance(60, 100.0).remaining == 60


def test_what_was_wanted_is_said_once_and_what_was_given_may_be_used(account):
    account.want(NANO)
    account.want(NANO)
    account.want_request()
    said = leased(account, amount=4 * NANO, spent=3 * NANO, requests=2, requests_left=20, reset=30.0)
    assert (said.wanted, said.wanted_requests, said.kept, said.since) == (2 * NANO, 1, 0, TODAY)
    assert (account.room(10.0), account.spent, account.may(60, 100.0)) == (4 * NANO, 3 * NANO, True)
    account.count(101.0)
    assert account.allowance(60, 102.0) == msgspec.convert({"limit": 60, "remaining": 19, "reset": 59.0}, type(account.allowance(60, 0.0)))
    assert account.ask(103.0).wanted == 0


def test_what_is_spent_is_said_with_the_round_that_begins_and_not_what_comes_after(account):
    leased(account, amount=4 * NANO, requests=5, requests_left=5)
    for at in (100.0, 101.0):
        account.hold(NANO)
        account.count(at)
    account.release(NANO, NANO // 2, TODAY)
    said = account.ask(102.0)
    assert (said.settled, said.kept, said.ages, said.kept_requests) == (NANO // 2, 4 * NANO - NANO // 2, (2.0, 1.0), 3)
    account.release(NANO, NANO, TODAY)
    account.count(102.0)
    account.take(said, Grant(spent=NANO // 2, requests_left=3), 103.0)
    assert account.room(10.0) == 4 * NANO - NANO // 2 - NANO
    assert account.spent == NANO // 2 + NANO
    assert account.ask(104.0).ages == (2.0,)


def test_a_round_that_failed_is_said_again(account):
    leased(account, amount=NANO, requests=1)
    account.hold(NANO)
    account.count(100.0)
    account.release(NANO, NANO, TODAY)
    first, second = account.ask(101.0), account.ask(101.0)
    assert first == second


def test_what_is_unused_goes_back_and_that_is_said_once(account):
    leased(account, amount=4 * NANO, requests=3)
    account.hold(NANO)
    account.give_up()
    assert (account.room(10.0), account.may(60, 100.0), account.speaks) == (0, False, True)
    assert leased(account).kept == NANO
    account.release(NANO, 0, TODAY)
    account.give_up()
    assert account.speaks
    assert leased(account).kept == 0
    assert not account.speaks


def test_other_terms_end_what_was_leased_also_while_a_round_is_under_way(account):
    leased(account, amount=4 * NANO, requests=3)
    account.adopt(msgspec.structs.replace(LIMITS, spent=3.0), TODAY)
    assert account.room(10.0) == 4 * NANO, "another snapshot of the same terms"
    said = account.ask(101.0)
    account.adopt(msgspec.structs.replace(LIMITS, spend_cap=1.0), TODAY)
    assert account.room(1.0) == 0
    account.take(said, Grant(amount=NANO, requests=9), 102.0)
    assert (account.room(1.0), account.may(60, 102.0)) == (0, False)


def test_a_new_period_forgets_what_was_spent_in_the_last(account):
    leased(account, amount=NANO, spent=9 * NANO)
    account.adopt(LIMITS, TODAY + 1)
    assert account.spent == 0
    assert account.ask(200.0).since == TODAY + 1


def test_who_was_given_less_than_wanted_is_not_asked_for_again_at_once(account):
    account.want(5)
    leased(account, amount=4)
    assert account.refused_until == 100.0 + REFUSED_SECONDS
    account.adopt(msgspec.structs.replace(LIMITS, spend_cap=20.0), TODAY)
    assert account.refused_until < 0
    account.want(5)
    leased(account, amount=5)
    assert account.refused_until < 0


def test_what_is_leased_may_not_be_used_when_it_is_no_longer_valid():
    valid = [True]
    account = SlicedAccount(lambda: valid[0])
    account.adopt(LIMITS, TODAY)
    leased(account, amount=NANO, requests=1)
    valid[0] = False
    assert (account.room(10.0), account.may(60, 100.0)) == (0, False)


def test_it_is_recent_while_its_requests_count(account):
    leased(account, requests=1)
    account.count(100.0)
    assert account.recent(161.0)
    assert not account.recent(163.0)
