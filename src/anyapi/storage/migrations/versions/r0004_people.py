"""People who use the control plane: roles, sessions, one-time links, and the history of changes."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=nullable)


def _time(name: str, *, nullable: bool = False) -> sa.Column[float]:
    return sa.Column(name, sa.Double, nullable=nullable)


def upgrade() -> None:
    """Make the tables `people`, `members`, `sessions`, `links` and `changes`."""
    op.create_table(
        "people",
        sa.Column("id", sa.Text, primary_key=True, nullable=False),
        sa.Column("email", sa.Text, nullable=False, unique=True),
        _text("name"),
        _text("password", nullable=True),
        sa.Column("operator", sa.Boolean, nullable=False),
        _time("created_at"),
        _time("disabled_at", nullable=True),
    )
    op.create_table(
        "members",
        sa.Column("account", sa.Text, sa.ForeignKey("accounts.id"), nullable=False),
        sa.Column("person", sa.Text, sa.ForeignKey("people.id"), nullable=False),
        _text("role"),
        _time("since"),
        sa.PrimaryKeyConstraint("account", "person"),
        sa.CheckConstraint("role IN ('owner', 'admin', 'member', 'auditor')", name="members_role"),
    )
    op.create_table(
        "sessions",
        sa.Column("sha256", sa.LargeBinary, primary_key=True, nullable=False),
        sa.Column("person", sa.Text, sa.ForeignKey("people.id"), nullable=False),
        _time("created_at"),
        _time("seen_at"),
    )
    op.create_table(
        "links",
        sa.Column("sha256", sa.LargeBinary, primary_key=True, nullable=False),
        _text("kind"),
        _time("expires_at"),
        sa.Column("account", sa.Text, sa.ForeignKey("accounts.id"), nullable=True),
        _text("role", nullable=True),
        _text("email"),
    )
    op.create_table(
        "changes",
        _time("at"),
        _text("account", nullable=True),
        *[_text(name) for name in ("person", "what", "subject", "before", "after")],
    )
    op.create_index("changes_account_at", "changes", ["account", "at"])
