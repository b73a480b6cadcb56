"""Evidence: what providers state that they did, in usage rows; and what of it contradicts a promise, until the operator clears it."""

import sqlalchemy as sa
from alembic import op

from anyapi.storage.migrations.guarded import refuse

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add two columns to `usage` and make the table `contradictions`."""
    for name in ("host", "evidence"):
        op.add_column("usage", sa.Column(name, sa.Text, nullable=True))
    op.create_table(
        "contradictions",
        *[sa.Column(name, sa.Text, nullable=False) for name in ("endpoint", "credential", "code", "decision")],
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("host", sa.Text, nullable=True),
        sa.Column("cleared_at", sa.Double, nullable=True),
        sa.CheckConstraint("code IN ('other_host', 'excluded_host', 'retained', 'stored')", name="contradictions_code"),
    )
    # The first of its kind is the one that counts, until it is cleared.
    op.create_index(
        "contradictions_in_force",
        "contradictions",
        ["endpoint", "credential", "code"],
        unique=True,
        sqlite_where=sa.text("cleared_at IS NULL"),
        postgresql_where=sa.text("cleared_at IS NULL"),
    )
    text = "contradictions can only be added and cleared"
    cleared, fixed = "OLD.cleared_at IS NOT NULL OR NEW.cleared_at IS NULL", "endpoint, credential, code, decision, at, host"
    refuse("contradictions", text, name="contradictions_no_delete", event="DELETE")
    refuse("contradictions", text, name="contradictions_only_cleared", event="UPDATE", when=cleared)
    refuse("contradictions", text, name="contradictions_no_change", event=f"UPDATE OF {fixed}")
