"""Sums of usage rows by hour: what is summed, by what, and how the sums stay few. Pure: reads and writes nothing.

Rows are added up in two steps. Those of one account and hour that are alike in every label make a `Kind`: one look-up for each row, however
many accounts and keys there are. Cells, of which each kind has eight, are added to much less often.

Each dimension has cells of its own, so that dimensions add up and do not multiply: an hour has as many cells as it has models, plus as
many as it has keys, and so on, never one for each combination. All labels but the app's come from lists that end (the catalogue, the
account's keys, enumerated outcomes); callers choose the app's name, so an hour has at most `MOST_APPS` of an account, and the rest
are counted together as `OTHER_APPS`. Ids of users and sessions, versions and decisions are no label of anything.
"""

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Iterable
from operator import add
from typing import TypeAlias, TypeVar

from anyapi.domain.evidence import CONTRADICTIONS
from anyapi.domain.ids import AccountId, KeyId, ProviderId
from anyapi.domain.usage import LATENCY_BOUNDS, UsageRow, UsageSource
from anyapi.storage.rows import NO_LABEL, UsageGroup

HOUR = 3600
ALL = "all"
"""The dimension with one cell for an account and hour."""
MOST_APPS = 200
OTHER_APPS = "(others)"
"""Cannot be an app's name: those have no brackets."""
_BY_KEY, _BY_APP = (UsageGroup.KEY.value,), (UsageGroup.APP.value,)
_BY_MODEL = (UsageGroup.MODEL.value, UsageGroup.PROVIDER.value)
_BY_OUTCOME = (ALL, UsageGroup.OUTCOME.value, UsageGroup.HOST.value, UsageGroup.EVIDENCE.value)
DIMENSIONS = (*_BY_KEY, *_BY_APP, *_BY_MODEL, *_BY_OUTCOME)
SUMS = (
    *("requests", "succeeded", "prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens"),
    *("cost", "unpriced", "unmeasured", "contradicted"),
)
"""Summed over every row, in the order of `UsageTotal`."""
BUCKETS = len(LATENCY_BOUNDS) + 1
DURATIONS = tuple(f"duration_{place:02d}" for place in range(BUCKETS))
"""Counts of answered requests by response time."""
FIRST_TOKENS = tuple(f"first_token_{place:02d}" for place in range(BUCKETS))
"""Counts of answered requests by time to the first token, where there was one."""
MEASURES = (*SUMS, *DURATIONS, *FIRST_TOKENS)
COLUMNS = ("dimension", "account", "hour", "label", *MEASURES)
_SUMMED = len(SUMS)
_APPS_REMEMBERED = 4096
_SUCCESS = "success"
_CONTRADICTED = frozenset(CONTRADICTIONS)
_DAY = 86_400


Cell: TypeAlias = tuple[str, AccountId, int, str]
"""Where a row is counted: dimension, account, the hour's first second in Unix time, label."""
Sums: TypeAlias = list[float]
"""In the order of `MEASURES`; whole numbers but for the cost."""
Place: TypeAlias = tuple[AccountId, int]
"""An account, and an hour's first second."""
Kind: TypeAlias = tuple[KeyId, str, ProviderId | None, str, str | None, ProviderId | None, str | None]
"""What rows of one place may be alike in: key, model, provider, outcome, app, host, evidence."""
Found: TypeAlias = tuple[Sums, dict[int, int]]
"""What stands in `SUMS`, and counts by the place of their bucket in `DURATIONS` and `FIRST_TOKENS`."""
Kinds: TypeAlias = dict[Place, dict[Kind, Found]]
AppLabel: TypeAlias = Callable[[AccountId, int, str], str]
_Label = TypeVar("_Label")
_Group: TypeAlias = tuple[AccountId, int, tuple[str, ...], tuple[str, ...]]


