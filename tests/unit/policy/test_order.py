"""The order inside the permitted set."""

import pytest
from tests.unit.policy.samples import MODEL, NOW, context, endpoint, provider

from anyapi.domain.call import NO_FACTS, Preference, Sort
from anyapi.domain.catalogue import Price, Status
from anyapi.domain.decision import EndpointHealth
from anyapi.policy.decide import decide
from anyapi.policy.merge import UNCONSTRAINED
from anyapi.policy.order import LAST, arranged, balanced, preferred, price_of


def candidates(*prices, kinds=(), statuses=()):
    """Candidates a, b, c, ... with these prices (input, output)."""
    names = "abcdefg"[: len(prices)]
    kinds = (*kinds, *["host"] * len(prices))
    statuses = (*statuses, *[Status.ACTIVE] * len(prices))
    items = [provider(name, kind=kinds[place]) for place, name in enumerate(names)]
    ends = [
        endpoint(name, price=Price(*(price or ())), status=statuses[place])
        for place, (name, price) in enumerate(zip(names, prices, strict=True))
    ]
    return decide(UNCONSTRAINED, MODEL, NO_FACTS, context(items, ends), None, NOW).permitted


def order(found):
    return "".join(candidate.endpoint.provider for candidate in found)


def health(**states):
    return {f"{name}/one": state for name, state in states.items()}


def test_price():
    assert price_of(endpoint(price=Price(1.5, 2)), local=False) == 3.5
    assert price_of(endpoint(price=Price(None, 2)), local=False) is None
    assert price_of(endpoint(price=Price(2, None)), local=False) is None
    assert price_of(endpoint(price=Price(2, None)), local=True) == 0.0
    assert price_of(endpoint(price=Price(1, 2)), local=True) == 3.0


def test_static_scores_are_price_shares_and_an_unknown_price_is_as_dear_as_the_dearest():
    found = candidates((4, 4), None, (1, 1), (0, 0))
    assert [(item.endpoint.provider, item.static_score) for item in found] == [("d", 0.0), ("c", 0.25), ("a", 1.0), ("b", 1.0)]


def test_small_prices_are_shared_out_like_great_ones():
    assert [item.static_score for item in candidates((0.25, 0.25), (0.1, 0.15))] == [0.5, 1.0]


def test_no_known_price_and_only_free_ones():
    assert [(item.endpoint.provider, item.static_score) for item in candidates(None, None)] == [("a", 0.0), ("b", 0.0)]
    assert [item.static_score for item in candidates((0, 0), None)] == [0.0, 0.0]
    assert [(item.endpoint.provider, item.static_score) for item in candidates((1, 1), None, kinds=("host", "local"))] == [
        ("b", 0.0),
        ("a", 1.0),
    ]


def test_deprecated_and_unverified_come_last():
    found = candidates((0, 0), (1, 1), (8, 8), statuses=(Status.DEPRECATED, Status.UNVERIFIED))
    assert [(item.endpoint.provider, item.static_score) for item in found] == [("c", 1.0), ("a", LAST), ("b", LAST + 0.125)]
    assert LAST == 10


def test_arranged_is_deterministic_by_id():
    found = candidates((1, 1), (1, 1), (1, 1))
    assert order(arranged(reversed(found))) == "abc"
    assert arranged([]) == ()


def test_without_health_the_static_order_stands():
    found = candidates((3, 3), (1, 1), (2, 2))
    assert order(balanced(found, {})) == "bca"
    assert order(balanced(found, health(z=EndpointHealth(1.0)))) == "bca"
    assert order(balanced(found, health(b=EndpointHealth(circuit_open=True)))) == "ca"


def test_open_circuits_drop_out():
    found = candidates((1, 1), (2, 2))
    assert order(balanced(found, health(a=EndpointHealth(circuit_open=True), b=EndpointHealth(1.0, error_rate=1.0)))) == "b"
    assert balanced(found, health(a=EndpointHealth(circuit_open=True), b=EndpointHealth(circuit_open=True))) == []


def test_errors_weigh_twice_a_price_share():
    found = candidates((1, 1), (2, 2))
    assert order(balanced(found, health(a=EndpointHealth(error_rate=0.24), b=EndpointHealth()))) == "ab"
    assert order(balanced(found, health(a=EndpointHealth(error_rate=0.26), b=EndpointHealth()))) == "ba"


def test_latency_weighs_half_a_price_share():
    found = candidates((1, 1), (2, 2))
    # shares 0.5 and 1: a is slower by all of the slowest, which costs 0.5
    assert order(balanced(found, health(a=EndpointHealth(2.0), b=EndpointHealth(0.02)))) == "ab"
    near = candidates((1.02, 1.02), (2, 2))
    assert order(balanced(near, health(a=EndpointHealth(2.0), b=EndpointHealth(0.02)))) == "ba"


