"""Rotation against a real store; over the API and the command line in their own tests."""

import pytest

from anyapi.control.rotation import rotate
from anyapi.crypto.api_keys import digest
from anyapi.domain.requirement import Layer, Settings
from anyapi.errors import BadRequest
from anyapi.storage.rows import KeyRow
from anyapi.storage.sqlite import SqliteStore

NOW = 1_795_521_600.0


@pytest.fixture
def store(tmp_path):
    with SqliteStore(tmp_path) as opened:
        yield opened


def test_everything_goes_on_but_the_secret(store):
    store.add_key(KeyRow("key_1", "p", b"1" * 32, "default", NOW, name="app", spend_cap=2.0), Settings(paid_only=True))
    made, secret = rotate(store, store.key("key_1"), NOW + 5, 60.0)
    assert made == store.key(made.id)
    assert made.sha256 == digest(secret.encode())
    assert (made.name, made.spend_cap, made.lineage, made.expires_at) == ("app", 2.0, "key_1", None)
    assert store.settings(Layer.KEY, made.id) == Settings(paid_only=True)
    assert store.key("key_1").expires_at == NOW + 65


def test_at_the_same_instant_there_is_still_a_newest(store):
    store.add_key(KeyRow("key_1", "p", b"1" * 32, "default", NOW))
    row = store.key("key_1")
    for _ in range(5):
        older, (row, _) = row, rotate(store, row, NOW, 60.0)
        with pytest.raises(BadRequest, match="rotated before"):
            rotate(store, older, NOW, 60.0)


def test_a_key_that_is_gone(store):
    with pytest.raises(BadRequest, match="no such key"):
        rotate(store, KeyRow("key_1", "p", b"1" * 32, "default", NOW), NOW, 60.0)
