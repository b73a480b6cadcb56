"""How many endpoints each reason stands against: the short form of many denials. Names no endpoint."""

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from anyapi.domain.decision import Denial, ReasonCode, ReasonKind
from anyapi.domain.requirement import Layer


class ReasonCount(msgspec.Struct, frozen=True):
    """One reason and how many endpoints it stands against. An endpoint may be counted under several."""

    code: ReasonCode
    kind: ReasonKind
    setting: str | None
    layers: tuple[Layer, ...]
    endpoints: int


def tally(denied: Iterable[Denial]) -> tuple[ReasonCount, ...]:
    """Every reason with its count, the commonest first; of equal ones that which came first."""
    found = Counter((reason.code, reason.kind, reason.setting, reason.layers) for denial in denied for reason in denial.reasons)
    return tuple(ReasonCount(*key, endpoints) for key, endpoints in found.most_common())


def nearest_first(denied: Sequence[Denial]) -> list[Denial]:
    """The denials with the fewest reasons first, and of these the ones that only policy rules out; else as they came."""
    return sorted(denied, key=lambda denial: (len(denial.reasons), not denial.available))
