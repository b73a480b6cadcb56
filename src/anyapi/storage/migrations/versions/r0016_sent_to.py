"""Where a request was sent to besides the endpoint of its row: after a failover, or nowhere."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Add a column to `usage`."""
    op.add_column("usage", sa.Column("sent_to", sa.Text, nullable=True))
