"""SQL of reviews, as constant text. Values travel only as parameters."""

from anyapi.storage.statements import insert

HAS_CATALOGUE = "SELECT 1 FROM catalogues WHERE version = ?"
ADD_CATALOGUE = "INSERT INTO catalogues (version, body, added_at) VALUES (?, ?, ?)"
CATALOGUE = "SELECT body FROM catalogues WHERE version = ?"
# What was in force while the oldest usage row was written stays: the exposure ledger is made of both.
DROP_CATALOGUES = """
DELETE FROM catalogues WHERE version NOT IN (
    SELECT base FROM catalogue_updates WHERE base IS NOT NULL AND number = (SELECT max(number) FROM catalogue_updates)
    UNION SELECT effective FROM catalogue_updates WHERE effective IS NOT NULL
        AND number = (SELECT max(number) FROM catalogue_updates WHERE effective IS NOT NULL)
    UNION SELECT previous FROM catalogue_updates WHERE previous IS NOT NULL AND told_at IS NULL
    UNION SELECT effective FROM catalogue_updates WHERE effective IS NOT NULL AND told_at IS NULL
    UNION SELECT effective FROM catalogue_updates WHERE effective IS NOT NULL AND EXISTS (SELECT 1 FROM usage) AND number >= coalesce(
        (SELECT max(number) FROM catalogue_updates WHERE effective IS NOT NULL AND at <= (SELECT min(at) FROM usage)), 0)
)
"""

_UPDATE = "SELECT number, at, person, source, base, pinned, effective, previous, changes, accounts, told, told_at FROM catalogue_updates"
ADD_UPDATE = (
    "INSERT INTO catalogue_updates (number, at, person, source, base, pinned, effective, previous, changes, accounts, told, told_at) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
NEWEST_UPDATE = _UPDATE + " ORDER BY number DESC LIMIT 1"
LAST_ADOPTED = _UPDATE + " WHERE effective IS NOT NULL ORDER BY number DESC LIMIT 1"
UPDATES = _UPDATE + " ORDER BY number DESC LIMIT ?"
UNTOLD_UPDATES = _UPDATE + " WHERE effective IS NOT NULL AND told_at IS NULL ORDER BY number"
ADOPT = "UPDATE catalogue_updates SET effective = ?, previous = ?, changes = ? WHERE number = ? AND effective IS NULL"
PROGRESS = "UPDATE catalogue_updates SET accounts = ?, told = ?, told_at = ? WHERE number = ?"

HOLD_COLUMNS = ("account", "subject", "number", "before", "since", "accepted_at", "accepted_by")
_HOLD = f"SELECT {', '.join(HOLD_COLUMNS)} FROM holds"  # noqa: S608 made of constants alone
PENDING = _HOLD + " WHERE accepted_at IS NULL ORDER BY account, number, subject"
PENDING_OF_ACCOUNT = _HOLD + " WHERE account = ? AND accepted_at IS NULL ORDER BY number, subject"
ACCEPTED_OF_ACCOUNT = _HOLD + " WHERE account = ? AND accepted_at IS NOT NULL ORDER BY accepted_at DESC, subject LIMIT ?"
ACCEPT_ONE = "UPDATE holds SET accepted_at = ?, accepted_by = ? WHERE account = ? AND subject = ? AND accepted_at IS NULL"
ACCEPT_ALL = "UPDATE holds SET accepted_at = ?, accepted_by = ? WHERE account = ? AND accepted_at IS NULL"

_COLUMNS = "account, review_first, remind_days, email, webhook_url, key_id, wrapped, ciphertext, version, reviewed_at, reminded_at"
ALL_SETTINGS = f"SELECT {_COLUMNS} FROM review_settings ORDER BY account"  # noqa: S608 made of constants alone
SETTINGS = f"SELECT {_COLUMNS} FROM review_settings WHERE account = ?"  # noqa: S608 made of constants alone
PUT_SETTINGS = f"""
INSERT INTO review_settings ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (account) DO UPDATE SET review_first = excluded.review_first, remind_days = excluded.remind_days, email = excluded.email,
    webhook_url = excluded.webhook_url, key_id = excluded.key_id, wrapped = excluded.wrapped, ciphertext = excluded.ciphertext,
    version = excluded.version, reviewed_at = excluded.reviewed_at, reminded_at = excluded.reminded_at
"""  # noqa: S608 made of constants alone

NOTE_REMINDER = "UPDATE review_settings SET reminded_at = ? WHERE account = ?"

ADD_NOTIFICATION = """
INSERT INTO notifications (id, account, at, kind, subject, body) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (account, kind, subject) DO NOTHING
"""
_NOTIFICATION = "SELECT id, account, at, kind, subject, body FROM notifications"
NOTIFICATIONS = _NOTIFICATION + " WHERE account = ? AND at < ? ORDER BY at DESC, id DESC LIMIT ?"
ONE_NOTIFICATION = _NOTIFICATION + " WHERE account = ? AND id = ?"
SEEN = "SELECT until FROM notices_seen WHERE account = ? AND person = ?"
SEE = """
INSERT INTO notices_seen (account, person, until) VALUES (?, ?, ?)
ON CONFLICT (account, person) DO UPDATE SET until = excluded.until WHERE excluded.until > notices_seen.until
"""
UNSEEN = """
SELECT count(*) FROM notifications WHERE account = :account
    AND at > coalesce((SELECT until FROM notices_seen WHERE account = :account AND person = :person), 0)
"""

ADD_DELIVERY = (
    "INSERT INTO deliveries (id, account, notification, channel, person, next_at, attempts, ended_at, code) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_DELIVERY = "SELECT id, account, notification, channel, person, next_at, attempts, ended_at, code FROM deliveries"
DUE = _DELIVERY + " WHERE ended_at IS NULL AND next_at <= ? ORDER BY next_at, id LIMIT ?"
DELIVERIES = _DELIVERY + " WHERE account = ? ORDER BY next_at DESC, id LIMIT ?"
CLAIM_DELIVERY = "UPDATE deliveries SET next_at = ? WHERE account = ? AND id = ? AND next_at = ? AND ended_at IS NULL"
NOTE_DELIVERY = "UPDATE deliveries SET attempts = ?, next_at = ?, ended_at = ?, code = ? WHERE account = ? AND id = ?"
PURGE_DELIVERIES = (
    "DELETE FROM deliveries WHERE notification IN (SELECT id FROM notifications WHERE at < ?) OR (ended_at IS NOT NULL AND ended_at < ?)"
)
PURGE_NOTIFICATIONS = "DELETE FROM notifications WHERE at < ?"


def insert_holds(rows: int) -> str:
    """Give the statement that inserts so many holds at once; one that is there stays as it is."""
    return insert("holds", HOLD_COLUMNS, rows) + " ON CONFLICT (account, subject, number) DO NOTHING"
