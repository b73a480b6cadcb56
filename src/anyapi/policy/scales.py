"""Orders on facts: what is worse, what is known better, and how a retention counts in days. Decides nothing about a request."""

from collections.abc import Mapping
from typing import TypeVar

from anyapi.domain.data_policy import Confidence, HumanReview, Retention, RetentionKind, Training, ZeroRetention

T = TypeVar("T")

CONFIDENCE: Mapping[Confidence, int] = {confidence: rank for rank, confidence in enumerate(Confidence)}
"""Least known first; `contracted` stands above `primary`."""
TRAINING: Mapping[Training, int] = {training: rank for rank, training in enumerate(Training)}
"""Best first: never, opt_out, by_default, unknown."""
HUMAN_REVIEW: Mapping[HumanReview, int] = {review: rank for rank, review in enumerate(HumanReview)}
"""Best first: no, yes, unknown."""
ZERO_RETENTION: Mapping[ZeroRetention, int] = {how: rank for rank, how in enumerate(ZeroRetention)}
"""Best first: default, self_serve, approval, contract, no, unknown."""


def worse(scale: Mapping[T, int], a: T, b: T) -> T:
    """Of two values the one further down the scale (`a` when they are equal)."""
    return b if scale[b] > scale[a] else a


def less_known(a: Confidence, b: Confidence) -> Confidence:
    """Of two confidences the lower."""
    return b if CONFIDENCE[b] < CONFIDENCE[a] else a


def counted_days(retention: Retention) -> float | None:
    """Days that a limit is compared with; None if there is no known end. `limited` with 0 days means under one day and counts as 1."""
    match retention.kind:
        case RetentionKind.ZERO:
            return 0.0
        case RetentionKind.UNKNOWN | RetentionKind.INDEFINITE:
            return None
        case RetentionKind.LIMITED if retention.days == 0:
            return 1.0
        case _:
            return None if retention.days is None else float(retention.days)


def _endlessness(retention: Retention) -> tuple[int, float, bool]:
    """Sort key of docs/policy.md section 1.1: zero, then by days, then no days, indefinite, unknown."""
    limited = retention.kind is RetentionKind.LIMITED
    match retention.kind:
        case RetentionKind.ZERO:
            return 0, 0.0, False
        case RetentionKind.INDEFINITE:
            return 3, 0.0, False
        case RetentionKind.UNKNOWN:
            return 4, 0.0, False
    days = counted_days(retention)
    return (2, 0.0, limited) if days is None else (1, days, limited)


def worse_retention(a: Retention, b: Retention) -> Retention:
    """Of two retentions the more endless (`a` when they are equal)."""
    return b if _endlessness(b) > _endlessness(a) else a


def worse_copies(a: Retention | None, b: Retention | None) -> Retention | None:
    """Of two clocks of flagged copies the worse; None means that no such copies are known."""
    if a is None or b is None:
        return b if a is None else a
    return worse_retention(a, b)
