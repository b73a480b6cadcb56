"""What is SQLite's own about the store; the contract is tested in `tests/conformance`."""

import pytest
from tests.conformance.samples import NOON, credential_row, key_row

from anyapi.domain.requirement import Layer, Settings
from anyapi.errors import StorageError
from anyapi.storage.connection import connect
from anyapi.storage.rows import AccountRow, Declared
from anyapi.storage.sqlite import SqliteStore
from anyapi.storage.sqlite_driver import SqliteDriver


@pytest.mark.parametrize("most", [1, 31, 512])
def test_rows_are_inserted_in_few_different_numbers(most):
    """Each number is a statement of its own, and to prepare it costs more than to insert the rows."""
    portions = {waiting: SqliteDriver.portion(None, waiting, most) for waiting in range(3000)}
    assert portions.pop(0) == 0
    assert all(0 < portion <= min(waiting, most) for waiting, portion in portions.items())
    assert len(set(portions.values())) <= 36


def put_body(store, body):
    connection = connect(store.path)
    connection.execute("INSERT INTO settings (layer, subject, body, changed_at) VALUES ('account', 'default', ?, 0)", (body,))
    connection.close()


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ('{"retention_days": 3, "quarantine": true}', "unknown setting quarantine"),
        ('{"retention_days": "3"}', "not valid"),
        ('{"data_class": "secret"}', "not valid"),
        ("[]", "not valid"),
        ("", "not valid"),
    ],
)
def test_settings_that_are_not_understood_are_refused_and_not_skipped(store, body, why):
    put_body(store, body)
    for read in (store.all_settings, lambda: store.settings(Layer.ACCOUNT, "default")):
        with pytest.raises(StorageError, match=f"account default.*{why}"):
            read()
    with pytest.raises(StorageError, match=why):
        store.change_settings(Layer.ACCOUNT, "default", lambda current: current, NOON)


def test_settings_are_stored_as_what_they_ask_and_no_more(store):
    store.change_settings(Layer.GATEWAY, "", lambda _: Settings(retention_days=30.0, certifications=frozenset({"b", "a"})), NOON)
    connection = connect(store.path)
    assert connection.execute("SELECT layer, subject, body, changed_at FROM settings").fetchall() == [
        ("gateway", "", '{"retention_days":30.0,"certifications":["a","b"]}', NOON)
    ]
    connection.close()


@pytest.mark.parametrize("hostile", ["' OR 1=1 --", '"; DROP TABLE keys; --', "%", "\0", "ü" * 1000])
def test_hostile_ids_are_only_ids(store, hostile):
    store.add_key(key_row(1))
    assert store.key(hostile) is None
    assert store.keys(hostile) == []
    assert store.revoke_key(hostile, NOON) is None
    store.add_account(AccountRow(hostile, hostile, NOON))
    store.add_key(key_row(2, account=hostile, name=hostile))
    assert store.keys(hostile) == [key_row(2, account=hostile, name=hostile)]
    assert len(store.keys()) == 2


def test_a_text_that_cannot_be_stored_is_an_error_of_ours(store):
    with pytest.raises(StorageError, match="cannot be stored"):
        store.add_account(AccountRow("\ud800", "", NOON))
    with pytest.raises(StorageError, match="cannot be stored"):
        store.key("\ud800")


def test_a_closed_store_says_so_as_an_error_of_ours(tmp_path):
    store = SqliteStore(tmp_path)
    store.close()
    with pytest.raises(StorageError):
        store.keys()


def test_a_declaration_that_was_taken_back_is_overwritten_in_the_file(store):
    """`secure_delete`: what was deleted is not left in free pages."""
    store.add_credential(credential_row(1, declared=Declared(region="zz-canary")))
    store.revoke_credential(credential_row(1).id, NOON)
    path = store.path
    store.close()
    assert b"zz-canary" not in path.read_bytes()


def test_the_seal_of_a_revoked_credential_is_overwritten_in_the_file(store):
    row = credential_row(1, wrapped=b"wrapped-canary", ciphertext=b"cipher-canary" * 100)
    store.add_credential(row)
    store.revoke_credential(row.id, NOON)
    path = store.path
    store.close()
    assert b"-canary" not in path.read_bytes()


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ('{"only_on_tuesdays": true}', "only_on_tuesdays"),
        ('{"agreements": [{"id": "a", "only_for_mondays": 1}]}', "only_for_mondays"),
        ('{"agreements": 7}', "not valid"),
        ('{"region": 7}', "not valid"),
        ("{", "not valid"),
    ],
)
def test_a_declaration_that_is_not_understood_is_refused(store, body, why):
    store.add_credential(credential_row(1))
    connection = connect(store.path)
    connection.execute("UPDATE credentials SET declared = ?", (body,))
    connection.close()
    for read in (store.credentials, lambda: store.credential(credential_row(1).id)):
        with pytest.raises(StorageError, match=why) as caught:
            read()
        assert "revoke it" in caught.value.message


def test_one_that_cannot_be_read_can_be_revoked(store):
    """The way out that the error names."""
    store.add_credential(credential_row(1))
    connection = connect(store.path)
    connection.execute("UPDATE credentials SET declared = '{'")
    connection.close()
    assert store.revoke_credential(credential_row(1).id, NOON).disabled_at == NOON
    assert [row.disabled_at for row in store.credentials()] == [NOON]
