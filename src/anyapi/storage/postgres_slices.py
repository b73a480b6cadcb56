"""Slices of keys' limits, leased from PostgreSQL (docs/adr/0021): the side of one worker.

INVARIANT: of a spend cap, what the store knows to be spent in the period (`spending`, and usage rows that are not added to it yet) and all
slices together are at most the cap; of a rate, the requests of the last minute and all slices together at most the rate.

Rounds run one after the other, under a lock, by the database's clock. A slice counts until what was spent of it is in the store, and so for
a moment twice, never not at all. Of a worker that says nothing any more its slices are free again when they end.
"""

import json
from collections.abc import Sequence
from typing import TypeAlias

import msgspec
import psycopg
from psycopg.rows import TupleRow

from anyapi.crypto.secret import Secret
from anyapi.domain.slices import Ask, Grant, portion
from anyapi.storage.postgres_driver import WorkersConnection
from anyapi.storage.tenant import EVERYBODY
from anyapi.storage.usage_statements import ADDED_UNTIL

NANO = 1_000_000_000
WINDOW = 60
_PURGE_SECONDS = 10.0
_LOCK = 0x736C69636573
"""The word `slices` in ASCII."""
_BEGIN = "SELECT extract(epoch FROM clock_timestamp()) FROM pg_advisory_xact_lock(%s)"
_USED = """
INSERT INTO recent_requests (account, lineage, second, requests)
SELECT keys.account, keys.id, used.second, used.requests
FROM jsonb_to_recordset(%s) AS used (lineage text, second bigint, requests int) JOIN keys ON keys.id = used.lineage
ON CONFLICT (lineage, second) DO UPDATE SET requests = recent_requests.requests + excluded.requests
"""
_STANDING = f"""
SELECT (SELECT coalesce(sum(cost), 0) FROM spending WHERE spending.lineage = asked.lineage AND spending.day >= asked.since)
        + (SELECT coalesce(sum(usage.cost), 0) FROM usage JOIN keys ON keys.id = usage.key
            WHERE usage.number > {ADDED_UNTIL} AND keys.lineage = asked.lineage AND usage.at >= 86400.0 * asked.since),
    others.amount, others.requests,
    (SELECT coalesce(jsonb_agg(jsonb_build_array(second, requests) ORDER BY second), '[]')
        FROM recent_requests WHERE recent_requests.lineage = asked.lineage AND second > %(now)s - %(window)s - 1)
FROM ROWS FROM (jsonb_to_recordset(%(asked)s) AS (lineage text, since int)) WITH ORDINALITY AS asked (lineage, since, place),
LATERAL (SELECT coalesce(sum(amount), 0) AS amount, coalesce(sum(requests), 0) AS requests
    FROM slices WHERE slices.lineage = asked.lineage AND worker <> %(worker)s AND ends_at > %(now)s) AS others
ORDER BY asked.place
"""  # noqa: S608 made of constants alone
_HAVE = """
INSERT INTO slices (account, lineage, worker, amount, requests, ends_at)
SELECT keys.account, keys.id, %(worker)s, have.amount, have.requests, %(ends_at)s
FROM jsonb_to_recordset(%(have)s) AS have (lineage text, amount bigint, requests int) JOIN keys ON keys.id = have.lineage
ON CONFLICT (lineage, worker) DO UPDATE SET amount = excluded.amount, requests = excluded.requests, ends_at = excluded.ends_at
"""
_DROP = "DELETE FROM slices WHERE (worker = %(worker)s AND amount = 0 AND requests = 0) OR ends_at <= %(now)s"
_FORGET = "DELETE FROM recent_requests WHERE second < %s"
_LEAVE = "DELETE FROM slices WHERE worker = %s"
Standing: TypeAlias = tuple[float, int, int, list[tuple[int, int]]]
"""Dollars spent, what other workers have leased of money and of requests, requests of each of the last seconds."""


