"""SQL of the audit log, as constant text. Values travel only as parameters."""

import functools

from anyapi.storage.statements import DECISION_COLUMNS, insert

SIZE = "SELECT coalesce(max(position) + 1, 0) FROM audit_entries"
ENTRIES = "SELECT position, ref, CAST(entry AS BLOB) FROM audit_entries WHERE position >= ? AND position < ? ORDER BY position"
PAGE = "SELECT position, ref, CAST(entry AS BLOB) FROM audit_entries WHERE position > ? ORDER BY position LIMIT ?"
ENTRY = "SELECT CAST(entry AS BLOB) FROM audit_entries WHERE position = ?"
PLACE = "SELECT position, CAST(entry AS BLOB) FROM audit_entries WHERE ref = ?"
KEYS = "SELECT position, CAST(entry AS BLOB) FROM audit_entries WHERE ref >= 'k:' AND ref < 'k;' ORDER BY position"

# An entry that names an account begins with it: "account" comes before all other names of fields.
OF_ACCOUNT = """
SELECT position, entry FROM audit_entries WHERE position >= ? AND position < ? AND substr(entry, 13, 28) = ? ORDER BY position DESC LIMIT ?
"""
CHANGES_OF_ACCOUNT = OF_ACCOUNT.replace("ORDER", "AND ref >= 'c:' AND ref < 'c;' ORDER")

USED = "SELECT 1 FROM usage WHERE decision = ? AND account = ?"

TILE = "SELECT hashes FROM audit_tiles WHERE level = ? AND number = ?"
TILE_ROOTS = "SELECT root FROM audit_tiles WHERE level = ? AND number >= ? AND number < ? ORDER BY number"
TILE_COUNT = "SELECT count(*) FROM audit_tiles WHERE level = ?"
TILES = """
SELECT level, number, CAST(hashes AS BLOB), CAST(root AS BLOB) FROM audit_tiles
WHERE (level, number) > (?, ?) ORDER BY level, number LIMIT ?
"""
ADD_TILE = "INSERT INTO audit_tiles (level, number, hashes, root) VALUES (?, ?, ?, ?)"

CHECKPOINT = "SELECT size, note FROM audit_checkpoints ORDER BY size DESC LIMIT 1"
CHECKPOINTS = "SELECT size, CAST(note AS TEXT) FROM audit_checkpoints WHERE size > ? ORDER BY size LIMIT ?"
# A loss of power takes nothing that was committed while this holds, nor what was committed before.
DURABLE, NOT_DURABLE = "PRAGMA synchronous=FULL", "PRAGMA synchronous=NORMAL"
ADD_CHECKPOINT = "INSERT INTO audit_checkpoints (size, note) VALUES (?, ?)"

WAITING_CHANGES = "SELECT id, at, kind, body FROM audit_pending ORDER BY at, rowid LIMIT ?"
WAITING_DECISIONS = f"SELECT {', '.join(DECISION_COLUMNS)} FROM decision_records ORDER BY rowid LIMIT ?"  # noqa: S608 made of constants alone
WAITING_COUNT = "SELECT (SELECT count(*) FROM audit_pending) + (SELECT count(*) FROM decision_records)"
ADD_WAITING = "INSERT INTO audit_pending (id, at, kind, body) VALUES (?, ?, ?, ?)"

NAME = "SELECT log_id FROM audit_names WHERE kind = ? AND account = ? AND subject = ?"
NAMED = "SELECT kind, account, subject FROM audit_names WHERE log_id = ?"
# A name is kept only while what it names is there: nothing that was deleted gets one again.
ADD_NAME = """
INSERT INTO audit_names (log_id, kind, account, subject) SELECT :log_id, :kind, :account, :subject
WHERE CASE WHEN :account <> '' THEN EXISTS (SELECT 1 FROM accounts WHERE id = :account)
    WHEN :kind = 'person' THEN EXISTS (SELECT 1 FROM people WHERE id = :subject) ELSE TRUE END
ON CONFLICT (kind, account, subject) DO NOTHING
"""


@functools.lru_cache(maxsize=64)
def insert_entries(rows: int) -> str:
    """Give the statement that adds so many entries at once, all or none. One statement, for the reason `insert_usage` gives."""
    return insert("audit_entries", ("position", "ref", "entry"), rows)
