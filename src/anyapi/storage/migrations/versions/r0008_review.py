"""Reviews: catalogues and their updates, what accounts have to accept, notifications and their delivery."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=nullable)


def _time(name: str, *, nullable: bool = False) -> sa.Column[float]:
    return sa.Column(name, sa.Double, nullable=nullable)


def _account(*, key: bool = False) -> sa.Column[str]:
    return sa.Column("account", sa.Text, sa.ForeignKey("accounts.id"), nullable=False, primary_key=key)


def upgrade() -> None:
    """Make the tables."""
    _catalogues()
    op.create_table(
        "review_settings",
        _account(key=True),
        sa.Column("review_first", sa.Boolean, nullable=False),
        _time("remind_days", nullable=True),
        sa.Column("email", sa.Boolean, nullable=False),
        _text("webhook_url", nullable=True),
        _text("key_id"),
        sa.Column("wrapped", sa.LargeBinary, nullable=False),
        sa.Column("ciphertext", sa.LargeBinary, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        _time("reviewed_at", nullable=True),
        _time("reminded_at", nullable=True),
    )
    op.create_table(
        "notifications",
        sa.Column("id", sa.Text, primary_key=True, nullable=False),
        _account(),
        _time("at"),
        *[_text(name) for name in ("kind", "subject", "body")],
        sa.UniqueConstraint("account", "kind", "subject", name="notifications_once"),
    )
    op.create_index("notifications_account_at", "notifications", ["account", "at"])
    op.create_table("notices_seen", _account(), _text("person"), _time("until"), sa.PrimaryKeyConstraint("account", "person"))
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Text, primary_key=True, nullable=False),
        _account(),
        sa.Column("notification", sa.Text, sa.ForeignKey("notifications.id"), nullable=False),
        _text("channel"),
        _text("person"),
        _time("next_at"),
        sa.Column("attempts", sa.BigInteger, nullable=False),
        _time("ended_at", nullable=True),
        _text("code", nullable=True),
        sa.CheckConstraint("channel IN ('email', 'webhook')", name="deliveries_channel"),
    )
    op.create_index(
        "deliveries_due", "deliveries", ["next_at"], sqlite_where=sa.text("ended_at IS NULL"), postgresql_where=sa.text("ended_at IS NULL")
    )


def _catalogues() -> None:
    op.create_table(
        "catalogues",
        sa.Column("version", sa.Text, primary_key=True, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        _time("added_at"),
    )
    op.create_table(
        "catalogue_updates",
        sa.Column("number", sa.BigInteger, primary_key=True, nullable=False, autoincrement=False),
        _time("at"),
        _text("person"),
        _text("source"),
        _text("base", nullable=True),
        sa.Column("pinned", sa.Boolean, nullable=False),
        _text("effective", nullable=True),
        _text("previous", nullable=True),
        _text("changes"),
        sa.Column("accounts", sa.BigInteger, nullable=True),
        sa.Column("told", sa.BigInteger, nullable=False),
        _time("told_at", nullable=True),
        sa.CheckConstraint("source IN ('start', 'file', 'url', 'dashboard')", name="catalogue_updates_source"),
    )
    op.create_table(
        "holds",
        _account(),
        _text("subject"),
        sa.Column("number", sa.BigInteger, nullable=False),
        _text("before", nullable=True),
        _time("since"),
        _time("accepted_at", nullable=True),
        _text("accepted_by", nullable=True),
        sa.PrimaryKeyConstraint("account", "subject", "number"),
    )
