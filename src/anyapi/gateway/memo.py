"""What the data plane remembers of earlier requests: merged requirements and decisions. Never a caller's own text."""

from anyapi.domain.call import Preference
from anyapi.domain.decision import Decision, Route
from anyapi.domain.requirement import DataClass, Requirement
from anyapi.errors import AnyAPIError

MOST_DECIDED = 1000
CLASS_ORDER = tuple(DataClass)


def in_force(requirement: Requirement) -> tuple[tuple[str, str], ...]:
    """What every answer says of the requirement that it was decided by, as the ends of its headers' names and their values."""
    days = "any" if requirement.retention_days is None else f"{requirement.retention_days:g}"
    return ("policy", requirement.hash), ("training-allowed", str(requirement.training_allowed).lower()), ("retention-days", days)


class Decided:
    """A remembered decision and the route last ranked over it."""

    __slots__ = ("decisions", "generation", "model", "ranked_at", "route", "rows", "valid_until")

    def __init__(self, decisions: tuple[Decision, ...]) -> None:
        """`decisions` for the models asked, in order."""
        self.decisions = decisions
        self.model = decisions[0].model
        self.valid_until = min(decision.valid_until for decision in decisions)
        self.route: Route | None = None
        self.ranked_at = 0.0
        self.generation = -1
        self.rows: dict[str, bytes] = {}
        """Response header lines that depend only on the endpoint and the requirement."""


class Asked:
    """What one kind of caller asks with one kind of request: merged once, remembered. Keeps its base alive, since memos go by identity."""

    __slots__ = ("base", "data_class", "memo", "preference", "requirement")

    def __init__(self, base: Requirement, requirement: Requirement, preference: Preference) -> None:
        """`base` is the requirement of the layers above the request."""
        self.base, self.requirement, self.preference = base, requirement, preference
        self.data_class = max(requirement.data_classes, key=CLASS_ORDER.index, default=None)
        self.memo: dict[object, Decided] = {}

    def sign(self, error: AnyAPIError, decision: str) -> None:
        """Say on an error what every answer says: which decision it belongs to, and by what that was made."""
        error.metadata |= {"decision": decision, "policy": self.requirement.hash}
        error.in_force = in_force(self.requirement)

    def remember(self, key: object, decided: Decided) -> Decided:
        """Keep it under this key; gives it back."""
        if len(self.memo) >= MOST_DECIDED:
            self.memo.clear()
        self.memo[key] = decided
        return decided
