"""Slices of a key's limits: what one of several workers on one database has leased of them. Values alone (docs/adr/0021).

Money in whole nano-dollars, as in `anyapi.gateway.ledger`.
"""

import msgspec

from anyapi.domain.limits import KeyLimits


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker says of a chain of keys: what it used since it last said so, what it keeps, what it wants more."""

    limits: KeyLimits
    since: int
    """First day of the period in force, in days since 1970."""
    settled: int = 0
    """What its requests cost since then; their usage rows must be written before this is said."""
    kept: int = 0
    """What it goes on having leased: held for requests under way, spent and not said yet, or unused."""
    wanted: int = 0
    ages: tuple[float, ...] = ()
    """How many seconds ago each request was made that was not said yet."""
    kept_requests: int = 0
    """Requests that it may still make."""
    wanted_requests: int = 0


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """What it is given, and how things stand over all workers."""

    amount: int = 0
    spent: int = 0
    """What the store knows to be spent in the period."""
    requests: int = 0
    requests_left: int = 0
    """Of this minute, with what is given and kept."""
    next_free: float = 0.0
    """Seconds until another request may be made, if none is left."""
    reset: float = 0.0
    """Seconds until all of them are free again."""


def portion(wanted: int, room: int) -> int:
    """How much to give of what is left to who wants so much: an eighth of it, so that few have to ask again; near its end just as much."""
    return max(0, min(room, wanted if room < 32 * wanted else room // 8 if wanted else 0))
