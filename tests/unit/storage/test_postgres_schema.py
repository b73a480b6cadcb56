"""What a PostgreSQL database is, the wall between accounts, and that its tables are those of SQLite."""

import contextlib
import os
import pathlib
import re
import sqlite3
import subprocess
import sys

import psycopg
import pytest
from tests.conformance.samples import NOON
from tests.conformance.whole_account import fill
from tests.tools import postgres

from anyapi.crypto.secret import Secret
from anyapi.domain.requirement import Layer, Settings
from anyapi.errors import StorageError
from anyapi.storage.driver import Conflict
from anyapi.storage.drivers import driver_for
from anyapi.storage.people_rows import ChangeRow
from anyapi.storage.postgres_schema import state
from anyapi.storage.rows import AccountRow, ProjectRow
from anyapi.storage.schema import HEAD, SchemaState
from anyapi.storage.sqlite import SqliteStore
from anyapi.storage.tenant import only

DOCS = pathlib.Path(__file__).parents[3] / "docs"
OWN = {"projects", "keys", "credentials", "usage", "decision_records", "members", "links", "changes", "settings", "accounts"}
OWN |= {"spending", "provisioning_keys", "usage_hours", "privacy_requests", "privacy_messages", "privacy_notices", "closings"}
OWN |= {"holds", "review_settings", "notifications", "notices_seen", "deliveries"}


@pytest.fixture
def raw(backend):
    with psycopg.connect(backend.url, autocommit=True) as opened:
        yield opened


@pytest.fixture
def filled(backend):
    """Two whole accounts, and the gateway's own."""
    for account in ("acme", "other"):
        fill(backend, account)
    with backend.store(NOON) as store, backend.people() as people, backend.holdings() as holdings:
        store.change_settings(Layer.GATEWAY, "", lambda _: Settings(paid_only=True), NOON)
        people.add_change(ChangeRow(NOON, None, "cli", "settings", ""))
        for account in ("acme", "other"):
            holdings.begin_closing(account, NOON)
    return backend


def counts(raw, tables):
    return {table: raw.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}


def test_a_statement_without_a_tenant_sees_and_changes_nothing_of_accounts(filled, raw):
    assert counts(raw, OWN) == dict.fromkeys(OWN, 0)
    assert raw.execute("UPDATE keys SET revoked_at = 1").rowcount == 0
    assert raw.execute("DELETE FROM usage").rowcount == 0
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        raw.execute("INSERT INTO accounts VALUES ('new', 'New', 0, NULL)")


def test_with_a_tenant_only_its_rows_are_there(filled, raw):
    raw.execute("SET anyapi.account = 'acme'")
    for table in sorted(OWN - {"settings", "accounts"}):
        assert {account for (account,) in raw.execute(f"SELECT account FROM {table}")} == {"acme"}, table
    assert raw.execute("SELECT id FROM accounts").fetchall() == [("acme",)]
    assert {subject for (subject,) in raw.execute("SELECT subject FROM settings")} == {"", "acme", "acme-project", "key_acme"}
    assert raw.execute("UPDATE settings SET body = '{}' WHERE layer = 'gateway'").rowcount == 0
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        raw.execute("INSERT INTO projects VALUES ('theirs', 'other', 'P', 0)")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        raw.execute("UPDATE projects SET account = 'other'")


def test_the_store_works_for_the_tenant_of_its_task(filled):
    with filled.store(NOON) as store, filled.people() as people:
        with only("acme"):
            assert [key.account for key in store.keys()] == ["acme"]
            assert store.keys("other") == people.members("other") == []
            assert store.key("key_other") is None
            with pytest.raises(StorageError):
                store.add_project(ProjectRow("p2", "other", "P", NOON))
        assert {key.account for key in store.keys()} == {"acme", "other"}


def test_every_table_with_accounts_rows_has_the_wall_and_its_owner_is_not_above_it(raw):
    walled = raw.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND relrowsecurity AND relforcerowsecurity").fetchall()
    named = raw.execute(
        "SELECT table_name FROM information_schema.columns WHERE column_name = 'account' AND table_schema = 'public'"
    ).fetchall()
    assert {name for (name,) in named} | {"accounts", "settings", "audit_pending"} == {name for (name,) in walled} >= OWN
    assert raw.execute("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user").fetchone() == (False,)


def test_the_closing_of_an_account_without_keys_is_a_new_version_too(backend, raw):
    with backend.store(NOON) as store, backend.holdings() as holdings:
        store.add_account(AccountRow("bare", "Bare", NOON))
        before = raw.execute("SELECT version FROM published").fetchone()[0]
        holdings.begin_closing("bare", NOON)
        assert raw.execute("SELECT version FROM published").fetchone()[0] > before


