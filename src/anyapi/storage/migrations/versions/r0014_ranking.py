"""The ranking of models: releases, the ledger of what they cost, accounts that take no part."""

import sqlalchemy as sa
from alembic import op

from anyapi.storage.migrations.guarded import refuse

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Make the tables; the ledger is append-only."""
    op.create_table(
        "ranking_ledger",
        sa.Column("week", sa.Text, primary_key=True, nullable=False),
        sa.Column("epsilon", sa.Double, nullable=False),
        sa.Column("delta", sa.Double, nullable=False),
    )
    text = "ranking_ledger is append-only"
    refuse("ranking_ledger", text, name="ranking_ledger_no_delete", event="DELETE")
    refuse("ranking_ledger", text, name="ranking_ledger_no_update", event="UPDATE")
    op.create_table(
        "ranking_releases",
        sa.Column("week", sa.Text, sa.ForeignKey("ranking_ledger.week"), primary_key=True, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_table(
        "ranking_opt_outs",
        sa.Column("account", sa.Text, sa.ForeignKey("accounts.id"), primary_key=True, nullable=False),
    )
