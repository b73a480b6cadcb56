"""Both planes in one process: a change over the control API is in force on the data plane when the call returns."""

import contextlib
import http.client
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from tests.integration.lab import until
from tests.tools.control_page import PASSWORD, first_person
from tests.tools.gateway import simulated


@pytest.fixture(scope="module")
def planes(tmp_path_factory):
    with simulated(tmp_path_factory.mktemp("planes") / "home", control=True) as (gateway, _):
        yield gateway, first_person(gateway)


def test_a_key_made_over_the_control_api_works_at_once_and_a_revoked_one_no_longer(planes):
    gateway, page = planes
    made = page.send("POST", "/api/accounts/default/keys", {"name": "new"})[1]
    headers = {"Authorization": f"Bearer {made['secret']}"}
    assert gateway.chat(headers=headers).status == 200
    page.send("DELETE", f"/api/accounts/default/keys/{made['key']['id']}")
    assert gateway.chat(headers=headers).status == 401


def test_a_setting_that_was_saved_refuses_the_next_request(planes):
    gateway, page = planes
    where = "/api/accounts/default/settings/account/default"
    only = {"data_policy": {"providers": {"only": ["sim-30d"]}}}
    assert gateway.chat(data_policy=None).status == 200
    status, preview = page.send("POST", f"{where}/preview", {"data_policy": {"retention_days": 0, **only["data_policy"]}})
    assert (status, preview["then"]["usable_models"]) == (200, 0)
    assert page.send("PUT", where, {"data_policy": {"retention_days": 0, **only["data_policy"]}})[0] == 200
    refused = gateway.chat(data_policy=None)
    assert refused.status == 403
    assert refused.json()["error"]["type"] == "no_eligible_endpoint"
    assert page.send("PUT", where, {"data_policy": {}})[0] == 200
    assert gateway.chat(data_policy=None).status == 200


def test_requests_show_up_in_the_activity(planes):
    gateway, page = planes
    decision = gateway.chat().headers["x-anyapi-decision"]

    def shown():
        return decision in [row["decision"] for row in page.send("GET", "/api/accounts/default/usage/rows")[1]]

    until(shown, "the request among the rows")  # rows of requests before it may be written first


def test_the_data_plane_names_nobody_of_the_control_plane(planes):
    gateway, _ = planes
    assert "ada@x.org" not in gateway.log()
    assert PASSWORD not in gateway.log()
    stored = b"".join(path.read_bytes() for path in gateway.home.iterdir() if path.is_file())
    assert PASSWORD.encode() not in stored


def test_both_planes_end_together(tmp_path):
    with simulated(tmp_path / "home", control=True) as (gateway, _):
        gateway.control_url()
        assert gateway.stop() == 0


def test_the_data_plane_ends_while_the_control_plane_still_waits_for_somebody(tmp_path):
    with simulated(tmp_path / "home", control=True) as (gateway, _):
        host, port = gateway.control_url().removeprefix("http://").split(":")
        idle = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
        idle.request("GET", "/healthz")
        assert idle.getresponse().read()
        head = f"POST /api/session HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{{"
        with contextlib.closing(idle), socket.create_connection((host, int(port))) as hanging:
            hanging.sendall(head.encode())
            with urllib.request.urlopen(f"http://{host}:{port}/api/healthz", timeout=20) as later:  # it has read what came before
                assert later.status == 200
            began = time.monotonic()
            gateway.process.send_signal(signal.SIGTERM)
            assert idle.sock.recv(1) == b""
            assert time.monotonic() - began < 2.0, "the control plane waits three seconds for a body that does not come"
        assert gateway.process.wait(20) == 0


def test_a_taken_port_is_said_before_anything_listens(tmp_path):
    with simulated(tmp_path / "first") as (gateway, _):
        toml = (
            f'[server]\nlisten = "127.0.0.1:0"\n[storage]\ndata_dir = "{tmp_path}/second"\n[control]\nlisten = "127.0.0.1:{gateway.port}"\n'
        )
        (tmp_path / "anyapi.toml").write_text(toml)
        command = [sys.executable, "-m", "anyapi", "serve", "--config", str(tmp_path / "anyapi.toml")]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 1
    assert "control.listen" in done.stderr
    assert "Another server is there" in done.stderr
    assert "ANYAPI_CONTROL_LISTEN" in done.stderr


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "192.0.2.1:8081", "example.org:8081"])
def test_plain_http_off_loopback_is_refused(tmp_path, listen):
    (tmp_path / "anyapi.toml").write_text(f'[storage]\ndata_dir = "{tmp_path}/data"\n[control]\nlisten = "{listen}"\n')
    command = [sys.executable, "-m", "anyapi", "serve", "--config", str(tmp_path / "anyapi.toml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 1
    assert "plain HTTP off loopback is refused" in done.stderr


@pytest.mark.parametrize("tags", [[], ["vision"], ["web_search", "function_calling"]])
@pytest.mark.parametrize(
    "models",
    [
        ["claude-3-5-sonnet"],
        ["gpt-4o-mini", "anyapi/auto"],
        ["baai/bge-m3"],
        ["anyapi/auto", "claude-sonnet-4-5"],
        ["no/such", "gpt-4o-mini"],
    ],
)
def test_both_planes_explain_the_same_names_and_tags_alike(planes, models, tags):
    gateway, page = planes
    question = {"models": models, "data_policy": {"retention_days": 30}, "tags": [f"chat_completions:{tag}" for tag in tags]}
    here = page.send("POST", "/api/accounts/default/explain", question)[1]
    there = gateway.request("POST", "/v1/explain", question).json()
    for found in (here, there):
        assert len(found["models"]) + len(found["skipped"]) == len(models)
    assert here["skipped"] == there["skipped"]
    for one, other in zip(here["models"], there["models"], strict=True):
        assert one["model"] == other["model"]
        for kind in ("permitted", "unavailable", "denied"):
            assert {row["endpoint"] for row in one[kind]} == {row["endpoint"] for row in other[kind]}, kind
