"""Sums of usage rows by hour. `storage/migrate.py` fills them from the rows that are there, after the last revision."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_COUNTS_BEFORE = ("requests", "succeeded", "prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens")
_COUNTS_AFTER = ("unpriced", "unmeasured", "contradicted")
_BUCKETS = 23


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False)


def upgrade() -> None:
    """Make the table `usage_hours`."""
    op.create_table(
        "usage_hours",
        sa.Column("dimension", sa.Text, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        _count("hour"),
        sa.Column("label", sa.Text, nullable=False),
        *[_count(name) for name in _COUNTS_BEFORE],
        sa.Column("cost", sa.Double, nullable=False),
        *[_count(name) for name in _COUNTS_AFTER],
        *[_count(f"{name}_{place:02d}") for name in ("duration", "first_token") for place in range(_BUCKETS)],
        # What one question asks for stands together: a dimension of an account, hour by hour.
        sa.PrimaryKeyConstraint("dimension", "account", "hour", "label"),
        sqlite_with_rowid=False,
    )
