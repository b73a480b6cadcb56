"""What a store says to a command that asks: all layers, and no store is made or changed to find out."""

import datetime as dt
import sqlite3

import click
import msgspec
import pytest
from tests.conformance.samples import NOON, key_row

from anyapi.cli.in_force import Stored, stored_for
from anyapi.config import load_config
from anyapi.domain.requirement import Layer, Settings
from anyapi.domain.snapshot import PolicyContext
from anyapi.errors import StorageError
from anyapi.storage.rows import AccountRow
from anyapi.storage.sqlite import SqliteStore

DEFAULT = (Layer.ACCOUNT, "default")


@pytest.fixture
def config(tmp_path):
    return load_config(None, {"HOME": str(tmp_path), "ANYAPI_DATA_DIR": str(tmp_path / "data")}, dt.datetime.fromtimestamp(NOON, dt.UTC))


def test_without_a_store_there_is_nothing_and_none_is_made(config, tmp_path):
    stored = stored_for(config, DEFAULT, named=False)
    assert (stored.layers, stored.account) == ((), None)
    assert stored.source == f"nothing is stored in {tmp_path / 'data'} yet"
    with pytest.raises(click.ClickException, match="Nothing is stored"):
        stored_for(config, DEFAULT, named=True)
    assert list(tmp_path.iterdir()) == []


def test_every_layer_is_taken_in(config):
    with SqliteStore(config.data_dir) as store:
        store.add_account(AccountRow("acme", "Acme", 0.0))
        store.add_key(key_row(1, account="acme"))
        store.change_settings(Layer.GATEWAY, "", lambda _: Settings(training_allowed=False), NOON)
        store.change_settings(Layer.KEY, "key_1", lambda _: Settings(retention_days=3.0), NOON)
    stored = stored_for(config, (Layer.KEY, "key_1"), named=True)
    assert [(name, asked != Settings()) for name, asked in stored.layers] == [
        ((Layer.GATEWAY, ""), True),
        ((Layer.ACCOUNT, "acme"), False),
        ((Layer.KEY, "key_1"), True),
    ]
    assert stored.account == "acme"
    assert str(config.data_dir) in stored.source
    with pytest.raises(click.ClickException, match="no key"):
        stored_for(config, (Layer.KEY, "key_2"), named=True)


def test_a_store_of_another_release_is_left_as_it_is_and_that_is_said(config, capsys):
    with SqliteStore(config.data_dir):
        pass
    with sqlite3.connect(config.data_dir / "anyapi.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    connection.close()
    assert stored_for(config, DEFAULT, named=False).layers == ()
    assert "an older AnyAPI" in capsys.readouterr().err
    with pytest.raises(StorageError, match="older"):
        stored_for(config, DEFAULT, named=True)
    with sqlite3.connect(config.data_dir / "anyapi.db") as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("0001",)]
    connection.close()


def test_the_context_is_that_of_the_configuration_with_what_is_stored(config):
    context = PolicyContext(config.catalogue)
    assert Stored().over(context) == context
    told = Stored(contradictions={"a/b": {None: frozenset({"x"})}}, held={"acme": ()})
    assert told.over(context) == msgspec.structs.replace(context, contradicted=told.contradictions, held={"acme": ()})
