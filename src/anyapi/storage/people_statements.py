"""SQL for people, sessions, links and changes, as constant text. Values travel only as parameters."""

_PERSON = "SELECT id, email, name, password, operator, created_at, disabled_at FROM people"
ADD_PERSON = "INSERT INTO people (id, email, name, password, operator, created_at, disabled_at) VALUES (?, ?, ?, ?, ?, ?, ?)"
ONE_PERSON = _PERSON + " WHERE id = ?"
PERSON_BY_EMAIL = _PERSON + " WHERE email = ?"
PEOPLE_COUNT = "SELECT count(*) FROM people"
SET_PASSWORD = "UPDATE people SET password = ? WHERE id = ?"  # noqa: S105 a statement

PUT_MEMBER = """
INSERT INTO members (account, person, role, since) VALUES (?, ?, ?, ?)
ON CONFLICT (account, person) DO UPDATE SET role = excluded.role, since = excluded.since
"""
REMOVE_MEMBER = "DELETE FROM members WHERE account = ? AND person = ?"
OWNERS = "SELECT count(*) FROM members WHERE account = ? AND role = 'owner'"
MEMBERS = """
SELECT members.account, members.person, members.role, members.since,
    people.id, people.email, people.name, people.password, people.operator, people.created_at, people.disabled_at
FROM members JOIN people ON people.id = members.person
WHERE members.account = ? ORDER BY members.since, members.person
"""
ROLES = "SELECT account, role FROM members WHERE person = ?"

# Of who is nobody's member: a member has to be removed first, so that an account's last owner is not lost unnoticed.
REMOVABLE = "SELECT email FROM people WHERE id = ? AND NOT operator AND id NOT IN (SELECT person FROM members)"
DELETE_IDENTITIES = "DELETE FROM identities WHERE person = ?"
DELETE_LINKS_TO = "DELETE FROM links WHERE email = ?"
FORGET_ADDRESS = "UPDATE changes SET subject = ? WHERE subject = ?"
DELETE_PERSON = "DELETE FROM people WHERE id = ?"

ADD_IDENTITY = "INSERT INTO identities (issuer, subject, person, since) VALUES (?, ?, ?, ?)"
IDENTITIES = "SELECT issuer, subject, person, since FROM identities WHERE person = ? ORDER BY issuer"
PERSON_BY_IDENTITY = _PERSON + " WHERE id = (SELECT person FROM identities WHERE issuer = ? AND subject = ?)"  # noqa: S608 constant text

ADD_SESSION = "INSERT INTO sessions (sha256, person, created_at, seen_at) VALUES (?, ?, ?, ?)"
ONE_SESSION = "SELECT sha256, person, created_at, seen_at FROM sessions WHERE sha256 = ?"
TOUCH_SESSION = "UPDATE sessions SET seen_at = ? WHERE sha256 = ?"
END_SESSION = "DELETE FROM sessions WHERE sha256 = ?"
END_SESSIONS = "DELETE FROM sessions WHERE person = ?"
PURGE_SESSIONS = "DELETE FROM sessions WHERE created_at < ? OR seen_at < ?"

_LINK = "SELECT sha256, kind, expires_at, account, role, email FROM links"
ADD_LINK = "INSERT INTO links (sha256, kind, expires_at, account, role, email) VALUES (?, ?, ?, ?, ?, ?)"
END_LIKE_LINKS = "DELETE FROM links WHERE kind = ? AND account IS ? AND email = ?"
ONE_LINK = _LINK + " WHERE sha256 = ? AND expires_at > ?"
INVITATIONS = _LINK + " WHERE kind = 'invitation' AND account = ? AND expires_at > ? ORDER BY expires_at, sha256"
INVITED = "SELECT count(*) FROM links WHERE kind = 'invitation' AND email = ? AND expires_at > ?"
END_LINK = "DELETE FROM links WHERE sha256 = ?"
PURGE_LINKS = "DELETE FROM links WHERE expires_at < ?"

# A change that is noted while its account is deleted would outlive it: it is left out then.
ADD_CHANGE = """
INSERT INTO changes (at, account, person, what, subject, before, after)
SELECT :at, :account, :person, :what, :subject, :before, :after
WHERE :account IS NULL OR EXISTS (SELECT 1 FROM accounts WHERE id = :account)
"""
CHANGES = """
SELECT at, account, person, what, subject, before, after FROM changes WHERE account IS ? AND at < ? ORDER BY at DESC, rowid DESC LIMIT ?
"""
