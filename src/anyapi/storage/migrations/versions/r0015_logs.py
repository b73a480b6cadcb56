"""Sealed prompt logs: whom they are sealed to, what is kept, the entries and their ciphertext."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

_KEEPS = "keeps IN ('both', 'prompts', 'responses', 'nothing')"


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=nullable)


def _number(name: str) -> sa.Column[float]:
    return sa.Column(name, sa.Double, nullable=False)


def _account(*, key: bool = False) -> sa.Column[str]:
    return sa.Column("account", sa.Text, sa.ForeignKey("accounts.id"), nullable=False, primary_key=key)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "log_recipients",
        sa.Column("id", sa.Text, primary_key=True, nullable=False),
        _account(),
        _text("recipient"),
        _text("name"),
        _number("created_at"),
        sa.UniqueConstraint("account", "recipient", name="log_recipients_once"),
    )
    op.create_table(
        "log_rules",
        _account(),
        _text("layer"),
        _text("subject"),
        _text("keeps"),
        _number("share"),
        _number("ttl_days"),
        _number("changed_at"),
        sa.PrimaryKeyConstraint("account", "layer", "subject"),
        sa.CheckConstraint("layer IN ('account', 'project', 'key')", name="log_rules_layer"),
        sa.CheckConstraint(_KEEPS, name="log_rules_keeps"),
    )
    op.create_table(
        "sealed_logs",
        sa.Column("decision", sa.Text, primary_key=True, nullable=False),
        _account(),
        _text("key"),
        _text("project", nullable=True),
        _number("at"),
        _number("expires_at"),
        *[_text(name) for name in ("operation", "model", "outcome", "keeps", "recipients")],
        sa.Column("bytes", sa.BigInteger, nullable=True),
    )
    op.create_index("sealed_logs_account", "sealed_logs", ["account", "at"])
    op.create_index("sealed_logs_expiry", "sealed_logs", ["expires_at"])
    # A row's first 4,061 bytes may stand in a page that SQLite shares out among rows, and moves them about in. `padding` fills those, so
    # that ciphertext stands in pages of its own alone, which `secure_delete` overwrites when they are freed (docs/adr/0024).
    op.create_table(
        "sealed_pieces",
        _account(),
        sa.Column("entry", sa.Text, sa.ForeignKey("sealed_logs.decision"), nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("padding", sa.LargeBinary, nullable=False),
        sa.Column("piece", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("entry", "number"),
    )
    op.create_table("log_clearings", _account(key=True), _number("until"))
