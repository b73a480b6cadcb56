"""`anyapi demo`: real processes, one JSON line, a request that is served and one that is refused; and its parts."""

import datetime as dt
import json
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request

from tests.tools.gateway import SEED

from anyapi.cli.demo import config_text, free_port, print_ready
from anyapi.config import load_config
from anyapi.simulator import DEFAULT_PROVIDERS


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
            status, answer = post(url, ready["api_key"], SEED)
            assert (status, answer["choices"][0]["finish_reason"]) == (200, "stop")
            refused = {**SEED, "data_policy": {"retention_days": 0, "providers": {"only": ["sim-30d"]}}}
            status, answer = post(url, ready["api_key"], refused)
            assert (status, answer["error"]["type"]) == (403, "no_eligible_endpoint")
        finally:
            process.send_signal(signal.SIGTERM)
            rest = process.communicate(timeout=30)[0]
    assert ready["control_url"] is None
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
    print_ready("http://127.0.0.1:1", "anyapi_sk_x", {"sim-zero": "http://127.0.0.1:2/v1"}, as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("AnyAPI is at http://127.0.0.1:1 ")
    assert sum(line.startswith("curl ") for line in lines) == 3
