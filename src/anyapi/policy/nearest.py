"""Names like a mistyped one, for error texts. Never repeats what the caller wrote."""

import difflib
from collections.abc import Iterable

LONGEST = 100
"""A longer name is not compared: the time this takes grows with its length."""


def nearest(name: str, known: Iterable[str], most: int = 3) -> tuple[str, ...]:
    """Up to `most` of `known` that are spelled like `name`, best first; empty if none is, or if `name` is longer than any real one."""
    if len(name) > LONGEST:
        return ()
    by_lower = {item.lower(): item for item in sorted(known)}
    return tuple(by_lower[item] for item in difflib.get_close_matches(name.lower(), by_lower, n=most, cutoff=0.6))
