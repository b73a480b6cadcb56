"""Pages that are dear to make and the same for many callers, kept for some seconds. Holds metadata only."""

from collections.abc import Callable

from anyapi.domain.ids import AccountId
from anyapi.domain.requirement import Requirement

PAGE_SECONDS = 10.0
MOST_PAGES = 32


class PageCache:
    """The pages of one snapshot; the plane makes a new cache for each."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` gives Unix seconds."""
        self._clock = clock
        self._pages: dict[tuple[object, ...], tuple[bytes, float, Requirement]] = {}

    def get(self, key: tuple[Requirement, AccountId, bool], make: Callable[[], bytes]) -> bytes:
        """A page at most `PAGE_SECONDS` old. `key` says who sees it; its requirement is kept, since the cache goes by its identity."""
        requirement, *rest = key
        place = (id(requirement), *rest)
        found = self._pages.get(place)
        now = self._clock()
        if found is None or not found[1] <= now < found[1] + PAGE_SECONDS:
            if len(self._pages) >= MOST_PAGES:
                self._pages.clear()
            found = self._pages[place] = (make(), now, requirement)
        return found[0]
