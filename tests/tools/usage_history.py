"""Fills a store of either database with usage rows of many days, fast: rows by one statement of SQL, sums by the product's own function.

Deterministic: the same number gives the same rows. Four accounts of different sizes, forty keys, thirty models, eight providers, and a
session of its own for each request.
"""

import contextlib

from anyapi.storage.usage_sums import add_up

DAYS = 90
BIGGEST = "big"
"""The account with seven rows of ten."""
_COLUMNS = (
    "decision, at, account, key, operation, model, outcome, status, source, prompt_tokens, completion_tokens, cached_tokens, "
    "reasoning_tokens, project, app_id, app_name, app_version, app_user_id, app_session_id, provider, endpoint, credential, data_class, "
    "streamed, attempts, duration, first_token, cost, host, evidence"
)
_ROWS = f"""
WITH RECURSIVE
    numbers(n) AS (SELECT CAST(:first AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < :last),
    -- Bits that look random and are the same every time: multiplicative hashing of the number.
    mixed AS (SELECT n, (n * 2654435761) % 4294967296 AS a, (n * 40503 + 12345) % 65521 AS b, (n * 48271) % 2147483647 AS c FROM numbers)
INSERT INTO usage ({_COLUMNS})
SELECT 'dec_000000000000000000' || substr(CAST({10**8} + n AS TEXT), 2), :end - :seconds * (1.0 - n * 1.0 / :rows),
    CASE WHEN b % 10 < 7 THEN 'big' WHEN b % 10 < 9 THEN 'mid' WHEN b % 100 < 99 THEN 'small' ELSE 'rare' END,
    'key_' || (a / 7 % 40), 'chat_completions', 'vendor/model-' || (b / 3 % 30),
    CASE WHEN c % 100 < 94 THEN 'success' WHEN c % 100 < 97 THEN 'timed_out' WHEN c % 100 < 99 THEN 'no_eligible_endpoint' ELSE 'client_gone' END,
    200, CASE WHEN a % 20 = 0 THEN 'estimated' ELSE 'measured' END, a % 4000, b % 900, a % 100, b % 50,
    NULL, NULL, CASE WHEN a % 4 > 0 THEN 'app-' || (a / 64 % 25) END, '1.2', 'user-' || (a % 5000), 'session-' || n,
    'provider-' || (b / 5 % 8), 'provider-' || (b / 5 % 8) || '/model-' || (b / 3 % 30), 'env:KEY', 'internal', n >= 0, 1,
    (c % 1000) * (c % 1000) * (c % 1000) / 5.0e7, (b % 1000) * (b % 1000) / 5.0e5, (a % 4000) / 1.0e6, NULL, NULL
FROM mixed
"""  # noqa: S608 made of constants alone
_AT_ONCE = 250_000


def add_rows(connection, rows, end):
    """Add so many rows, evenly over the `DAYS` before `end` (Unix seconds), without sums."""
    for first in range(0, rows, _AT_ONCE):
        span = {"first": first, "last": min(rows, first + _AT_ONCE), "rows": rows, "end": end, "seconds": DAYS * 86400.0}
        connection.execute(_ROWS, span)


def fill(driver, rows, end):
    """The same with their sums. The store must be empty."""
    with contextlib.closing(driver.connect(durable=False, everybody=True)) as connection:
        connection.execute("SET statement_timeout = 0" if driver.shared else "PRAGMA wal_autocheckpoint=16384")
        add_rows(connection, rows, end)
        add_up(driver, connection)
        if driver.shared:
            connection.execute("VACUUM ANALYZE")  # as a server does by itself within a minute, other than that of the tests
        else:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
