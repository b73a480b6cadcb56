"""Activity: totals by model, provider, key, day, outcome, and the rows behind them. Metadata alone; there is nothing else."""

import csv
import io
from collections.abc import Callable, Iterator
from operator import attrgetter

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from anyapi.control.history import note
from anyapi.control.permissions import SignedIn
from anyapi.control.services import Services
from anyapi.control.threads import in_thread
from anyapi.domain.call import App
from anyapi.domain.ids import AccountId, DecisionId
from anyapi.domain.people import Permission
from anyapi.domain.usage import DecisionRecord, TokenCount, UsageRow
from anyapi.errors import BadRequest, NotFound
from anyapi.storage.rows import LATENCY_BOUNDS, UsageGroup, UsageTotal

MOST_ROWS = 1000
MOST_EXPORTED = 100_000
DAY = 86400.0
NESTED: dict[str, type[msgspec.Struct]] = {"tokens": TokenCount, "app": App}
FORMULA = ("=", "+", "-", "@")
READ = {"permission": Permission.READ}


def _columns() -> Iterator[tuple[str, Callable[[UsageRow], object]]]:
    for name in UsageRow.__struct_fields__:
        if name not in NESTED:
            yield name, attrgetter(name)
            continue
        for inner in NESTED[name].__struct_fields__:
            yield f"{name}_{inner}", attrgetter(f"{name}.{inner}")


COLUMNS = tuple(_columns())
"""Every field of a usage row, as the stored struct has it."""


class Totals(msgspec.Struct, frozen=True):
    """Sums over a span of time, one for each label."""

    since: float
    until: float
    by: UsageGroup
    rows: list[UsageTotal]


class Latency(msgspec.Struct, frozen=True):
    """Response times of the answered requests of one label in seconds: half were faster than `p50`, 95 in 100 faster than `p95`.

    Read from counts in buckets, so right to within a bucket (`LATENCY_BOUNDS`); null without any answered request.
    """

    label: str
    requests: int
    p50: float | None
    p95: float | None


class Latencies(msgspec.Struct, frozen=True):
    """Response times over a span of time, of all requests and one row for each label."""

    since: float
    until: float
    by: UsageGroup
    all: Latency
    rows: list[Latency]


class Drilled(msgspec.Struct, frozen=True):
    """One request: its row, and the decision record where the data class asked for one."""

    usage: UsageRow
    decision: DecisionRecord | None


@get("/api/accounts/{account:str}/usage/totals", opt=READ)
@in_thread
def totals(
    services: NamedDependency[Services],
    account: FromPath[AccountId],
    by: FromQuery[UsageGroup] = UsageGroup.DAY,
    since: FromQuery[float | None] = None,
    until: FromQuery[float | None] = None,
) -> Totals:
    """Sums by a label; the last seven days unless `since` and `until` (Unix seconds) say otherwise."""
    since, until = _span(services, since, until)
    return Totals(since, until, by, services.store.usage_totals(by, since, until, account))


@get("/api/accounts/{account:str}/usage/latency", opt=READ)
@in_thread
def latency(
    services: NamedDependency[Services],
    account: FromPath[AccountId],
    by: FromQuery[UsageGroup] = UsageGroup.MODEL,
    since: FromQuery[float | None] = None,
    until: FromQuery[float | None] = None,
) -> Latencies:
    """Response times by a label; spans as those of the totals."""
    since, until = _span(services, since, until)
    counts: dict[str, list[int]] = {}
    whole = [0] * (len(LATENCY_BOUNDS) + 1)
    for one in services.store.usage_latency(by, since, until, account):
        counts.setdefault(one.label, [0] * len(whole))[one.bucket] = one.requests
        whole[one.bucket] += one.requests
    return Latencies(since, until, by, _latency("", whole), [_latency(label, found) for label, found in counts.items()])


@get("/api/accounts/{account:str}/usage/rows", opt=READ)
@in_thread
def rows(
    services: NamedDependency[Services],
    account: FromPath[AccountId],
    since: FromQuery[float | None] = None,
    until: FromQuery[float | None] = None,
    limit: FromQuery[int] = 100,
) -> list[UsageRow]:
    """The requests of a span, newest first; the next page is `until` the last row's time."""
    since, until = _span(services, since, until)
    return services.store.usage_rows(since, until, account, max(1, min(limit, MOST_ROWS)))


@get("/api/accounts/{account:str}/usage/rows/{decision:str}", opt=READ)
@in_thread
def row(services: NamedDependency[Services], account: FromPath[AccountId], decision: FromPath[DecisionId], at: FromQuery[float]) -> Drilled:
    """One request; `at` is its time, as the row says it."""
    found = next((one for one in services.store.usage_rows(at, at + 0.001, account, MOST_ROWS) if one.decision == decision), None)
    if found is None:
        raise NotFound("There is no such request in this account; its row may have expired.")
    return Drilled(found, services.store.decision(decision))


@get("/api/accounts/{account:str}/usage.csv", opt=READ)
@in_thread
def export(
    services: NamedDependency[Services],
    signed_in: NamedDependency[SignedIn],
    account: FromPath[AccountId],
    since: FromQuery[float | None] = None,
    until: FromQuery[float | None] = None,
) -> Response[str]:
    """The requests of a span as CSV, at most 100,000: all that is kept of them."""
    since, until = _span(services, since, until)
    found = services.store.usage_rows(since, until, account, MOST_EXPORTED)
    note(services, signed_in, account, "usage_exported", account)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(name for name, _ in COLUMNS)
    writer.writerows([_cell(value_of(one)) for _, value_of in COLUMNS] for one in found)
    name = f'attachment; filename="anyapi-usage-{account}.csv"'
    return Response(text.getvalue(), media_type="text/csv; charset=utf-8", headers={"content-disposition": name})


def _latency(label: str, counts: list[int]) -> Latency:
    return Latency(label, sum(counts), _quantile(counts, 0.5), _quantile(counts, 0.95))


def _quantile(counts: list[int], share: float) -> float | None:
    """A quantile of what was counted, as if times lay evenly within their bucket. Beyond the last bound: the last bound."""
    wanted = share * sum(counts)
    if not wanted:
        return None
    passed, low = 0, 0.0
    for bound, count in zip(LATENCY_BOUNDS, counts, strict=False):
        if passed + count >= wanted:
            return low + (bound - low) * (wanted - passed) / count
        passed, low = passed + count, bound
    return low


def _cell(value: object) -> object:
    """A value for a spreadsheet: text that it would take for a formula gets an apostrophe before it (OWASP, CSV injection)."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def _span(services: Services, since: float | None, until: float | None) -> tuple[float, float]:
    end = services.clock() + 1 if until is None else until
    start = end - 7 * DAY if since is None else since
    if not start < end:
        raise BadRequest("since must lie before until.", "since")
    return start, end
