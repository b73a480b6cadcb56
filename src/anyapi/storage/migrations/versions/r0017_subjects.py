"""What somebody did something to: an action's entry in the audit log names the key, project, credential, member, reader or request."""

from anyapi.storage.migrations.guarded import refuse
from anyapi.storage.migrations.noted import after, by, dialect, drop, pending

revision = "0017"
down_revision = "0016"

# A name of an account may be that of a project too, so for projects it goes by what was done; the other ids are nobody's choice.
# What is no id of these, such as the address that somebody was invited by, stays out: the log cannot forget it.
_SUBJECT = (
    "'key', (SELECT id FROM keys WHERE id = CASE WHEN NEW.subject LIKE 'key %' THEN substr(NEW.subject, 5) ELSE NEW.subject END), "
    "'project', CASE WHEN NEW.what = 'project_added' THEN NEW.subject WHEN NEW.subject LIKE 'project %' THEN substr(NEW.subject, 9) END, "
    "'credential', (SELECT id FROM credentials WHERE id = NEW.subject), "
    "'member', (SELECT id FROM people WHERE id = NEW.subject), "
    "'recipient', CASE WHEN NEW.what IN ('log_recipient_added', 'log_recipient_removed') THEN NEW.subject END, "
    "'request', (SELECT id FROM privacy_requests WHERE id = NEW.subject)"
)


def upgrade() -> None:
    """Write the trigger on `changes` anew. And in SQLite nothing takes the place of what waits: that would delete it past its trigger."""
    drop("audit_changes_insert", "changes")
    body = f"'account', NEW.account, 'what', NEW.what, {by('NEW.person')}, {_SUBJECT}"
    after("audit_changes_insert", "INSERT ON changes", pending("action", body))
    if dialect() == "sqlite":
        waits = "EXISTS (SELECT 1 FROM audit_pending WHERE id = NEW.id)"
        refuse("audit_pending", "audit_pending is append-only", name="audit_pending_no_replace", event="INSERT", when=waits)
