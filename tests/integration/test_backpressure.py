"""A slow caller slows the provider down and costs no memory; a caller that has left costs the provider nothing more, at once.

The simulator's ledger is the witness: how many events a provider has sent, and whether its connection is still open.
"""

import asyncio
import contextlib
import socket
import time
from pathlib import Path

import pytest
from tests.conftest import LONG
from tests.integration.lab import FIRST, FORBIDDEN, LEAKY, laboratory, provider, resident, until
from tests.integration.raw_client import call, request_bytes

MIB = 1024 * 1024
EVENT = 50_000
"""Bytes of text in each event of a large stream."""
LARGE = 50 * MIB // EVENT
"""Events of the large stream: 50 MiB."""
SLOW_READERS = 200 if LONG else 20
SHORT = 4 * MIB // EVENT
LAST_EVENT = 950_000
"""Bytes of text in an event that is larger than the doubt about what the kernel holds."""
MEMORY = 20.0
"""MB that the gateway may grow by."""
KERNEL = 16 * MIB
"""What the kernel's own buffers of both hops may hold at most."""
AT_ONCE = 1.0
"""Seconds in which a provider must learn that its caller is gone."""
FAULTS = {
    "normal": "",
    "drip": "@@drip/seconds:0.05",
    "silent": "@@stall/at:0",
    "stalled": "@@stall/at:5/of:events",
    "limited": "@@status/status:429/retry_after:1",
}
MODELS = {f"slow/{name}": fault for name, fault in FAULTS.items()}


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    specs = [provider(FIRST, MODELS), provider(FORBIDDEN, MODELS, policy=LEAKY)]
    with laboratory(tmp_path_factory.mktemp("slow") / "home", specs, extra="") as lab:
        yield lab


@pytest.fixture(autouse=True)
def counted(lab):
    """Every request of a test has a row at its end, and no connection is left at the provider."""
    lab.rows_seen = len(lab.gateway.usage(lab.asked))
    yield
    lab.restore()
    if in_flight(lab):  # a failed test must not fail the next ones
        for connection in list(lab.simulation.simulation[FIRST].connections):
            lab.simulation.call(connection.abort)


def in_flight(lab) -> int:
    return lab.simulation.ledger(FIRST)["in_flight"]


def last_entry(lab) -> dict[str, object]:
    return lab.simulation.ledger(FIRST)["entries"][-1]


def events_sent(lab):
    """A counter of all events that the provider has sent."""
    return lambda: sum(entry["chunks_sent"] for entry in lab.simulation.ledger(FIRST)["entries"])


def body_of(name: str, *, stream: bool) -> dict[str, object]:
    body = {"model": f"slow/{name}", "messages": [{"role": "user", "content": "Say it."}], "stream": stream}
    return body | {"data_policy": {"training_allowed": False}}


def request_of(lab, name: str, *, stream: bool = True) -> bytes:
    return request_bytes(lab.gateway.key, body_of(name, stream=stream))


@contextlib.contextmanager
def asking(lab, *requests: bytes):
    """A connection with a small receive buffer, on which requests were sent and nothing was read."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        client.settimeout(20)
        client.connect(("127.0.0.1", lab.gateway.port))
        client.sendall(b"".join(requests))
        lab.asked += 1
        yield client


def large_stream(lab, events: int, times: int = 1) -> None:
    """Have the next answers of the provider be so many events of `EVENT` bytes."""
    fault = {"kind": "say", "text": "x" * (EVENT - 1), "words": events}
    lab.script(FIRST, *[fault] * times)


def read_some(client: socket.socket, wanted: int) -> int:
    """Read at least so many bytes, or up to the end; gives how many."""
    count = 0
    while count < wanted:
        data = client.recv(256 * 1024)
        if not data:
            break
        count += len(data)
    return count


def settled(reading, what: str, quiet: float = 0.4, patience: float = 15.0):
    """Wait until a counter has stood still for a while, and give it."""
    last, since = reading(), time.monotonic()

    def still() -> bool:
        nonlocal last, since
        now = reading()
        if now != last:
            last, since = now, time.monotonic()
        return time.monotonic() - since >= quiet

    until(still, what, patience)
    return last


def gone_at_once(lab) -> None:
    """The caller has just left: the provider's connection is closed, and sends no more."""
    begun = time.monotonic()
    until(lambda: in_flight(lab) == 0, "the provider still works for a caller that left", 5)
    assert time.monotonic() - begun <= AT_ONCE
    assert last_entry(lab)["outcome"] == "client_gone"


def check_left_row(lab) -> None:
    (row,) = lab.new_rows()
    assert (row.outcome, row.status) == ("client_gone", 499)


def test_a_slow_reader_pauses_the_provider_and_costs_no_memory(lab):
    warm = lab.ask("slow/normal", stream=True, order=())
    assert warm.error is None
    before = resident(lab.gateway.pid)
    large_stream(lab, LARGE)
    most = 0.0
    with asking(lab, request_of(lab, "normal")) as client:
        total = read_some(client, MIB)
        sent = settled(lambda: last_entry(lab)["chunks_sent"], "the provider is never paused")
        assert sent * EVENT <= KERNEL, "the provider was not paused"
        while total < 12 * MIB:  # slowly: each step waits until the provider has caught up
            total += read_some(client, MIB)
            most = max(most, resident(lab.gateway.pid))
            until(lambda: last_entry(lab)["chunks_sent"] * EVENT >= total - EVENT * 2, "the provider is not resumed")
            assert last_entry(lab)["chunks_sent"] * EVENT <= total + KERNEL
        tail = b""
        while not tail.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n"):
            data = client.recv(256 * 1024)
            assert data, "cut off"
            total, tail = total + len(data), (tail + data)[-64:]
            most = max(most, resident(lab.gateway.pid))
    assert total >= LARGE * EVENT
    rise = most - before
    print(
        f"\n{total / MIB:.0f} MiB through a slow reader: the gateway grew by {rise:.1f} MB; {sent * EVENT / MIB:.1f} MiB sent while nothing was read"
    )
    assert rise <= MEMORY
    *_, row = lab.new_rows()
    assert row.outcome == "success"


