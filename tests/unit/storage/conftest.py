import contextlib

import pytest
from tests.conformance.samples import NOON
from tests.conformance.stores import postgresql

from anyapi.storage.connection import connect, database_path
from anyapi.storage.schema import prepare
from anyapi.storage.sqlite import SqliteStore


@pytest.fixture
def store(tmp_path):
    """A store of today, whose tables are there for the writers beside it."""
    with SqliteStore(tmp_path, lambda: NOON) as opened:
        yield opened


@pytest.fixture
def events():
    """What a writer reports about itself."""
    return []


@pytest.fixture(scope="module")
def connection(tmp_path_factory):
    """One to the empty tables of today in SQLite: what statements and columns are held against."""
    path = database_path(tmp_path_factory.mktemp("tables"))
    prepare(path)
    with contextlib.closing(connect(path)) as opened:
        yield opened


@pytest.fixture
def backend(tmp_path):
    """Stores and sinks over a PostgreSQL database, for what only that has."""
    with postgresql(tmp_path) as opened:
        yield opened