def test_what_is_append_only_stays(filled, raw):
    raw.execute("SET anyapi.account = '*'")
    for statement in (
        "UPDATE decision_records SET account = 'x'",
        "DELETE FROM decision_records",
        "TRUNCATE decision_records",
        "DELETE FROM contradictions",
        "TRUNCATE contradictions",
        "UPDATE contradictions SET code = 'stored'",
        "UPDATE contradictions SET cleared_at = NULL",
    ):
        with pytest.raises(psycopg.IntegrityError, match="append-only|added and cleared"):
            raw.execute(statement)
    assert raw.execute("UPDATE contradictions SET cleared_at = 5").rowcount == 2


def test_the_tables_are_those_of_sqlite(raw, tmp_path):
    """Two tables and the number of rows without a key are PostgreSQL's alone."""
    with SqliteStore(tmp_path / "sqlite") as store, contextlib.closing(sqlite3.connect(store.path)) as file:
        tables = [name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")]
        expected = {
            (table, name, not_null) for table in tables for _, name, _, not_null, _, _ in file.execute(f"PRAGMA table_info({table})")
        }
    rows = raw.execute(
        "SELECT table_name, column_name, is_nullable = 'NO' FROM information_schema.columns WHERE table_schema = 'public'"
    ).fetchall()
    found = {(table, name, int(not_null)) for table, name, not_null in rows if table not in ("published", "workers") and name != "rowid"}
    assert found == expected


def test_texts_are_ordered_by_their_bytes(raw):
    found = raw.execute(
        "SELECT DISTINCT collation_name FROM information_schema.columns WHERE data_type = 'text' AND table_schema = 'public'"
    ).fetchall()
    assert found == [("C",)]


def test_states_of_a_database():
    with postgres.run().empty_database() as url, psycopg.connect(url, autocommit=True) as raw:
        assert state(raw) is SchemaState.EMPTY
        driver = driver_for(None, Secret(url))
        driver.prepare()
        assert state(raw) is SchemaState.CURRENT
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
        assert state(raw) is SchemaState.FOREIGN
        with pytest.raises(StorageError, match="newer AnyAPI"):
            driver.prepare()
        raw.execute("DROP TABLE alembic_version")
        assert state(raw) is SchemaState.FOREIGN


@pytest.mark.parametrize("right", ["SUPERUSER", "BYPASSRLS"])
def test_a_role_that_row_level_security_does_not_hold_for_is_refused_before_a_table_is_made(right):
    name = f"above_{os.getpid()}"
    with postgres.run().empty_database() as url, contextlib.closing(postgres.run().as_superuser()) as raw:
        raw.execute(f"CREATE ROLE {name} LOGIN {right}")
        try:
            with pytest.raises(StorageError, match="would not keep accounts apart"):
                driver_for(None, Secret(url.replace("//anyapi", f"//{name}"))).prepare()
            assert driver_for(None, Secret(url)).state() is SchemaState.EMPTY
        finally:
            raw.execute(f"DROP ROLE {name}")


def test_several_may_make_the_tables_at_once():
    code = "import sys; from anyapi.crypto.secret import Secret; from anyapi.storage.postgres_driver import *; PostgresDriver(Secret(sys.argv[1])).prepare()"
    with postgres.run().empty_database() as url:
        children = [subprocess.Popen([sys.executable, "-c", code, url], stderr=subprocess.PIPE, text=True) for _ in range(2)]
        assert [(child.communicate()[1], child.returncode) for child in children] == [("", 0)] * 2
        with psycopg.connect(url) as raw:
            assert raw.execute("SELECT version_num FROM alembic_version").fetchall() == [(HEAD,)]


def test_a_conflict_is_told_from_a_failure(backend):
    with backend.store(NOON) as store:
        with pytest.raises(Conflict, match=r"SQLSTATE_23505.*exists already"):
            store.add_account(AccountRow("default", "Default again", NOON))
        store.add_account(AccountRow("new", "New", NOON))


def test_a_backup_as_the_handbook_says_has_everything_and_one_without_the_option_is_refused(filled, raw, tmp_path):
    """The owner is held to row-level security too. Restored by the owner, nothing is missing and the wall stands."""

    def run(program, *arguments, **more):
        command = [postgres.binaries() / program, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **more})

    (options,) = re.findall("PGOPTIONS='(.+?)' pg_dump --enable-row-security ", (DOCS / "self-hosting.md").read_text())
    dump = ("--format=custom", f"--file={tmp_path / 'dump'}", filled.url)
    assert "affected by row-level security" in run("pg_dump", *dump).stderr
    assert run("pg_dump", "--enable-row-security", *dump, PGOPTIONS=options).returncode == 0
    with postgres.run().empty_database() as url:
        done = run("pg_restore", f"--dbname={url}", tmp_path / "dump")
        assert (done.returncode, done.stderr) == (0, "")
        driver_for(None, Secret(url)).prepare()
        with psycopg.connect(url) as restored:
            for each in (raw, restored):
                each.execute("SELECT set_config('anyapi.account', '*', FALSE)")
            tables = [name for (name,) in raw.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()]
            assert counts(restored, tables) == counts(raw, tables)
            walls = "SELECT count(*) FROM pg_class WHERE relrowsecurity AND relforcerowsecurity"
            assert restored.execute(walls).fetchone() == raw.execute(walls).fetchone() > (0,)
