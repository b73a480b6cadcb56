"""Opening the file: modes, pragmas, and errors in words."""

import os
import sqlite3
import subprocess
import sys

import pytest

from anyapi.errors import StorageError
from anyapi.storage.connection import connect, database_path, error_code, storage_error


def test_directory_and_file_are_for_us_alone(tmp_path):
    before = os.umask(0)
    try:
        path = database_path(tmp_path / "new" / "data dir")
        connection = connect(path)
        connection.execute("CREATE TABLE t (a)")
        modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
        connection.close()
    finally:
        os.umask(before)
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert modes == {"anyapi.db": 0o600, "anyapi.db-wal": 0o600, "anyapi.db-shm": 0o600}


def test_a_directory_that_exists_keeps_its_mode_and_the_file_is_tightened(tmp_path):
    tmp_path.chmod(0o755)
    (tmp_path / "anyapi.db").touch(0o644)
    path = database_path(tmp_path)
    assert tmp_path.stat().st_mode & 0o777 == 0o755
    assert path.stat().st_mode & 0o777 == 0o600


def test_asking_for_the_path_again_keeps_the_locks_of_open_connections(tmp_path):
    """If they were dropped, a process that opens and closes the store would take itself for the last and delete the WAL."""
    connection = connect(database_path(tmp_path))
    connection.execute("CREATE TABLE t (a)")
    database_path(tmp_path)
    code = "import sys, pathlib; from anyapi.storage.connection import *; connect(database_path(pathlib.Path(sys.argv[1]))).close()"
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    assert (tmp_path / "anyapi.db-wal").exists()
    connection.execute("INSERT INTO t VALUES (1)")
    connection.close()
    connection = connect(database_path(tmp_path))
    assert connection.execute("SELECT a FROM t").fetchall() == [(1,)]
    connection.close()


@pytest.mark.parametrize(("asked", "level"), [("FULL", 2), ("NORMAL", 1)])
def test_pragmas(tmp_path, asked, level):
    connection = connect(database_path(tmp_path), synchronous=asked)
    names = ("journal_mode", "synchronous", "secure_delete", "foreign_keys", "trusted_schema", "busy_timeout")
    assert [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names] == ["wal", level, 1, 1, 0, 5000]
    connection.close()


@pytest.mark.parametrize("name", ["a b", "50%25", "what?mode=memory", "a#b", "ü"])
def test_odd_names_are_only_names(tmp_path, name):
    path = database_path(tmp_path / name)
    connection = connect(path)
    connection.execute("CREATE TABLE t (a)")
    connection.close()
    assert path.stat().st_size > 0


def test_a_missing_file_is_an_error_and_is_not_made(tmp_path):
    with pytest.raises(StorageError, match=r"SQLITE_CANTOPEN.*permissions"):
        connect(tmp_path / "none.db")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database(tmp_path):
    (tmp_path / "anyapi.db").write_bytes(b"not a database, only long enough to look like one" * 100)
    with pytest.raises(StorageError, match=r"SQLITE_NOTADB.*another data directory"):
        connect(tmp_path / "anyapi.db")


def test_a_data_directory_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="data directory"):
        database_path(tmp_path / "file" / "below")


def test_an_error_is_told_without_values(tmp_path):
    connection = connect(database_path(tmp_path))
    connection.execute("CREATE TABLE t (secret UNIQUE)")
    connection.execute("INSERT INTO t VALUES ('canary')")
    with pytest.raises(sqlite3.IntegrityError) as caught:
        connection.execute("INSERT INTO t VALUES ('canary')")
    connection.close()
    error = storage_error(caught.value, "add a thing")
    assert error.message.startswith("could not add a thing (SQLITE_CONSTRAINT_UNIQUE): a row of that id exists")
    assert "canary" not in error.message
    assert "secret" not in error.message
    assert error.metadata == {"code": "SQLITE_CONSTRAINT_UNIQUE"}


def test_an_error_without_a_code_has_its_type():
    assert error_code(sqlite3.ProgrammingError("closed")) == "ProgrammingError"
    assert "system log" in storage_error(sqlite3.ProgrammingError("closed"), "read").message
