import pytest
from tests.conformance.samples import NOON

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