def test_connections_that_were_paused_serve_the_next_callers(lab):
    """Answers whose last event overfills what their caller's connection holds, so that the provider is paused with its very last bytes."""
    kernel = int(Path("/proc/sys/net/ipv4/tcp_wmem").read_text().split()[2])
    before = [kernel * share // 100 // EVENT for share in range(50, 130, 5)]
    texts = [f"{'x' * (EVENT - 1)} " * count + "y" * LAST_EVENT for count in before]
    lab.script(FIRST, *[{"kind": "say", "text": text} for text in texts])
    with contextlib.ExitStack() as stack:
        for _ in texts:
            stack.enter_context(asking(lab, request_of(lab, "normal")))
        settled(events_sent(lab), "nobody is ever paused")
    until(lambda: in_flight(lab) == 0, "the provider still works for callers that left")

    async def all_at_once():
        body = body_of("drip", stream=True)
        calls = [call(lab.gateway.port, lab.gateway.key, body) for _ in texts]
        return await asyncio.wait_for(asyncio.gather(*calls), 10)

    lab.asked += len(texts)
    heard = asyncio.run(all_at_once())  # each takes its time, so that they use every connection that was kept
    assert sum(one.done for one in heard) == len(texts)


def test_many_slow_readers_together_cost_no_memory(lab):
    large_stream(lab, SHORT, SLOW_READERS)
    before = resident(lab.gateway.pid)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(asking(lab, request_of(lab, "normal"))) for _ in range(SLOW_READERS)]
        for client in clients:
            assert read_some(client, 1000) >= 1000
        settled(events_sent(lab), "nobody is ever paused")
        rise = resident(lab.gateway.pid) - before
    print(f"\n{SLOW_READERS} paused streams: the gateway grew by {rise:.1f} MB")
    assert rise <= MEMORY
    until(lambda: in_flight(lab) == 0, "the provider still works for callers that left")


def test_leaving_while_the_provider_is_paused(lab):
    large_stream(lab, LARGE)
    with asking(lab, request_of(lab, "normal")) as client:
        read_some(client, MIB)
        settled(lambda: last_entry(lab)["chunks_sent"], "the provider is never paused")
    gone_at_once(lab)
    assert last_entry(lab)["chunks_sent"] < LARGE
    check_left_row(lab)


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_leaving_while_waiting_for_the_head(lab, stream):
    with asking(lab, request_of(lab, "silent", stream=stream)):
        until(lambda: in_flight(lab) == 1, "the request arrives")
    gone_at_once(lab)
    check_left_row(lab)


def test_leaving_while_the_provider_thinks(lab):
    with asking(lab, request_of(lab, "stalled")) as client:
        read_some(client, 400)
        until(lambda: last_entry(lab)["chunks_sent"] == 5, "five events")
    gone_at_once(lab)
    assert last_entry(lab)["chunks_sent"] == 5
    check_left_row(lab)


def test_leaving_in_the_middle_of_a_stream(lab):
    with asking(lab, request_of(lab, "drip")) as client:
        read_some(client, 400)
    gone_at_once(lab)
    sent = last_entry(lab)["chunks_sent"]
    assert settled(lambda: last_entry(lab)["chunks_sent"], "sends on") == sent
    check_left_row(lab)


def test_leaving_by_half_closing(lab):
    """A caller that says it will send no more counts as gone, as with nginx."""
    with asking(lab, request_of(lab, "stalled")) as client:
        read_some(client, 400)
        client.shutdown(socket.SHUT_WR)
        gone_at_once(lab)
    check_left_row(lab)


def test_half_closing_while_the_provider_is_paused(lab):
    large_stream(lab, LARGE)
    with asking(lab, request_of(lab, "normal")) as client:
        read_some(client, MIB)
        settled(lambda: last_entry(lab)["chunks_sent"], "the provider is never paused")
        client.shutdown(socket.SHUT_WR)
        gone_at_once(lab)
    check_left_row(lab)


@pytest.mark.parametrize("name", ["silent", "stalled"])
def test_leaving_with_another_request_sent_behind(lab, name):
    """A pipelined request makes the gateway stop reading from the caller; it must see it leave all the same."""
    before = lab.calls()[FIRST]
    with asking(lab, request_of(lab, name), request_of(lab, "normal")):
        until(lambda: in_flight(lab) == 1, "the request arrives")
    gone_at_once(lab)
    assert lab.calls()[FIRST] == before + 1, "the second one was sent although nobody waits for it"
    check_left_row(lab)


def test_leaving_during_the_wait_before_a_retry(lab):
    before = lab.calls()[FIRST]
    with asking(lab, request_of(lab, "limited")):
        until(lambda: lab.calls()[FIRST] == before + 1, "the first call")
    check_left_row(lab)  # written once nothing can follow any more
    assert lab.calls()[FIRST] == before + 1, "sent again although nobody waits for it"
