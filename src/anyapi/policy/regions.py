"""Which region lies inside which (docs/policy.md section 3). Knows nothing of endpoints."""

from collections.abc import Iterable

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


def lies_inside(region: str, other: str) -> bool:
    """Whether everything in `region` is in `other`: they are equal, or the first is a member of `eu` or `eea`."""
    return region == other or region in MEMBERS.get(other, ())


def outside(regions: Iterable[str], allowed: frozenset[str]) -> tuple[str, ...]:
    """Those of `regions` that lie inside none of `allowed`, sorted."""
    return tuple(sorted(region for region in regions if not any(lies_inside(region, other) for other in allowed)))
