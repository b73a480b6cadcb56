import contextlib
import itertools
import json
import socket
import struct
import time

import pytest
from tests.unit.simulator.formats import BY_NAME, frames
from tests.unit.simulator.raw_client import Received, ask, chat, receive, request_bytes, stream

from anyapi.simulator import read_fault
from anyapi.simulator.event_stream import ENDLESS_LENGTH
from anyapi.simulator.faults.delivery import Rechunk
from anyapi.simulator.reply import Reply
from anyapi.simulator.steps import End, How, Send


def scripted(sim, provider="sim-zero", **fault):
    sim.script(provider, [read_fault(json.dumps(fault))])
    return sim.simulation[provider].port


def open_and_send(port, body):
    sock = socket.create_connection(("127.0.0.1", port), timeout=10)
    sock.sendall(request_bytes(body))
    return sock


def refused(port):
    try:
        return ask(port, chat()).end == "reset"
    except ConnectionError:  # the reset came before the request was written
        return True


def arrives(sock):
    """What a stalled sender sent: everything until nothing comes for a moment. That nothing comes can only be told by waiting."""
    sock.settimeout(0.1)
    raw = b""
    with contextlib.suppress(TimeoutError):
        while data := sock.recv(65536):
            raw += data
        raise AssertionError("the connection ended")
    return raw


@pytest.mark.parametrize(
    ("place", "least", "most"),
    [
        ({"at": 0}, 0, 0),
        ({"at": 25}, 25, 25),
        ({"at": 0, "of": "body"}, 100, 200),
        ({"at": "middle"}, 200, 300),
        ({"at": "middle", "of": "body"}, 300, 400),
    ],
)
def test_stall_for_ever(sim, place, least, most):
    with open_and_send(scripted(sim, kind="stall", **place), chat()) as sock:
        raw = arrives(sock)
    assert least <= len(raw) <= most
    if place == {"at": 0, "of": "body"}:
        assert raw.endswith(b"\r\n\r\n")
    sim.idle()
    assert sim.ledger("sim-zero")["entries"][0]["outcome"] == "client_gone"
    assert sim.ledger("sim-zero")["disconnects"] == 1


def test_stall_in_a_stream_counts_what_was_sent(sim):
    with open_and_send(scripted(sim, kind="stall", at=4, of="events"), stream()) as sock:
        raw = b""
        while raw.count(b"data: ") < 4:
            raw += receive(sock, 1).raw
    sim.idle()
    entry = sim.ledger("sim-zero")["entries"][0]
    assert entry["outcome"] == "client_gone"
    assert entry["chunks_sent"] == 4
    assert entry["text_bytes_sent"] == len("This is claude-3.5-sonnet. ")
    assert entry["completion_tokens_sent"] == 7
    assert entry["completion_tokens"] > 7


def test_stall_for_a_while(sim):
    begun = time.monotonic()
    answer = ask(scripted(sim, kind="stall", seconds=0.2), chat())
    assert time.monotonic() - begun >= 0.2
    assert answer.complete
    assert sim.ledger("sim-zero")["entries"][0]["outcome"] == "answered"


@pytest.mark.parametrize("kind", ["reset", "close"])
@pytest.mark.parametrize("make", [chat, stream])
@pytest.mark.parametrize("at", [0, 1, 17, 200, 300])
def test_cut_at_a_byte(sim, kind, make, at):
    whole = ask(scripted(sim, kind="usage", mode="zero"), make()).raw
    received = ask(scripted(sim, kind=kind, at=at), make())
    assert received.end == ("reset" if kind == "reset" else "closed")
    assert len(received.raw) == at
    assert whole[: min(at, 17)] == received.raw[: min(at, 17)]
    assert sim.ledger("sim-zero")["entries"][-1]["outcome"] == "cut"


@pytest.mark.parametrize("kind", ["reset", "close"])
@pytest.mark.parametrize("at", [0, 1, 5])
def test_cut_after_events(sim, kind, at):
    received = ask(scripted(sim, kind=kind, at=at, of="events"), stream())
    assert len(received.events) == at
    assert not received.complete
    assert sim.ledger("sim-zero")["entries"][-1]["chunks_sent"] == at


def test_chunks_without_terminator(sim):
    whole = ask(sim.simulation["sim-zero"].port, stream()).raw
    received = ask(scripted(sim, kind="close", at=len(whole) - 5), stream())
    assert received.events[-1] == "[DONE]"
    assert not received.complete


def test_a_cut_in_the_middle_is_a_short_body(sim):
    received = ask(scripted(sim, kind="close", at="middle", of="body"), chat())
    assert received.end == "closed"
    assert not received.complete
    assert 0 < len(received.body)


def test_a_reset_of_a_large_answer_loses_nothing_before_it(sim):
    sim.script("sim-zero", [[read_fault('{"kind":"giant_line","mib":4}'), read_fault('{"kind":"reset","at":3000000}')]])
    received = ask(sim.simulation["sim-zero"].port, chat())
    assert (received.end, len(received.raw)) == ("reset", 3_000_000)


