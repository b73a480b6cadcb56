"""Ids of decisions: they sort by time, so that a store appends, and nobody can guess one."""

import os

from anyapi.domain.ids import DecisionId


class _Randomness:
    """Random hex digits from the system, fetched a page at a time: one system call for hundreds of ids."""

    __slots__ = ("_at", "_hex")

    def __init__(self) -> None:
        self._hex, self._at = "", 0

    def take(self, count: int) -> str:
        at = self._at
        if at + count > len(self._hex):
            self._hex, at = os.urandom(4096).hex(), 0
        self._at = at + count
        return self._hex[at : at + count]


_random = _Randomness()


def new_decision_id(now: float) -> DecisionId:
    """`dec_` and 26 hex digits: milliseconds since 1970 in 11 of them, so that ids sort by time, and 60 random bits."""
    return f"dec_{int(now * 1000):011x}{_random.take(15)}"  # type: ignore[return-value] # calling a NewType is a Python call of its own
