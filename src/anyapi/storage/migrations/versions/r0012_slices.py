"""What workers on one PostgreSQL have leased of the limits of keys. SQLite serves one process and leaves both tables empty."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Make the tables `slices` and `recent_requests`."""
    op.create_table(
        "slices",
        sa.Column("account", sa.Text, sa.ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
        sa.Column("lineage", sa.Text, nullable=False),
        sa.Column("worker", sa.Text, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("requests", sa.Integer, nullable=False),
        sa.Column("ends_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("lineage", "worker"),
    )
    op.create_table(
        "recent_requests",
        sa.Column("account", sa.Text, sa.ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
        sa.Column("lineage", sa.Text, nullable=False),
        sa.Column("second", sa.BigInteger, nullable=False),
        sa.Column("requests", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("lineage", "second"),
    )
    op.create_index("recent_requests_second", "recent_requests", ["second"])