class SliceStore(WorkersConnection):
    """Leases for one worker. For one thread at a time."""

    first = f"SELECT set_config('anyapi.account', '{EVERYBODY}', FALSE)"

    def __init__(self, url: Secret, worker: str, seconds: float) -> None:
        """The worker's slices end so many seconds after its last round."""
        super().__init__(url, worker, seconds)
        self._purge_at = 0.0

    def lease(self, asks: Sequence[Ask]) -> list[Grant]:
        """Write down what was used, and give of what is left; one grant for each ask, in order. Raises `StorageError`."""
        with self._connection("lease a part of a key's limits") as raw, raw.transaction():
            return self._round(raw, asks)

    def leave(self) -> None:
        """Give everything back: this worker makes no more requests. Raises `StorageError`."""
        try:
            with self._connection("give back what was leased") as raw:
                raw.execute(_LEAVE, (self._worker,))
        finally:
            self._disconnect()

    def _round(self, raw: psycopg.Connection[TupleRow], asks: Sequence[Ask]) -> list[Grant]:
        ((clock,),) = raw.execute(_BEGIN, (_LOCK,)).fetchall()
        now = float(clock)
        used = _uses(asks, now)
        if used:
            raw.execute(_USED, (json.dumps(used),))
        asked = json.dumps([{"lineage": ask.limits.lineage, "since": ask.since} for ask in asks])
        found = raw.execute(_STANDING, {"asked": asked, "worker": self._worker, "now": now, "window": WINDOW}).fetchall()
        grants = [
            _grant(ask, (float(spent), int(amount), int(requests), seconds), now)
            for ask, (spent, amount, requests, seconds) in zip(asks, found, strict=True)
        ]
        have = [
            {"lineage": ask.limits.lineage, "amount": ask.kept + grant.amount, "requests": ask.kept_requests + grant.requests}
            for ask, grant in zip(asks, grants, strict=True)
        ]
        raw.execute(_HAVE, {"have": json.dumps(have), "worker": self._worker, "ends_at": now + self._seconds})
        raw.execute(_DROP, {"worker": self._worker, "now": now})
        if now >= self._purge_at:
            raw.execute(_FORGET, (int(now) - WINDOW - 1,))
            self._purge_at = now + _PURGE_SECONDS
        return grants


def _uses(asks: Sequence[Ask], now: float) -> list[dict[str, str | int]]:
    """The requests that are told of, by second of the database's clock."""
    seconds: dict[tuple[str, int], int] = {}
    for ask in asks:
        for age in ask.ages:
            place = (ask.limits.lineage, int(now - age))
            seconds[place] = seconds.get(place, 0) + 1
    return [{"lineage": lineage, "second": second, "requests": count} for (lineage, second), count in seconds.items()]


def _grant(ask: Ask, standing: Standing, now: float) -> Grant:
    spent, leased, leased_requests, seconds = standing
    known, limits = round(spent * NANO), ask.limits
    grant = Grant(spent=known)
    if limits.spend_cap is not None:
        room = round(limits.spend_cap * NANO) - known - leased - ask.kept
        grant = msgspec.structs.replace(grant, amount=portion(ask.wanted, room))
    if limits.requests_per_minute is None:
        return grant
    made = sum(count for _, count in seconds)
    left = limits.requests_per_minute - made - leased_requests - ask.kept_requests
    return msgspec.structs.replace(
        grant,
        requests=portion(ask.wanted_requests, left),
        requests_left=max(0, left) + ask.kept_requests,
        next_free=_next_free(seconds, 1 + made - limits.requests_per_minute, now),
        reset=_over(seconds[-1][0], now) if seconds else 0.0,
    )


def _next_free(seconds: list[tuple[int, int]], over: int, now: float) -> float:
    """Seconds until `over` of the requests are longer ago than a minute; soon, if it is other workers' slices that leave no room."""
    for second, count in seconds:
        over -= count
        if over <= 0:
            return _over(second, now)
    return 1.0


def _over(second: int, now: float) -> float:
    """Seconds until all requests of a second are longer ago than a minute."""
    return max(0.001, second + 1 + WINDOW - now)
