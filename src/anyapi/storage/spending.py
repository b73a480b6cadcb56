"""What usage rows add to the spending of their keys. Adds up; `usage_sums` writes it, in the transaction of the rows."""

import json
from collections.abc import Iterable
from typing import TypeAlias

from anyapi.domain.ids import KeyId
from anyapi.domain.usage import UsageRow
from anyapi.storage.driver import Connection
from anyapi.storage.key_statements import LINEAGES_OF_KEYS

SECONDS_A_DAY = 86_400
Spent: TypeAlias = tuple[str, str, int, float]
"""Account, lineage, UTC day since 1970, US dollars."""


def spent_in(rows: Iterable[UsageRow]) -> dict[tuple[KeyId, int], float]:
    """What rows cost, by key and UTC day (since 1970)."""
    found: dict[tuple[KeyId, int], float] = {}
    for row in rows:
        if row.cost:
            place = (row.key, int(row.at // SECONDS_A_DAY))
            found[place] = found.get(place, 0.0) + row.cost
    return found


def spending_of(connection: Connection, rows: Iterable[UsageRow]) -> list[Spent]:
    """What rows cost, by lineage and day, each once; keys that are not in the store spend nothing. Raises the driver's errors.

    INVARIANT: to be added only if all rows are new, in the transaction that inserts them.
    """
    by_key = spent_in(rows)
    if not by_key:
        return []
    keys = json.dumps(sorted({key for key, _ in by_key}))
    known = {str(key): (str(account), str(lineage)) for key, account, lineage in connection.execute(LINEAGES_OF_KEYS, (keys,)).fetchall()}
    found: dict[tuple[str, str, int], float] = {}
    for (key, day), cost in by_key.items():
        if key in known:
            place = (*known[key], day)
            found[place] = found.get(place, 0.0) + cost
    return [(*place, cost) for place, cost in found.items()]
