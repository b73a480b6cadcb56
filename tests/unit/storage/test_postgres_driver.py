"""The driver of PostgreSQL: units, what they see, and what becomes of connections and values that go wrong."""

import contextlib
import threading

import psycopg
import pytest
from tests.conformance.samples import NOON
from tests.integration.lab import until
from tests.tools import postgres

from anyapi.crypto.secret import Secret
from anyapi.domain.requirement import Layer
from anyapi.errors import StorageError
from anyapi.storage import postgres_driver
from anyapi.storage.driver import Conflict, NotStorable, code_of
from anyapi.storage.postgres_driver import PostgresDriver, opened
from anyapi.storage.postgres_schema import WRITERS
from anyapi.storage.rows import AccountRow
from anyapi.storage.tenant import only


@pytest.fixture
def store(backend):
    with backend.store(NOON) as made:
        yield made


def end_connections(url):
    with psycopg.connect(url, autocommit=True) as raw:
        postgres.end_others(raw)


def account(named, **changes):
    return AccountRow(**{"id": named, "name": named, "created_at": NOON, **changes})


def test_a_store_whose_connection_was_ended_goes_on_with_the_next_call(backend, store):
    for name in ("a", "b"):
        end_connections(backend.url)
        assert store.accounts()
        end_connections(backend.url)
        store.add_account(account(name))
    assert {"a", "b"} < {row.id for row in store.accounts()}


def test_a_connection_that_was_ended_while_nobody_used_it_is_seen_before_it_is_used(backend):
    driver = PostgresDriver(Secret(backend.url))
    with contextlib.closing(driver.connect()) as idle, contextlib.closing(driver.connect()) as used:
        assert driver.hung_up(idle) is driver.hung_up(used) is False
        used.execute("DO $$ BEGIN RAISE WARNING 'a word of the server is not its last' ; END $$")
        assert driver.hung_up(used) is False
        assert used.execute("SELECT 1").fetchall() == [(1,)]
        end_connections(backend.url)
        until(lambda: driver.hung_up(idle) and driver.hung_up(used), "both ends are seen")
        assert driver.hung_up(idle) is True


def test_a_unit_whose_connection_ends_in_the_middle_fails_whole_and_is_not_done_again(backend, store):
    calls = []

    def change(settings):
        calls.append(settings)
        end_connections(backend.url)
        return settings

    with pytest.raises(StorageError, match="try again"):
        store.change_settings(Layer.GATEWAY, "", change, NOON)
    assert len(calls) == 1
    assert store.all_settings() == {}


def test_of_two_units_that_write_the_second_waits_for_the_first(backend):
    driver, order = backend.driver, []
    first, second = driver.connect(), driver.connect()

    def write():
        with driver.unit(second, writes=True):
            order.append("second")

    thread = threading.Thread(target=write)
    with driver.unit(first, writes=True, several=True):
        thread.start()
        thread.join(0.2)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]
    first.close()
    second.close()


@pytest.mark.parametrize("fresh", [False, True])
def test_a_unit_that_waited_too_long_for_its_turn_leaves_a_connection_that_works(backend, store, monkeypatch, fresh):
    monkeypatch.setattr(postgres_driver, "_SESSION", postgres_driver._SESSION.replace("lock_timeout = '10s'", "lock_timeout = '50ms'"))
    store._connection.execute("SET lock_timeout = '50ms'")
    if fresh:
        end_connections(backend.url)
    with psycopg.connect(backend.url) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", (WRITERS,))
        with pytest.raises(StorageError, match="SQLSTATE_55P03"):
            store.add_account(account("late"))
    store.add_account(account("late"))
    assert "late" in {row.id for row in store.accounts()}


def test_a_read_that_fails_leaves_a_connection_that_works(backend, store):  # noqa: ARG001 it has an account
    with contextlib.closing(backend.driver.connect()) as connection:
        for _ in range(2):
            with pytest.raises(StorageError, match="SQLSTATE_22012"), backend.driver.translated("divide"):
                backend.driver.read(connection, "SELECT 1 / ?", (0,))
            with pytest.raises(StorageError, match="SQLSTATE_25006"), backend.driver.translated("write"):
                backend.driver.read(connection, "DELETE FROM usage WHERE status = ? RETURNING 1", (1,))
            assert backend.driver.read(connection, "SELECT count(*) FROM accounts") == [(1,)]
        assert connection.execute("SELECT count(*) FROM accounts").fetchall() == [(0,)], "nothing is set outside"


