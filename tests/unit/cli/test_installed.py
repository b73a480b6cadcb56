"""Which catalogue a command starts with: what was installed in its data directory, and no store is made to find out."""

import sqlite3
from pathlib import Path

import psycopg
import pytest
from tests.tools import postgres
from tests.tools.catalogue_site import edited
from tests.unit.control.test_adopting import install

from anyapi.catalogue.load import load_catalogue
from anyapi.cli.installed import current_store, installed_base, installed_if_current
from anyapi.crypto.secret import Secret
from anyapi.errors import StorageError
from anyapi.storage.driver import SchemaState
from anyapi.storage.drivers import driver_for
from anyapi.storage.postgres_schema import state
from anyapi.storage.sql_review import SqlReview
from anyapi.storage.sqlite import SqliteStore

PACKAGED = load_catalogue()


def test_an_empty_directory_stays_empty(tmp_path):
    assert installed_base(tmp_path, None, PACKAGED) is PACKAGED
    assert installed_if_current(tmp_path / "nowhere", None, PACKAGED) is PACKAGED
    assert list(tmp_path.iterdir()) == []


def test_what_was_installed_is_taken(tmp_path):
    with SqliteStore(tmp_path), SqlReview(tmp_path) as review:
        install(review, edited(PACKAGED, 1))
    assert installed_base(tmp_path, None, PACKAGED) == installed_if_current(tmp_path, None, PACKAGED) == edited(PACKAGED, 1)


def test_a_database_without_tables_is_no_store_and_gets_none():
    """Of PostgreSQL too: a command that only asked made the tables."""
    with postgres.run().empty_database() as url, psycopg.connect(url, autocommit=True) as raw:
        assert current_store(Path("/nowhere"), Secret(url)) is None
        assert installed_if_current(Path("/nowhere"), Secret(url), PACKAGED) is PACKAGED
        assert state(raw) is SchemaState.EMPTY
        driver_for(Path("/nowhere"), Secret(url)).prepare()
        assert current_store(Path("/nowhere"), Secret(url)).state() is SchemaState.CURRENT
        raw.execute("UPDATE alembic_version SET version_num = '0001'")
        with pytest.raises(StorageError, match="older"):
            current_store(Path("/nowhere"), Secret(url))
        assert installed_if_current(Path("/nowhere"), Secret(url), PACKAGED) is PACKAGED


def test_a_store_of_another_release_is_left_as_it_is(tmp_path):
    with SqliteStore(tmp_path), SqlReview(tmp_path) as review:
        install(review, edited(PACKAGED, 1))
    with sqlite3.connect(tmp_path / "anyapi.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    connection.close()
    assert installed_if_current(tmp_path, None, PACKAGED) is PACKAGED
