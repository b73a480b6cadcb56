"""Metrics as a page in Prometheus's text format. Labels and their names are of an allow-list; what they may be, `Counts` and `Gauge` say.

Imported only where the operator switched metrics on: the library is for the page alone, no request passes through it.
"""

import platform
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from anyapi.domain.usage import LATENCY_BOUNDS
from anyapi.telemetry.counts import Counts, Gauge, Labelled, Reading, Sums

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
LABELS = frozenset({"operation", "model", "provider", "outcome", "kind", "type", "writer", "endpoint", "side", "version", "python"})
"""Every label there is."""
_PAIR = ("model", "provider")
_BOUNDS = tuple(f"{bound:g}" for bound in LATENCY_BOUNDS)


def page(reading: Reading, version: str) -> bytes:
    """The page. Raises `ValueError` for a label that is not on the list: that is a bug, found by the tests."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(reading, version))
    ProcessCollector(registry=registry)  # memory, processor time, open files and start of this process
    return generate_latest(registry)


class _Collector:
    def __init__(self, reading: Reading, version: str) -> None:
        self._reading, self._version = reading, version

    def collect(self) -> Iterator[Metric]:
        """Every family, in the library's own form."""
        yield _gauge(Gauge("anyapi", "This software.", ("version", "python"), {(self._version, platform.python_version()): 1}), "_info")
        yield from _requests(self._reading.counts)
        for gauge in self._reading.gauges:
            yield _gauge(gauge)


def _requests(counts: Counts) -> Iterator[Metric]:
    rows = counts.requests.items()
    yield _counter(
        "anyapi_requests",
        "Accepted requests that have ended.",
        ("operation", "model", "provider", "outcome"),
        {labels: sums.requests for labels, sums in rows},
    )
    yield _counter(
        "anyapi_requests_refused",
        "Requests answered with an error before they were accepted.",
        ("type",),
        {(kind,): count for kind, count in counts.refused.items()},
    )
    kinds: dict[str, Callable[[Sums], float]] = {
        "prompt": lambda sums: sums.prompt,
        "completion": lambda sums: sums.completion,
        "cached": lambda sums: sums.cached,
        "reasoning": lambda sums: sums.reasoning,
    }
    tokens: dict[tuple[str, ...], float] = {}
    for kind, read in kinds.items():
        tokens |= {(*pair, kind): value for pair, value in _summed(counts, read).items()}
    yield _counter("anyapi_tokens", "Tokens; cached ones are part of prompt, reasoning ones of completion.", (*_PAIR, "kind"), tokens)
    yield _counter("anyapi_cost_usd", "US dollars by catalogue prices.", _PAIR, _summed(counts, lambda sums: sums.cost))
    yield _histogram("anyapi_request_seconds", "From the whole request to the end of its answer.", counts, _duration)
    yield _histogram("anyapi_first_token_seconds", "From the whole request to the first content sent to the client.", counts, _first_token)


def _duration(sums: Sums) -> tuple[list[int], float]:
    return sums.durations, sums.duration


def _first_token(sums: Sums) -> tuple[list[int], float]:
    return sums.first_tokens, sums.first_token


def _summed(counts: Counts, read: Callable[[Sums], float]) -> dict[tuple[str, ...], float]:
    """A figure by model and provider."""
    found: dict[tuple[str, ...], float] = {}
    for (_, model, provider, _), sums in counts.requests.items():
        found[model, provider] = found.get((model, provider), 0) + read(sums)
    return found


def _histogram(name: str, what: str, counts: Counts, read: Callable[[Sums], tuple[list[int], float]]) -> HistogramMetricFamily:
    found: dict[tuple[str, str], tuple[list[int], float]] = {}
    for (_, model, provider, _), sums in counts.requests.items():
        buckets, total = read(sums)
        before, so_far = found.get((model, provider), ([0] * len(buckets), 0.0))
        found[model, provider] = [one + other for one, other in zip(before, buckets, strict=True)], so_far + total
    family = HistogramMetricFamily(name, what, labels=_allowed(_PAIR))
    for pair, (buckets, total) in found.items():
        running = list(accumulate(buckets))
        if running[-1]:
            family.add_metric(pair, [*zip(_BOUNDS, running[:-1], strict=True), ("+Inf", running[-1])], sum_value=total)
    return family


def _counter(name: str, what: str, labels: tuple[str, ...], values: Labelled) -> CounterMetricFamily:
    family = CounterMetricFamily(name, what, labels=_allowed(labels))
    for value, count in values.items():
        family.add_metric(value, count)
    return family


def _gauge(gauge: Gauge, suffix: str = "") -> Metric:
    if gauge.counter:
        return _counter(gauge.name, gauge.what, gauge.labels, gauge.values)
    family = GaugeMetricFamily(gauge.name + suffix, gauge.what, labels=_allowed(gauge.labels))
    for labels, value in gauge.values.items():
        family.add_metric(labels, value)
    return family


def _allowed(labels: Iterable[str]) -> tuple[str, ...]:
    names = tuple(labels)
    if not LABELS.issuperset(names):
        raise ValueError("a metric's label is not on the allow-list")
    return names
