"""Coroutines without tasks: a waiter's value before and after it is waited for, errors, and asyncio's own futures."""

import asyncio
import gc

import pytest
from tests.unit.wire.peers import on_loop

from anyapi.wire.tasks import Waiter, drive, there


class Ends:
    """Takes note of how driven coroutines ended."""

    def __init__(self):
        self.seen = []

    def __call__(self, error):
        self.seen.append(error)


@pytest.fixture
def ends():
    return Ends()


def test_a_coroutine_that_waits_for_nothing_is_over_at_once(ends):
    async def work():
        pass

    drive(work(), ends)
    assert ends.seen == [None]


def test_it_goes_on_right_where_the_value_is_set(ends):
    waiter, seen = Waiter(), []

    async def work():
        seen.append("begun")
        seen.append(await waiter)

    drive(work(), ends)
    assert (seen, ends.seen, waiter.done) == (["begun"], [], False)
    waiter.set("value")
    assert (seen, ends.seen, waiter.done) == (["begun", "value"], [None], True)


def test_a_value_that_is_there_already_is_not_waited_for(ends):
    waiter, seen = Waiter(), []
    waiter.set(5)

    async def work():
        seen.append(await waiter)
        seen.append(await waiter)

    drive(work(), ends)
    assert (seen, ends.seen) == ([5, 5], [None])


def test_a_value_that_is_there_from_the_start(ends):
    seen = []

    async def work():
        seen.append(await there(5))

    drive(work(), ends)
    assert (seen, ends.seen) == ([5], [None])


def test_none_is_a_value(ends):
    waiter = Waiter()

    async def work():
        assert await waiter is None

    drive(work(), ends)
    assert not waiter.done
    waiter.set(None)
    assert ends.seen == [None]


def test_only_the_first_value_counts(ends):
    waiter, seen = Waiter(), []

    async def work():
        seen.append(await waiter)

    drive(work(), ends)
    waiter.set(1)
    waiter.set(2)
    assert (seen, ends.seen) == ([1], [None])


def test_several_waits_through_inner_coroutines(ends):
    waiters, seen = [Waiter() for _ in range(5)], []

    async def inner(waiter):
        return await waiter

    async def work():
        for waiter in waiters:
            seen.append(await inner(waiter))

    drive(work(), ends)
    for number, waiter in enumerate(waiters):
        assert ends.seen == []
        waiter.set(number)
    assert (seen, ends.seen) == ([0, 1, 2, 3, 4], [None])


def test_a_value_may_be_set_by_the_coroutine_of_another(ends):
    first, second, seen = Waiter(), Waiter(), []

    async def one():
        await first
        second.set("from one")
        seen.append("one is over")

    async def two():
        seen.append(await second)

    drive(two(), ends)
    drive(one(), ends)
    first.set(None)
    assert seen == ["from one", "one is over"]
    assert ends.seen == [None, None]


@pytest.mark.parametrize("waits", [False, True])
def test_an_error_is_told_once(ends, waits):
    waiter, error = Waiter(), ValueError("x")

    async def work():
        if waits:
            await waiter
        raise error

    drive(work(), ends)
    waiter.set(None)
    assert ends.seen == [error]


def test_what_is_no_exception_is_not_swallowed(ends):
    async def work():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        drive(work(), ends)
    assert ends.seen == []


def test_a_coroutine_that_is_forgotten_runs_its_finally(ends):
    seen = []

    async def work():
        try:
            await Waiter()
        finally:
            seen.append("cleaned up")

    drive(work(), ends)
    gc.collect()  # coroutine and waiter hold each other
    assert seen == ["cleaned up"]
    assert ends.seen == []


@on_loop
async def test_futures_tasks_and_sleep_can_be_awaited():
    ended, seen = asyncio.get_running_loop().create_future(), []

    async def double(number):
        await asyncio.sleep(0)
        return number * 2

    async def work():
        future = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(future.set_result, 1)
        seen.append(await future)
        seen.append(await asyncio.ensure_future(double(2)))
        await asyncio.sleep(0.001)

    drive(work(), ended.set_result)
    assert await ended is None
    assert seen == [1, 4]


@on_loop
async def test_the_error_of_a_future_is_the_coroutines():
    ended = asyncio.get_running_loop().create_future()

    async def fail():
        raise OSError("no route")

    async def work():
        await asyncio.ensure_future(fail())

    drive(work(), ended.set_result)
    assert isinstance(await ended, OSError)


@on_loop
async def test_an_error_of_a_future_can_be_caught():
    ended, seen = asyncio.get_running_loop().create_future(), []
    waiter = Waiter()

    async def fail():
        raise OSError

    async def work():
        try:
            await asyncio.ensure_future(fail())
        except OSError:
            seen.append("caught")
        seen.append(await waiter)

    drive(work(), ended.set_result)
    asyncio.get_running_loop().call_later(0.001, waiter.set, "later")
    assert await ended is None
    assert seen == ["caught", "later"]
