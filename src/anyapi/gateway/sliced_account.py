"""What a key uses on one of several workers: a slice of its limits that the worker has leased. Says what it used; asks nobody itself.

INVARIANT: what is held here, and spent and not said yet, is at most the slice, but for what answers cost beyond their estimate.
"""

import math
from collections.abc import Callable

from anyapi.domain.limits import Allowance, KeyLimits
from anyapi.domain.slices import Ask, Grant
from anyapi.gateway.ledger import MINUTE, NANO, Account, Left, nano
from anyapi.policy.periods import first_day

REFUSED_SECONDS = 0.25
"""For so long nobody asks again for what was not to be had: a key at its limit must not make every request a round."""


class SlicedAccount(Account):
    """The count of one chain of keys on one worker."""

    __slots__ = (
        *(
            "_amount",
            "_kept",
            "_known",
            "_known_for",
            "_last",
            "_left",
            "_permits",
            "_resets",
            "_short",
            "_telling",
            "_unsettled",
            "_used",
            "_valid",
        ),
        *("_wanted", "_wanted_requests", "curious", "frees_at", "refused_until", "touched"),
    )

    def __init__(self, valid: Callable[[], bool]) -> None:
        """Nothing leased yet. `valid` says whether what is leased may be used now."""
        super().__init__()
        self._valid = valid
        self._amount = self._unsettled = self._wanted = self._known = 0
        self._permits = self._wanted_requests = 0
        self._known_for = -1
        """First day of the period that `_known`, what the store knows to be spent, is of."""
        self._left: int | None = None
        """Requests of this minute that are left over all workers, as of the last round."""
        self._used: list[float] = []
        """When the requests were made that no round has told of."""
        self._telling = (0, 0)
        self._short = False
        """Whether a request found too little room for its cost, since that was last asked."""
        self._kept = False
        """Whether the store may have something down as leased."""
        self.curious = False
        """Whether somebody wants to know how things stand."""
        self.touched = False
        """Whether a request was made, or wanted to be, since this was last set to False."""
        self._last = self._resets = self.frees_at = self.refused_until = -math.inf

    def adopt(self, limits: KeyLimits, day: int) -> None:
        """Go by these limits from now on; what was leased under others and is unused goes back."""
        first = self._first = first_day(limits.period, day)
        if limits is self._limits:
            return
        before, self._limits = self._limits, limits
        if before is not None and _terms(before) != _terms(limits):
            self.give_up()
            self._left, self.refused_until = None, -math.inf
        if limits.since == first and self._known_for != first:
            self._known, self._known_for = nano(limits.spent), first

    @property
    def spent(self) -> int:
        """Nano-dollars of the current period: what the store knew at the last round, and what was spent here since."""
        return (self._known if self._known_for == self._first else 0) + self._unsettled

    def room(self, cap: float) -> int:  # noqa: ARG002 that of the slice, whatever the cap
        """Nano-dollars of the slice that may still be held."""
        return self._unused if self._valid() else 0

    @property
    def _unused(self) -> int:
        return self._amount - self._unsettled - self.held

    def hold(self, amount: int) -> None:
        """Set an amount aside; the caller has asked for the room."""
        self.held += amount
        self.touched = True

    def release(self, amount: int, cost: int, day: int) -> None:  # noqa: ARG002 the store knows the day from the usage row
        """End a hold: `cost` was spent."""
        self.held -= amount
        self._unsettled += cost

    def want(self, amount: int) -> None:
        """Note that a request found no room for so much."""
        self._wanted += max(1, amount)
        self._short = True
        self.touched = True

    def want_request(self) -> None:
        """Note that a request may not be made yet."""
        self._wanted_requests += 1
        self.touched = True

    def want_nothing(self) -> None:
        """Forget what was wanted: whoever wanted it was refused."""
        self._wanted = self._wanted_requests = 0

    def may(self, limit: int, now: float) -> bool:  # noqa: ARG002
        """Whether one of the requests that were leased is left."""
        return self._permits > 0 and self._valid()

    def allowance(self, limit: int, now: float) -> Allowance:
        """How many requests of `limit` a minute are left over all workers, as far as is known here."""
        left = max(0, (limit if self._left is None else self._left) - len(self._used), self._permits)
        return Allowance(limit, min(limit, left), max(0.0, self._resets - now, self._last + MINUTE - now))

    def next_free(self, limit: int, now: float) -> float:  # noqa: ARG002
        """Seconds until another request may be made, when none is left."""
        return max(0.001, self.frees_at - now)

    def count(self, now: float) -> None:
        """Count a request."""
        self._permits -= 1
        self._used.append(now)
        self._last = now
        self.touched = True

    def left(self, cap: float | None) -> Left:
        """What was used, in dollars: over all workers, but for what others hold or spent a moment ago."""
        left = None if cap is None else max(0, self.unspent(cap) - self.held) / NANO
        return Left(self.spent / NANO, self.held / NANO, left)

    def spare(self) -> bool:
        """Keep no money that is not in use, if that was too little for a request; whether there was any."""
        short, self._short = self._short and self._unused > 0, False
        if short:
            self._amount = self.held + self._unsettled
        self.want_nothing()
        return short

    def give_up(self) -> None:
        """Keep of the slice only what is in use."""
        self._amount, self._permits = self.held + self._unsettled, 0

    @property
    def speaks(self) -> bool:
        """Whether there is something to tell, to want or to keep."""
        return bool(
            self.curious
            or self._kept
            or self._amount
            or self._unsettled
            or self._permits
            or self._used
            or self._wanted
            or self._wanted_requests
        )

    def recent(self, now: float) -> bool:
        """Whether its requests still count."""
        return now < self._last + MINUTE + 2.0

    def ask(self, now: float) -> Ask:
        """What to say in the round that begins now; `take` is to follow, unless it fails."""
        assert self._limits is not None  # noqa: S101 who is asked for has been adopted
        self._telling = (self._unsettled, len(self._used))
        asked = Ask(
            limits=self._limits,
            since=self._first,
            settled=self._unsettled,
            kept=max(self._amount - self._unsettled, self.held),
            wanted=self._wanted,
            ages=tuple(now - at for at in self._used),
            kept_requests=self._permits,
            wanted_requests=self._wanted_requests,
        )
        self.want_nothing()
        self._kept, self.curious = True, False
        return asked

    def take(self, ask: Ask, grant: Grant, now: float) -> None:
        """Go by what the round gave."""
        settled, told = self._telling
        self._unsettled -= settled
        self._amount = ask.kept + grant.amount
        self._kept = bool(self._amount or ask.kept_requests + grant.requests)
        del self._used[:told]
        if self._limits is not None and _terms(ask.limits) != _terms(self._limits):
            self.give_up()  # changed while the round was under way
            return
        self._permits += grant.requests
        self._known, self._known_for = grant.spent, ask.since
        self._left, self._resets, self.frees_at = grant.requests_left, now + grant.reset, now + grant.next_free
        if grant.amount < ask.wanted or grant.requests < ask.wanted_requests:
            self.refused_until = now + REFUSED_SECONDS


def _terms(limits: KeyLimits) -> tuple[object, ...]:
    """What of limits a slice is leased under."""
    return limits.spend_cap, limits.period, limits.requests_per_minute
