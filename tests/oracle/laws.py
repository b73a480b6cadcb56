"""The tables and comparisons of docs/policy.md, one value each, so that a test can plant a wrong one and see it found.

Numbers are fractions, never floats: days and instants are compared exactly.
"""

import dataclasses
import datetime as dt
from collections.abc import Callable
from fractions import Fraction

TRAINING_LADDER = ("never", "opt_out", "by_default", "unknown")
REVIEW_LADDER = ("no", "yes", "unknown")
ZERO_LADDER = ("default", "self_serve", "approval", "contract", "no", "unknown")
CONFIDENCE_LADDER = ("none", "secondary", "primary", "contracted")

NEVER_SENT = frozenset(
    "batch batches files assistants assistant-api threads conversations agents libraries vector-stores fine-tuning evals videos "
    "stored-completions responses-store async-inference".split()
)
FLAGGED = frozenset(("flagged-content", "csam-screening"))
GROUNDING = "google-search-grounding"
IMAGES = "image-output"
SPEECH = "audio-output"
WRONG_HOST = frozenset(("other_host", "excluded_host"))
NEEDS_AGREEMENT = frozenset(("hipaa-baa", "gdpr-dpa"))

EU = frozenset("at be bg hr cy cz dk ee fi fr de gr hu ie it lv lt lu mt nl pl pt ro sk si es se".split())
EEA = EU | frozenset(("is", "li", "no", "eu"))

SECONDS_A_DAY = 86400


def midnight(day: str) -> Fraction:
    """Unix seconds at which the UTC day (ISO date) starts."""
    return Fraction((dt.date.fromisoformat(day) - dt.date(1970, 1, 1)).days * SECONDS_A_DAY)


def days_that_count(retention: dict) -> Fraction | None:
    """Days of a retention as they are compared; None when they have no end. Not asked for kind `zero`."""
    if retention["kind"] in ("indefinite", "unknown") or retention["days"] is None:
        return None
    days = Fraction(retention["days"])
    return Fraction(1) if retention["kind"] == "limited" and days == 0 else days


def endlessness(retention: dict | None) -> tuple:
    """A key that sorts retentions from the best to the worst; None (no such copy) is best of all."""
    if retention is None:
        return (0,)
    kind, days = retention["kind"], days_that_count(retention)
    if kind == "zero":
        return (1,)
    if days is not None:
        return (2, days, kind == "limited")
    return {"compliance": (3, 0), "limited": (3, 1), "indefinite": (4,), "unknown": (5,)}[kind]


def retention_verdict(retention: dict, limit: Fraction | None) -> str | None:
    """The code that the retention rule gives under a limit in days, or None when it passes."""
    kind = retention["kind"]
    if limit is None or kind == "zero":
        return None
    if kind == "unknown":
        return "retention_unknown"
    if limit == 0:
        return "retention_not_zero"
    days = days_that_count(retention)
    if days is None:
        return "retention_endless"
    return None if days <= limit else "retention_too_long"


def has_ended(now: Fraction, end: Fraction) -> bool:
    """Whether a record is expired: the instant of its end is already after it."""
    return not now < end


def narrowed(sets: list[frozenset]) -> frozenset:
    """The meet of sets of which something must be inside each."""
    return frozenset(item for item in sets[0] if all(item in other for other in sets))


def inside(region: str, allowed: frozenset) -> bool:
    """Whether a region lies inside one of the allowed."""
    wider = {region}
    if region in EU:
        wider.add("eu")
    if region in EEA:
        wider.add("eea")
    return bool(wider & allowed)


def places_in_all(sets: list[frozenset]) -> frozenset:
    """The meet of sets of regions: every name that lies inside each of the sets, whichever set it stands in."""
    named = frozenset(place for one in sets for place in one)
    return frozenset(place for place in named if all(inside(place, one) for one in sets))


def may_use(credential: dict, account: str | None) -> bool:
    """Whether a request of the account may go by this credential: the operator's serve everybody, an account's own itself alone."""
    return credential.get("account") is None or credential["account"] == account


def in_turn(own: list, operators: list) -> list:
    """The order in which the credentials of a provider are considered."""
    return own + operators


def signed_for(credential: dict, context: dict) -> list:
    """Every agreement that can be about this credential: its owner's."""
    return list(context.get("agreements", ()) if credential.get("account") is None else credential.get("agreements", ()))


def worst(values: list, key: Callable) -> object:
    """The value that sorts last."""
    return max(values, key=key)


@dataclasses.dataclass(frozen=True)
class Laws:
    """Everything a planted fault may replace."""

    retention_verdict: Callable = retention_verdict
    has_ended: Callable = has_ended
    narrowed: Callable = narrowed
    inside: Callable = inside
    places_in_all: Callable = places_in_all
    worst: Callable = worst
    may_use: Callable = may_use
    in_turn: Callable = in_turn
    signed_for: Callable = signed_for
    training_that_passes: frozenset = frozenset(("never",))
    certification_met_by: dict = dataclasses.field(default_factory=lambda: {"soc2": frozenset(("soc2", "soc2-type2"))})
    tiers_that_take_the_free_block: frozenset = frozenset(("free", "undeclared"))
    recorded_classes: frozenset = frozenset(("confidential", "regulated"))


LAWS = Laws()
