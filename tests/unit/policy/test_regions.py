"""Region containment."""

import itertools

import pytest

from anyapi.policy import regions


@pytest.mark.parametrize(
    ("region", "other"),
    [("de", "de"), ("de", "eu"), ("de", "eea"), ("eu", "eea"), ("no", "eea"), ("is", "eea"), ("li", "eea"), ("local", "local")],
)
def test_lies_inside(region, other):
    assert regions.lies_inside(region, other)


@pytest.mark.parametrize(
    ("region", "other"),
    [
        ("eu", "de"),
        ("eea", "eu"),
        ("no", "eu"),
        ("gb", "eu"),
        ("ch", "eea"),
        ("us", "global"),
        ("local", "eu"),
        ("local", "global"),
        ("sg", "apac"),
    ],
)
def test_does_not_lie_inside(region, other):
    assert not regions.lies_inside(region, other)


def test_the_union_has_27_members_and_the_area_30_and_the_union():
    assert len(regions.EU) == 27
    assert regions.EEA - regions.EU == {"eu", "is", "li", "no"}
    assert all(len(code) == 2 and code.isascii() and code.islower() for code in regions.EU)
    assert regions.EU == set("at be bg hr cy cz dk ee fi fr de gr hu ie it lv lt lu mt nl pl pt ro sk si es se".split())


def test_outside_lists_what_lies_in_none_of_the_allowed():
    assert regions.outside({"us", "de", "cn"}, frozenset({"eu", "sg"})) == ("cn", "us")
    assert regions.outside({"de", "sg"}, frozenset({"eu", "sg"})) == ()
    assert regions.outside({"de"}, frozenset()) == ("de",)
    assert regions.outside((), frozenset({"eu"})) == ()


def _admitted(allowed):
    """Every region that there is a name for and that lies inside one of these."""
    every = regions.EEA | {"eea", "us", "global", "local", "apac", "ch"}
    return {region for region in every if not regions.outside((region,), allowed)}


def test_what_two_sets_have_in_common_admits_what_both_admit():
    """Exhaustively, over sets of up to three of these names."""
    names = ("de", "no", "eu", "eea", "us", "local")
    sets = [frozenset(some) for size in range(4) for some in itertools.combinations(names, size)]
    for a, b in itertools.product(sets, repeat=2):
        both = regions.common(a, b)
        assert _admitted(both) == _admitted(a) & _admitted(b)
        assert both <= a | b
        assert both == regions.common(b, a)
    for a in sets:
        assert regions.common(a, a) == a


@pytest.mark.parametrize(
    ("written", "region"),
    [
        ("EU", "eu"),
        (" De", "de"),
        ("Europe", "eu"),
        ("europ", "eu"),
        ("USA", "us"),
        ("global ", "global"),
        ("XY", None),
        ("", None),
        ("x" * 200, None),
    ],
)
def test_what_was_probably_meant(written, region):
    assert regions.meant(written) == region
