"""SQL for sealed prompt logs, as constant text that SQLite and PostgreSQL both read. Values travel only as parameters."""

RULES = "SELECT account, layer, subject, keeps, share, ttl_days FROM log_rules"
RULE_OF_KEY = "SELECT keeps, share, ttl_days FROM log_rules WHERE account = ? AND layer = 'key' AND subject = ?"
RULES_OF_ACCOUNT = RULES + " WHERE account = ? ORDER BY layer, subject"
PUT_RULE = """
INSERT INTO log_rules (account, layer, subject, keeps, share, ttl_days, changed_at) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (account, layer, subject) DO UPDATE SET
keeps = excluded.keeps, share = excluded.share, ttl_days = excluded.ttl_days, changed_at = excluded.changed_at
"""
DROP_RULE = "DELETE FROM log_rules WHERE account = ? AND layer = ? AND subject = ?"
SUBJECT_IS_THE_ACCOUNTS = """
SELECT 1 FROM accounts WHERE :layer = 'account' AND id = :subject AND id = :account
UNION ALL SELECT 1 FROM projects WHERE :layer = 'project' AND id = :subject AND account = :account
UNION ALL SELECT 1 FROM keys WHERE :layer = 'key' AND id = :subject AND account = :account
"""

_RECIPIENT = "SELECT id, account, recipient, name, created_at FROM log_recipients"
RECIPIENTS = _RECIPIENT + " ORDER BY account, created_at, id"
RECIPIENTS_OF_ACCOUNT = _RECIPIENT + " WHERE account = ? ORDER BY created_at, id"
COUNT_RECIPIENTS = "SELECT count(*) FROM log_recipients WHERE account = ?"
ADD_RECIPIENT = "INSERT INTO log_recipients (id, account, recipient, name, created_at) VALUES (?, ?, ?, ?, ?)"
DROP_RECIPIENT = "DELETE FROM log_recipients WHERE account = ? AND id = ?"

ENTRY_COLUMNS = 'decision, account, "key", project, at, expires_at, operation, model, outcome, keeps, recipients, bytes'
_ENTRY = f"SELECT {ENTRY_COLUMNS} FROM sealed_logs WHERE bytes IS NOT NULL AND account = ?"  # noqa: S608 constants alone
ENTRIES = _ENTRY + " AND (at, decision) < (?, ?) ORDER BY at DESC, decision DESC LIMIT ?"
ENTRIES_OF_KEY = _ENTRY + ' AND "key" = ? AND (at, decision) < (?, ?) ORDER BY at DESC, decision DESC LIMIT ?'
ENTRY = _ENTRY + " AND decision = ?"
KEPT = "SELECT count(*), coalesce(sum(bytes), 0), min(at) FROM sealed_logs WHERE bytes IS NOT NULL AND account = ?"
PIECE = "SELECT piece FROM sealed_pieces WHERE account = ? AND entry = ? AND number = ?"

# What was deleted up to an instant stays deleted: an entry of before that may still be on its way to the seal, in any process.
ADD_ENTRY = f"""
INSERT INTO sealed_logs ({ENTRY_COLUMNS}) SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?
WHERE NOT EXISTS (SELECT 1 FROM log_clearings WHERE account = ? AND until >= ?)
"""  # noqa: S608 constants alone
ADD_PIECE = "INSERT INTO sealed_pieces (account, entry, number, padding, piece) VALUES (?, ?, ?, ?, ?)"
COMPLETE = "UPDATE sealed_logs SET bytes = ? WHERE account = ? AND decision = ?"

DROP_PIECES_OF_ENTRY = "DELETE FROM sealed_pieces WHERE account = ? AND entry = ?"
DROP_ENTRY = "DELETE FROM sealed_logs WHERE account = ? AND decision = ?"
CLEAR = """
INSERT INTO log_clearings (account, until) VALUES (:account, :until)
ON CONFLICT (account) DO UPDATE SET until = excluded.until WHERE excluded.until > log_clearings.until
"""
_CLEARED = "SELECT decision FROM sealed_logs WHERE account = :account AND at <= :until ORDER BY at, decision LIMIT :limit"
DROP_CLEARED_PIECES = f"DELETE FROM sealed_pieces WHERE account = :account AND entry IN ({_CLEARED})"  # noqa: S608 constants alone
DROP_CLEARED = f"DELETE FROM sealed_logs WHERE account = :account AND decision IN ({_CLEARED})"  # noqa: S608 constants alone
_EXPIRED = "SELECT decision FROM sealed_logs WHERE expires_at <= :now ORDER BY expires_at, decision LIMIT :limit"
DROP_EXPIRED_PIECES = f"DELETE FROM sealed_pieces WHERE entry IN ({_EXPIRED})"  # noqa: S608 constants alone
DROP_EXPIRED = f"DELETE FROM sealed_logs WHERE decision IN ({_EXPIRED})"  # noqa: S608 constants alone
