"""Limits of API keys, what is spent by day, and provisioning keys, which manage API keys and call no model."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add columns to `keys`, make the tables `spending` and `provisioning_keys`."""
    op.add_column("keys", sa.Column("spend_cap", sa.Double, nullable=True))
    op.add_column("keys", sa.Column("period", sa.Text, nullable=False, server_default="total"))
    op.add_column("keys", sa.Column("requests_per_minute", sa.Integer, nullable=True))
    op.add_column("keys", sa.Column("disabled_at", sa.Double, nullable=True))
    op.add_column("keys", sa.Column("lineage", sa.Text, nullable=False, server_default=""))
    op.execute("UPDATE keys SET lineage = id")
    op.create_index("keys_lineage", "keys", ["lineage"])
    op.create_table(
        "spending",
        sa.Column("account", sa.Text, sa.ForeignKey("accounts.id"), nullable=False),
        sa.Column("lineage", sa.Text, nullable=False),
        sa.Column("day", sa.Integer, nullable=False),
        sa.Column("cost", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("lineage", "day"),
        sqlite_with_rowid=False,  # the days of a key stand together
    )
    # What is in the store already was spent too. A cast cuts off in SQLite, which may lack floor(), and rounds in PostgreSQL.
    days = "usage.at / 86400" if op.get_bind().dialect.name == "sqlite" else "floor(usage.at / 86400)"
    op.execute(
        "INSERT INTO spending (account, lineage, day, cost) "  # noqa: S608 made of constants alone
        f"SELECT keys.account, keys.lineage, CAST({days} AS INTEGER), sum(usage.cost) "
        "FROM usage JOIN keys ON keys.id = usage.key WHERE usage.cost > 0 GROUP BY 1, 2, 3"
    )
    op.create_table(
        "provisioning_keys",
        sa.Column("id", sa.Text, primary_key=True, nullable=False),
        sa.Column("prefix", sa.Text, nullable=False),
        sa.Column("sha256", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("account", sa.Text, sa.ForeignKey("accounts.id"), nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("revoked_at", sa.Double, nullable=True),
    )
