"""A store of each implementation."""

import pytest
from tests.conformance.samples import NOON
from tests.conformance.stores import BACKENDS

from anyapi.storage.rows import AccountRow


@pytest.fixture(params=BACKENDS, ids=lambda backend: backend.__name__)
def backend(request, tmp_path):
    """Stores and sinks over one empty database."""
    with request.param(tmp_path / "data dir") as opened:
        yield opened


@pytest.fixture
def acme(backend):
    """The same with an account besides `default`."""
    with backend.store(NOON) as store:
        store.add_account(AccountRow("acme", "Acme", NOON))
    return backend
