"""What a database file is, and making the tables of a new one."""

import subprocess
import sys
import threading

import pytest

from anyapi.errors import StorageError
from anyapi.storage.connection import connect, database_path
from anyapi.storage.schema import HEAD, SchemaState, is_current, prepare, state


@pytest.fixture
def path(tmp_path):
    return database_path(tmp_path)


def run(path, *statements):
    connection = connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.close()


def test_a_new_file_is_empty_then_current(path):
    assert state(path) is SchemaState.EMPTY
    assert not is_current(path)
    prepare(path)
    assert state(path) is SchemaState.CURRENT
    assert is_current(path)
    prepare(path)


def test_a_missing_file_is_not_current_and_is_not_made(tmp_path):
    assert not is_current(tmp_path / "anyapi.db")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "statements",
    [
        pytest.param(["CREATE TABLE recipes (a)"], id="somebody else's"),
        pytest.param(["CREATE TABLE alembic_version (version_num)", "INSERT INTO alembic_version VALUES ('9999')"], id="newer"),
    ],
)
def test_a_file_that_is_not_ours_or_newer_is_refused_untouched(path, statements):
    run(path, *statements)
    assert state(path) is SchemaState.FOREIGN
    before = path.read_bytes()
    with pytest.raises(StorageError, match="newer AnyAPI"):
        prepare(path)
    assert path.read_bytes() == before


def test_an_older_file_is_brought_up_to_date(path):
    run(path, "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
    assert state(path) is SchemaState.OLDER
    prepare(path)
    assert state(path) is SchemaState.CURRENT


def test_many_at_once_make_the_tables_once(path):
    threads = [threading.Thread(target=prepare, args=(path,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    connection = connect(path)
    assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(HEAD,)]
    connection.close()


MODULES = """
anyapi.storage.contract anyapi.storage.sqlite anyapi.storage.usage_writer anyapi.storage.decision_writer anyapi.storage.schema
anyapi.control.publish anyapi.control.channel anyapi.crypto.api_keys
""".split()
HEAVY = {"sqlalchemy", "alembic", "click", "rich", "yaml"}


def test_a_running_server_loads_nothing_heavy(tmp_path):
    """Imports what the data plane uses of storage and control, opens a new store, and looks at what was loaded."""
    code = (
        f"import sys, pathlib, {', '.join(MODULES)}\n"
        "anyapi.storage.sqlite.SqliteStore(pathlib.Path(sys.argv[1])).close()\n"
        f"print(sorted({HEAVY!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "d")], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"
