"""SQL for privacy requests, as constant text that SQLite and PostgreSQL both read. Values travel only as parameters."""

_REQUEST = "SELECT id, account, person, kind, status, opened_at, due_at, changed_at FROM privacy_requests"
ADD_REQUEST = """
INSERT INTO privacy_requests (id, account, person, kind, status, opened_at, due_at, changed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
ONE_REQUEST = _REQUEST + " WHERE account = ? AND id = ?"
REQUEST_BY_ID = _REQUEST + " WHERE id = ?"
_ORDER = " ORDER BY CASE WHEN status IN ('open', 'in_progress') THEN due_at ELSE 1e18 END, opened_at DESC, id LIMIT ?"
REQUESTS = _REQUEST + _ORDER
REQUESTS_OF_ACCOUNT = _REQUEST + " WHERE account = ?" + _ORDER
SET_STATUS = "UPDATE privacy_requests SET status = ?, changed_at = ?, due_at = coalesce(?, due_at) WHERE account = ? AND id = ?"

ADD_MESSAGE = "INSERT INTO privacy_messages (id, account, request, person, from_team, at, words) VALUES (?, ?, ?, ?, ?, ?, ?)"
MESSAGES = """
SELECT id, account, request, person, from_team, at, words FROM privacy_messages WHERE account = ? AND request = ? ORDER BY at, id
"""

_OLD = "status IN ('answered', 'closed') AND changed_at < ?"
PURGE_MESSAGES = f"DELETE FROM privacy_messages WHERE request IN (SELECT id FROM privacy_requests WHERE {_OLD})"  # noqa: S608 constants
PURGE_REQUESTS = f"DELETE FROM privacy_requests WHERE {_OLD}"  # noqa: S608 made of constants alone

ADD_NOTICE = "INSERT INTO privacy_notices (id, account, at, kind, facts, sent_at) VALUES (?, ?, ?, ?, ?, ?)"
UNSENT_NOTICES = "SELECT id, account, at, kind, facts, sent_at FROM privacy_notices WHERE sent_at IS NULL ORDER BY at, id LIMIT ?"
NOTE_SENT = "UPDATE privacy_notices SET sent_at = ? WHERE id = ? AND sent_at IS NULL"
NOTE_UNSENT = "UPDATE privacy_notices SET sent_at = NULL WHERE id = ?"
PURGE_NOTICES = "DELETE FROM privacy_notices WHERE at < ?"
