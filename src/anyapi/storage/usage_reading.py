"""Reads usage: whole hours from the sums that are kept for them, the ends of a span that fall within an hour from the rows themselves.

Works on whatever asks the store one question after another on one state of it; knows no connection.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import starmap
from typing import NamedTuple, TypeAlias

import msgspec

from anyapi.domain.ids import AccountId
from anyapi.domain.usage import UsageRow
from anyapi.storage import usage_statements as statements
from anyapi.storage.driver import Row, Value
from anyapi.storage.rollups import (
    BUCKETS,
    DURATIONS,
    FIRST_TOKENS,
    HOUR,
    SUMS,
    AppLabels,
    Found,
    Sums,
    add_to,
    flat,
    hour_of,
    kinds,
    label_of,
)
from anyapi.storage.rows import UsageGroup, UsageTimes, UsageTotal
from anyapi.storage.usage_columns import from_columns

_NAMED_BY_TIME = {UsageGroup.DAY: "%Y-%m-%d", UsageGroup.HOUR: "%Y-%m-%d %H:00"}


Read: TypeAlias = Callable[[str, Mapping[str, Value]], list[Row]]
"""Asks one question of the store."""


class Part(NamedTuple):
    """A part of one hour; times in Unix seconds."""

    hour: int
    since: float
    until: float


class Cut(NamedTuple):
    """A span cut into whole hours, from `first` until before `last`, and what is left at its ends."""

    first: int
    last: int
    parts: tuple[Part, ...]


class Page(NamedTuple):
    """Which rows to give: those with `since <= at < until`, and at `until` those whose decision is less than `before`."""

    since: float
    until: float
    limit: int
    before: str = ""


def cut(since: float, until: float, oldest: float, newest: float) -> Cut:
    """Cut a span. An end beyond all rows counts as a whole hour: there is nothing in it that the span leaves out."""
    if not (since < until and since <= newest and until > oldest):
        return Cut(0, 0, ())
    first = hour_of(oldest) if since <= oldest else -hour_of(-since)
    last = hour_of(newest) + HOUR if until > newest else hour_of(until)
    if first > last:
        return Cut(0, 0, (Part(last, since, until),))
    start = [Part(first - HOUR, since, first)] if oldest < since < first else []
    end = [Part(last, last, until)] if last < until <= newest else []
    return Cut(first, last, (*start, *end))


def totals(read: Read, by: UsageGroup, since: float, until: float, account: AccountId | None) -> list[UsageTotal]:
    """Sums over a span, one for each label, ordered by label."""
    whole, parts, values = _cut(read, since, until, account)
    of_account = account is not None
    found = read(statements.sums_of_hours(by, SUMS, of_account=of_account), {**values, **whole})
    for part in parts:
        found += read(statements.sums_of_rows(by, of_account=of_account), {**values, **part})
    sums: defaultdict[str, list[float]] = defaultdict(lambda: [0] * len(SUMS))
    found += [(label, *more[: len(SUMS)]) for label, more in _not_added(read, by, account, whole)]
    for label, *measured in found:
        into = sums[_label(by, label)]
        for place, value in enumerate(measured):
            into[place] += number(value)
    return [_total(label, measured) for label, measured in sorted(sums.items()) if measured[0]]


def times(read: Read, by: UsageGroup, since: float, until: float, account: AccountId | None) -> list[UsageTimes]:
    """Counts of answered requests over a span, by label and bucket, ordered by label."""
    whole, parts, values = _cut(read, since, until, account)
    of_account = account is not None
    counts: defaultdict[str, list[int]] = defaultdict(lambda: [0] * (2 * BUCKETS))
    found = read(statements.sums_of_hours(by, (*DURATIONS, *FIRST_TOKENS), of_account=of_account), {**values, **whole})
    found += [(label, *more[len(SUMS) :]) for label, more in _not_added(read, by, account, whole)]
    for label, *measured in found:
        into = counts[_label(by, label)]
        for place, value in enumerate(measured):
            into[place] += int(number(value))
    for part in parts:
        for label, took, first, requests in read(statements.times_of_rows(by, of_account=of_account), {**values, **part}):
            into = counts[_label(by, label)]
            into[int(number(took))] += int(number(requests))
            if first is not None:
                into[BUCKETS + int(number(first))] += int(number(requests))
    counted = ((label, tuple(into[:BUCKETS]), tuple(into[BUCKETS:])) for label, into in sorted(counts.items()))
    return list(starmap(UsageTimes, (one for one in counted if any(one[1]))))


def app_labels(read: Read) -> AppLabels:
    """Which apps have cells of their own, as whoever reads sees it."""
    return AppLabels(lambda account, hour: [str(label) for (label,) in read(statements.APPS_OF_HOUR, {"account": account, "hour": hour})])


def _not_added(read: Read, by: UsageGroup, account: AccountId | None, whole: Mapping[str, int]) -> Iterator[tuple[Value, Sums]]:
    """What the sums of whole hours lack, by label, in the order of `MEASURES`."""
    statement = statements.NOT_ADDED if account is None else statements.NOT_ADDED_OF_ACCOUNT
    stored = read(statement, {"account": account, "since": whole["first"], "until": whole["last"]})
    labelled: dict[Value, Found] = {}
    apps = app_labels(read)
    for place, there in kinds(from_columns(values) for values in stored).items():
        for kind, sums in there.items():
            add_to(labelled, label_of(by, place, kind, apps), sums)
    return ((label, flat(sums)) for label, sums in labelled.items())


def rows(read: Read, page: Page, account: AccountId | None) -> list[UsageRow]:
    """Rows of a page, newest first. Of one account: only the hours are looked into in which it has rows."""
    asked: dict[str, Value] = {**page._asdict(), "account": account}
    if account is None:
        return [from_columns(row) for row in read(statements.USAGE_ROWS, asked)]
    oldest, newest = _bounds(read)
    since, until = max(page.since, oldest), min(page.until, newest + 1)
    if not since <= until:
        return []
    # Each of these hours has a row, but for those at the two ends perhaps.
    hours: dict[str, Value] = {"account": account, "first": hour_of(since), "last": hour_of(until) + HOUR, "limit": page.limit + 2}
    known = {int(number(hour)) for (hour,) in read(statements.HOURS_OF_ACCOUNT, hours)}
    ((first, last),) = read(statements.SPAN_NOT_ADDED, {"account": account})
    if first is not None:
        known |= set(range(hour_of(max(number(first), since)), hour_of(min(number(last), until)) + HOUR, HOUR))
    found: list[Row] = []
    for start in sorted(known, reverse=True):
        end = start + HOUR
        within: dict[str, Value] = {"since": max(page.since, start), "limit": page.limit - len(found)}
        within |= {"until": end, "before": ""} if end < page.until else {}
        found += read(statements.USAGE_ROWS_OF_ACCOUNT, {**asked, **within})
        if len(found) >= page.limit:
            break
    return [from_columns(row) for row in found]


def _cut(
    read: Read, since: float, until: float, account: AccountId | None
) -> tuple[dict[str, int], Iterable[dict[str, Value]], dict[str, Value]]:
    """What to ask for: of whole hours, of each part of one, of both."""
    oldest, newest = _bounds(read)
    first, last, parts = cut(since, until, oldest, newest)
    return {"first": first, "last": last}, [part._asdict() for part in parts], {"account": account}


def _bounds(read: Read) -> tuple[float, float]:
    """The times of the oldest and the newest row of all; the newest before the oldest if there is none."""
    ((oldest, newest),) = read(statements.USAGE_BOUNDS, {})
    return (0.0, -1.0) if oldest is None else (number(oldest), number(newest))


def _label(by: UsageGroup, label: Value) -> str:
    if by not in _NAMED_BY_TIME:
        return str(label)
    return dt.datetime.fromtimestamp(number(label), dt.UTC).strftime(_NAMED_BY_TIME[by])


def _total(label: str, sums: list[float]) -> UsageTotal:
    named = {name: value if name == "cost" else int(value) for name, value in zip(SUMS, sums, strict=True)}
    return msgspec.convert({"label": label, **named}, UsageTotal)


def number(value: Value) -> float:
    """Give a number as a database gives it: some give sums as decimals."""
    return float(value or 0)
