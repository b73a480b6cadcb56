"""Whether a database file has the tables of this release, and making them in a new one. No alembic: the server starts without it.

`schema.sql` is what all migrations together make, written out by `python -m anyapi.storage.migrate`.
"""

import importlib
import sqlite3
from pathlib import Path

from anyapi.errors import StorageError
from anyapi.storage.connection import connect, storage_error
from anyapi.storage.driver import Progress, SchemaState

HEAD = "0017"
"""The newest revision of `storage/migrations`; a test compares them."""


def no_progress(_done: int, _whole: int) -> None:
    """Tells nobody."""


def state(path: Path) -> SchemaState:
    """Say what the database file is. Raises `StorageError` if it cannot be read."""
    connection = connect(path)
    try:
        return _state(connection)
    except sqlite3.Error as error:
        raise storage_error(error, "read the database's version") from None
    finally:
        connection.close()


def is_current(path: Path) -> bool:
    """Whether the file has exactly the tables of this release; False for a missing file. Cheap: no alembic, well under a millisecond."""
    return path.exists() and state(path) is SchemaState.CURRENT


def prepare(path: Path, progress: Progress = no_progress) -> None:
    """Make the tables in an empty file, or bring an older one up to date. Raises `StorageError` for a file that is not ours or newer.

    `progress` hears of what takes long, if anything does.
    Only an older file loads alembic; `anyapi serve` calls this before it re-executes itself, so that its memory goes again.
    """
    found = state(path)
    if found is SchemaState.EMPTY:
        _create(path)
    elif found is SchemaState.OLDER:
        importlib.import_module("anyapi.storage.migrate").upgrade(path, progress)
    elif found is SchemaState.FOREIGN:
        raise StorageError(
            f"{path} was written by a newer AnyAPI, or by something else: update AnyAPI, or choose another data directory with --data-dir"
        )


def _state(connection: sqlite3.Connection) -> SchemaState:
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables:
        return SchemaState.EMPTY
    if "alembic_version" not in tables:
        return SchemaState.FOREIGN
    return of_revisions([revision for (revision,) in connection.execute("SELECT version_num FROM alembic_version")])


def of_revisions(revisions: list[str]) -> SchemaState:
    """What a database with these revisions of ours is."""
    if revisions == [HEAD]:
        return SchemaState.CURRENT
    return SchemaState.OLDER if all(revision < HEAD for revision in revisions) else SchemaState.FOREIGN


def _create(path: Path) -> None:
    script = Path(__file__).with_name("schema.sql").read_text(encoding="utf-8")
    connection = connect(path)
    try:
        connection.execute("BEGIN IMMEDIATE")
        # Another process may have made them while we waited for the lock.
        if _state(connection) is SchemaState.EMPTY:
            for statement in script.split("\n\n"):
                connection.execute(statement)
            connection.execute("INSERT INTO alembic_version (version_num) VALUES (?)", (HEAD,))
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise storage_error(error, "make the tables of a new database") from None
    finally:
        connection.close()
