"""Password hashes, and the brake on guessing."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from anyapi.control import passwords
from anyapi.control.passwords import FORGET_SECONDS, FREE_ATTEMPTS, LONGEST, MOST_TRACKED, SHORTEST, Attempts, hashed, matches
from anyapi.errors import BadRequest, RateLimited


class Clock:
    now = 1_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_a_hash_is_argon2id_and_belongs_to_its_password_alone():
    stored = hashed("a good password")
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert matches(stored, "a good password")
    assert not matches(stored, "a good passwore")
    assert stored != hashed("a good password")


@pytest.mark.parametrize("stored", [None, "", "x", "$argon2id$broken"])
def test_nobodys_password_never_matches(stored):
    assert not matches(stored, "nobody has this password, and its hash takes as long to refuse as any other")
    assert not matches(stored, "")


def test_nobodys_hash_takes_as_long_as_anybodys():
    """It is written out, so it must change with the parameters."""
    assert not passwords._hasher.check_needs_rehash(passwords._NOBODY)


@pytest.mark.parametrize("length", [0, SHORTEST - 1, LONGEST + 1])
def test_passwords_have_bounds(length):
    with pytest.raises(BadRequest) as refused:
        hashed("x" * length)
    assert "xxx" not in str(refused.value)


def test_five_failures_are_free_and_then_waits_double(clock):
    attempts, waits = Attempts(clock), []
    for _ in range(FREE_ATTEMPTS):
        attempts.check("a")
        attempts.failed("a")
    for _ in range(4):
        with pytest.raises(RateLimited) as refused:
            attempts.check("a")
        waits.append(refused.value.retry_after)
        clock.now += refused.value.retry_after
        attempts.check("a")
        attempts.failed("a")
    assert waits == [2.0, 4.0, 8.0, 16.0]


def test_others_do_not_wait(clock):
    attempts = Attempts(clock)
    for _ in range(20):
        attempts.failed("a")
    attempts.check("b")
    with pytest.raises(RateLimited):
        attempts.check("b", "a")


def test_a_quarter_of_an_hour_later_all_is_forgotten(clock):
    attempts = Attempts(clock)
    for _ in range(30):
        attempts.failed("a")
    clock.now += FORGET_SECONDS
    attempts.check("a")
    attempts.failed("a")
    attempts.check("a")


def test_a_right_password_ends_the_count(clock):
    attempts = Attempts(clock)
    for _ in range(FREE_ATTEMPTS):
        attempts.failed("a")
    attempts.succeeded("a")
    attempts.check("a")


def test_of_many_at_once_no_more_are_judged_than_are_free(clock):
    attempts, judged = Attempts(clock), []

    def guess(_):
        try:
            attempts.begin("person", "address")
        except RateLimited:
            return
        time.sleep(0.05)  # as long as a password takes to judge
        judged.append(1)

    with ThreadPoolExecutor(40) as threads:
        list(threads.map(guess, range(40)))
    assert len(judged) == FREE_ATTEMPTS


def test_a_right_password_costs_its_address_nothing(clock):
    attempts = Attempts(clock)
    for _ in range(30):
        attempts.begin("person", "address")
        attempts.succeeded("person", "address")
    for _ in range(FREE_ATTEMPTS):
        attempts.begin("another", "address")
    with pytest.raises(RateLimited):
        attempts.begin("third", "address")


def test_what_is_remembered_is_bounded(clock):
    attempts = Attempts(clock)
    for number in range(MOST_TRACKED + 10):
        attempts.failed(str(number))
    assert len(attempts._failed) == MOST_TRACKED
