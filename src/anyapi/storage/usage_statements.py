"""The SQL about usage: rows, their hourly sums, and questions asked of both. Constant text; values travel only as parameters.

Portable but for `json_each` and `min` of two values, with names as parameters.
"""

import functools

from anyapi.domain.usage import LATENCY_BOUNDS
from anyapi.storage.rollups import ALL, DIMENSIONS, MEASURES
from anyapi.storage.rollups import COLUMNS as HOUR_COLUMNS
from anyapi.storage.rows import UsageGroup
from anyapi.storage.statements import insert

USAGE_COLUMNS = (
    "decision",
    "at",
    "account",
    "key",
    "operation",
    "model",
    "outcome",
    "status",
    "source",
    "prompt_tokens",
    "completion_tokens",
    "cached_tokens",
    "reasoning_tokens",
    "project",
    "app_id",
    "app_name",
    "app_version",
    "app_user_id",
    "app_session_id",
    "provider",
    "endpoint",
    "credential",
    "data_class",
    "streamed",
    "attempts",
    "duration",
    "first_token",
    "cost",
    "host",
    "evidence",
    "sent_to",
)
_USAGE = f"SELECT {', '.join(USAGE_COLUMNS)} FROM usage"  # noqa: S608 made of constants alone
_PAGE = " AND at >= :since AND at <= :until AND (at < :until OR decision < :before) ORDER BY at DESC, decision DESC LIMIT :limit"
ALL_USAGE = _USAGE
USAGE_ROWS = _USAGE + " WHERE true" + _PAGE
USAGE_ROWS_OF_ACCOUNT = _USAGE + " WHERE account = :account" + _PAGE
USAGE_BOUNDS = "SELECT (SELECT min(at) FROM usage), (SELECT max(at) FROM usage)"
ADDED_UNTIL = "(SELECT coalesce(max(number), 0) FROM usage_added)"
_NOT_ADDED = f"number > {ADDED_UNTIL}"
HOURS_OF_ACCOUNT = """
SELECT hour FROM usage_hours
WHERE dimension = 'all' AND account = :account AND hour >= :first AND hour < :last AND requests > 0 ORDER BY hour DESC LIMIT :limit
"""
USAGE_VERSION = f"""
SELECT coalesce(sum(requests), 0), coalesce(sum(requests * (hour / 3600)), 0),
    (SELECT count(*) FROM usage WHERE {_NOT_ADDED} AND account = :account)
FROM usage_hours WHERE dimension = 'all' AND account = :account
"""  # noqa: S608 made of constants alone
# They are few and the newest, by their numbers. `+at` is no column of an index: by time one of them would be looked for among all rows.
NOT_ADDED = _USAGE + f" WHERE {_NOT_ADDED} AND +at >= :since AND +at < :until"
NOT_ADDED_OF_ACCOUNT = NOT_ADDED + " AND account = :account"
ADDED = f"""
SELECT {ADDED_UNTIL}, (SELECT count(*) FROM usage WHERE {_NOT_ADDED}), (SELECT coalesce(max(number), 0) FROM usage)
"""  # noqa: S608 made of constants alone
NUMBERED_USAGE = f"SELECT number, {', '.join(USAGE_COLUMNS)} FROM usage WHERE number > ? AND number <= ? ORDER BY number LIMIT ?"  # noqa: S608 made of constants alone
ANY_NOT_ADDED = f"SELECT 1 FROM usage WHERE decision IN (SELECT value FROM json_each(:list)) AND {_NOT_ADDED} LIMIT 1"  # noqa: S608 made of constants alone
SPAN_OF_ALL_NOT_ADDED = f"SELECT min(+at), max(+at) FROM usage WHERE {_NOT_ADDED}"  # noqa: S608 made of constants alone
SPAN_NOT_ADDED = SPAN_OF_ALL_NOT_ADDED + " AND account = :account"
SET_ADDED = ("DELETE FROM usage_added", "INSERT INTO usage_added (number) VALUES (:number)")
_OF_ROWS = {
    "day": "CAST(:hour AS BIGINT) - CAST(:hour AS BIGINT) % 86400",
    "hour": "CAST(:hour AS BIGINT)",
    "app": "coalesce(app_name, app_id, '-')",
    **{name: f"coalesce({name}, '-')" for name in ("model", "provider", "key", "account", "outcome", "host", "evidence")},
}
_OF_HOURS = {"day": "hour - hour % 86400", "hour": "hour", "account": "account"}
_SUMS_OF_ROWS = """
    count(*), count(CASE WHEN outcome = 'success' THEN 1 END),
    sum(prompt_tokens), sum(completion_tokens), sum(cached_tokens), sum(reasoning_tokens),
    coalesce(sum(cost), 0.0), count(CASE WHEN cost IS NULL THEN 1 END), count(CASE WHEN source <> 'measured' THEN 1 END),
    count(CASE WHEN evidence IN ('other_host', 'excluded_host', 'retained', 'stored') THEN 1 END)
"""
EXPIRED_USAGE = f"""
SELECT {", ".join(f"usage.{name}" for name in USAGE_COLUMNS)} FROM usage LEFT JOIN accounts ON accounts.id = usage.account
WHERE usage.at < :now - 86400.0 * min(:default_days, (SELECT coalesce(min(usage_days), :default_days) FROM accounts))
    AND usage.at < :now - 86400.0 * coalesce(accounts.usage_days, :default_days)
ORDER BY usage.at LIMIT :batch
"""  # noqa: S608 made of constants alone
DELETE_USAGE = "DELETE FROM usage WHERE decision IN (SELECT value FROM json_each(:list))"
APPS_OF_HOUR = "SELECT label FROM usage_hours WHERE dimension = 'app' AND account = :account AND hour = :hour"
DELETE_EMPTY_HOUR = f"""
DELETE FROM usage_hours WHERE dimension IN ({", ".join(f"'{name}'" for name in DIMENSIONS)}) AND account = :account AND hour = :hour
    AND (SELECT requests FROM usage_hours WHERE dimension = 'all' AND account = :account AND hour = :hour AND label = '-') = 0
"""  # noqa: S608 made of constants alone
HAS_USAGE = "SELECT 1 FROM usage WHERE decision = ?"


