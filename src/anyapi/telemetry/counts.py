"""Counts what requests came to, for metrics. Labels come from lists that end: operations, models and providers of the catalogue, outcomes.

INVARIANT: no account, key, app, project, credential or decision is a label of anything, and nothing that a caller can choose.
For one thread, the event loop's. Nothing is counted unless the operator switched metrics on.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol, TypeAlias

from anyapi.domain.usage import LATENCY_BOUNDS, UsageRow

Labels: TypeAlias = tuple[str, str, str, str]
"""Operation, model, provider (empty where none was chosen), outcome."""
Labelled: TypeAlias = Mapping[tuple[str, ...], float]
"""A figure by the values of its labels."""
_BUCKETS = len(LATENCY_BOUNDS) + 1


class Sums:
    """What requests alike in every label came to. Times in seconds, cost in US dollars; buckets end at `LATENCY_BOUNDS`."""

    __slots__ = ("cached", "completion", "cost", "duration", "durations", "first_token", "first_tokens", "prompt", "reasoning", "requests")

    def __init__(self) -> None:
        """Nothing yet."""
        self.requests = self.prompt = self.completion = self.cached = self.reasoning = 0
        self.cost = self.duration = self.first_token = 0.0
        self.durations, self.first_tokens = [0] * _BUCKETS, [0] * _BUCKETS

    def add(self, row: UsageRow) -> None:
        """Count one request."""
        tokens = row.tokens
        self.requests += 1
        self.prompt += tokens.prompt
        self.completion += tokens.completion
        self.cached += tokens.cached
        self.reasoning += tokens.reasoning
        self.cost += row.cost or 0.0
        self.duration += row.duration
        self.durations[bisect_left(LATENCY_BOUNDS, row.duration)] += 1
        if row.first_token is not None:
            self.first_token += row.first_token
            self.first_tokens[bisect_left(LATENCY_BOUNDS, row.first_token)] += 1

    def copy(self) -> "Sums":
        """The same, to be read while requests go on."""
        other = Sums()
        for name in self.__slots__:
            value = getattr(self, name)
            setattr(other, name, value.copy() if isinstance(value, list) else value)
        return other


class Counts:
    """All that was counted since the start of this process."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.requests: dict[Labels, Sums] = {}
        self.refused: dict[str, int] = {}
        """Requests that were answered with an error before they were accepted, by the error's type: no usage row tells of them."""

    def add(self, row: UsageRow) -> None:
        """Count an accepted request at its end."""
        labels = (row.operation, row.model, row.provider or "", row.outcome)
        sums = self.requests.get(labels)
        if sums is None:
            sums = self.requests[labels] = Sums()
        sums.add(row)

    def refuse(self, kind: str) -> None:
        """Count a request that was not accepted."""
        self.refused[kind] = self.refused.get(kind, 0) + 1

    def copy(self) -> "Counts":
        """The same, to be read in another thread."""
        other = Counts()
        other.requests = {labels: sums.copy() for labels, sums in self.requests.items()}
        other.refused = dict(self.refused)
        return other


class Gauge(NamedTuple):
    """A figure as it is now, or one that was counted elsewhere (`counter`)."""

    name: str
    what: str
    labels: tuple[str, ...]
    values: Labelled
    counter: bool = False


class Reading(NamedTuple):
    """What is told of one moment."""

    counts: Counts
    gauges: Sequence[Gauge]


class _Rows(Protocol):
    def accept(self) -> None: ...

    def put(self, row: UsageRow) -> None: ...


class Counted:
    """A sink of usage rows that counts what passes by on its way to another."""

    def __init__(self, sink: _Rows, counts: Counts) -> None:
        """`sink` gets every row."""
        self.accept, self._put, self._count = sink.accept, sink.put, counts.add

    def put(self, row: UsageRow) -> None:
        """Count the row and pass it on."""
        self._count(row)
        self._put(row)
