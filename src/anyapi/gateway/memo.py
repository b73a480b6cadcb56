"""What the data plane remembers of earlier requests: merged requirements and decisions. Never a caller's own text."""

from typing import TypeAlias

from anyapi.domain.call import Preference
from anyapi.domain.decision import Decision, Route
from anyapi.domain.ids import AccountId
from anyapi.domain.requirement import DataClass, Requirement

MOST_ASKED = 20_000
MOST_JUDGED = 65_536
"""Endpoints, permitted and denied, of all remembered decisions: 3 KB each, about. A request for `anyapi/auto` is decided for hundreds."""
CLASS_ORDER = tuple(DataClass)


def in_force(requirement: Requirement) -> tuple[tuple[str, str], ...]:
    """What every answer says of the requirement that it was decided by, as the ends of its headers' names and their values."""
    days = "any" if requirement.retention_days is None else f"{requirement.retention_days:g}"
    return ("policy", requirement.hash), ("training-allowed", str(requirement.training_allowed).lower()), ("retention-days", days)


class Decided:
    """A remembered decision and the route last ranked over it."""

    __slots__ = ("at", "decisions", "generation", "model", "ranked_at", "route", "rows", "valid_until")

    def __init__(self, decisions: tuple[Decision, ...], at: float = 0.0) -> None:
        """`decisions` for the models asked, in order, made `at` (Unix seconds)."""
        self.decisions, self.at = decisions, at
        self.model = decisions[0].model
        self.valid_until = min(decision.valid_until for decision in decisions)
        self.route: Route | None = None
        self.ranked_at = 0.0
        self.generation = -1
        self.rows: dict[str, bytes] = {}
        """Response header lines that depend only on the endpoint and the requirement."""

    def holds(self, now: float) -> bool:
        """Whether it still counts. A clock that was put back may be before an agreement's first day, which was passed then."""
        return self.at <= now < self.valid_until


class Asked:
    """What one kind of caller asks with one kind of request: merged once, remembered. Keeps its base alive, since memos go by identity.

    INVARIANT: it does not know what it is remembered in. Memory that is dropped is freed at once then: a ring would wait for the collector,
    which does not look at what stood when a snapshot was put in force.
    """

    __slots__ = ("base", "data_class", "memo", "preference", "requirement", "under")

    def __init__(self, base: Requirement, requirement: Requirement, preference: Preference, under: object = None) -> None:
        """`base` is the requirement of the layers above the request; `under` stands for what was in force."""
        self.base, self.requirement, self.preference, self.under = base, requirement, preference, under
        self.data_class = max(requirement.data_classes, key=CLASS_ORDER.index, default=None)
        self.memo: dict[object, Decided] = {}


AskedKey: TypeAlias = tuple[int, AccountId | None, bytes, tuple[tuple[str, str], ...]]


class Memory:
    """All that is remembered under one snapshot. Whoever may call can ask in ever new ways, so that it is bounded as a whole."""

    __slots__ = ("_judged", "asked")

    def __init__(self) -> None:
        """Nothing yet."""
        self.asked: dict[AskedKey, Asked] = {}
        self._judged = 0

    def keep(self, key: AskedKey, asked: Asked) -> None:
        """Remember what was asked."""
        if len(self.asked) >= MOST_ASKED:
            self._forget()
        self.asked[key] = asked

    def remember(self, asked: Asked, key: object, decided: Decided, *, shared: bool = False) -> Decided:
        """Keep a decision under this key of what was asked; gives it back. `shared`: its decisions are kept under another key too.

        Where there is no room for its endpoints all is forgotten, and what this caller asked before too.
        """
        judged = 1 if shared else sum(len(each.permitted) + len(each.denied) for each in decided.decisions) + 1
        if self._judged + judged > MOST_JUDGED:
            self._forget()
            asked.memo.clear()
        self._judged += judged
        asked.memo[key] = decided
        return decided

    def _forget(self) -> None:
        self.asked.clear()
        self._judged = 0
