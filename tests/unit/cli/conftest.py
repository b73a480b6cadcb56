import os

import pytest
from click.testing import CliRunner

from anyapi.catalogue.load import load_catalogue
from anyapi.cli import main


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


@pytest.fixture
def data_dir(bare):
    """Where the commands of a test find their store."""
    return bare / "data dir"


@pytest.fixture
def run(request, data_dir):
    """Runs the `COMMAND` of the test's module on that store, and gives the result if it ends with `code`."""

    def run_it(*args, code=0):
        result = CliRunner().invoke(main, [request.module.COMMAND, *args, "--data-dir", str(data_dir)])
        assert result.exit_code == code, result.output
        return result

    return run_it
