"""Every SQL statement that a running server or the CLI sends to SQLite, as constant text. Values travel only as parameters."""

import functools

from anyapi.storage.rows import LATENCY_BOUNDS

ADD_ACCOUNT = "INSERT INTO accounts (id, name, created_at, usage_days) VALUES (?, ?, ?, ?)"
ENSURE_ACCOUNT = ADD_ACCOUNT + " ON CONFLICT (id) DO NOTHING"
HAS_ACCOUNT = "SELECT 1 FROM accounts WHERE id = ?"
ACCOUNTS = "SELECT id, name, created_at, usage_days FROM accounts ORDER BY id"
ADD_PROJECT = "INSERT INTO projects (id, account, name, created_at) VALUES (?, ?, ?, ?)"
PROJECTS = "SELECT id, account, name, created_at FROM projects ORDER BY id"

ADD_KEY = (
    "INSERT INTO keys (id, prefix, sha256, account, created_at, project, name, expires_at, revoked_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_KEY = "SELECT id, prefix, sha256, account, created_at, project, name, expires_at, revoked_at FROM keys"
KEYS = _KEY + " ORDER BY created_at, id"
KEYS_OF_ACCOUNT = _KEY + " WHERE account = ? ORDER BY created_at, id"
ONE_KEY = _KEY + " WHERE id = ?"
REVOKE_KEY = "UPDATE keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL"
END_KEY = "UPDATE keys SET expires_at = min(?, coalesce(expires_at, 1e18)) WHERE id = ?"

CREDENTIAL_COLUMNS = (
    "id",
    "account",
    "provider",
    "tier",
    "name",
    "declared",
    "key_id",
    "wrapped",
    "ciphertext",
    "version",
    "created_at",
    "disabled_at",
)
ADD_CREDENTIAL = f"INSERT INTO credentials ({', '.join(CREDENTIAL_COLUMNS)}) VALUES ({', '.join('?' * len(CREDENTIAL_COLUMNS))})"  # noqa: S608
_CREDENTIAL = f"SELECT {', '.join(CREDENTIAL_COLUMNS)} FROM credentials"  # noqa: S608 made of constants alone
CREDENTIALS = _CREDENTIAL + " ORDER BY created_at, id"
CREDENTIALS_OF_ACCOUNT = _CREDENTIAL + " WHERE account = ? ORDER BY created_at, id"
ONE_CREDENTIAL = _CREDENTIAL + " WHERE id = ?"
CHANGE_CREDENTIAL = """
UPDATE credentials SET tier = ?, name = ?, declared = ?, key_id = ?, wrapped = ?, ciphertext = ?, version = ?
WHERE id = ? AND disabled_at IS NULL
"""
REVOKE_CREDENTIAL = """
UPDATE credentials SET disabled_at = ?, declared = '{}', wrapped = x'', ciphertext = x'' WHERE id = ? AND disabled_at IS NULL
"""

SETTINGS = "SELECT body FROM settings WHERE layer = ? AND subject = ?"
ALL_SETTINGS = "SELECT layer, subject, body FROM settings"
PUT_SETTINGS = """
INSERT INTO settings (layer, subject, body, changed_at) VALUES (?, ?, ?, ?)
ON CONFLICT (layer, subject) DO UPDATE SET body = excluded.body, changed_at = excluded.changed_at
"""
SUBJECT_EXISTS = """
SELECT CASE :layer
    WHEN 'gateway' THEN :subject = ''
    WHEN 'account' THEN EXISTS (SELECT 1 FROM accounts WHERE id = :subject)
    WHEN 'project' THEN EXISTS (SELECT 1 FROM projects WHERE id = :subject)
    WHEN 'key' THEN EXISTS (SELECT 1 FROM keys WHERE id = :subject)
    ELSE 0
END
"""

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
)
USAGE_ROWS = f"""
SELECT {", ".join(USAGE_COLUMNS)} FROM usage
WHERE at >= :since AND at < :until AND (:account IS NULL OR account = :account)
ORDER BY at DESC, decision DESC LIMIT :limit
"""  # noqa: S608 made of constants alone
_LABELS = (
    ("day", "date(at, 'unixepoch')"),
    ("hour", "strftime('%Y-%m-%d %H:00', at, 'unixepoch')"),
    ("model", "model"),
    ("provider", "provider"),
    ("key", "key"),
    ("account", "account"),
    ("outcome", "outcome"),
    ("host", "host"),
    ("evidence", "evidence"),
    ("app", "coalesce(app_name, app_id)"),
)
_LABELLED = ("coalesce(CASE :by", *(f"WHEN '{name}' THEN {value}" for name, value in _LABELS), "END, '-')")
USAGE_TOTALS = f"""
SELECT {" ".join(_LABELLED)} AS label,
    count(*), sum(outcome = 'success'),
    sum(prompt_tokens), sum(completion_tokens), sum(cached_tokens), sum(reasoning_tokens),
    total(cost), sum(cost IS NULL), sum(source <> 'measured'),
    sum(coalesce(evidence, '') IN ('other_host', 'excluded_host', 'retained', 'stored'))
FROM usage
WHERE at >= :since AND at < :until AND (:account IS NULL OR account = :account)
GROUP BY label ORDER BY label
"""  # noqa: S608 made of constants alone
_BUCKETS = tuple(f"WHEN duration <= {bound} THEN {place}" for place, bound in enumerate(LATENCY_BOUNDS))
USAGE_LATENCY = f"""
SELECT {" ".join(_LABELLED)} AS label, CASE {" ".join(_BUCKETS)} ELSE {len(LATENCY_BOUNDS)} END AS bucket, count(*)
FROM usage
WHERE at >= :since AND at < :until AND (:account IS NULL OR account = :account) AND outcome = 'success'
GROUP BY label, bucket ORDER BY label, bucket
"""  # noqa: S608 made of constants alone
EXPIRED_USAGE = """
SELECT usage.rowid FROM usage LEFT JOIN accounts ON accounts.id = usage.account
WHERE usage.at < :now - 86400.0 * min(:default_days, (SELECT coalesce(min(usage_days), :default_days) FROM accounts))
    AND usage.at < :now - 86400.0 * coalesce(accounts.usage_days, :default_days)
ORDER BY usage.at LIMIT :batch
"""
DELETE_USAGE = "DELETE FROM usage WHERE rowid IN (SELECT value FROM json_each(?))"

