"""What keys with limits use: money spent and held, requests of the last minute. In memory, exact, for one process; knows no clock.

Where several processes share a database, `sliced_account` takes its place.

Money is counted in whole nano-dollars, so that a thousand holds come to what they are and not to a little more.
INVARIANT: when a hold is taken, all that is held and spent in the period together is at most the cap.
"""

from collections import deque

import msgspec

from anyapi.domain.limits import Allowance, CapPeriod, KeyLimits
from anyapi.policy.periods import first_day

NANO = 1_000_000_000
MINUTE = 60.0
PERIODS_KEPT = 8


def nano(dollars: float) -> int:
    """Dollars in nano-dollars, to the nearest."""
    return round(dollars * NANO)


class Left(msgspec.Struct, frozen=True):
    """What a key has used of its cap in the current period and what is left, in US dollars."""

    spent: float
    held: float
    """For requests that are under way."""
    left: float | None
    """None without a cap."""


class Account:
    """The count of one chain of keys."""

    __slots__ = ("_first", "_limits", "_spent", "_times", "held")

    def __init__(self) -> None:
        """Nothing used yet; `adopt` says what was."""
        self._limits: KeyLimits | None = None
        self._first = 0
        """First day of the current period."""
        self._spent: dict[int, int] = {}
        """Nano-dollars by the first day of a period: a clock that is put forward and back again finds the old count."""
        self.held = 0
        """Nano-dollars for requests under way, whichever period they began in."""
        self._times: deque[float] = deque()

    def adopt(self, limits: KeyLimits, day: int) -> None:
        """Go by these limits from now on; `day` is today, in days since 1970.

        What was written down and what is known here are of the same answers: the higher of them counts.
        """
        first = self._first = first_day(limits.period, day)
        if limits is self._limits:
            return
        if self._limits is not None and self._limits.period is not limits.period:
            self._spent.clear()
        self._limits = limits
        if limits.since == first:
            self._spent[first] = max(nano(limits.spent), self.spent)

    @property
    def spent(self) -> int:
        """Nano-dollars that the answers of the current period cost."""
        return self._spent.get(self._first, 0)

    def room(self, cap: float) -> int:
        """Nano-dollars that may still be held under a cap in dollars; below 0 where more was spent than it allows."""
        return nano(cap) - self.spent - self.held

    def unspent(self, cap: float) -> int:
        """Nano-dollars that are left of a cap in dollars when all that is held has come to nothing."""
        return nano(cap) - self.spent

    def want(self, amount: int) -> None:
        """Note that a request found no room for so much: here there is nobody to get it from."""

    def want_request(self) -> None:
        """Note that a request may not be made yet."""

    def may(self, limit: int, now: float) -> bool:
        """Whether another request may be made now."""
        return self.allowance(limit, now).remaining > 0

    def hold(self, amount: int) -> None:
        """Set an amount aside; the caller has asked for the room."""
        self.held += amount

    def release(self, amount: int, cost: int, day: int) -> None:
        """End a hold: `cost` was spent by a request that began on `day`, and counts in that day's period."""
        self.held -= amount
        first = first_day(self._limits.period if self._limits is not None else CapPeriod.TOTAL, day)
        self._spent[first] = self._spent.get(first, 0) + cost
        if len(self._spent) > PERIODS_KEPT:
            del self._spent[min(self._spent)]

    def allowance(self, limit: int, now: float) -> Allowance:
        """How many requests of `limit` a minute are left. `now` in seconds of a clock that only goes forward."""
        times = self._times
        while times and times[0] <= now - MINUTE:
            times.popleft()
        return Allowance(limit, max(0, limit - len(times)), times[-1] + MINUTE - now if times else 0.0)

    def next_free(self, limit: int, now: float) -> float:
        """Seconds until another request may be made, when none is left."""
        return self._times[len(self._times) - limit] + MINUTE - now

    def count(self, now: float) -> None:
        """Count a request."""
        self._times.append(now)

    def left(self, cap: float | None) -> Left:
        """What was used, in dollars."""
        left = None if cap is None else max(0, self.room(cap)) / NANO
        return Left(self.spent / NANO, self.held / NANO, left)
