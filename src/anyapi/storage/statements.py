"""Every SQL statement that a running server or the CLI sends, as constant text. Values travel only as parameters.

They are written so that SQLite and PostgreSQL both take them; the few that cannot be stand in `postgres_statements` a second time.
"""

import functools

ADD_ACCOUNT = "INSERT INTO accounts (id, name, created_at, usage_days) VALUES (?, ?, ?, ?)"
ENSURE_ACCOUNT = ADD_ACCOUNT + " ON CONFLICT (id) DO NOTHING"
HAS_ACCOUNT = "SELECT 1 FROM accounts WHERE id = ?"
SET_USAGE_DAYS = "UPDATE accounts SET usage_days = ? WHERE id = ?"
ACCOUNTS = "SELECT id, name, created_at, usage_days FROM accounts ORDER BY id"
CLOSING = "SELECT account FROM closings"
ADD_PROJECT = "INSERT INTO projects (id, account, name, created_at) VALUES (?, ?, ?, ?)"
PROJECTS = "SELECT id, account, name, created_at FROM projects ORDER BY id"

KEY_COLUMNS = (
    "id",
    "prefix",
    "sha256",
    "account",
    "created_at",
    "project",
    "name",
    "expires_at",
    "revoked_at",
    "spend_cap",
    "period",
    "requests_per_minute",
    "disabled_at",
    "lineage",
)
ADD_KEY = f"INSERT INTO keys ({', '.join(KEY_COLUMNS)}) VALUES ({', '.join('?' * len(KEY_COLUMNS))})"  # noqa: S608 made of constants alone
_KEY = f"SELECT {', '.join(KEY_COLUMNS)} FROM keys"  # noqa: S608 made of constants alone
KEYS = _KEY + " ORDER BY created_at, id"
KEYS_OF_ACCOUNT = _KEY + " WHERE account = ? ORDER BY created_at, id"
ONE_KEY = _KEY + " WHERE id = ?"
LIVE_KEYS = "SELECT count(*) FROM keys WHERE account = ? AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)"
REVOKE_KEY = "UPDATE keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL"
END_KEY = "UPDATE keys SET expires_at = CASE WHEN expires_at < :at THEN expires_at ELSE :at END WHERE id = :id"

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
UPDATE credentials SET disabled_at = :at, declared = '{}', wrapped = :nothing, ciphertext = :nothing WHERE id = :id AND disabled_at IS NULL
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
    ELSE FALSE
END
"""

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
def insert_decisions(rows: int) -> str:
    """Give the statement that inserts so many decision records at once, all or none."""
    return insert("decision_records", DECISION_COLUMNS, rows)


def insert(table: str, columns: tuple[str, ...], rows: int) -> str:
    """Give the statement that inserts so many rows at once."""
    row = f"({', '.join('?' * len(columns))})"
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join([row] * rows)}"  # noqa: S608 made of constants alone
