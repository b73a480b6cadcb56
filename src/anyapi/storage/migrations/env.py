"""Runs revisions on the connection that `storage/migrate.py` passes in. Offline mode is not supported: a file is at hand or it is not."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transaction_per_migration=False)
with context.begin_transaction():
    context.run_migrations()
