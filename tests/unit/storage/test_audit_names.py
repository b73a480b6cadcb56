"""Random ids: the same for the same thing, of nothing that is gone, and of so many apps and no more."""

import pytest
from tests.conformance.samples import NOON

from anyapi.errors import StorageError
from anyapi.storage import audit_names
from anyapi.storage.audit_names import LogIds
from anyapi.storage.connection import connect, database_path
from anyapi.storage.rows import AccountRow


@pytest.fixture
def connection(tmp_path, store):
    opened = connect(database_path(tmp_path))
    yield opened
    opened.close()


@pytest.fixture
def ids(connection):
    made = LogIds()
    made.connection = connection
    return made


def test_the_same_for_the_same_thing_also_later(ids, connection):
    found = ids("key", "default", "key_1")
    assert found.startswith("log_")
    assert len(found) == 28
    assert ids("key", "default", "key_1") == found
    assert ids("account", "default", "default") != found
    again = LogIds()
    again.connection = connection
    assert again("key", "default", "key_1") == found
    ids.forget()
    assert ids("key", "default", "key_1") == found


def test_what_is_gone_gets_no_name(ids, connection, store):
    unknown = ids("account", "nobody", "nobody")
    assert connection.execute("SELECT count(*) FROM audit_names").fetchone() == (0,)
    ids.forget()
    assert ids("account", "nobody", "nobody") != unknown
    store.add_account(AccountRow("nobody", "", NOON))
    ids.forget()
    ids("account", "nobody", "nobody")
    ids("person", "", "person_9")
    assert connection.execute("SELECT kind FROM audit_names").fetchall() == [("account",)]


def test_apps_beyond_the_limit_share_one_id(ids, monkeypatch):
    monkeypatch.setattr(audit_names, "_MOST_APPS", 3)
    found = [ids("app", "default", f"app{number}") for number in range(6)]
    assert len(set(found)) == 4
    assert found[3] == found[4] == found[5]


def test_the_memory_of_ids_is_bounded(ids, monkeypatch):
    monkeypatch.setattr(audit_names, "_MOST_KNOWN", 3)
    found = [ids("key", "default", f"key_{number}") for number in range(9)]
    assert [ids("key", "default", f"key_{number}") for number in range(9)] == found


def test_without_a_connection_it_is_an_error():
    with pytest.raises(StorageError):
        LogIds()("key", "default", "key_1")
