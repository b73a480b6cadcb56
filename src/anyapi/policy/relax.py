"""The smallest relaxation: which settings would have to change, and how far, to admit one endpoint (docs/policy.md section 5).

Works on the reasons of denials alone. Recommends nothing: whether a setting should be relaxed is for the people who set it.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from anyapi.domain.decision import Change, Denial, Reason, ReasonCode, ReasonKind, Relaxation
from anyapi.policy.order import price_of
from anyapi.policy.rules import Compared


def smallest_relaxation(denied: Sequence[Denial]) -> Relaxation | None:
    """Among the available denied endpoints (all, if none is available) the one nearest to being permitted; None if none can be."""
    among = [denial for denial in denied if denial.available] or denied
    best: tuple[tuple[int, float, float, str], Relaxation] | None = None
    for denial in among:
        changes = changes_for(denial.reasons)
        if changes is None:
            continue
        price = price_of(denial.endpoint, local=denial.local)
        size = len(changes), _retention_step(changes), math.inf if price is None else price, denial.endpoint.id
        if best is None or size < best[0]:
            best = size, Relaxation(denial.endpoint.id, changes)
    return None if best is None else best[1]


def changes_for(reasons: Iterable[Reason]) -> tuple[Change, ...] | None:
    """The changes that would remove all policy reasons, one for each setting; None if a reason cannot be removed by a setting."""
    changes: dict[str, Change] = {}
    for reason in reasons:
        if reason.kind is ReasonKind.AVAILABILITY:
            continue
        if reason.setting is None:
            return None
        if reason.code is ReasonCode.FLAGGED_COPIES_TOO_LONG and "retention_days" in changes:
            # Both fail the same limit: raising it far enough is one change instead of two.
            clock = changes["retention_days"]
            changes["retention_days"] = Change(clock.setting, clock.layers, clock.now, _longer(clock.needed, _days(reason)))
            continue
        for change in reason.instead or (Change(reason.setting, reason.layers, reason.required, _NEEDED[reason.setting](reason)),):
            changes.setdefault(change.setting, change)
    return tuple(changes.values())


def _days(reason: Reason) -> float | None:
    """The limit under which a retention passes; None if only no limit will do. Under a limit of 0 only kind `zero` passes, so never 0."""
    if not isinstance(reason.actual, int | float):
        return None
    return reason.actual or 1.0


def _longer(a: object, b: float | None) -> float | None:
    return max(a, b) if isinstance(a, float) and b is not None else None


def _retention_step(changes: Iterable[Change]) -> float:
    """By how many days the retention limit would have to grow; 0 if it may stay."""
    for change in changes:
        if change.setting == "retention_days":
            return change.needed - change.now if isinstance(change.needed, float) and isinstance(change.now, float) else math.inf
    return 0.0


def _names(value: Compared) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else ()


_NEEDED: Mapping[str, Callable[[Reason], Compared]] = {
    "training_allowed": lambda _: True,
    "human_review_allowed": lambda _: True,
    "paid_only": lambda _: False,
    "retention_days": _days,
    "flagged_copies": lambda _: "shown",
    "min_confidence": lambda reason: reason.actual,
    "certifications": lambda reason: tuple(name for name in _names(reason.required) if name in _names(reason.actual)),
    "regions": lambda reason: tuple(sorted({*_names(reason.required), *_names(reason.actual)})) if reason.actual else None,
    "providers.only": lambda reason: tuple(sorted({*_names(reason.required), str(reason.actual)})),
    "providers.ignore": lambda reason: tuple(name for name in _names(reason.required) if name != reason.actual),
}
"""For each setting, from a reason that names it, the least that would admit."""
