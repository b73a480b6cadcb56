"""`anyapi provisioning`, on a real store."""

import json

import pytest

from anyapi.crypto.api_keys import digest
from anyapi.storage.rows import AccountRow
from anyapi.storage.sqlite import SqliteStore

COMMAND = "provisioning"


@pytest.fixture
def store(data_dir):
    with SqliteStore(data_dir) as opened:
        yield opened


def test_the_key_is_alone_on_standard_output_and_only_its_hash_is_kept(run, store, data_dir):
    secret = run("create", "--name", "terraform").stdout.strip()
    (row,) = store.provisioning_keys("default")
    assert row.sha256 == digest(secret.encode(), b"anyapi_pk_")
    assert (row.id[:5], row.name, row.prefix) == ("prov_", "terraform", secret[:14])
    assert digest(secret.encode()) is None  # no API key
    kept = b"".join(path.read_bytes() for path in data_dir.iterdir())
    assert secret.encode() not in kept


def test_list_and_revoke(run, store):
    store.add_account(AccountRow("acme", "Acme", 0.0))
    first = json.loads(run("create", "--json").stdout)
    second = json.loads(run("create", "--account", "acme", "--json").stdout)
    assert "There is no account" in run("create", "--account", "nobody", code=1).stderr
    listed = run("list").stdout
    assert first["id"] in listed
    assert first["provisioning_key"] not in listed
    (mine,) = json.loads(run("list", "--account", "acme", "--json").stdout)["provisioning_keys"]
    assert (mine["id"], "sha256" in mine) == (second["id"], False)
    assert f"{first['id']} is revoked" in run("revoke", first["id"]).stdout
    since = store.provisioning_keys("default")[0].revoked_at
    assert json.loads(run("revoke", first["id"], "--json").stdout) == {"id": first["id"], "revoked_at": since}
    assert "Close to it" in run("revoke", second["id"][:-1] + "?", code=1).stderr
    assert store.provisioning_keys("acme")[0].revoked_at is None
