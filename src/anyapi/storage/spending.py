"""What usage adds to the spending of keys, and reading it: what is written down, and rows that are not added to it yet."""

import json
from collections import defaultdict
from collections.abc import Iterable
from typing import TypeAlias

from anyapi.domain.ids import AccountId, KeyId
from anyapi.domain.limits import CapPeriod
from anyapi.storage.driver import Row
from anyapi.storage.key_statements import CAPPED_SPENDING, COSTS_OF_ACCOUNT, COSTS_OF_CAPPED, LINEAGES_OF_KEYS, SPENDING
from anyapi.storage.rollups import SUMS, Kinds
from anyapi.storage.rows import SpendingRow
from anyapi.storage.usage_reading import Read, number

SECONDS_A_DAY = 86_400
_COST = SUMS.index("cost")
Spent: TypeAlias = tuple[str, str, int, float]
"""Account, lineage, UTC day since 1970, US dollars."""


def spent_in(found: Kinds) -> dict[tuple[KeyId, int], float]:
    """What usage cost, by key and UTC day (since 1970)."""
    spent: defaultdict[tuple[KeyId, int], float] = defaultdict(float)
    for (_, hour), there in found.items():
        for kind, (sums, _) in there.items():
            if sums[_COST]:
                spent[kind[0], hour // SECONDS_A_DAY] += sums[_COST]
    return dict(spent)


def spending_of(read: Read, found: Kinds) -> list[Spent]:
    """What usage cost, by lineage and day, each once; keys that are not in the store spend nothing. Raises the driver's errors."""
    by_key = spent_in(found)
    if not by_key:
        return []
    keys = json.dumps(sorted({key for key, _ in by_key}))
    known = {str(key): (str(account), str(lineage)) for key, account, lineage in read(LINEAGES_OF_KEYS, {"list": keys})}
    spent: defaultdict[tuple[str, str, int], float] = defaultdict(float)
    for (key, day), cost in by_key.items():
        if key in known:
            spent[*known[key], day] += cost
    return [(*place, cost) for place, cost in spent.items()]


def spending(read: Read, account: AccountId, month: int, week: int, day: int) -> list[SpendingRow]:
    """What the keys of an account spent: ever, and since three days."""
    waiting, rows = _waiting(read(COSTS_OF_ACCOUNT, {"account": account})), []
    for key, lineage, *stored in read(SPENDING, {"account": account, "month": month, "week": week, "day": day}):
        sums = (number(value) + _since(waiting[str(lineage)], first) for value, first in zip(stored, (0, month, week, day), strict=True))
        rows.append(SpendingRow(KeyId(str(key)), *sums))
    return [row for row in rows if row.total]


def capped_spending(read: Read, month: int, week: int, day: int) -> dict[KeyId, float]:
    """What each key that a cap holds has spent in the current period of its cap, which began on one of three days or never."""
    began = {CapPeriod.DAY: day, CapPeriod.WEEK: week, CapPeriod.MONTH: month, CapPeriod.TOTAL: 0}
    waiting, spent = _waiting(read(COSTS_OF_CAPPED, {})), {}
    for key, lineage, period, stored in read(CAPPED_SPENDING, {"month": month, "week": week, "day": day}):
        spent[KeyId(str(key))] = number(stored) + _since(waiting[str(lineage)], began[CapPeriod(str(period))])
    return {key: cost for key, cost in spent.items() if cost}


def _waiting(rows: Iterable[Row]) -> defaultdict[str, list[tuple[int, float]]]:
    """Days and costs that are not added to the spending yet, by lineage."""
    waiting = defaultdict(list)
    for lineage, at, cost in rows:
        waiting[str(lineage)].append((int(number(at) // SECONDS_A_DAY), number(cost)))
    return waiting


def _since(spent: list[tuple[int, float]], first: int) -> float:
    return sum(cost for day, cost in spent if day >= first)