CONTRADICTION_COLUMNS = ("endpoint", "credential", "code", "decision", "at", "host", "cleared_at")
ADD_CONTRADICTION = (
    f"INSERT INTO contradictions ({', '.join(CONTRADICTION_COLUMNS)}) VALUES (?, ?, ?, ?, ?, ?, ?) "  # noqa: S608 made of constants alone
    "ON CONFLICT (endpoint, credential, code) WHERE cleared_at IS NULL DO NOTHING"
)
CONTRADICTIONS = f"SELECT {', '.join(CONTRADICTION_COLUMNS)} FROM contradictions ORDER BY at, rowid"  # noqa: S608 made of constants alone
CLEAR_CONTRADICTIONS = """
UPDATE contradictions SET cleared_at = :at
WHERE endpoint = :endpoint AND (:credential IS NULL OR credential = :credential) AND cleared_at IS NULL
"""

HAS_USAGE = "SELECT 1 FROM usage WHERE decision = ?"
ADD_START = "INSERT INTO starts (id, started_at) VALUES (?, ?)"
END_START = "UPDATE starts SET unknown = ?, ended_at = ? WHERE id = ?"

DECISION_COLUMNS = (
    "decision",
    "at",
    "account",
    "key",
    "model",
    "requirement",
    "catalogue",
    "snapshot",
    "data_classes",
    "permitted",
    "denied",
)
ONE_DECISION = f"SELECT {', '.join(DECISION_COLUMNS)} FROM decision_records WHERE decision = ?"  # noqa: S608 made of constants alone
ENTERED_DECISION = "SELECT entry FROM audit_entries WHERE ref = ?"
ONE_NAME = "SELECT subject FROM audit_names WHERE log_id = ?"
DECISION_COUNT = """
SELECT (SELECT count(*) FROM decision_records) + (SELECT count(*) FROM audit_entries WHERE ref >= 'd:' AND ref < 'd;')
"""
# The second rewrites the file's first page, through the WAL and its fsync, and changes nothing.
PROBE = ("SELECT 1 FROM decision_records LIMIT 1", "PRAGMA user_version = 0")


@functools.cache
def insert_usage(rows: int) -> str:
    """Give the statement that inserts so many usage rows at once; a row whose decision exists is left out.

    One statement, not `executemany`: that gives up the interpreter lock for every row, and beside a busy event loop each row then waits
    5 ms to get it back, with SQLite's write lock held (128 rows: 680 ms against 16 ms, measured).
    """
    return _insert("usage", USAGE_COLUMNS, rows) + " ON CONFLICT (decision) DO NOTHING"


@functools.cache
def insert_decisions(rows: int) -> str:
    """Give the statement that inserts so many decision records at once, all or none."""
    return _insert("decision_records", DECISION_COLUMNS, rows)


def _insert(table: str, columns: tuple[str, ...], rows: int) -> str:
    row = f"({', '.join('?' * len(columns))})"
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join([row] * rows)}"  # noqa: S608 made of constants alone
