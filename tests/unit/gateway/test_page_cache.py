"""Pages are kept for some seconds, for whoever sees the same, and only so many; who waits for the same waits for one."""

import asyncio
import threading

import pytest
from tests.unit.gateway.workbench import Clock
from tests.unit.wire.peers import on_loop

from anyapi.domain.requirement import Requirement
from anyapi.gateway.page_cache import MOST_PAGES, PAGE_SECONDS, PageCache


class Maker:
    def __init__(self):
        self.made, self.threads = 0, set()

    def __call__(self):
        self.made += 1
        self.threads.add(threading.get_ident())
        return b"page %d" % self.made


@on_loop
async def test_a_page_is_made_once_in_a_while():
    clock, make, one = Clock(), Maker(), Requirement()
    cache = PageCache(clock)
    assert await cache.get((one, "a", False), make) == b"page 1"
    clock.now += PAGE_SECONDS - 0.01
    assert await cache.get((one, "a", False), make) == b"page 1"
    clock.now += 0.01
    assert await cache.get((one, "a", False), make) == b"page 2"
    assert threading.get_ident() not in make.threads, "the event loop made it"


@on_loop
async def test_a_clock_that_was_set_back_makes_it_anew():
    clock, make, one = Clock(), Maker(), Requirement()
    cache = PageCache(clock)
    await cache.get((one, "a", False), make)
    clock.now -= 1000
    assert await cache.get((one, "a", False), make) == b"page 2"


@on_loop
async def test_who_sees_something_else_gets_another_page():
    make, cache = Maker(), PageCache(Clock())
    one, same_by_value = Requirement(), Requirement()
    keys = [(one, "a", False), (one, "a", True), (one, "b", False), (same_by_value, "a", False)]
    assert len({await cache.get(key, make) for key in keys}) == 4


@on_loop
async def test_only_so_many_are_kept():
    make, cache = Maker(), PageCache(Clock())
    for number in range(MOST_PAGES * 3):
        await cache.get((Requirement(), f"account-{number}", False), make)
        assert len(cache._pages) <= MOST_PAGES
    assert not cache._making


@on_loop
async def test_all_who_wait_for_the_same_get_the_one_that_is_being_made():
    make, cache, one = Maker(), PageCache(Clock()), Requirement()
    begun, told = threading.Event(), threading.Event()

    def slow():
        begun.set()
        assert told.wait(10)
        return make()

    waiting = [asyncio.ensure_future(cache.get((one, "a", False), slow)) for _ in range(20)]
    while not begun.is_set():  # the loop goes on meanwhile
        await asyncio.sleep(0.001)
    waiting.append(asyncio.ensure_future(cache.get((one, "a", False), slow)))
    told.set()
    assert set(await asyncio.gather(*waiting)) == {b"page 1"}


@on_loop
async def test_what_cannot_be_made_is_not_kept():
    cache, one = PageCache(Clock()), Requirement()

    def fail():
        raise ValueError

    for _ in range(2):
        with pytest.raises(ValueError):
            await cache.get((one, "a", False), fail)
    assert await cache.get((one, "a", False), lambda: b"page") == b"page"


@on_loop
async def test_a_requirement_whose_page_is_kept_is_kept_itself():
    """The cache goes by its place in memory: another's that came to lie there would be given its page."""
    make, cache = Maker(), PageCache(Clock())
    places = set()
    for number in range(MOST_PAGES):
        one = Requirement()
        places.add(id(one))
        await cache.get((one, "a", False), make)
        del one
        assert make.made == number + 1, "somebody else's page"
    assert len(places) == MOST_PAGES