@pytest.mark.parametrize("size", [None, 100])
def test_drip(sim, size):
    begun = time.monotonic()
    answer = ask(scripted(sim, kind="drip", seconds=0.01, size=size), stream())
    pieces = len(answer.events) if size is None else len(answer.body) // size
    assert time.monotonic() - begun >= 0.01 * pieces
    assert answer.events[-1] == "[DONE]"


def test_rechunk_is_the_same_for_the_same_seed(sim):
    steps = [Send(b"x" * 500, 1), Send(b"y" * 500, 1), End(How.KEEP)]
    one, same, other = (Rechunk(seed=seed).on_steps(steps, Reply(200, [])) for seed in (1, 1, 2))
    assert one == same != other
    assert {len(step.data) for step in one[:-2]} <= set(range(1, 65))
    assert sum(step.events for step in one[:-1]) == 2


@pytest.mark.parametrize("make", [chat, stream])
def test_rechunked_answers_are_whole(sim, make):
    for seed in range(3):
        answer = ask(scripted(sim, kind="rechunk", seed=seed, largest=7), make())
        assert answer.complete
        assert answer.json if make is chat else answer.events[-1] == "[DONE]"
        assert sim.ledger("sim-zero")["entries"][-1]["outcome"] == "answered"


@pytest.mark.parametrize(("add", "make"), list(itertools.product([-20, 10], [chat, stream])))
def test_wrong_content_length(sim, add, make):
    answer = ask(scripted(sim, kind="content_length", add=add), make())
    declared = int(answer.head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    assert declared - len(answer.body) == add
    assert answer.end == "closed"


def test_wrong_length_can_keep_the_connection(sim):
    port = scripted(sim, kind="content_length", add=10, then="keep")
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        sock.sendall(request_bytes(chat(), keep=True))
        answer = Received(arrives(sock), "open")
    assert answer.json
    assert not answer.complete


@pytest.mark.parametrize("make", [chat, stream])
def test_a_line_that_never_ends(sim, make):
    with open_and_send(scripted(sim, kind="endless_line"), make()) as sock:
        received = receive(sock, 5_000_000)
        assert received.end == "open"
        assert len(received.raw.rpartition(b"\ndata: " if make is stream else b'{"id":"')[2]) > 4_000_000
    sim.idle()
    assert sim.ledger("sim-zero")["entries"][0]["outcome"] == "client_gone"


def test_a_frame_that_never_ends(sim):
    port, body = scripted(sim, "sim-bedrock", kind="endless_line"), BY_NAME["bedrock"].body()
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        sock.sendall(request_bytes(body, "/model/m/converse-stream"))
        received = receive(sock, 1_000_000)
    start = received.content.index(struct.pack(">II", ENDLESS_LENGTH, 0))
    assert len(frames(received.content[:start])) == 1
    assert received.content[start + 12 : start + 5000] == b"a" * 4988


def test_refused_by_reset(sim):
    sim.script("sim-zero", [read_fault('{"kind":"refuse","count":2}'), None])
    port = sim.simulation["sim-zero"].port
    for _ in range(2):
        assert refused(port)
    assert ask(port, chat()).status == 200
    ledger = sim.ledger("sim-zero")
    assert (ledger["refused_connections"], ledger["requests"], ledger["connections"]) == (2, 1, 1)


def test_refused_because_nobody_listens(sim):
    sim.script("sim-zero", [read_fault('{"kind":"refuse","mode":"closed","seconds":null}')])
    provider = sim.simulation["sim-zero"]
    for _ in range(3):
        with pytest.raises(ConnectionRefusedError):
            ask(provider.port, chat())
    sim.run(provider.listen())
    assert ask(provider.port, chat()).status == 200
    assert sim.ledger("sim-zero")["refused_connections"] == 0


def test_nobody_listens_for_a_while(sim):
    sim.script("sim-zero", [read_fault('{"kind":"refuse","mode":"closed","seconds":0.1}'), read_fault('{"kind":"status"}')])
    port = sim.simulation["sim-zero"].port
    with pytest.raises(ConnectionRefusedError):
        ask(port, chat())
    deadline = time.monotonic() + 5
    while True:
        try:
            answer = ask(port, chat())
            break
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
    assert answer.status == 500


def test_refuse_drops_idle_connections(sim):
    port = sim.simulation["sim-zero"].port
    with socket.create_connection(("127.0.0.1", port), timeout=10) as idle:
        idle.sendall(request_bytes(chat(), keep=True))
        receive(idle, 100)
        sim.script("sim-zero", [read_fault('{"kind":"refuse"}')])
        assert receive(idle).end == "reset"


def test_refuse_in_a_model_name_resets(sim):
    assert ask(sim.simulation["sim-zero"].port, chat(model="claude-3.5-sonnet@@refuse")).end == "reset"
