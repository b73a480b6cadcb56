"""PostgreSQL alone: the number of the newest change, and the workers that go by it. SQLite serves one process and needs neither."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the tables `published` and `workers`."""
    if op.get_bind().dialect.name == "sqlite":
        return
    op.create_table("published", sa.Column("version", sa.BigInteger, nullable=False))
    op.execute("INSERT INTO published (version) VALUES (1)")
    op.create_table(
        "workers",
        sa.Column("id", sa.Text, primary_key=True, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease", sa.Double, nullable=False),
    )
