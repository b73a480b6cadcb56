"""Activity: totals by model, provider, key, day, outcome, and the rows behind them. Metadata alone; there is nothing else.

Totals and response times have an `ETag`: a page that asks again with `If-None-Match` gets a 304, and the store is asked for one short
text, unless rows of the account came or went. With fixed `since` (and `until`, or none) the address stays the same between two questions.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from typing import TypeVar, cast

import msgspec
from litestar import Request, Response, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Stream

from anyapi import __version__
from anyapi.control.history import note
from anyapi.control.permissions import SignedIn
from anyapi.control.services import Services
from anyapi.control.spreadsheet import written, written_time
from anyapi.control.threads import in_thread
from anyapi.domain.call import App
from anyapi.domain.ids import AccountId, DecisionId
from anyapi.domain.people import Permission
from anyapi.domain.usage import LATENCY_BOUNDS, DecisionRecord, TokenCount, UsageRow
from anyapi.errors import BadRequest, NotFound
from anyapi.storage.rows import UsageGroup, UsageTimes, UsageTotal

MOST_ROWS = 1000
EXPORTED_AT_ONCE = 1000
"""Rows that an export holds in memory at a time."""
DAY = 86400.0
NESTED: dict[str, type[msgspec.Struct]] = {"tokens": TokenCount, "app": App}
CSV = "text/csv"
T = TypeVar("T")
READ = {"permission": Permission.READ}
ID_TIME = re.compile(r"dec_([0-9a-f]{11})")
"""What `gateway/decision_ids.py` begins an id with: milliseconds since 1970."""


def _sent_to(row: UsageRow) -> str | None:
    """Each endpoint that was sent the request, with the credential; `nobody` where no connection was made."""
    return None if row.sent_to is None else "; ".join(f"{endpoint} ({credential})" for endpoint, credential in row.sent_to) or "nobody"


READABLE: dict[str, Callable[[UsageRow], object]] = {"at": lambda row: written_time(row.at), "sent_to": _sent_to}
"""Values that nobody can read in a spreadsheet as they are stored."""
UNITS = {"duration": "duration_seconds", "first_token": "first_token_seconds", "cost": "cost_usd"}


def _columns() -> Iterator[tuple[str, Callable[[UsageRow], object]]]:
    for name in UsageRow.__struct_fields__:
        if name not in NESTED:
            yield UNITS.get(name, name), READABLE.get(name, attrgetter(name))
            continue
        for inner in NESTED[name].__struct_fields__:
            yield f"{name}_{inner}", attrgetter(f"{name}.{inner}")


COLUMNS = tuple(_columns())
"""Every field of a usage row, with its unit in the heading."""


class Totals(msgspec.Struct, frozen=True):
    """Sums over a span of time, one for each label."""

    since: float
    until: float
    by: UsageGroup
    rows: list[UsageTotal]


class Latency(msgspec.Struct, frozen=True):
    """Response times of the answered requests of one label in seconds: half were faster than `p50`, 95 in 100 faster than `p95`.

    The same for the time to the first token, of those of them that had one. Read from counts in buckets, so right to within a bucket
    (`LATENCY_BOUNDS`); null without any answered request.
    """

    label: str
    requests: int
    p50: float | None
    p95: float | None
    first_token_p50: float | None
    first_token_p95: float | None


class Latencies(msgspec.Struct, frozen=True):
    """Response times over a span of time, of all requests and one row for each label."""

    since: float
    until: float
    by: UsageGroup
    finest: float
    """The first bucket's upper bound: times below it are not told apart, and a quantile in there is no more exact than that."""
    all: Latency
    rows: list[Latency]


class Drilled(msgspec.Struct, frozen=True):
    """One request: its row, and the decision record where the data class asked for one."""

    usage: UsageRow
    decision: DecisionRecord | None


@get("/api/accounts/{account:str}/usage/totals", opt=READ)
@in_thread
def totals(
    request: Request[object, object, State],
    services: NamedDependency[Services],
    account: FromPath[AccountId],
    by: FromQuery[UsageGroup] = UsageGroup.DAY,
    since: FromQuery[float | None] = None,
    until: FromQuery[float | None] = None,
) -> Response[Totals]:
    """Sums by a label; the last seven days unless `since` and `until` (Unix seconds) say otherwise."""
    start, end = _span(services, since, until)

    def read() -> Totals:
        return Totals(start, end, by, services.store.usage_totals(by, start, end, account))

    return _unless_known(request, _tag(services, account, start, until), read)


@get("/api/accounts/{account:str}/usage/latency", opt=READ)
@in_thread
def latency(
    request: Request[object, object, State],
    services: NamedDependency[Services],
    account: FromPath[AccountId],
    by: FromQuery[UsageGroup] = UsageGroup.MODEL,
    since: FromQuery[float | None] = None,
    until: FromQuery[float | None] = None,
) -> Response[Latencies]:
    """Response times and times to the first token by a label; spans as those of the totals."""
    start, end = _span(services, since, until)

    def read() -> Latencies:
        found = services.store.usage_times(by, start, end, account)
        return Latencies(start, end, by, LATENCY_BOUNDS[0], _latency(_whole(found)), [_latency(one) for one in found])

    return _unless_known(request, _tag(services, account, start, until), read)


