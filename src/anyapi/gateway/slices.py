"""Limits of keys over several workers on one database: each uses slices of them that it has leased (docs/adr/0021).

A request that its worker's slice has room for waits for nothing. One that finds none waits for a round: what was used is said, and more is
leased. Every second what is unused goes back. Lives on the event loop; the database is talked to by whom `begin` gives the round to.
"""

import asyncio
import functools
import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

from anyapi.domain.call import Principal
from anyapi.domain.ids import KeyId
from anyapi.domain.slices import Ask, Grant
from anyapi.errors import Overloaded, RateLimited
from anyapi.gateway.admit import Admission, admit
from anyapi.gateway.call import Call
from anyapi.gateway.formats.openai_chat import ChatRequest
from anyapi.gateway.ledger import Account
from anyapi.gateway.memo import Asked, Decided
from anyapi.gateway.plane import DataPlane
from anyapi.gateway.sliced_account import SlicedAccount

ROUND_SECONDS = 1.0
"""How often unused slices go back."""
RETRY_SECONDS = 1.0
_TRIES = 2
"""A request may lack room for its cost and then for its rate."""
Told: TypeAlias = Callable[[Sequence[Grant] | None], None]
"""Hears what a round gave; None if it failed."""


async def admit_limited(
    principal: Principal, asked: Asked, decided: Decided, request: ChatRequest, plane: DataPlane, call: Call
) -> Admission:
    """`admit` for a key with limits: where a slice has no room, more is leased first. Raises what `admit` raises, and `Overloaded`."""
    slices, limits = plane.outlets.slices, principal.limits
    if slices is None or limits is None:
        return admit(principal, asked, decided, request, plane, call)
    try:
        for _ in range(_TRIES):
            try:
                return admit(principal, asked, decided, request, plane, call)
            except RateLimited:
                if not await slices.more(limits.lineage):
                    raise
        return admit(principal, asked, decided, request, plane, call)
    except RateLimited:
        slices.spare(limits.lineage)
        raise


class Slices:
    """The slices of one worker, by the first key of each chain of rotations."""

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float, begin: Callable[[Sequence[Ask], Told], None]) -> None:
        """`seconds`: how long after a round that succeeded slices may be used, the worker's lease. `begin` never blocks.

        It has what is asked done elsewhere, and what it was given called on the loop with what came of it.
        """
        self._loop, self._seconds, self._begin = loop, seconds, begin
        self.accounts: dict[KeyId, Account] = {}
        self._active: dict[KeyId, SlicedAccount] = {}
        self._until = -math.inf
        self._next: asyncio.Future[bool] | None = None
        """Of those who wait for the round that has not begun."""
        self._now: asyncio.Future[bool] | None = None
        """Of those who wait for the round under way."""
        self._under_way = False
        self._began = 0.0
        self._tick: asyncio.TimerHandle | None = None

    def account(self) -> Account:
        """An account that nothing is leased for yet."""
        return SlicedAccount(self._valid)

    async def more(self, lineage: KeyId) -> bool:
        """Have a round lease what was wanted; False if that was refused a moment ago. Raises `Overloaded` if the database does not answer.

        The caller has to look again whether there is room.
        """
        account = self.accounts.get(lineage)
        if not isinstance(account, SlicedAccount):
            return False
        if self._loop.time() < account.refused_until:
            account.want_nothing()
            return False
        self._active[lineage] = account
        account.curious = True
        if await self._round():
            return True
        text = "What this key uses cannot be counted together with the other workers now, and it has limits, so nothing was sent."
        raise Overloaded(text, retry_after=RETRY_SECONDS)

    def spare(self, lineage: KeyId) -> None:
        """Give back at once what was not enough for a request: kept on each of several workers, parts of a cap would be enough for none."""
        account = self.accounts.get(lineage)
        if isinstance(account, SlicedAccount) and account.spare():
            self._round()

    def close(self) -> None:
        """Ask for nothing more; the requests under way must have ended."""
        if self._tick is not None:
            self._tick.cancel()

    def _valid(self) -> bool:
        return self._loop.time() < self._until

    def _round(self) -> asyncio.Future[bool]:
        """What is done when a round is over that began after now; False if it failed."""
        if self._next is None:
            self._next = self._loop.create_future()
            if not self._under_way:
                self._under_way = True
                self._loop.call_soon(self._start)  # so that it is for all who come in this turn
            if self._tick is None:
                self._tick = self._loop.call_later(ROUND_SECONDS, self._look)
        return self._next

    def _start(self) -> None:
        self._now, self._next = self._next, None
        now = self._began = self._loop.time()
        if not self._valid():  # others may have them by now
            for account in self._active.values():
                account.give_up()
        asked = [(account, account.ask(now)) for account in self._active.values() if account.speaks]
        self._begin([ask for _, ask in asked], functools.partial(self._told, now, asked))

    def _told(self, began: float, asked: Sequence[tuple[SlicedAccount, Ask]], grants: Sequence[Grant] | None) -> None:
        if grants is not None:
            self._until = began + self._seconds
            now = self._loop.time()
            for (account, ask), grant in zip(asked, grants, strict=True):
                account.take(ask, grant, now)
        self._answer(good=grants is not None)
        self._under_way = self._next is not None
        if self._under_way:
            self._start()

    def _answer(self, *, good: bool) -> None:
        waiting, self._now = self._now, None
        if waiting is not None:
            waiting.set_result(good)

    def _give_back(self, now: float) -> None:
        for lineage, account in tuple(self._active.items()):
            if not account.touched:
                account.give_up()
            account.touched = False
            if not account.speaks and not account.recent(now):
                del self._active[lineage]
        if any(account.speaks for account in self._active.values()):
            self._round()

    def _look(self) -> None:
        """Every second while anything is leased: give back what is unused, and let go of those who wait for a database that is silent."""
        self._tick, now = None, self._loop.time()
        if self._under_way:
            if now > self._began + self._seconds:
                self._answer(good=False)
                self._now, self._next = self._next, None
                self._answer(good=False)
        else:
            self._give_back(now)
        if self._active and self._tick is None:
            self._tick = self._loop.call_later(ROUND_SECONDS, self._look)
