"""Provider credentials that accounts bring: sealed secrets, and what their owners declare about them."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table `credentials`."""
    op.create_table(
        "credentials",
        sa.Column("id", sa.Text, primary_key=True, nullable=False),
        sa.Column("account", sa.Text, sa.ForeignKey("accounts.id"), nullable=False),
        *[sa.Column(name, sa.Text, nullable=False) for name in ("provider", "tier", "name", "declared", "key_id")],
        *[sa.Column(name, sa.LargeBinary, nullable=False) for name in ("wrapped", "ciphertext")],
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("disabled_at", sa.Double, nullable=True),
        sa.CheckConstraint("tier IN ('paid', 'free', 'undeclared')", name="credentials_tier"),
        # A revoked credential keeps its name for old usage rows, never its secret.
        sa.CheckConstraint("disabled_at IS NULL OR (length(wrapped) = 0 AND length(ciphertext) = 0)", name="credentials_gone"),
    )