@functools.cache
def insert_usage(rows: int) -> str:
    """Give the statement that inserts so many usage rows at once; a row whose decision exists is left out.

    One statement, not `executemany`: that gives up the interpreter lock for every row, and beside a busy event loop each row then waits
    5 ms to get it back, with SQLite's write lock held (128 rows: 680 ms against 16 ms, measured).
    """
    return insert("usage", USAGE_COLUMNS, rows) + " ON CONFLICT (decision) DO NOTHING"


@functools.cache
def add_to_hours(cells: int) -> str:
    """Give the statement that adds so many cells to what stands in `usage_hours`, making those that are missing."""
    added = ", ".join(f"{name} = usage_hours.{name} + excluded.{name}" for name in MEASURES)
    return insert("usage_hours", HOUR_COLUMNS, cells) + f" ON CONFLICT (dimension, account, hour, label) DO UPDATE SET {added}"


@functools.cache
def sums_of_hours(by: UsageGroup, measures: tuple[str, ...], *, of_account: bool) -> str:
    """Give the statement that sums whole hours from `:first` until before `:last` by a label."""
    label = _OF_HOURS.get(by, "label")
    account = "account = :account AND " if of_account else ""
    return (
        f"SELECT {label} AS by_label, {', '.join(f'sum({name})' for name in measures)} FROM usage_hours "  # noqa: S608 made of constants alone
        f"WHERE dimension = '{ALL if by in _OF_HOURS else by.value}' AND {account}hour >= :first AND hour < :last GROUP BY by_label"
    )


@functools.cache
def sums_of_rows(by: UsageGroup, *, of_account: bool) -> str:
    """Give the statement that sums the rows of a part of the hour `:hour`, with `:since <= at < :until`, by a label."""
    return f"SELECT {_OF_ROWS[by]} AS by_label, {_SUMS_OF_ROWS} FROM usage WHERE {_part(of_account=of_account)} GROUP BY by_label"  # noqa: S608 made of constants alone


@functools.cache
def times_of_rows(by: UsageGroup, *, of_account: bool) -> str:
    """Give the statement that counts answered requests of a part of an hour by a label and both times' buckets."""
    return (
        f"SELECT {_OF_ROWS[by]} AS by_label, {_bucket('duration')} AS took, {_bucket('first_token')} AS first, count(*) FROM usage "  # noqa: S608 made of constants alone
        f"WHERE {_part(of_account=of_account)} AND outcome = 'success' GROUP BY by_label, took, first"
    )


def _part(*, of_account: bool) -> str:
    return "at >= :since AND at < :until" + (" AND account = :account" if of_account else "")


def _bucket(column: str) -> str:
    bounds = "".join(f" WHEN {column} <= {bound} THEN {place}" for place, bound in enumerate(LATENCY_BOUNDS))
    return f"CASE WHEN {column} IS NULL THEN NULL{bounds} ELSE {len(LATENCY_BOUNDS)} END"