def hour_of(at: float) -> int:
    """Give the first second of the UTC hour of `at`."""
    return int(at // HOUR) * HOUR


def kinds(rows: Iterable[UsageRow], found: Kinds | None = None) -> Kinds:
    """Sum the rows that are alike in every label, onto what was found before."""
    found = {} if found is None else found
    for row in rows:
        place = (row.account, int(row.at // HOUR) * HOUR)
        there = found.get(place)
        if there is None:
            there = found[place] = {}
        kind = (row.key, row.model, row.provider, row.outcome, row.app.name or row.app.id, row.host, row.evidence)
        sums = there.get(kind)
        if sums is None:
            sums = there[kind] = ([0] * _SUMMED, {})
        _add(row, *sums)
    return found


def add_to(into: dict[_Label, Found], label: _Label, more: Found) -> None:
    """Add sums to those that stand under a label."""
    there = into.get(label)
    if there is None:
        into[label] = (more[0].copy(), more[1].copy())
        return
    there[0][:] = map(add, there[0], more[0])
    for place, count in more[1].items():
        there[1][place] = there[1].get(place, 0) + count


def cells(found: Kinds, app_label: AppLabel, sign: int = 1) -> dict[Cell, Sums]:
    """Spread kinds over the cells that they are counted in. `sign` -1 gives what is to be added when the rows go."""
    groups: dict[_Group, Found] = {}
    for (account, hour), there in found.items():
        for kind, sums in there.items():
            for group in _groups_of(account, hour, kind, app_label):
                add_to(groups, group, sums)
    spread: dict[Cell, Found] = {}
    for (account, hour, dimensions, labels), sums in groups.items():
        for dimension, label in zip(dimensions, labels, strict=True):
            add_to(spread, (dimension, account, hour, label), sums)
    return {cell: flat(sums, sign) for cell, sums in spread.items()}


def flat(found: Found, sign: int = 1) -> Sums:
    """Give sums in the order of `MEASURES`."""
    sums, buckets = found
    counts = [0] * (2 * BUCKETS)
    for place, count in buckets.items():
        counts[place] = sign * count
    return [*(sums if sign == 1 else (sign * value for value in sums)), *counts]


def _add(row: UsageRow, sums: Sums, buckets: dict[int, int]) -> None:
    tokens, cost = row.tokens, row.cost
    sums[0] += 1
    sums[2] += tokens.prompt
    sums[3] += tokens.completion
    sums[4] += tokens.cached
    sums[5] += tokens.reasoning
    if cost is None:
        sums[7] += 1
    else:
        sums[6] += cost
    if row.source is not UsageSource.MEASURED:
        sums[8] += 1
    if row.evidence in _CONTRADICTED:
        sums[9] += 1
    if row.outcome == _SUCCESS:
        sums[1] += 1
        place = bisect_left(LATENCY_BOUNDS, row.duration)
        buckets[place] = buckets.get(place, 0) + 1
        if row.first_token is not None:
            place = BUCKETS + bisect_left(LATENCY_BOUNDS, row.first_token)
            buckets[place] = buckets.get(place, 0) + 1


def _groups_of(account: AccountId, hour: int, kind: Kind, app_label: AppLabel) -> tuple[_Group, ...]:
    """Labels that go together, so that kinds unlike in all of them are added up four times and not eight."""
    key, model, provider, outcome, app, host, evidence = kind
    called = NO_LABEL if app is None or app == NO_LABEL else app_label(account, hour, app)
    return (
        (account, hour, _BY_KEY, (key,)),
        (account, hour, _BY_APP, (called,)),
        (account, hour, _BY_MODEL, (model, provider or NO_LABEL)),
        (account, hour, _BY_OUTCOME, (NO_LABEL, outcome, host or NO_LABEL, evidence or NO_LABEL)),
    )


def label_of(by: UsageGroup, place: Place, kind: Kind, app_label: AppLabel) -> str | int:
    """Give the label that a kind is counted under, as a statement about the cells would: of days and hours their first second."""
    account, hour = place
    if by is UsageGroup.ACCOUNT:
        return account
    if by in {UsageGroup.DAY, UsageGroup.HOUR}:
        return hour if by is UsageGroup.HOUR else hour - hour % _DAY
    for _, _, dimensions, labels in _groups_of(account, hour, kind, app_label):
        if by.value in dimensions:
            return labels[dimensions.index(by.value)]
    raise AssertionError(by)


class AppLabels:
    """Which apps of an account have a cell of their own in an hour: those that have one already, and new ones while there is room."""

    def __init__(self, stored: Callable[[AccountId, int], Iterable[str]], most: int = MOST_APPS) -> None:
        """`stored` reads the labels of the stored cells of an account and hour; asked once for each, and again much later."""
        self._stored, self._most = stored, most
        self._known: OrderedDict[tuple[AccountId, int], set[str]] = OrderedDict()

    def __call__(self, account: AccountId, hour: int, app: str) -> str:
        """Give the label that a row of this app is counted under when it comes."""
        known = self._of(account, hour)
        if app in known:
            return app
        if len(known) >= self._most:
            return OTHER_APPS
        known.add(app)
        return app

    def counted(self, account: AccountId, hour: int, app: str) -> str:
        """Give the label that a row of this app was counted under, for when it goes."""
        return app if app in self._of(account, hour) else OTHER_APPS

    def _of(self, account: AccountId, hour: int) -> set[str]:
        known = self._known.get((account, hour))
        if known is None:
            known = self._known[account, hour] = set(self._stored(account, hour)) - {OTHER_APPS, NO_LABEL}
            if len(self._known) > _APPS_REMEMBERED:
                self._known.popitem(last=False)
        return known
