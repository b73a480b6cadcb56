import base64
import json
import socket

from tests.unit.simulator.raw_client import ask, chat, get, receive, request_bytes

from anyapi.simulator import ProviderSpec, SimulationThread


def post(port, path, value=None):
    return ask(port, b"" if value is None else json.dumps(value).encode(), path)


def test_the_ledger_over_http(sim, port):
    ask(port, chat(), headers=("x-sim-tag: t",))
    ledger = get(port, "/ledger").json
    assert ledger["provider"] == "sim-zero"
    assert ledger["requests"] == 1
    assert ledger["entries"][0]["tag"] == "t"
    assert "entries" not in get(port, "/ledger?entries=0&wait=1").json
    assert post(port, "/ledger/reset").json == {"reset": True}
    assert get(port, "/ledger").json["requests"] == 0


def test_wait_is_a_number(port):
    assert get(port, "/ledger?wait=soon").status == 400


def test_waiting_has_an_end(sim, port):
    post(port, "/script", [{"kind": "stall", "seconds": 0.5}])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        sock.sendall(request_bytes(chat()))
        while not get(port, "/ledger").json["in_flight"]:
            pass
        assert get(port, "/ledger?wait=0.01").status == 504
        assert get(port, "/ledger?wait=5").json["in_flight"] == 0
        assert receive(sock).status == 200


def test_scripts_over_http(port):
    assert post(port, "/script", [{"kind": "status", "status": 500}, None, [{"kind": "empty"}]]).json == {"accepted": 3}
    assert get(port, "/script").json == {"left": 3}
    assert [ask(port, chat()).status for _ in range(2)] == [500, 200]
    assert get(port, "/script").json == {"left": 1}
    wrong = post(port, "/script", [{"kind": "nonsense"}])
    assert wrong.status == 400
    assert "docs/simulator.md" in wrong.json["error"]
    assert get(port, "/script").json == {"left": 1}


def test_bodies_are_what_was_sent(sim, port):
    body = b'{"model": "claude-3.5-sonnet",\n "messages": [{"role": "user", "content": "\\u00e9"}]}'
    ask(port, body, headers=("X-Thing: One",))
    recorded = get(port, "/ledger/bodies").json
    assert base64.b64decode(recorded[0]["body"]) == body
    assert ["x-thing", "One"] in recorded[0]["headers"]
    assert recorded[0]["serial"] == sim.ledger("sim-zero")["entries"][0]["serial"]


def test_bodies_are_not_kept_unless_asked():
    with SimulationThread([ProviderSpec("p")]) as running:
        port = running.simulation["p"].port
        ask(port, chat())
        assert get(port, "/ledger/bodies").status == 404
        assert not running.simulation["p"].ledger.bodies


def test_health(port):
    assert get(port, "/healthz").json == {"status": "ok", "provider": "sim-zero"}
