"""Evidence: what providers state that they did, in usage rows; and what of it contradicts a promise, until the operator clears it."""

import sqlalchemy as sa
from alembic import op

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
    )
    for name, event, when in (
        ("contradictions_no_delete", "DELETE", ""),
        ("contradictions_only_cleared", "UPDATE", "WHEN OLD.cleared_at IS NOT NULL OR NEW.cleared_at IS NULL "),
        ("contradictions_no_change", "UPDATE OF endpoint, credential, code, decision, at, host", ""),
    ):
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {event} ON contradictions {when}"
            "BEGIN SELECT RAISE(ABORT, 'contradictions can only be added and cleared'); END"
        )
