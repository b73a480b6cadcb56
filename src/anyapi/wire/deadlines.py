"""Deadlines for many connections with one timer: each member carries a `deadline`, a sweep calls those that are past.

Setting a deadline is an attribute write, so the request path pays nothing for it. Resolution is the sweep's period (0.5 s).
"""

import asyncio
import math
from typing import Protocol

NEVER = math.inf
PERIOD = 0.5


class Member(Protocol):
    """Something that can run out of time."""

    deadline: float
    """Loop time in seconds; `NEVER` for none."""

    def expired(self) -> None:
        """Called once the deadline is past. MUST set another deadline or leave the sweep."""
        ...


class Sweep:
    """Holds members and calls the expired ones every `PERIOD` seconds."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start on the given loop."""
        self._loop = loop
        self._members: set[Member] = set()
        self._timer = loop.call_later(PERIOD, self._tick)

    def __len__(self) -> int:
        """How many members there are."""
        return len(self._members)

    def add(self, member: Member) -> None:
        """Watch a member."""
        self._members.add(member)

    def discard(self, member: Member) -> None:
        """Stop watching a member; unknown ones are ignored."""
        self._members.discard(member)

    def close(self) -> None:
        """Stop for good."""
        self._timer.cancel()

    def _tick(self) -> None:
        self._timer = self._loop.call_later(PERIOD, self._tick)
        now = self._loop.time()
        for member in [member for member in self._members if member.deadline <= now]:
            member.expired()
