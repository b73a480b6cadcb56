"""Privacy requests and what is to be told about them; accounts that are being deleted; decision records that outlive their account."""

import sqlalchemy as sa
from alembic import op

from anyapi.storage.migrations.guarded import refuse

revision = "0009"
down_revision = "0008"

_FIXED = ("decision", "at", "model", "requirement", "catalogue", "snapshot", "data_classes", "permitted", "denied")


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _time(name: str, *, nullable: bool = False) -> sa.Column[float]:
    return sa.Column(name, sa.Double, nullable=nullable)


def _id() -> sa.Column[str]:
    return sa.Column("id", sa.Text, primary_key=True, nullable=False)


def _account(*, nullable: bool = False) -> sa.Column[str]:
    return sa.Column("account", sa.Text, sa.ForeignKey("accounts.id"), nullable=nullable)


def upgrade() -> None:
    """Make the tables `privacy_requests`, `privacy_messages`, `privacy_notices` and `closings`; let a decision record be detached, once."""
    op.create_table(
        "privacy_requests",
        _id(),
        _account(),
        _text("person"),
        _text("kind"),
        _text("status"),
        _time("opened_at"),
        _time("due_at"),
        _time("changed_at"),
        sa.CheckConstraint("kind IN ('access', 'deletion', 'correction', 'objection', 'question')", name="privacy_requests_kind"),
        sa.CheckConstraint("status IN ('open', 'in_progress', 'answered', 'closed')", name="privacy_requests_status"),
    )
    op.create_index("privacy_requests_account", "privacy_requests", ["account", "opened_at"])
    op.create_table(
        "privacy_messages",
        _id(),
        _account(),
        sa.Column("request", sa.Text, sa.ForeignKey("privacy_requests.id"), nullable=False),
        _text("person"),
        sa.Column("from_team", sa.Boolean, nullable=False),
        _time("at"),
        _text("words"),
    )
    op.create_index("privacy_messages_request", "privacy_messages", ["account", "request", "at"])
    op.create_table("privacy_notices", _id(), _account(), _time("at"), _text("kind"), _text("facts"), _time("sent_at", nullable=True))
    op.create_table(
        "closings",
        sa.Column("account", sa.Text, sa.ForeignKey("accounts.id"), primary_key=True, nullable=False),
        _time("since"),
    )
    # INVARIANT: nothing of a record changes but whose it was, and that once, to a name that leads to nobody.
    sqlite = op.get_bind().dialect.name == "sqlite"
    op.execute("DROP TRIGGER decision_records_no_update" + ("" if sqlite else " ON decision_records"))
    same = " AND ".join(f"NEW.{name} = OLD.{name}" for name in (("rowid", *_FIXED) if sqlite else _FIXED))
    when = (
        f"NOT ({same} AND substr(OLD.account, 1, 8) <> 'deleted:' AND substr(NEW.account, 1, 8) = 'deleted:' AND NEW.\"key\" = 'deleted')"
    )
    refuse("decision_records", "decision_records is append-only", name="decision_records_no_update", event="UPDATE", when=when)