def test_whoever_is_the_tenant_its_name_is_a_value(backend, store):
    with only("x', TRUE); DROP TABLE usage; --\\"):
        assert store.accounts() == []
    assert store.accounts()


def test_a_unit_that_reads_cannot_write_and_waits_for_nobody(backend):
    driver = backend.driver
    with (
        contextlib.closing(driver.connect()) as writing,
        contextlib.closing(driver.connect()) as reading,
        driver.unit(writing, writes=True),
    ):
        with driver.unit(reading, writes=False):
            assert reading.execute("SELECT count(*) FROM keys").fetchone() == (0,)
        with pytest.raises(StorageError, match="only reads"), driver.translated("try"), driver.unit(reading, writes=False):
            reading.execute("DELETE FROM keys")


def test_outside_units_a_connection_sees_accounts_only_if_it_is_for_everybody(backend, store):
    for everybody, expected in ((False, 0), (True, 1)):
        with contextlib.closing(backend.driver.connect(everybody=everybody)) as connection:
            assert connection.execute("SELECT count(*) FROM accounts").fetchone() == (expected,)


@pytest.mark.parametrize(("durable", "expected"), [(True, "on"), (False, "off")])
def test_whether_a_commit_waits_for_the_disk(backend, durable, expected):
    with contextlib.closing(backend.driver.connect(durable=durable)) as connection:
        assert connection.execute("SHOW synchronous_commit").fetchone() == (expected,)


@pytest.mark.parametrize(
    ("bad", "kind", "code"),
    [
        ({"id": "default"}, Conflict, "SQLSTATE_23505"),
        ({"name": None}, Conflict, "SQLSTATE_23502"),
        ({"name": "canary\0"}, NotStorable, "SQLSTATE_22000"),
        ({"name": "canary\ud800"}, NotStorable, "SQLSTATE_22000"),
        ({"created_at": "canary"}, NotStorable, "SQLSTATE_22P02"),
    ],
)
def test_a_row_that_is_at_fault_is_told_from_a_store_that_is_and_is_not_shown(store, bad, kind, code):
    with pytest.raises(kind) as caught:
        store.add_account(account("new", **bad))
    assert type(caught.value) is kind
    assert code_of(caught.value) == code
    assert "canary" not in str(caught.value)
    store.add_account(account("after"))


def test_the_password_is_in_no_text():
    url = Secret("postgresql://somebody:hunter2@127.0.0.1:9/none")
    driver = PostgresDriver(url)
    for ask in (driver.prepare, driver.connect):
        with pytest.raises(StorageError, match="cannot be reached") as caught:
            ask()
        assert "hunter2" not in f"{caught.value!r} {caught.value.metadata} {driver!r}"
    with pytest.raises(psycopg.OperationalError):
        opened(url)


def test_a_role_that_is_not_let_in_is_told_so(backend):
    missing = backend.url.rpartition("/")[0] + "/nothing"
    with pytest.raises(StorageError, match="cannot be reached|no database"):
        PostgresDriver(Secret(missing)).connect()


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_that_cannot_hold_every_text_is_refused_before_anything_is_made_in_it(backend, encoding):  # noqa: ARG001 there is a server
    """`createdb` makes the first where the server was set up without a locale."""
    with postgres.run().empty_database(encoding) as url:
        with pytest.raises(StorageError, match=f"encoding is {encoding}.* --encoding=UTF8"):
            PostgresDriver(Secret(url)).prepare()
        with psycopg.connect(url) as raw:
            assert raw.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)


def test_texts_travel_in_utf8_whatever_the_environment_says(backend, monkeypatch):
    monkeypatch.setenv("PGCLIENTENCODING", "SQL_ASCII")
    with contextlib.closing(opened(Secret(backend.url))) as raw:
        assert raw.execute("SELECT 'Zoë 日本'::text").fetchone() == ("Zoë 日本",)
