"""Names like a mistyped one, for error texts. Never repeats what the caller wrote and keeps nothing of it."""

import difflib
import heapq
from collections.abc import Iterable

LONGEST = 100
"""A longer name is not compared: the time this takes grows with its length."""
COMPARED = 16
"""How many of the known names are compared closely: those that share most pairs of letters. A catalogue has hundreds."""


def nearest(name: str, known: Iterable[str], most: int = 3) -> tuple[str, ...]:
    """Up to `most` of `known` that are spelled like `name`, best first; empty if none is, or if `name` is longer than any real one.

    A name without an author is compared with what stands behind the author's.
    """
    if len(name) > LONGEST:
        return ()
    asked = name.lower()
    pairs = _pairs(asked)
    by_lower = {(item if "/" in name else item.rpartition("/")[2]).lower(): item for item in sorted(known)}
    likely = heapq.nlargest(COMPARED, by_lower, key=lambda item: len(pairs & _pairs(item)))
    return tuple(by_lower[item] for item in difflib.get_close_matches(asked, likely, n=most))


def did_you_mean(name: str, known: Iterable[str], most: int = 3) -> str:
    """The end of a sentence that suggests near names; empty where none is near."""
    near = nearest(name, known, most)
    return f"; did you mean {' or '.join(near)}?" if near else ""


def _pairs(text: str) -> set[str]:
    return {text[place : place + 2] for place in range(len(text) - 1)}
