"""Runs revisions on the connection that `storage/migrate.py` passes in. Offline mode is not supported: a file is at hand or it is not."""

import sqlalchemy as sa
from alembic import context
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import TypeCompiler


@compiles(sa.Text, "postgresql")
def _bytewise(_type: sa.Text, _compiler: TypeCompiler, **_options: object) -> str:
    """Texts are ids and codes: ordered by their bytes as in SQLite, whatever the database's locale is and becomes."""
    return 'TEXT COLLATE "C"'


context.configure(connection=context.config.attributes["connection"], transaction_per_migration=False)
with context.begin_transaction():
    context.run_migrations()
