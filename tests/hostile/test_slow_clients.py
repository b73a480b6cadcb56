"""T08: clients that are slow on purpose. Others are served as fast as before, the slow ones are cut in time, memory stays.

The attacks are those of the Debian package slowhttptest (slow headers, slow bodies, range headers, slow reading), and some of our own
that it does not know. Deadlines are set short so that a normal run is; `make test-long` takes the full size and the defaults.
"""

import contextlib
import json
import socket
import ssl
import subprocess
import time

import pytest
import trustme
from tests.conftest import LONG
from tests.hostile.fronts import find_program
from tests.hostile.talk import BODY, ask, envelope, head, post, steps, talk
from tests.hostile.watch import MIB, Memory, connections_to, latencies, p99
from tests.tools.gateway import SEED, simulated
from tests.tools.raw_http import End, Pause, Send, WaitFor, connect, exchange, split_responses

from anyapi.simulator.faults import read_fault

CONNECTIONS = 1000 if LONG else 200
SECONDS = 60 if LONG else 5
HEADER, BODY_IDLE, IDLE = (10, 30, 75) if LONG else (2, 2, 5)
LATE = 1.5
"""Seconds that the sweep of deadlines, and a busy machine, may add."""
LINGER = 1.0
"""Seconds that a refused client has to read why, in which its connection counts."""
SAMPLES = 400 if LONG else 150
NOISE = 0.15
"""Seconds by which the slowest of so few requests vary on a machine that also runs the attacker and the other tests."""
SERVER = f"[server.limits]\nheader_timeout = {HEADER}\nbody_timeout = {BODY_IDLE}\nidle_timeout = {IDLE}"
READERS = 200 if LONG else 20
MOST_RISE = 50 * MIB


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with simulated(tmp_path_factory.mktemp("slow") / "gateway", server=SERVER) as (gateway, simulation):
        latencies(gateway, 20)
        yield gateway, simulation


@pytest.fixture
def gateway(running):
    return running[0]


# slowhttptest


def attack(kind: str, gateway) -> list[str]:
    """The command line of one attack; its credentials travel in a line smuggled into a header that can be set."""
    url = f"http://127.0.0.1:{gateway.port}"
    common = ["-c", str(CONNECTIONS), "-r", str(CONNECTIONS), "-l", str(SECONDS), "-p", "3"]
    authorized = f"text/html\r\nAuthorization: Bearer {gateway.key}"
    return {
        "headers": ["-H", *common, "-i", "1", "-x", "24", "-u", f"{url}/v1/models"],
        "bodies": ["-B", *common, "-i", "1", "-x", "24", "-s", "50000", "-u", f"{url}/v1/chat/completions"],
        "ranges": ["-R", *common, "-a", "10", "-b", "3000", "-u", f"{url}/v1/privacy"],
        "reading": ["-X", *common, "-w", "512", "-y", "1024", "-n", "1", "-z", "32", "-k", "3", "-u", f"{url}/v1/models", "-m", authorized],
    }[kind]


