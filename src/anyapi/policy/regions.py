"""Which region lies inside which (docs/policy.md section 3). Knows nothing of endpoints."""

from collections.abc import Iterable

from anyapi.policy.nearest import nearest

EU = frozenset({
    "at", "be", "bg", "cy", "cz", "de", "dk", "ee", "es", "fi", "fr", "gr", "hr", "hu",
    "ie", "it", "lt", "lu", "lv", "mt", "nl", "pl", "pt", "ro", "se", "si", "sk",
})  # fmt: skip
"""Member countries of the European Union, ISO 3166-1 alpha-2."""
EEA = EU | {"eu", "is", "li", "no"}
"""What lies inside the European Economic Area: the EU as a whole, its members, Iceland, Liechtenstein, Norway."""
GLOBAL = "global"
"""Of an endpoint: wherever the provider pleases."""
MEMBERS = {"eu": EU, "eea": EEA}
_WRITTEN = {"europe": "eu", "usa": "us", "america": "us", "asia": "apac", "world": GLOBAL, "worldwide": GLOBAL, "on-premises": "local"}
"""How people write some of them."""
_SUGGESTED = EEA | {"eea", "us", "apac", GLOBAL, "local"}


def meant(text: str) -> str | None:
    """The region that a text which is none was probably to be; None where nothing is near. Gives names of its own alone."""
    asked = text.strip().lower()
    if asked in _SUGGESTED:
        return asked
    near = nearest(asked, _WRITTEN, 1)
    return _WRITTEN[near[0]] if near else None


def lies_inside(region: str, other: str) -> bool:
    """Whether everything in `region` is in `other`: they are equal, or the first is a member of `eu` or `eea`."""
    return region == other or region in MEMBERS.get(other, ())


def common(a: frozenset[str], b: frozenset[str]) -> frozenset[str]:
    """The names of either that lie inside the other: what lies inside both `a` and `b` lies inside these, and nothing else does.

    `eea` and `de` have `de` in common. Two regions overlap only where one lies inside the other, so nothing is lost.
    """
    return frozenset(region for region in a | b if not outside((region,), a) and not outside((region,), b))


def outside(regions: Iterable[str], allowed: frozenset[str]) -> tuple[str, ...]:
    """Those of `regions` that lie inside none of `allowed`, sorted."""
    return tuple(sorted(region for region in regions if not any(lies_inside(region, other) for other in allowed)))
