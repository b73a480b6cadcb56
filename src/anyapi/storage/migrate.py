"""Brings a store of an older release to this one, with alembic. Slow to import (SQLAlchemy): a store that is current never needs it.

`python -m anyapi.storage.migrate` prints `schema.sql`, the tables that all revisions together make; a test compares it with the file.
"""

import sqlite3
import tempfile
from pathlib import Path
from typing import cast

import psycopg
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from psycopg.rows import TupleRow

from anyapi.errors import StorageError
from anyapi.storage.connection import connect, database_path, storage_error
from anyapi.storage.driver import Connection, Cursor, Progress, Values
from anyapi.storage.postgres_schema import begin, finish
from anyapi.storage.postgres_statements import rewritten
from anyapi.storage.schema import is_current, no_progress
from anyapi.storage.usage_sums import rebuild

__all__ = ["dump", "is_current", "upgrade", "upgrade_postgres"]


def upgrade(path: Path, progress: Progress = no_progress) -> None:
    """Run every missing revision on the database file, and sum the usage of a store that has no sums; all or none.

    `progress` is told how many usage rows are summed, of how many; ten million take some minutes. Raises `StorageError`. Two processes may
    call it at once: the second waits for the first and finds nothing left to do.
    """
    engine = sa.create_engine("sqlite://", creator=lambda: connect(path), poolclass=sa.NullPool)
    # SQLite commits by itself before DDL unless the transaction is opened by hand; IMMEDIATE makes a second process wait.
    sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    try:
        with engine.begin() as connection:
            _run(connection)
            _sum_usage(cast("Connection", connection.connection.dbapi_connection), progress)
    except sqlite3.Error as error:
        raise storage_error(error, "bring the database up to date") from None
    except sa.exc.DBAPIError as error:
        if isinstance(error.orig, sqlite3.Error):
            raise storage_error(error.orig, "bring the database up to date") from None
        raise StorageError("could not bring the database up to date: restore a backup, or report this") from None
    finally:
        engine.dispose()


def upgrade_postgres(raw: psycopg.Connection[TupleRow], progress: Progress = no_progress) -> None:
    """The same over an open connection, and what PostgreSQL needs besides (`postgres_schema.finish`). Raises `psycopg.Error`."""
    raw.autocommit = False
    engine = sa.create_engine("postgresql+psycopg://", creator=lambda: raw, poolclass=sa.StaticPool)
    try:
        with engine.begin() as connection:
            begin(raw)
            _run(connection)
            finish(raw)
            _sum_usage(_Rewriting(raw), progress)
    except sa.exc.DBAPIError as error:
        raise error.orig or error from None
    finally:
        engine.dispose()


class _Rewriting:
    """An open connection of PostgreSQL that takes statements as they are written for both."""

    def __init__(self, raw: psycopg.Connection[TupleRow]) -> None:
        self._raw = raw
        self.close = raw.close

    def execute(self, statement: str, values: Values = ()) -> Cursor:
        return cast("Cursor", self._raw.execute(rewritten(statement).encode(), values))


def _run(connection: sa.Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _sum_usage(connection: Connection, progress: Progress) -> None:
    """Fill `usage_hours` where it is new. Not a revision's work: that would have to know the rows of every later release."""
    if connection.execute("SELECT 1 FROM usage_hours LIMIT 1").fetchone() is None:
        rebuild(connection, progress)


def dump(path: Path) -> str:
    """Give the SQL that makes the tables, indexes and triggers of this database file."""
    connection = connect(path)
    try:
        rows = connection.execute(
            "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite%' ORDER BY rowid",
        ).fetchall()
    finally:
        connection.close()
    statements = ("\n".join(line.rstrip() for line in sql.splitlines()).rstrip() for (sql,) in rows)
    return ";\n\n".join(statements) + ";\n"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        file = database_path(Path(directory))
        upgrade(file)
        print(dump(file), end="")  # noqa: T201 this is what the command is for