@get("/api/accounts/{account:str}/usage/rows", opt=READ)
@in_thread
def rows(
    services: NamedDependency[Services],
    account: FromPath[AccountId],
    since: FromQuery[float | None] = None,
    until: FromQuery[float | None] = None,
    limit: FromQuery[int] = 100,
    before: FromQuery[str] = "",
) -> list[UsageRow]:
    """The requests of a span, newest first; the next page has the last row's time as `until` and its decision as `before`."""
    since, until = _span(services, since, until)
    return services.store.usage_rows(since, until, account, max(1, min(limit, MOST_ROWS)), before)


@get("/api/accounts/{account:str}/usage/rows/{decision:str}", opt=READ)
@in_thread
def row(
    services: NamedDependency[Services], account: FromPath[AccountId], decision: FromPath[DecisionId], at: FromQuery[float | None] = None
) -> Drilled:
    """One request; `at` is its time, as the row says it. Without it the time is read from the id, which holds its millisecond."""
    stamp = ID_TIME.match(decision)
    since, until = (at, at + 0.001) if at is not None else (0.0, 0.0) if stamp is None else _millisecond(int(stamp[1], 16))
    rows = services.store.usage_rows(since, until, account, MOST_ROWS)
    found = next((one for one in rows if one.decision == decision), None)
    if found is None:
        raise NotFound("There is no such request in this account; its row may have expired.")
    return Drilled(found, services.store.decision(decision))


@get("/api/accounts/{account:str}/usage.csv", opt=READ, media_type=CSV)
@in_thread
def export(
    services: NamedDependency[Services],
    signed_in: NamedDependency[SignedIn],
    account: FromPath[AccountId],
    since: FromQuery[float | None] = None,
    until: FromQuery[float | None] = None,
) -> Stream:
    """The requests of a span as CSV, newest first: all that is kept of them, however many. It is written as it is read."""
    start, end = _span(services, since, until)
    note(services, signed_in, account, "usage_exported", account)
    name = f'attachment; filename="anyapi-usage-{account}.csv"'
    return Stream(_lines(services, account, start, end), media_type=CSV, headers={"content-disposition": name})


def _millisecond(number: int) -> tuple[float, float]:
    """A span that holds every time of a millisecond, whatever a float makes of its ends."""
    return number / 1000 - 0.0005, number / 1000 + 0.0015


def _lines(services: Services, account: AccountId, since: float, until: float) -> Iterator[str]:
    """The export in pieces of one page of rows each; rows that come while it runs lie after `until`."""
    before = ""
    yield written([[name for name, _ in COLUMNS]])
    while found := services.store.usage_rows(since, until, account, EXPORTED_AT_ONCE, before):
        yield written([value_of(one) for _, value_of in COLUMNS] for one in found)
        until, before = found[-1].at, found[-1].decision


def _tag(services: Services, account: AccountId, since: float, until: float | None) -> str:
    """What an answer about this span is good for: as long as no row of the account comes or goes. Without `until` it ends now."""
    return f'"{__version__}.{services.store.usage_version(account)}.{since}.{until}"'


def _unless_known(request: Request[object, object, State], tag: str, read: Callable[[], T]) -> Response[T]:
    """The answer, or a 304 if the caller has it already. The tag is older than what is read, never newer."""
    if request.headers.get("if-none-match") == tag:
        # A 304 has no body (RFC 9110 section 15.4.5), whatever its type says.
        return cast("Response[T]", Response(None, status_code=304, headers={"etag": tag}))
    return Response(read(), headers={"etag": tag})


def _whole(found: list[UsageTimes]) -> UsageTimes:
    """All labels together."""
    nothing = (0,) * (len(LATENCY_BOUNDS) + 1)
    durations, first_tokens = ([nothing, *(getattr(one, name) for one in found)] for name in ("duration", "first_token"))
    return UsageTimes("", tuple(map(sum, zip(*durations, strict=True))), tuple(map(sum, zip(*first_tokens, strict=True))))


def _latency(times: UsageTimes) -> Latency:
    quantiles = [_quantile(counts, share) for counts in (times.duration, times.first_token) for share in (0.5, 0.95)]
    return Latency(times.label, sum(times.duration), *quantiles)


def _quantile(counts: Sequence[int], share: float) -> float | None:
    """A quantile of what was counted: the bucket that holds it, and in there as if its times lay evenly between its two bounds.

    So it is never further from the true one than its bucket is wide. Beyond the last bound: the last bound.
    """
    wanted = share * sum(counts)
    if not wanted:
        return None
    passed, low = 0, 0.0
    for bound, count in zip(LATENCY_BOUNDS, counts, strict=False):
        if passed + count >= wanted:
            return low + (bound - low) * (wanted - passed) / count
        passed, low = passed + count, bound
    return low


def _span(services: Services, since: float | None, until: float | None) -> tuple[float, float]:
    end = services.clock() + 1 if until is None else until
    start = end - 7 * DAY if since is None else since
    if not start < end:
        raise BadRequest("since must lie before until.", "since")
    return start, end