def test_latencies_under_a_second_and_of_nothing():
    found = candidates((1, 1), (1, 1))
    assert order(balanced(found, health(a=EndpointHealth(0.2), b=EndpointHealth(0.1)))) == "ba"
    assert order(balanced(found, health(a=EndpointHealth(0.0), b=EndpointHealth(0.0)))) == "ab"
    near = candidates((1.3, 1.3), (1, 1))
    assert order(balanced(near, health(a=EndpointHealth(0.0), b=EndpointHealth(1.0)))) == "ab"


def test_the_score_is_the_formula_of_the_page():
    """At the exact balance of price share, latency share and errors the id decides; a hair beyond it does not."""
    found = candidates((1, 1), (4, 4))
    # a: 0.25 + 0.5 * 1 + 2 * e = b: 1 + 0.5 * 0.5  ->  e = 0.25
    assert order(balanced(found, health(a=EndpointHealth(2.0, error_rate=0.25), b=EndpointHealth(1.0)))) == "ab"
    assert order(balanced(found, health(a=EndpointHealth(2.0, error_rate=0.2501), b=EndpointHealth(1.0)))) == "ba"
    assert order(balanced(found, health(a=EndpointHealth(1.0, error_rate=0.2501), b=EndpointHealth(1.0)))) == "ab"


@pytest.mark.parametrize("measured", [EndpointHealth(2.0, error_rate=0.5), EndpointHealth(0.1), EndpointHealth(None, error_rate=0.9)])
def test_what_is_not_measured_is_neither_preferred_nor_avoided(measured):
    found = candidates((1, 1), (1.1, 1.1))
    assert order(balanced(found, health(a=measured))) == "ab"
    assert order(balanced(found, health(b=measured))) == "ab"


def test_an_unmeasured_one_takes_the_mean():
    found = candidates((1, 1), (1, 1), (1, 1))
    assert order(balanced(found, health(a=EndpointHealth(3.0), b=EndpointHealth(1.0)))) == "bca"
    assert order(balanced(found, health(a=EndpointHealth(error_rate=0.3), b=EndpointHealth(error_rate=0.1)))) == "bca"
    assert order(balanced(found, health(a=EndpointHealth(3.0), b=EndpointHealth(1.0), c=EndpointHealth()))) == "bca"
    four = candidates((1, 1), (1, 1), (1, 1), (1, 1))
    uneven = health(a=EndpointHealth(4.0), b=EndpointHealth(1.0), c=EndpointHealth(2.0))
    assert order(balanced(four, uneven)) == "bcda"
    uneven = health(a=EndpointHealth(error_rate=0.4), b=EndpointHealth(error_rate=0.1), c=EndpointHealth(error_rate=0.2))
    assert order(balanced(four, uneven)) == "bcda"


def test_last_stays_last_whatever_its_health():
    found = candidates((1, 1), (9, 9), statuses=(Status.DEPRECATED,))
    assert order(balanced(found, health(a=EndpointHealth(0.01), b=EndpointHealth(60.0, error_rate=1.0)))) == "ba"
    assert order(preferred(found, Preference(order=("a",)), {})) == "ba"
    assert order(preferred(found, Preference(sort=Sort.PRICE), {})) == "ba"
    free = candidates((0, 0), (9, 9), statuses=(Status.UNVERIFIED,))
    assert order(preferred(free, Preference(order=("a",)), {})) == "ba"


def test_the_callers_order_comes_first_then_the_balance():
    found = candidates((1, 1), (2, 2), (3, 3), (4, 4))
    assert order(preferred(found, Preference(order=("d", "b")), {})) == "dbac"
    assert order(preferred(found, Preference(order=("zz", "c")), {})) == "cabd"
    assert order(preferred(found, Preference(order=("d",)), health(a=EndpointHealth(error_rate=0.9), b=EndpointHealth()))) == "dbca"


def test_sort():
    found = candidates((1, 1), (2, 2), (3, 3))
    states = health(a=EndpointHealth(3.0, 10.0), b=EndpointHealth(2.0, 30.0), c=EndpointHealth(1.0, 20.0))
    assert order(preferred(found, Preference(sort=Sort.PRICE), states)) == "abc"
    assert order(preferred(found, Preference(sort=Sort.LATENCY), states)) == "cba"
    assert order(preferred(found, Preference(sort=Sort.THROUGHPUT), states)) == "bca"
    assert order(preferred(found, Preference(sort=Sort.THROUGHPUT, order=("c",)), states)) == "cba"


def test_sort_puts_the_unmeasured_behind_the_measured():
    found = candidates((1, 1), (2, 2), (3, 3))
    assert order(preferred(found, Preference(sort=Sort.LATENCY), health(c=EndpointHealth(9.0), b=EndpointHealth()))) == "cab"
    assert order(preferred(found, Preference(sort=Sort.THROUGHPUT), health(c=EndpointHealth(None, 0.1), b=EndpointHealth()))) == "cab"


def test_preferred_keeps_open_circuits_in_place():
    found = candidates((1, 1), (2, 2))
    assert order(preferred(found, Preference(), health(a=EndpointHealth(circuit_open=True)))) == "ab"
