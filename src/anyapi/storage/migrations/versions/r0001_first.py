"""The first tables: accounts, projects, keys, settings, usage, starts, decision records."""

import sqlalchemy as sa
from alembic import op

from anyapi.storage.migrations.guarded import refuse

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table of the first release."""
    _callers()
    _settings()
    _usage()
    _decision_records()


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=nullable)


def _number(name: str, *, nullable: bool = False) -> sa.Column[float]:
    return sa.Column(name, sa.Double, nullable=nullable)


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False)


def _callers() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.Text, primary_key=True, nullable=False),
        _text("name"),
        _number("created_at"),
        _number("usage_days", nullable=True),
    )
    op.create_table(
        "projects",
        sa.Column("id", sa.Text, primary_key=True, nullable=False),
        sa.Column("account", sa.Text, sa.ForeignKey("accounts.id"), nullable=False),
        _text("name"),
        _number("created_at"),
        sa.UniqueConstraint("account", "id", name="projects_account_id"),
    )
    op.create_table(
        "keys",
        sa.Column("id", sa.Text, primary_key=True, nullable=False),
        _text("prefix"),
        sa.Column("sha256", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("account", sa.Text, sa.ForeignKey("accounts.id"), nullable=False),
        _number("created_at"),
        _text("project", nullable=True),
        _text("name"),
        _number("expires_at", nullable=True),
        _number("revoked_at", nullable=True),
        # A key cannot point into another account's project.
        sa.ForeignKeyConstraint(["account", "project"], ["projects.account", "projects.id"], name="keys_project"),
    )


def _settings() -> None:
    op.create_table(
        "settings",
        _text("layer"),
        _text("subject"),
        _text("body"),
        _number("changed_at"),
        sa.PrimaryKeyConstraint("layer", "subject"),
        sa.CheckConstraint("layer IN ('gateway', 'account', 'project', 'key')", name="settings_layer"),
    )


def _usage() -> None:
    op.create_table(
        "usage",
        sa.Column("decision", sa.Text, nullable=False, unique=True),
        _number("at"),
        *[_text(name) for name in ("account", "key", "operation", "model", "outcome")],
        sa.Column("status", sa.Integer, nullable=False),
        _text("source"),
        *[_count(name) for name in ("prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens")],
        *[_text(name, nullable=True) for name in ("project", "app_id", "app_name", "app_version", "app_user_id", "app_session_id")],
        *[_text(name, nullable=True) for name in ("provider", "endpoint", "credential", "data_class")],
        sa.Column("streamed", sa.Boolean, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        _number("duration"),
        *[_number(name, nullable=True) for name in ("first_token", "cost")],
    )
    # Rows come in the order of time: the index grows at one end, and serves both reports and expiry.
    op.create_index("usage_at_account", "usage", ["at", "account"])
    op.create_table(
        "starts",
        sa.Column("id", sa.Text, primary_key=True, nullable=False),
        _number("started_at"),
        sa.Column("unknown", sa.BigInteger, nullable=True),
        _number("ended_at", nullable=True),
    )


def _decision_records() -> None:
    op.create_table(
        "decision_records",
        sa.Column("decision", sa.Text, nullable=False, unique=True),
        _number("at"),
        *[_text(name) for name in ("account", "key", "model", "requirement", "catalogue")],
        _count("snapshot"),
        *[_text(name) for name in ("data_classes", "permitted", "denied")],
    )
    text = "decision_records is append-only"
    refuse("decision_records", text, name="decision_records_no_update", event="UPDATE")
    refuse("decision_records", text, name="decision_records_no_delete", event="DELETE")
    if op.get_bind().dialect.name == "sqlite":  # INSERT OR REPLACE deletes without firing the trigger above
        known = "EXISTS (SELECT 1 FROM decision_records WHERE decision = NEW.decision)"
        refuse("decision_records", text, name="decision_records_no_replace", event="INSERT", when=known)
