"""The order inside the permitted set. Never adds a candidate, never decides whether one is permitted.

The default order balances price with measured health. The score of a candidate, lowest first, is

    price share + latency share / 2 + 2 x error rate

* price share: the endpoint's price (input plus output, US dollars per million tokens) divided by the dearest known price of the
  decision's permitted endpoints. An unknown price counts as that dearest one; a local server without a price costs nothing.
* latency share: measured time to first content, divided by the slowest measured one of these candidates.
* error rate: measured share of failed attempts, 0 to 1.

What has not been measured takes the mean of what has been, so that it is neither preferred nor avoided. Deprecated and unverified
endpoints come after all others whatever they score; equal scores are ordered by endpoint id.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter

import msgspec

from anyapi.domain.call import Preference, Sort
from anyapi.domain.catalogue import Endpoint, Status
from anyapi.domain.decision import Candidate, EndpointHealth
from anyapi.domain.ids import EndpointId

LAST = 10.0
"""A step back: added to the static score of endpoints that rank last; more than all shares together."""
LATENCY_WEIGHT = 0.5
ERROR_WEIGHT = 2.0
_by_score_then_id = itemgetter(0, 1)


def price_of(endpoint: Endpoint, *, local: bool) -> float | None:
    """Input plus output in US dollars per million tokens; None if either is unknown, unless a local server answers."""
    price = endpoint.price
    if price.input is None or price.output is None:
        return 0.0 if local else None
    return price.input + price.output


def arranged(candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """The candidates with their static score, best first. `decide` does this once; ranking then only adds health."""
    priced = [(candidate, price_of(candidate.endpoint, local=candidate.local)) for candidate in candidates]
    dearest = max((price for _, price in priced if price is not None), default=0.0)
    scored = []
    for candidate, price in priced:
        share = (dearest if price is None else price) / dearest if dearest > 0 else 0.0
        score = share if candidate.endpoint.status is Status.ACTIVE else share + LAST
        scored.append((score, candidate.endpoint.id, msgspec.structs.replace(candidate, static_score=score)))
    scored.sort(key=_by_score_then_id)
    return tuple(candidate for _, _, candidate in scored)


def balanced(candidates: Sequence[Candidate], health: Mapping[EndpointId, EndpointHealth]) -> list[Candidate]:
    """Default order of those whose circuit is closed."""
    if not health:
        return list(candidates)
    closed = _closed(candidates, health)
    measured = [state for _, state in closed if state is not None]
    if not measured:
        return [candidate for candidate, _ in closed]
    usual, per_second = _usual(measured)
    scored = [
        (candidate.static_score + _health_score(state or usual, usual, per_second), candidate.endpoint.id, candidate)
        for candidate, state in closed
    ]
    scored.sort(key=_by_score_then_id)
    return [row[2] for row in scored]


def _closed(candidates: Iterable[Candidate], health: Mapping[EndpointId, EndpointHealth]) -> list[tuple[Candidate, EndpointHealth | None]]:
    rows = [(candidate, health.get(candidate.endpoint.id)) for candidate in candidates]
    return [row for row in rows if row[1] is None or not row[1].circuit_open]


def _usual(measured: Sequence[EndpointHealth]) -> tuple[EndpointHealth, float]:
    """The mean of what is measured, and what a second of latency weighs beside the slowest."""
    latencies = [state.latency for state in measured if state.latency is not None]
    errors = sum([state.error_rate for state in measured]) / len(measured)
    if not latencies:
        return EndpointHealth(0.0, error_rate=errors), 0.0
    slowest = max(latencies)
    return EndpointHealth(sum(latencies) / len(latencies), error_rate=errors), LATENCY_WEIGHT / slowest if slowest > 0 else 0.0


def _health_score(state: EndpointHealth, usual: EndpointHealth, per_second: float) -> float:
    latency = usual.latency if state.latency is None else state.latency
    return (latency or 0.0) * per_second + state.error_rate * ERROR_WEIGHT


def preferred(candidates: Sequence[Candidate], preference: Preference, health: Mapping[EndpointId, EndpointHealth]) -> list[Candidate]:
    """All candidates in the caller's order: providers of `order` first, then `sort`; what is steps back stays so. Open circuits stay in."""
    closed = balanced(candidates, {name: state for name, state in health.items() if not state.circuit_open})
    places = {provider: place for place, provider in enumerate(preference.order)}

    def key(row: tuple[int, Candidate]) -> tuple[float, int, float, int]:
        place, candidate = row
        asked = places.get(candidate.endpoint.provider, len(places))
        return candidate.static_score // LAST, asked, _sort_value(candidate, preference.sort, health), place

    return [candidate for _, candidate in sorted(enumerate(closed), key=key)]


def _sort_value(candidate: Candidate, sort: Sort | None, health: Mapping[EndpointId, EndpointHealth]) -> float:
    """What `sort` compares, lowest first. Unmeasured latency and throughput come after measured."""
    if sort is None:
        return 0.0
    if sort is Sort.PRICE:
        return candidate.static_score
    state = health.get(candidate.endpoint.id)
    if state is None:
        return math.inf
    if sort is Sort.LATENCY:
        return math.inf if state.latency is None else state.latency
    return math.inf if state.throughput is None else -state.throughput
