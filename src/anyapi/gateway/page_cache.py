"""Pages that are dear to make and the same for many callers, made in a thread and kept for some seconds. Holds metadata only."""

import asyncio
from collections.abc import Callable
from typing import TypeAlias

from anyapi.domain.ids import AccountId
from anyapi.domain.requirement import Requirement
from anyapi.gateway.apart import apart

PAGE_SECONDS = 10.0
MOST_PAGES = 32

_Place: TypeAlias = tuple[int, AccountId, bool]


class PageCache:
    """The pages of one snapshot; the plane makes a new cache for each."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` gives Unix seconds."""
        self._clock = clock
        self._pages: dict[_Place, tuple[bytes, float, Requirement]] = {}
        self._making: dict[_Place, asyncio.Future[bytes]] = {}

    async def get(self, key: tuple[Requirement, AccountId, bool], make: Callable[[], bytes]) -> bytes:
        """A page at most `PAGE_SECONDS` old; raises what `make` raises, which is called in a thread, once for all who wait for the same.

        `key` says who sees it; its requirement is kept, since the cache goes by its identity.
        """
        requirement, account, eligible = key
        place = id(requirement), account, eligible
        found = self._pages.get(place)
        if found is not None and found[1] <= self._clock() < found[1] + PAGE_SECONDS:
            return found[0]
        making = self._making.get(place)
        if making is None:
            making = self._making[place] = asyncio.ensure_future(self._made(place, requirement, make))
        return await making

    async def _made(self, place: _Place, requirement: Requirement, make: Callable[[], bytes]) -> bytes:
        now = self._clock()
        try:
            page = await apart(make)
        finally:
            del self._making[place]
        if len(self._pages) >= MOST_PAGES:
            self._pages.clear()
        self._pages[place] = page, now, requirement
        return page
