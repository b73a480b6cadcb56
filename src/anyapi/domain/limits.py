"""What an API key may use: a spend cap and requests per minute. Values alone; `anyapi.gateway.key_limits` holds callers to them."""

import enum

import msgspec

from anyapi.domain.ids import KeyId

LARGEST_CAP = 1_000_000_000.0
"""US dollars."""
MOST_A_MINUTE = 100_000


class CapPeriod(enum.StrEnum):
    """How often a spend cap begins anew, in UTC."""

    DAY = "day"
    WEEK = "week"
    """Begins on Monday."""
    MONTH = "month"
    TOTAL = "total"
    """Never."""


class KeyLimits(msgspec.Struct, frozen=True):
    """The limits of one key. Keys that replaced each other share what they use: the allowance goes by the first of them."""

    lineage: KeyId
    """Id of the first key of the chain of rotations that this key is part of."""
    spend_cap: float | None = None
    """US dollars in each `period`, from catalogue prices; None is no cap."""
    period: CapPeriod = CapPeriod.TOTAL
    requests_per_minute: int | None = None
    spent: float = 0.0
    """US dollars written down for the period that begins with `since`, when the snapshot was built."""
    since: int = 0
    """First day of that period, in days since 1970."""


class Allowance(msgspec.Struct, frozen=True):
    """How many requests a key may still make within a minute; what the x-ratelimit-* headers say."""

    limit: int
    remaining: int
    reset: float
    """Seconds until all of them are free again."""
