"""SQL about limits of keys, what they spent, and provisioning keys. Constant text, for both databases."""

import functools

from anyapi.storage.statements import insert
from anyapi.storage.usage_statements import ADDED_UNTIL

CHANGE_KEY = "UPDATE keys SET name = ?, disabled_at = ? WHERE id = ?"
CHANGE_LIMITS = "UPDATE keys SET spend_cap = ?, period = ?, requests_per_minute = ? WHERE lineage = ?"
KEYS_OF_LINEAGE = "SELECT id FROM keys WHERE lineage = ? ORDER BY created_at DESC, id DESC"
COPY_SETTINGS = (
    "INSERT INTO settings (layer, subject, body, changed_at) SELECT layer, ?, body, ? FROM settings WHERE layer = 'key' AND subject = ?"
)

LINEAGES_OF_KEYS = "SELECT id, account, lineage FROM keys WHERE id IN (SELECT value FROM json_each(:list))"
SPENDING = """
SELECT keys.id, keys.lineage, sum(spending.cost),
    sum(CASE WHEN spending.day >= :month THEN spending.cost ELSE 0 END),
    sum(CASE WHEN spending.day >= :week THEN spending.cost ELSE 0 END),
    sum(CASE WHEN spending.day >= :day THEN spending.cost ELSE 0 END)
FROM keys LEFT JOIN spending ON spending.lineage = keys.lineage
WHERE keys.account = :account GROUP BY keys.id, keys.lineage ORDER BY keys.id
"""
CAPPED_SPENDING = """
SELECT keys.id, keys.lineage, keys.period, sum(spending.cost)
FROM keys LEFT JOIN spending ON spending.lineage = keys.lineage AND spending.day >= CASE keys.period
    WHEN 'day' THEN :day WHEN 'week' THEN :week WHEN 'month' THEN :month ELSE 0 END
WHERE keys.spend_cap IS NOT NULL AND keys.revoked_at IS NULL GROUP BY keys.id, keys.lineage, keys.period
"""
_NOT_ADDED = f"""
SELECT keys.lineage, usage.at, usage.cost FROM usage JOIN keys ON keys.id = usage.key
WHERE usage.number > {ADDED_UNTIL} AND usage.cost > 0 AND keys."""  # noqa: S608 made of constants alone
COSTS_OF_ACCOUNT = _NOT_ADDED + "account = :account"
COSTS_OF_CAPPED = _NOT_ADDED + "lineage IN (SELECT lineage FROM keys WHERE spend_cap IS NOT NULL)"  # noqa: S608 made of constants alone
OLD_SPENDING = f"""
SELECT 1 WHERE EXISTS (SELECT 1 FROM spending WHERE day > 0 AND day < :before)
    OR EXISTS (SELECT 1 FROM usage WHERE number > {ADDED_UNTIL} AND at < 86400.0 * :before)
"""  # noqa: S608 made of constants alone
FOLD_SPENDING = """
INSERT INTO spending (account, lineage, day, cost)
SELECT account, lineage, 0, sum(cost) FROM spending WHERE day > 0 AND day < ? GROUP BY account, lineage
ON CONFLICT (lineage, day) DO UPDATE SET cost = spending.cost + excluded.cost
"""
DELETE_FOLDED = "DELETE FROM spending WHERE day > 0 AND day < ?"

_PROVISIONING = "SELECT id, prefix, sha256, account, created_at, name, revoked_at FROM provisioning_keys"
ADD_PROVISIONING = "INSERT INTO provisioning_keys (id, prefix, sha256, account, created_at, name, revoked_at) VALUES (?, ?, ?, ?, ?, ?, ?)"
PROVISIONING_OF_ACCOUNT = _PROVISIONING + " WHERE account = ? ORDER BY created_at, id"
PROVISIONING_BY_HASH = _PROVISIONING + " WHERE sha256 = ? AND revoked_at IS NULL"
REVOKE_PROVISIONING = "UPDATE provisioning_keys SET revoked_at = ? WHERE id = ? AND account = ? AND revoked_at IS NULL"


@functools.cache
def insert_spending(sums: int) -> str:
    """Give the statement that adds so many sums of cost to what is there; each lineage and day once."""
    added = " ON CONFLICT (lineage, day) DO UPDATE SET cost = spending.cost + excluded.cost"
    return insert("spending", ("account", "lineage", "day", "cost"), sums) + added
