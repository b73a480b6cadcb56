import os

import pytest

from anyapi.catalogue.load import load_catalogue


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """An empty working directory, and an environment without keys and settings of the machine that runs the tests."""
    names = {
        name for p in load_catalogue().providers.values() for name in (p.api.env, *p.api.env_alternatives, *dict(p.api.variables).values())
    }
    for name in [name for name in os.environ if name in names or name.startswith("ANYAPI_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path
