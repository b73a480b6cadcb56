"""`anyapi serve` before anything heavy is imported: scrubbing decided, options known."""

import importlib
import json
import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from tests.tools.gateway import running_gateway

from anyapi.relaunch import SETTINGS


def run(*arguments, env=None):
    command = [sys.executable, "-m", "anyapi", "serve", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=env, check=False)


def test_importing_it_imports_nothing_heavy():
    code = "import sys, anyapi.cli.serve; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True).stdout.split()
    assert not {"msgspec", "uvloop", "sqlite3", "asyncio", "sqlalchemy", "yaml"} & set(loaded)


def test_its_options_are_explained():
    answer = run("--help")
    assert answer.returncode == 0
    assert "--config" in answer.stdout
    assert "--quiet" in answer.stdout


def test_a_missing_file_is_named(tmp_path):
    answer = run("--config", str(tmp_path / "none.toml"))
    assert answer.returncode == 1
    assert "none.toml" in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize("enabled", [True, False])
def test_the_process_is_started_again_only_where_memory_is_scrubbed(tmp_path, enabled):
    environment = {name: "" for name in SETTINGS}
    with running_gateway(tmp_path / "home", f"[scrub]\nenabled = {json.dumps(enabled)}\n", environment=environment) as gateway:
        answer = gateway.request("GET", "/v1/privacy").json()
        assert answer["memory_scrubbing"]["on"] is enabled
        assert gateway.stop(signal.SIGTERM) == 0
        assert f"scrubbing={json.dumps(enabled)}" in gateway.log()


def test_a_data_directory_may_be_named_as_for_the_commands_that_go_with_it(tmp_path):
    other = tmp_path / "other"
    with running_gateway(tmp_path / "home", "") as gateway:
        gateway.stop()
        gateway.arguments = ("--data-dir", str(other))
        gateway.start()
        assert gateway.request("GET", "/v1/key").status == 401, "the key is in the configuration's own store"
        made = subprocess.run(
            [sys.executable, "-m", "anyapi", "keys", "create", "--data-dir", str(other)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            check=True,
        )
        gateway.key = made.stdout.splitlines()[0]
        assert gateway.request("GET", "/v1/key").status == 200
    assert (other / "audit.key").exists()


@pytest.mark.parametrize("command", ["serve", "control"])
def test_a_data_directory_is_passed_on_as_the_variable(monkeypatch, tmp_path, command):
    """This process may execute itself again, and workers are started with the same environment."""
    seen = []
    module = importlib.import_module(f"anyapi.cli.{command}")
    monkeypatch.setenv("ANYAPI_DATA_DIR", "elsewhere")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "end_when_told", lambda: None)
    monkeypatch.setattr(module.relaunch, "execute_again", lambda env: seen.append(env["ANYAPI_DATA_DIR"]))
    serving = SimpleNamespace(serve_until_stopped=lambda *_, **__: seen.append(os.environ["ANYAPI_DATA_DIR"]))
    monkeypatch.setattr(module.importlib, "import_module", lambda _: serving)
    assert CliRunner().invoke(getattr(module, command), ["--data-dir", "here"]).exit_code == 0
    assert seen == [str(tmp_path / "here")] * 2


@pytest.mark.parametrize(("wanted", "expected"), [(True, ["again", ("serving", True)]), (False, [("serving", True)])])
def test_the_order_of_things(monkeypatch, wanted, expected):
    """First the decision, then the relaunch, then the import of everything else."""
    seen = []

    class Serving:
        @staticmethod
        def serve_until_stopped(path, *, quiet, planes, workers, number):
            assert (path, planes, workers, number) == (None, ("data", "control"), 1, 0)
            seen.append(("serving", quiet))

    # By its own import: the package's attribute of this name may be the command.
    module = importlib.import_module("anyapi.cli.serve")
    monkeypatch.setattr(module, "wants_scrubbing", lambda path, env: wanted)
    monkeypatch.setattr(module.relaunch, "execute_again", lambda env: seen.append("again"))
    monkeypatch.setattr(module, "importlib", SimpleNamespace(import_module={"anyapi.cli.serving": Serving}.__getitem__))
    result = CliRunner().invoke(module.serve, ["--quiet"])
    assert (result.exit_code, seen) == (0, expected)


def test_a_directory_is_no_configuration(tmp_path):
    assert run("--config", str(tmp_path)).returncode == 2


def test_a_wrong_configuration_ends_it_with_a_sentence(tmp_path):
    file = tmp_path / "anyapi.toml"
    file.write_text("[sever]\n")
    answer = run("--config", str(file), env={**os.environ, "HOME": str(tmp_path)})
    assert answer.returncode == 1
    assert "sever" in answer.stderr
    assert "Traceback" not in answer.stderr
