"""The migrations, and that a new store made without them is the same."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from tests.conformance.samples import DAY, NOON, usage_row
from tests.tools import postgres

from anyapi.crypto.secret import Secret
from anyapi.errors import StorageError
from anyapi.storage import migrate, schema
from anyapi.storage.connection import connect, database_path
from anyapi.storage.drivers import driver_for
from anyapi.storage.rows import SpendingRow, UsageGroup
from anyapi.storage.schema import HEAD, is_current, prepare
from anyapi.storage.sql_store import SqlStore
from anyapi.storage.sqlite import SqliteStore
from anyapi.storage.usage_columns import to_columns
from anyapi.storage.usage_statements import USAGE_COLUMNS

STORAGE = Path(schema.__file__).parent
SINCE = frozenset({"host", "evidence", "sent_to"})
"""Columns of usage rows that the first release did not have."""


@pytest.fixture
def path(tmp_path):
    return database_path(tmp_path / "50% data dir")


def test_schema_sql_is_what_the_migrations_make(path):
    migrate.upgrade(path)
    assert migrate.dump(path) == (STORAGE / "schema.sql").read_text()


def test_a_new_store_has_what_schema_sql_says(path):
    prepare(path)
    assert migrate.dump(path) == (STORAGE / "schema.sql").read_text()


def test_head_is_the_newest_revision():
    config = Config()
    config.set_main_option("script_location", str(STORAGE / "migrations").replace("%", "%%"))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_upgrading_twice_changes_nothing(path):
    migrate.upgrade(path)
    assert is_current(path)
    connection = connect(path)
    connection.execute("INSERT INTO accounts (id, name, created_at) VALUES ('kept', '', 0)")
    connection.close()
    migrate.upgrade(path)
    connection = connect(path)
    assert connection.execute("SELECT id FROM accounts").fetchall() == [("kept",)]
    connection.close()


def test_two_processes_at_once_upgrade_once(path):
    code = "import sys, pathlib; from anyapi.storage.migrate import upgrade; upgrade(pathlib.Path(sys.argv[1]))"
    running = [subprocess.Popen([sys.executable, "-c", code, str(path)], stderr=subprocess.PIPE) for _ in range(2)]
    assert [(process.communicate()[1], process.returncode) for process in running] == [(b"", 0)] * 2
    assert is_current(path)


def test_a_revision_that_fails_leaves_nothing_behind(path):
    connection = connect(path)
    connection.execute("CREATE TABLE starts (a)")
    connection.close()
    with pytest.raises(StorageError, match="bring the database up to date"):
        migrate.upgrade(path)
    connection = connect(path)
    assert [name for (name,) in connection.execute("SELECT name FROM sqlite_master")] == ["starts"]
    connection.close()


def test_a_store_of_the_first_release_keeps_what_it_holds(path):
    config = Config()
    config.set_main_option("script_location", str(STORAGE / "migrations").replace("%", "%%"))
    engine = sa.create_engine("sqlite://", creator=lambda: connect(path), poolclass=sa.NullPool)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.exec_driver_sql("INSERT INTO accounts (id, name, created_at) VALUES ('kept', '', 0)")
        columns = [name for name in USAGE_COLUMNS if name not in SINCE]
        values = [getattr(usage_row(1), name, 0) for name in columns]
        marks = ", ".join("?" * len(columns))
        connection.exec_driver_sql(f"INSERT INTO usage ({', '.join(columns)}) VALUES ({marks})", tuple(values))
    engine.dispose()
    assert not is_current(path)
    told = []
    prepare(path, lambda done, whole: told.append((done, whole)))
    assert told == [(1, 1)]
    assert is_current(path)
    connection = connect(path)
    assert connection.execute("SELECT id FROM accounts").fetchall() == [("kept",)]
    assert connection.execute("SELECT count(*) FROM credentials").fetchall() == [(0,)]
    connection.close()
    with SqliteStore(path.parent) as store:
        (row,) = store.usage_rows(0.0, 1e12)
        assert (row.decision, row.host, row.evidence, row.sent_to) == (usage_row(1).decision, None, None, None)
        assert [(total.label, total.requests) for total in store.usage_totals(UsageGroup.MODEL, 0.0, 1e12)] == [(row.model, 1)]
        assert store.contradictions() == []


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request, path):
    """How to connect to an empty database, and its driver."""
    if request.param == "sqlite":
        driver = driver_for(path.parent)
        yield sa.create_engine("sqlite://", creator=lambda: connect(path), poolclass=sa.NullPool), driver
    else:
        with postgres.run().empty_database() as url:
            engine = sa.create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(url), poolclass=sa.NullPool)
            yield engine, driver_for(None, Secret(url))


def test_what_keys_spent_before_that_was_kept_counts_on_its_day(empty):
    engine, driver = empty
    config = Config()
    config.set_main_option("script_location", str(STORAGE / "migrations").replace("%", "%%"))
    midnight = NOON - DAY / 2
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0006")
        connection.exec_driver_sql("INSERT INTO accounts (id, name, created_at) VALUES ('default', '', 0)")
        connection.exec_driver_sql(
            "INSERT INTO keys (id, prefix, sha256, account, created_at, name) VALUES ('key_1', '', '', 'default', 0, '')"
        )
        for number, at in enumerate((midnight - 1, midnight, midnight + 0.75 * DAY)):
            values = dict(zip(USAGE_COLUMNS, to_columns(usage_row(number, at=at)), strict=True)) | {"streamed": True}
            values.pop("sent_to")
            places = ", ".join(f":{name}" for name in values)
            connection.execute(sa.text(f"INSERT INTO usage ({', '.join(values)}) VALUES ({places})"), values)
    engine.dispose()
    driver.prepare()
    today = int(midnight // DAY)
    with SqlStore(driver) as store:
        assert store.key("key_1").lineage == "key_1"
        assert store.spending("default", today - 1, today, today + 1) == [SpendingRow("key_1", 0.75, 0.75, 0.5, 0.0)]


def test_a_revoked_credential_cannot_keep_its_seal(path):
    prepare(path)
    connection = connect(path)
    connection.execute("INSERT INTO accounts (id, name, created_at) VALUES ('a', '', 0)")
    with pytest.raises(sqlite3.IntegrityError, match="credentials_gone"):
        connection.execute("INSERT INTO credentials VALUES ('own:1', 'a', 'p', 'paid', '', '{}', 'k', x'00', x'00', 1, 0, 1)")
    connection.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE decision_records SET model = 'x'",
        "DELETE FROM decision_records",
        "INSERT OR REPLACE INTO decision_records SELECT * FROM decision_records",
        "REPLACE INTO decision_records SELECT decision, 0, account, key, 'x', requirement, catalogue, 0, '', '', '' FROM decision_records",
    ],
)
def test_decision_records_are_append_only(path, statement):
    prepare(path)
    connection = connect(path)
    connection.execute("INSERT INTO decision_records VALUES ('dec_1', 1.0, 'a', 'k', 'm', 'r', 'c', 1, '[]', '[]', '[]')")
    before = connection.execute("SELECT * FROM decision_records").fetchall()
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute(statement)
    assert connection.execute("SELECT * FROM decision_records").fetchall() == before
    connection.close()
