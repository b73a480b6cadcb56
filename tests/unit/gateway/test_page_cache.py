"""Pages are kept for some seconds, for whoever sees the same, and only so many."""

from tests.unit.gateway.workbench import Clock

from anyapi.domain.requirement import Requirement
from anyapi.gateway.page_cache import MOST_PAGES, PAGE_SECONDS, PageCache


class Maker:
    def __init__(self):
        self.made = 0

    def __call__(self):
        self.made += 1
        return b"page %d" % self.made


def test_a_page_is_made_once_in_a_while():
    clock, make, one = Clock(), Maker(), Requirement()
    cache = PageCache(clock)
    assert cache.get((one, "a", False), make) == b"page 1"
    clock.now += PAGE_SECONDS - 0.01
    assert cache.get((one, "a", False), make) == b"page 1"
    clock.now += 0.01
    assert cache.get((one, "a", False), make) == b"page 2"


def test_a_clock_that_was_set_back_makes_it_anew():
    clock, make, one = Clock(), Maker(), Requirement()
    cache = PageCache(clock)
    cache.get((one, "a", False), make)
    clock.now -= 1000
    assert cache.get((one, "a", False), make) == b"page 2"


def test_who_sees_something_else_gets_another_page():
    make, cache = Maker(), PageCache(Clock())
    one, same_by_value = Requirement(), Requirement()
    pages = {cache.get(key, make) for key in [(one, "a", False), (one, "a", True), (one, "b", False), (same_by_value, "a", False)]}
    assert len(pages) == 4


def test_only_so_many_are_kept():
    make, cache = Maker(), PageCache(Clock())
    for number in range(MOST_PAGES * 3):
        cache.get((Requirement(), f"account-{number}", False), make)
        assert len(cache._pages) <= MOST_PAGES


def test_what_cannot_be_made_is_not_kept():
    cache, one = PageCache(Clock()), Requirement()

    def fail():
        raise ValueError

    for _ in range(2):
        try:
            cache.get((one, "a", False), fail)
        except ValueError:
            continue
        raise AssertionError
    assert cache.get((one, "a", False), lambda: b"page") == b"page"