@pytest.mark.timeout(SECONDS * 4 + 60)
@pytest.mark.parametrize("kind", ["headers", "bodies", "ranges", "reading"])
def test_others_are_served_as_before_while_slowhttptest_attacks(gateway, kind, tmp_path):
    program = find_program("slowhttptest", "slowhttptest")
    before = p99(latencies(gateway, SAMPLES))
    memory = Memory(gateway.pid)
    with (tmp_path / "attack.log").open("w") as log:
        attacker = subprocess.Popen([program, *attack(kind, gateway)], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        during: list[float] = []
        most_open = 0
        while attacker.poll() is None and len(during) < 20 * SAMPLES:
            during += latencies(gateway, SAMPLES // 5)
            most_open = max(most_open, connections_to(gateway.port))
    finally:
        attacker.terminate()
        attacker.wait(20)
    # Range requests are answered at once, so that attack is over by itself before there are as many samples.
    assert len(during) >= (20 if kind == "ranges" else SAMPLES), (tmp_path / "attack.log").read_text()[-500:]
    after = p99(sorted(during))
    rise = memory.rise
    print(
        f"\n{kind}: {CONNECTIONS} connections, {most_open} seen open, p99 {before * 1e3:.1f} -> {after * 1e3:.1f} ms, memory rise {rise / MIB:.1f} MiB"
    )
    assert most_open >= CONNECTIONS // 2 or kind == "ranges"  # those are short
    assert after <= 2 * before + NOISE
    assert rise <= MOST_RISE
    assert gateway.chat().status == 200


# Time


def ends_after(gateway, *parts, methods=("POST",)) -> tuple[float, list]:
    """Seconds until the gateway closed, and its answers."""
    seen = talk(gateway, *parts, responses=None, deadline=HEADER + BODY_IDLE + IDLE + 20.0)
    return seen.seconds, seen.responses(methods)


def test_a_head_that_never_ends_is_cut_although_bytes_come(gateway):
    end = connect(("127.0.0.1", gateway.port), deadline=HEADER + 20.0)
    begun = time.monotonic()
    with contextlib.closing(end.sock):
        end.send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nX-A: ")
        while not end.closed:
            end.send(b"a")
            end.sock.settimeout(0.1)
            with contextlib.suppress(TimeoutError):
                data = end.sock.recv(65536)
                end.received += data
                end.closed = not data
    assert HEADER - 0.5 <= time.monotonic() - begun <= HEADER + LATE
    assert [answer.status for answer in split_responses(bytes(end.received), closed=True)[0]] == [408]


@pytest.mark.parametrize(
    "start", [b"", b"\r\n", b"P", b"POST /v1/chat", head()[:-2]], ids=["nothing", "empty-line", "one-byte", "target", "no-end"]
)
def test_a_head_that_does_not_come_is_cut(gateway, start):
    seconds, answers = ends_after(gateway, start)
    assert seconds <= HEADER + LATE
    assert [answer.status for answer in answers] in ([], [408])


@pytest.mark.parametrize("framing", [b"Content-Length: 1000", b"Transfer-Encoding: chunked"])
def test_a_body_that_stops_is_cut_and_told(gateway, framing):
    seconds, (answer,) = ends_after(gateway, head(framing), b"3e8\r\n" + BODY[:50])
    assert BODY_IDLE - 0.5 <= seconds <= BODY_IDLE + LATE
    assert answer.status == 408
    envelope(408, answer.body)


def test_an_idle_connection_is_closed_without_a_word(gateway):
    seconds, answers = ends_after(gateway, post())
    assert IDLE - 0.5 <= seconds <= IDLE + LATE
    assert [answer.status for answer in answers] == [200]


def test_the_head_of_a_second_request_is_cut_as_early_as_that_of_the_first(gateway):
    """It begins to come while the first is still being answered."""
    seconds, answers = ends_after(gateway, post() + head()[:-20])
    assert seconds <= HEADER + LATE
    assert [answer.status for answer in answers] in ([200], [200, 408])


def test_a_tls_handshake_that_never_comes_is_cut(tmp_path):
    certificate = trustme.CA().issue_cert("localhost")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    paths = f"certificate = {json.dumps(str(tmp_path / 'cert.pem'))}\nkey = {json.dumps(str(tmp_path / 'key.pem'))}"
    with simulated(tmp_path / "gateway", server=f"{SERVER}\n[server.tls]\n{paths}") as (gateway, _):
        for start in ([], [Send(b"\x16\x03\x01\x02\x00\x01")]):
            seen = exchange(("127.0.0.1", gateway.port), start, responses=None, deadline=HEADER + 5.0)
            assert seen.seconds <= HEADER + LATE
        assert ssl.get_server_certificate(("127.0.0.1", gateway.port))


# Slow readers


def open_reader(gateway, body: bytes) -> End:
    """A client that asked for a stream and reads next to nothing of it."""
    end = connect(("127.0.0.1", gateway.port), deadline=120.0)
    end.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    end.play(steps(gateway, post(body)))
    return end


@pytest.mark.timeout(300)
def test_slow_readers_of_long_streams_do_not_grow_memory(running):
    gateway, simulation = running
    simulation.reset()
    long_answer = read_fault('{"kind": "say", "text": "word ", "words": 60000}')  # about 13 MB on the wire
    simulation.script("sim-zero", [long_answer] * READERS)
    body = json.dumps({**SEED, "stream": True, "data_policy": {"providers": {"only": ["sim-zero"]}}}).encode()
    memory = Memory(gateway.pid)
    with contextlib.ExitStack() as stack:
        ends = [open_reader(gateway, body) for _ in range(READERS)]
        for end in ends:
            stack.callback(end.sock.close)
            end.read_until(lambda end=end: b"data: " in end.received)
        for _ in range(30 if LONG else 3):
            for end in ends:
                end.sock.recv(1)
            talk(gateway, Pause(1.0), head(line=b"GET /healthz HTTP/1.1"), methods=("GET",))
            assert gateway.chat().status == 200
        rise = memory.rise
        assert simulation.ledger("sim-zero")["in_flight"] == READERS
    simulation.idle()
    print(f"\n{READERS} slow readers: memory rise {rise / MIB:.1f} MiB")
    assert rise <= MOST_RISE
    assert simulation.ledger("sim-zero")["disconnects"] == READERS


def test_answers_that_nobody_reads_are_not_piled_up(gateway):
    """Sixteen large answers asked for at once on each connection, none of them read."""
    memory = Memory(gateway.pid)
    with contextlib.ExitStack() as stack:
        for _ in range(READERS // 2):
            end = connect(("127.0.0.1", gateway.port), deadline=60.0)
            stack.callback(end.sock.close)
            end.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            end.play(steps(gateway, head(line=b"GET /v1/models HTTP/1.1") * 16))
        begun = time.monotonic()
        assert gateway.chat().status == 200
        taken = time.monotonic() - begun
        print(f"\n{READERS // 2} x 16 unread answers: rise {memory.rise / MIB:.1f} MiB, an honest request took {taken:.2f} s")
        assert memory.rise <= MOST_RISE


# Too many connections


def test_a_full_gateway_refuses_with_503_and_recovers(tmp_path):
    most = 20
    limits = f"{SERVER}\nmax_connections = {most}"
    with simulated(tmp_path / "gateway", server=limits) as (gateway, simulation), contextlib.ExitStack() as stack:
        held = [stack.enter_context(contextlib.closing(connect(("127.0.0.1", gateway.port)).sock)) for _ in range(most - 1)]
        talker = connect(("127.0.0.1", gateway.port))
        stack.callback(talker.sock.close)
        talker.play([*steps(gateway, post()), WaitFor(b"}]")])
        for _ in range(50):
            seen = talk(gateway, responses=None)
            (answer,) = seen.responses()
            assert answer.status == 503
            assert envelope(503, answer.body)["type"] == "overloaded"
            assert int(answer.field("retry-after") or b"") >= 1
        talker.received.clear()
        talker.play(steps(gateway, post()))
        talker.read_until(lambda: len(split_responses(bytes(talker.received), closed=False)[0]) == 1)
        assert split_responses(bytes(talker.received), closed=False)[0][0].status == 200
        for sock in held:
            sock.close()
        deadline = time.monotonic() + 5
        while ask(gateway, post()).status != 200:
            assert time.monotonic() < deadline
        simulation.idle()


def test_slow_connections_leave_room_again_after_their_time(tmp_path):
    """More slow heads than there is room for: the gateway is full, and is not once they were cut."""
    limits = f"{SERVER}\nmax_connections = 50"
    with simulated(tmp_path / "gateway", server=limits) as (gateway, _), contextlib.ExitStack() as stack:
        for _ in range(60):
            end = connect(("127.0.0.1", gateway.port))
            stack.callback(end.sock.close)
            end.send(b"POST /v1/chat/completions HTTP/1.1\r\nX-A: ")
        assert ask(gateway, post()).status == 503
        latest = time.monotonic() + HEADER + LINGER + 2 * LATE  # two deadlines, one after the other
        while ask(gateway, post()).status != 200:
            assert time.monotonic() < latest, "the gateway is still full"
            time.sleep(0.1)
