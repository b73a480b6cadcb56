"""Opens the SQLite file as this product needs it, and turns SQLite's errors into ours. Knows no table."""

import os
import sqlite3
import time
from pathlib import Path
from urllib.parse import quote

from anyapi.errors import StorageError

DATABASE_NAME = "anyapi.db"
_BUSY_SECONDS = 5.0
_BUSY_PAUSE = 0.005
_WAL_KEPT_BYTES = 1024 * 1024
"""To this the WAL shrinks when it starts anew, so that its size says how much waits for a checkpoint."""
NOT_STORABLE = (sqlite3.IntegrityError, sqlite3.InterfaceError, sqlite3.ProgrammingError, OverflowError, UnicodeError)
"""What is raised when the row is at fault and not the store."""
_ADVICE = {
    "SQLITE_FULL": "the disk is full: free some space",
    "SQLITE_BUSY": "another process holds the database: end the long-running command or copy that uses it",
    "SQLITE_READONLY": "the file or its directory is read-only: check owner and mount",
    "SQLITE_CANTOPEN": "the file cannot be opened: check owner and permissions of the data directory",
    "SQLITE_CORRUPT": "the file is damaged: restore a backup, or move it away to start afresh",
    "SQLITE_NOTADB": "the file is not an SQLite database: choose another data directory",
    "SQLITE_CONSTRAINT": "a row of that id exists already, or names an account or project that does not exist",
}


def storage_error(error: sqlite3.Error, doing: str) -> StorageError:
    """Say what failed (`doing`, our words), SQLite's code and what to do. SQLite's own text is left out: it may hold values."""
    code = error_code(error)
    primary = next((name for name in _ADVICE if code.startswith(name)), "")
    advice = _ADVICE.get(primary, "look at the disk and the system log")
    return StorageError(f"could not {doing} ({code}): {advice}", {"code": code})


def error_code(error: sqlite3.Error) -> str:
    """Give SQLite's name of the error, for example `SQLITE_FULL`."""
    return getattr(error, "sqlite_errorname", None) or type(error).__name__


def database_path(data_dir: Path) -> Path:
    """Give the database file of a data directory, making the directory (0700) and the file (0600) where they are missing.

    A directory that exists keeps its mode: it may be shared on purpose; the files in it are ours alone. Raises `StorageError`.
    """
    path = data_directory(data_dir) / DATABASE_NAME
    try:
        # SQLite gives the -wal and -shm files the mode of the database file.
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        except FileExistsError:
            # INVARIANT: an existing database file is opened by SQLite alone. Closing any other descriptor of it would drop the locks of
            # this process's connections (POSIX), and another process would take the WAL away from under them.
            path.chmod(0o600)
    except OSError as error:
        raise _unusable(data_dir, error) from None
    return path


def data_directory(data_dir: Path) -> Path:
    """The directory, made (0700) where it is missing. Raises `StorageError`."""
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(data_dir, error) from None
    return data_dir


def _unusable(data_dir: Path, error: OSError) -> StorageError:
    where = "name a directory, not a file:" if isinstance(error, FileExistsError | NotADirectoryError) else "check owner and permissions of"
    return StorageError(f"could not open the data directory ({error.strerror}): {where} {data_dir}")


def connect(path: Path, *, synchronous: str = "FULL", cached_statements: int = 128) -> sqlite3.Connection:
    """Open an existing database file, in autocommit mode: transactions are written out in SQL. Raises `StorageError`.

    The connection may be used from any thread, one at a time. Automatic checkpoints are off but for a backstop: `UsageWriter`
    does them where nobody waits.
    """
    try:
        connection = sqlite3.connect(
            f"file:{quote(str(path))}?mode=rw",
            uri=True,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=cached_statements,
        )
    except sqlite3.Error as error:
        raise storage_error(error, "open the database") from None
    try:
        _use_wal(connection)
        for pragma in (
            "PRAGMA synchronous=FULL" if synchronous == "FULL" else "PRAGMA synchronous=NORMAL",
            "PRAGMA foreign_keys=ON",
            "PRAGMA secure_delete=ON",
            "PRAGMA trusted_schema=OFF",
            "PRAGMA temp_store=MEMORY",
            "PRAGMA wal_autocheckpoint=16384",
        ):
            connection.execute(pragma).fetchall()
        connection.execute(f"PRAGMA journal_size_limit={_WAL_KEPT_BYTES}").fetchall()
    except sqlite3.Error as error:
        connection.close()
        raise storage_error(error, "open the database") from None
    return connection


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch the file to WAL, once for its life. Several that start at once on a new file want it alone for that.

    SQLite lets the statement fail at once then, where it waits for any other lock (sqlite3_busy_handler: it could be a deadlock).
    """
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").fetchall()
        except sqlite3.OperationalError as error:
            if error_code(error) != "SQLITE_BUSY" or time.monotonic() > deadline:
                raise
            time.sleep(_BUSY_PAUSE)
        else:
            return
