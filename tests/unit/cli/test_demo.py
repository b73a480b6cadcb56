"""`anyapi demo`: real processes, one JSON line, a request that is served and one that is refused; and its parts."""

import contextlib
import datetime as dt
import importlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from tests.tools.gateway import SEED
from tests.tools.http_server import answering

from anyapi.cli.demo import config_text, free_port, print_ready
from anyapi.config import load_config
from anyapi.simulator import DEFAULT_PROVIDERS
from anyapi.storage.connection import database_path
from anyapi.storage.schema import prepare
from anyapi.storage.sqlite import SqliteStore

module = importlib.import_module("anyapi.cli.demo")
"""The module: the package's attribute of this name may be the command."""


FILE = Path("/tmp/anyapi-demo-x/anyapi.toml")


def ready(**over):
    said = {"config": FILE, "as_json": False, **over}
    print_ready("http://127.0.0.1:1", "anyapi_sk_x", {"sim-zero": "http://127.0.0.1:2/v1"}, "http://127.0.0.1:3/join#token", **said)


def post(url, key, body):
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Authorization": f"Bearer {key}", "Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_one_json_line_and_requests_that_work():
    command = [sys.executable, "-m", "anyapi", "demo", "--json", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            ready = json.loads(process.stdout.readline())
            url = f"{ready['base_url']}/chat/completions"
            with urllib.request.urlopen(f"{ready['control_url']}/api/session", timeout=10) as entrance:
                assert json.load(entrance)["first_run"] is True
            status, answer = post(url, ready["api_key"], SEED)
            assert (status, answer["choices"][0]["finish_reason"]) == (200, "stop")
            refused = {**SEED, "data_policy": {"retention_days": 0, "providers": {"only": ["sim-30d"]}}}
            status, answer = post(url, ready["api_key"], refused)
            assert (status, answer["error"]["type"]) == (403, "no_eligible_endpoint")
        finally:
            process.send_signal(signal.SIGTERM)
            rest = process.communicate(timeout=30)[0]
    assert ready["first_run"].startswith(f"{ready['control_url']}/join#")
    assert [provider["id"] for provider in ready["providers"]] == [spec.id for spec in DEFAULT_PROVIDERS]
    assert rest == "", "nothing but the one line"


def test_a_dashboard_that_is_not_built_is_not_offered(monkeypatch, tmp_path, capsys):
    ready()
    assert ("lets the first person in" in capsys.readouterr().out) is module.BUILT.exists()
    for there in (True, False):
        monkeypatch.setattr(module, "BUILT", tmp_path if there else tmp_path / "index.html")
        ready()
        told = capsys.readouterr().out
        assert ("http://127.0.0.1:3/join#token" in told, module.NOT_BUILT in told) == (there, not there)


def test_a_busy_port_is_passed_over():
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        wanted = busy.getsockname()[1]
        found = free_port(wanted)
    assert found != wanted
    assert free_port(found) == found


def configured(home):
    """Where the configuration is to be, beside the root key that it names."""
    (home / module.ROOT_KEY).write_text(secrets.token_hex(32))
    return home / "anyapi.toml"


def test_the_configuration_is_sound(tmp_path):
    file = configured(tmp_path)
    ports = {spec.id: 9000 + number for number, spec in enumerate(DEFAULT_PROVIDERS)}
    file.write_text(config_text(8089, tmp_path, ports, ["ollama"]))
    config = load_config(file, {}, dt.datetime.now(dt.UTC))
    assert str(config.server.listen) == "127.0.0.1:8089"
    assert config.data_dir == tmp_path
    assert {credential.provider for credential in config.credentials} == {*ports, "ollama"}


def test_what_is_printed_starts_with_the_url(capsys):
    ready()
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("Dashboard: http://127.0.0.1:3 ")
    assert "http://127.0.0.1:3/join#token" in lines[2]
    assert lines[0].startswith("AnyAPI is at http://127.0.0.1:1 ")
    assert sum(line.startswith("curl ") for line in lines) == 3


def test_a_home_of_any_name_is_written_soundly(tmp_path):
    home = tmp_path / 'a "home" \\ with é'
    home.mkdir()
    configured(home)
    ports = {spec.id: 9000 + number for number, spec in enumerate(DEFAULT_PROVIDERS)}
    file = tmp_path / "anyapi.toml"
    file.write_text(config_text(8089, home, ports, list(module.LOCAL_SERVERS)), encoding="utf-8")
    config = load_config(file, {"HOME": str(tmp_path)}, dt.datetime.now(dt.UTC))
    assert config.data_dir == home
    assert set(config.networks.private_addresses) == {"127.0.0.1/32", "::1/128"}
    assert {credential.provider for credential in config.credentials} == {*ports, *module.LOCAL_SERVERS}


def test_no_port_at_all(monkeypatch):
    class Closed(socket.socket):
        def bind(self, address):
            raise OSError

    monkeypatch.setattr(module.socket, "socket", Closed)
    with pytest.raises(click.ClickException, match="no port is free"):
        free_port(8080)


# --- local servers


@pytest.mark.parametrize(
    ("body", "status", "found"),
    [
        (b'{"object":"list","data":[{"id":"llama3"}]}', 200, True),
        (b'{"data":[]}', 200, True),
        (b'{"data":[{"id":"x","eligible":true}]}', 200, False),
        (b'{"data":{}}', 200, False),
        (b"[]", 200, False),
        (b"<html>", 200, False),
        (b"\xff", 200, False),
        (b'{"data":[]}', 404, False),
    ],
)
def test_what_counts_as_a_local_server(body, status, found):
    with answering(body, status) as port:
        assert module._answers(port) is found


def test_nobody_there_is_no_local_server():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert module._answers(port) is False


def test_a_gateway_that_never_becomes_ready(monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    with answering(b"", 503) as port, pytest.raises(click.ClickException, match="did not answer"):
        module._wait(f"http://127.0.0.1:{port}")


# --- what is printed, stored and left


def test_every_request_to_try_is_json(capsys):
    ready()
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("Dashboard: http://127.0.0.1:3 ")
    assert "http://127.0.0.1:3/join#token" in lines[2]
    assert "API key: anyapi_sk_x" in lines
    assert "  sim-zero     http://127.0.0.1:2/ledger  never trains, keeps nothing, eu" in lines
    for line in lines:
        if line.startswith("curl "):
            json.loads(line.split(" -d '")[1].removesuffix("'"))


def test_for_programs(capsys):
    ready(as_json=True)
    assert json.loads(capsys.readouterr().out) == {
        "base_url": "http://127.0.0.1:1/v1",
        "control_url": "http://127.0.0.1:3",
        "first_run": "http://127.0.0.1:3/join#token",
        "config": str(FILE),
        "api_key": "anyapi_sk_x",
        "providers": [{"id": "sim-zero", "base_url": "http://127.0.0.1:2/v1"}],
    }


def test_the_key_is_in_the_store(tmp_path):
    tmp_path.chmod(0o700)
    prepare(database_path(tmp_path))
    secret = module._make_key(tmp_path, "demo")
    with SqliteStore(tmp_path, time.time) as store:
        (key,) = store.keys()
    assert secret.startswith(key.prefix)
    assert key.name == "demo"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_everything_the_demo_wrote_goes_with_it(tmp_path, number):
    command = [sys.executable, "-m", "anyapi", "demo", "--json", "--port", "0"]

    def hears():
        """A shell has what it starts in the background ignore SIGINT, these tests perhaps, and whoever they start."""
        signal.signal(number, signal.SIG_DFL)

    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, preexec_fn=hears) as process:
        try:
            ready = json.loads(process.stdout.readline())
            assert len(list(tmp_path.glob("anyapi-demo-*"))) == 1
            process.send_signal(number)
            assert process.wait(20) == 0
        finally:
            process.kill()
    assert list(tmp_path.iterdir()) == []
    port = int(ready["base_url"].rsplit(":", 1)[1].split("/")[0])
    socket.create_server(("127.0.0.1", port)).close()


def test_a_gateway_that_does_not_start_is_told_with_its_reason(monkeypatch, tmp_path):
    """Run in this process, with a configuration that the gateway refuses."""
    monkeypatch.setattr(module.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(module, "config_text", lambda *_: "[nonsense]\n")
    before = signal.getsignal(signal.SIGTERM)
    try:
        result = CliRunner().invoke(module.demo, ["--port", "0"])
    finally:
        signal.signal(signal.SIGTERM, before)
    assert result.exit_code == 1
    assert "did not start" in result.output
    assert "nonsense" in result.output
    assert list(tmp_path.iterdir()) == []


def test_being_told_to_stop_is_an_interrupt():
    with pytest.raises(KeyboardInterrupt):
        module._stop(signal.SIGTERM, None)


def test_what_each_provider_says_it_does():
    said = {spec.id: module._says(spec.id) for spec in DEFAULT_PROVIDERS}
    assert said == {
        "sim-forever": "trains by default, keeps without end, people may read it, us",
        "sim-30d": "never trains, keeps 30 days, us",
        "sim-zero": "never trains, keeps nothing, eu",
        "sim-free": "trains by default, keeps 90 days, people may read it, free, us",
        "sim-unknown": "training unknown, retention unknown",
    }
    assert module._says("another") == "training unknown, retention unknown"


def test_the_sample_requests_and_the_commands_are_told(capsys, monkeypatch):
    for name in module.ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    ready()
    said = capsys.readouterr().out
    assert "40 sample requests are sent to the gateway now, under the key `sample traffic`" in said
    assert f"anyapi commands for this demo, in another terminal: export ANYAPI_CONFIG={FILE}\n" in said
    monkeypatch.setenv("ANYAPI_DATA_DIR", "/srv/anyapi")
    monkeypatch.setenv("ANYAPI_CONFIG", "another")
    ready(config=Path("/tmp/a b/anyapi.toml"))
    assert "export ANYAPI_CONFIG='/tmp/a b/anyapi.toml'; unset ANYAPI_DATA_DIR\n" in capsys.readouterr().out


def test_a_demo_heeds_nothing_that_says_where_somebodys_own_gateway_is():
    """With ANYAPI_DATA_DIR set the demo wrote there, and its own key was refused."""
    own = {name: "x" for name in module.ENVIRONMENT}
    kept = {"PATH": "x", "OPENAI_API_KEY": "x", "ANYAPI_PYTHON": "x"}
    assert module._of_a_demo({**own, **kept}) == {**kept, "ANYAPI_SCRUB": "x"}


@contextlib.contextmanager
def started(tmp_path, *words, **how):
    """A demo as a process, its first line, and where it stores."""
    command = [sys.executable, "-m", "anyapi", "demo", "--port", "0", *words]
    environment = {**os.environ, "TMPDIR": str(tmp_path), **how.pop("environment", {})}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes, env=environment, start_new_session=True, **how) as process:
        try:
            yield process, process.stdout.readline()
        finally:
            process.terminate()
            process.wait(20)


def gateway_of(process):
    """The process of the gateway that a demo runs."""
    (pid,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return int(pid)


def test_a_demo_ends_with_its_gateway_and_says_why(tmp_path):
    with started(tmp_path, "--json") as (process, line):
        assert json.loads(line)
        os.kill(gateway_of(process), signal.SIGKILL)
        rest, errors = process.communicate(timeout=20)
    assert (process.returncode, rest) == (1, "")
    assert "the demo's gateway ended by signal SIGKILL" in errors
    assert "start it again" in errors
    assert "event=started" in errors, "the last lines of its log"
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_of_the_group_ends_a_demo_that_was_told_to_ignore_it(tmp_path):
    """As a shell starts what is in the background; the gateway does not ignore it, so the demo must not."""

    def ignores():
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    with started(tmp_path, "--json", preexec_fn=ignores) as (process, line):
        assert json.loads(line)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(20) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_terminal_that_is_closed_ends_a_demo_and_takes_what_it_wrote(tmp_path):
    with started(tmp_path, "--json", preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL)) as (process, _):  # not as under nohup
        process.send_signal(signal.SIGHUP)
        assert process.wait(20) == 0
    assert list(tmp_path.iterdir()) == []


def test_commands_work_on_a_demo_as_it_says(tmp_path):
    elsewhere = {"ANYAPI_DATA_DIR": str(tmp_path / "elsewhere")}
    with started(tmp_path, "--json", environment=elsewhere) as (_, line):
        where = json.loads(line)

        def command(*words, **more):
            own = {name: value for name, value in os.environ.items() if not name.startswith("ANYAPI_")}
            own |= {"ANYAPI_CONFIG": where["config"], "HOME": str(tmp_path / "home")}
            ran = subprocess.run([sys.executable, "-m", "anyapi", *words], capture_output=True, text=True, check=True, env=own, **more)
            return ran.stdout + ran.stderr

        made = command("keys", "create", "--name", "mine")
        assert "in force (snapshot" in made
        assert post(f"{where['base_url']}/chat/completions", made.splitlines()[0], SEED)[0] == 200
        assert "in force" in command("settings", "set", "retention_days=30")
        command("credentials", "add", "--provider", "openai", "--account", "default", "--tier", "paid", input="sk-0123456789abcdef")
    assert not (tmp_path / "elsewhere").exists()
    assert not (tmp_path / "home").exists()
