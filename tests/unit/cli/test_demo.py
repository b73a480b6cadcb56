"""`anyapi demo`: real processes, one JSON line, a request that is served and one that is refused; and its parts."""

import datetime as dt
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

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


def test_a_busy_port_is_passed_over():
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        wanted = busy.getsockname()[1]
        found = free_port(wanted)
    assert found != wanted
    assert free_port(found) == found


def test_the_configuration_is_sound(tmp_path):
    file = tmp_path / "anyapi.toml"
    ports = {spec.id: 9000 + number for number, spec in enumerate(DEFAULT_PROVIDERS)}
    file.write_text(config_text(8089, tmp_path, ports, ["ollama"]))
    config = load_config(file, {}, dt.datetime.now(dt.UTC))
    assert str(config.server.listen) == "127.0.0.1:8089"
    assert config.data_dir == tmp_path
    assert {credential.provider for credential in config.credentials} == {*ports, "ollama"}


def test_what_is_printed_starts_with_the_url(capsys):
    print_ready("http://127.0.0.1:1", "anyapi_sk_x", {"sim-zero": "http://127.0.0.1:2/v1"}, "http://127.0.0.1:3/join#token", as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("Dashboard: http://127.0.0.1:3 ")
    assert "http://127.0.0.1:3/join#token" in lines[2]
    assert lines[0].startswith("AnyAPI is at http://127.0.0.1:1 ")
    assert sum(line.startswith("curl ") for line in lines) == 3


def test_a_home_of_any_name_is_written_soundly(tmp_path):
    home = tmp_path / 'a "home" \\ with é'
    ports = {spec.id: 9000 + number for number, spec in enumerate(DEFAULT_PROVIDERS)}
    file = tmp_path / "anyapi.toml"
    file.write_text(config_text(8089, home, ports, list(module.LOCAL_SERVERS)), encoding="utf-8")
    config = load_config(file, {"HOME": str(tmp_path)}, dt.datetime.now(dt.UTC))
    assert config.data_dir == home
    assert set(config.private_addresses) == {"127.0.0.1/32", "::1/128"}
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
    print_ready("http://127.0.0.1:1", "anyapi_sk_x", {"sim-zero": "http://127.0.0.1:2/v1"}, "http://127.0.0.1:3/join#token", as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("Dashboard: http://127.0.0.1:3 ")
    assert "http://127.0.0.1:3/join#token" in lines[2]
    assert "API key: anyapi_sk_x" in lines
    assert "  sim-zero     http://127.0.0.1:2/ledger" in lines
    for line in lines:
        if line.startswith("curl "):
            json.loads(line.split(" -d '")[1].removesuffix("'"))


def test_for_programs(capsys):
    print_ready("http://127.0.0.1:1", "anyapi_sk_x", {"sim-zero": "http://127.0.0.1:2/v1"}, "http://127.0.0.1:3/join#token", as_json=True)
    assert json.loads(capsys.readouterr().out) == {
        "base_url": "http://127.0.0.1:1/v1",
        "control_url": "http://127.0.0.1:3",
        "first_run": "http://127.0.0.1:3/join#token",
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


def test_it_can_keep_credentials_under_a_root_key_of_its_own():
    made = [module._of_a_demo({"PATH": "x"})["ANYAPI_ROOT_KEY"] for _ in range(2)]
    assert made[0] != made[1]
    assert len(bytes.fromhex(made[0])) == 32
    for env in ({"ANYAPI_ROOT_KEY": "a"}, {"ANYAPI_ROOT_KEY_FILE": "b"}):
        assert module._of_a_demo(env) == env
