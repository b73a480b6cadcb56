"""Counts which topics models are asked about, in memory, for one week. One-way: what goes in comes out as counts and no other way.

INVARIANT: it knows no account, key or time, and imports nothing that does (import-linter): who asked is a token of the caller's making,
under a key that it never sees. Each token adds to one cell at most: a uniform choice among what it was sampled with.
"""

from collections.abc import Callable, Iterable, Sequence
from secrets import randbelow
from typing import NamedTuple


class _Chosen(NamedTuple):
    """The cell that a token adds to, and how many samples that was chosen among."""

    samples: int
    model: str
    topic: int


class Sampler:
    """One week's counts. Holds no row for a sample: of a token's samples all but the chosen one are gone."""

    __slots__ = ("_below", "_chosen")

    def __init__(self, below: Callable[[int], int] = randbelow) -> None:
        """`below(n)` gives a uniform whole number from 0 to n - 1."""
        self._below = below
        self._chosen: dict[bytes, _Chosen] = {}

    def __repr__(self) -> str:
        """How many there are is nobody's business either."""
        return "<Sampler>"

    def add(self, token: bytes, model: str, topic: int) -> None:
        """Take a sample: it becomes the token's cell with probability 1/n, where it is the token's n-th."""
        found = self._chosen.get(token)
        if found is None:
            self._chosen[token] = _Chosen(1, model, topic)
            return
        samples = found.samples + 1
        chosen = (model, topic) if self._below(samples) == 0 else found[1:]
        self._chosen[token] = _Chosen(samples, *chosen)

    def forget(self, tokens: Iterable[bytes]) -> None:
        """Take back what these tokens added."""
        for token in tokens:
            self._chosen.pop(token, None)

    def counts(self, models: Sequence[str], topics: int) -> list[int]:
        """Give the count of every cell of a fixed domain, model by model, in each topic by topic; what lies outside is left out."""
        places = {model: place * topics for place, model in enumerate(models)}
        counts = [0] * (len(models) * topics)
        for _, model, topic in self._chosen.values():
            if model in places and 0 <= topic < topics:
                counts[places[model] + topic] += 1
        return counts
