"""HTTP behaviour of the simulator: keep-alive, pipelining, limits, and what the ledger says of clients that leave."""

import json
import socket

import pytest
from tests.unit.simulator.raw_client import ask, chat, get, receive, request_bytes, stream

from anyapi.simulator import read_fault


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def test_one_connection_serves_many_requests(sim, port):
    with connect(port) as sock:
        for _ in range(3):
            sock.sendall(request_bytes(chat(), keep=True))
            raw = b""
            while not raw.endswith(b"}}"):
                raw += receive(sock, 1).raw
            assert b"connection: keep-alive" in raw
    ledger = sim.ledger("sim-zero")
    assert (ledger["requests"], ledger["connections"]) == (3, 1)


def test_pipelined_requests_are_answered_in_order(sim, port):
    sim.script("sim-zero", [read_fault('{"kind":"say","text":"slow"}'), None])
    with connect(port) as sock:
        sock.sendall(request_bytes(stream(), keep=True) + request_bytes(chat()))
        received = receive(sock)
    assert received.raw.index(b"[DONE]") < received.raw.index(b'"chat.completion"')
    assert received.end == "closed"


def test_a_request_in_single_bytes(port):
    with connect(port) as sock:
        for byte in request_bytes(chat()):
            sock.sendall(bytes([byte]))
        assert receive(sock).status == 200


def test_a_chunked_request(port):
    body = json.dumps(chat()).encode()
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
    with connect(port) as sock:
        sock.sendall(head + b"5\r\n" + body[:5] + b"\r\n%x\r\n" % len(body[5:]) + body[5:] + b"\r\n0\r\n\r\n")
        assert receive(sock).status == 200


def test_expect_100_continue(port):
    head, _, body = request_bytes(chat(), headers=("expect: 100-continue",)).partition(b"\r\n\r\n")
    with connect(port) as sock:
        sock.sendall(head + b"\r\n\r\n")
        assert receive(sock, 25).raw == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(body)
        assert receive(sock).status == 200


def test_what_is_not_http(sim, port):
    with connect(port) as sock:
        sock.sendall(b"\x16\x03\x01 not http\r\n\r\n")
        assert receive(sock).status == 400
    assert sim.ledger("sim-zero")["requests"] == 0


def test_unknown_paths(sim, port):
    assert get(port, "/v1/nothing").status == 404
    assert get(port, "/v1/chat/completions").status == 404
    assert sim.ledger("sim-zero")["other_requests"] == {"GET /v1/nothing": 1, "GET /v1/chat/completions": 1}


def test_head_has_no_body(port):
    answer = ask(port, b"", "/v1/models", method="HEAD")
    assert answer.status == 200
    assert answer.body == b""


def test_control_requests_leave_the_ledger_alone(sim, port):
    for path in ("/ledger", "/healthz", "/script", "/ledger/bodies"):
        assert get(port, path).status == 200
    ledger = sim.ledger("sim-zero")
    assert [ledger[name] for name in ("requests", "connections", "wire_bytes", "other_requests")] == [0, 0, 0, {}]


def test_wire_bytes_and_connections(sim, port):
    sent = request_bytes(chat())
    with connect(port) as sock:
        sock.sendall(sent)
        receive(sock)
    with connect(port) as sock:
        sock.sendall(b"POST /v1/chat")
    while (ledger := sim.ledger("sim-zero"))["wire_bytes"] != len(sent) + 13:
        pass
    assert ledger["connections"] == 2
    assert ledger["requests"] == 1
    assert ledger["body_bytes"] == len(json.dumps(chat()))


@pytest.mark.parametrize("events", [1, 2, 5, 9])
def test_a_client_that_leaves_in_mid_stream(sim, events):
    sim.script("sim-zero", [read_fault(f'{{"kind":"stall","at":{events},"of":"events"}}')])
    with connect(sim.simulation["sim-zero"].port) as sock:
        sock.sendall(request_bytes(stream()))
        raw = b""
        while raw.count(b"\n\n") < events:
            raw += receive(sock, 1).raw
    sim.idle()
    entry = sim.ledger("sim-zero")["entries"][0]
    assert (entry["outcome"], entry["chunks_sent"]) == ("client_gone", events)


def test_a_client_that_does_not_read_holds_the_answer_back(sim, port):
    sim.script("sim-zero", [[read_fault('{"kind":"giant_line","mib":32}'), read_fault('{"kind":"comments"}')]])
    with connect(port) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.sendall(request_bytes(stream()))
        assert b"200 OK" in receive(sock, 1000).raw
    sim.idle()
    entry = sim.ledger("sim-zero")["entries"][0]
    assert entry["outcome"] == "client_gone"
    assert entry["chunks_sent"] <= 4
