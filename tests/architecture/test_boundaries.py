"""Who may import whom, and what a data-plane process never loads."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.architecture import rules
from tests.architecture.source import ROOT, modules

NEVER_IN_THE_DATA_PLANE = {
    "sqlalchemy",
    "psycopg",
    "alembic",
    "click",
    "rich",
    "yaml",
    "litestar",
    "typer",
    "structlog",
    "pydantic",
    "joserfc",
    "logging.config",
    "opentelemetry",
    "google",
}
DATA_PLANE = ("domain", "policy", "wire", "gateway", "upstream", "crypto", "bootstrap.py", "bootstrap")


def loaded_after_importing(names):
    """The names of all modules that a fresh interpreter has loaded after importing these."""
    code = "import importlib, json, sys\nfor name in sys.argv[1:]: importlib.import_module(name)\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code, *names], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


def test_the_data_plane_loads_no_control_plane_library():
    names = [module.dotted for module in modules() if module.inside(*DATA_PLANE)]
    assert "anyapi.gateway" in names
    loaded = loaded_after_importing(names)
    assert set(names) <= loaded
    assert loaded & NEVER_IN_THE_DATA_PLANE == set()


def test_the_check_of_loaded_modules_bites():
    assert loaded_after_importing(["click"]) & NEVER_IN_THE_DATA_PLANE == {"click"}


def test_the_simulator_loads_nothing_of_the_product():
    names = [module.dotted for module in modules() if module.inside("simulator")]
    ours = {name for name in loaded_after_importing(names) if name.startswith("anyapi.")}
    assert {name for name in ours if not name.startswith("anyapi.simulator")} == set()


def test_only_what_is_installed_with_the_product_is_imported():
    """A test or build dependency that the source imports breaks the installed wheel, and no other test would see it."""
    declared = {
        "alembic",
        "argon2",
        "click",
        "cryptography",
        "httptools",
        "joserfc",
        "litestar",
        "psycopg",
        "msgspec",
        "pyrage",
        "google",  # protobuf, which comes with the next
        "opentelemetry",  # the extra `traces`: imported by the one module that makes spans
        "opendp",  # the extra `ranking`: imported by the one script that draws noise
        "prometheus_client",
        "yaml",
        "rich",
        "sqlalchemy",
        "uvicorn",
        "uvloop",
    }
    foreign = {name.split(".")[0] for module in modules() for name in rules.imported(module)} - {"anyapi", "", *sys.stdlib_module_names}
    assert foreign - declared == set()


@pytest.mark.parametrize("tool", [Path(sys.executable).with_name("lint-imports")], ids=["import-linter"])
def test_import_rules(tool):
    if not tool.exists():
        pytest.skip("import-linter is not installed in this environment (make setup installs it)")
    done = subprocess.run([tool, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
