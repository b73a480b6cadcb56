"""T17: SIGTERM lets running answers finish, ends late ones so that no SDK takes them for whole, refuses new work, and leaves in time.

What was accepted before the signal is answered and has its row; the listening socket is closed at once.
"""

import asyncio
import json
import signal
import socket
import time

import pytest
from tests.conftest import LONG
from tests.integration.lab import FIRST, laboratory, provider, until
from tests.integration.raw_client import call, request_bytes

STREAMS = 500 if LONG else 50
WINDOW = 30.0 if LONG else 8.0
"""Seconds in which running answers may finish, where they do."""
SHORT_WINDOW = 1.0
PATIENCE = 2.0
"""Seconds beyond the window after which the process must be gone."""
FAULTS = {
    "good": "@@drip/seconds:0.06",
    "stalled": "@@stall/at:3/of:events",
    "silent": "@@stall/at:0",
    "quick": "",
    "limited": "@@status/status:429/retry_after:5",
}


def lab_with(tmp_path, window: float):
    spec = provider(FIRST, {f"drain/{name}": fault for name, fault in FAULTS.items()})
    return laboratory(tmp_path / "home", [spec], extra=f"[server.limits]\ndrain_timeout = {window}\n")


def body_of(name: str, *, stream: bool = True) -> dict[str, object]:
    return {"model": f"drain/{name}", "messages": [{"role": "user", "content": "Say it."}], "stream": stream}


def in_flight(lab) -> int:
    return lab.simulation.ledger(FIRST)["in_flight"]


async def started(lab, wanted: list[tuple[str, bool]], at_provider: int) -> list:
    """Begin all requests; done when so many of them are at the provider."""
    tasks = [asyncio.ensure_future(call(lab.gateway.port, lab.gateway.key, body_of(name, stream=stream))) for name, stream in wanted]
    deadline = time.monotonic() + 20
    while in_flight(lab) < at_provider:
        assert time.monotonic() < deadline, f"{in_flight(lab)} of {at_provider} requests at the provider"
        await asyncio.sleep(0.01)
    return tasks


def refuses(port: int) -> bool:
    """Whether a new connection is not taken."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as attempt:
            return attempt.recv(1) == b""
    except OSError:
        return True


async def term_while_running(lab, wanted, at_provider: int):
    """SIGTERM in the middle of it all; gives the answers, and the seconds from the signal to the end of the process."""
    tasks = await started(lab, wanted, at_provider)
    lab.gateway.process.send_signal(signal.SIGTERM)
    begun = time.monotonic()
    while not refuses(lab.gateway.port):
        assert time.monotonic() < begun + 1.0, "new connections are still taken"
        await asyncio.sleep(0.01)
    heard = await asyncio.gather(*tasks)
    status = await asyncio.to_thread(lab.gateway.process.wait, WINDOW + PATIENCE + 5)
    taken = time.monotonic() - begun
    assert status == 0, lab.gateway.log()
    return heard, taken


def rows_after(lab, wanted: int) -> list:
    rows = lab.gateway.usage(wanted)
    assert len(rows) == wanted, [(row.model, row.outcome) for row in rows]
    return rows


def test_all_live_streams_finish_within_the_window(tmp_path):
    with lab_with(tmp_path, WINDOW) as lab:
        heard, taken = asyncio.run(term_while_running(lab, [("good", True)] * STREAMS, STREAMS))
        assert sum(one.done for one in heard) == STREAMS
        assert len({len(one.body) // 100 for one in heard}) == 1, "some are shorter than others"
        rows = rows_after(lab, STREAMS)
        assert {(row.outcome, row.source) for row in rows} == {("success", "measured")}
        assert taken <= WINDOW + PATIENCE
        print(f"\n{STREAMS} streams finished; the process was gone {taken:.1f} s after the signal")


def test_late_answers_end_with_an_error_and_in_time(tmp_path):
    kinds = [("stalled", True), ("silent", True), ("silent", False), ("quick", False)]
    wanted = [kind for kind in kinds for _ in range(STREAMS // len(kinds))]
    late = [kind for kind in wanted if kind[0] != "quick"]
    with lab_with(tmp_path, SHORT_WINDOW) as lab:
        heard, taken = asyncio.run(term_while_running(lab, wanted, len(late)))
        assert taken <= SHORT_WINDOW + PATIENCE
        for (name, stream), one in zip(wanted, heard, strict=True):
            check_late(name, one)
            assert stream or one.headers["content-type"] == "application/json"
        rows = rows_after(lab, len(wanted))
        assert sum(row.outcome == "success" for row in rows) == len(wanted) - len(late)
        assert not any(row.cost for row in rows if row.outcome != "success")


def check_late(name: str, heard) -> None:
    """Every caller got something that says what happened, and nothing that could be taken for a whole answer."""
    assert heard.whole, f"{name}: the connection broke without a word"
    if name == "quick":
        assert heard.status == 200
    elif name == "stalled":
        assert heard.status == 200
        assert not heard.done
        assert "error" in json.loads(heard.events[-1])
    else:
        assert heard.status == 503, heard.body
        assert heard.json()["error"]["type"] == "overloaded"


def test_a_request_that_waits_for_its_retry_is_answered_before_the_end(tmp_path):
    with lab_with(tmp_path, SHORT_WINDOW) as lab:

        async def scenario():
            task = asyncio.ensure_future(call(lab.gateway.port, lab.gateway.key, body_of("limited")))
            while not lab.simulation.ledger(FIRST)["requests"]:
                await asyncio.sleep(0.01)
            lab.gateway.process.send_signal(signal.SIGTERM)
            begun = time.monotonic()
            heard = await task
            assert await asyncio.to_thread(lab.gateway.process.wait, 20) == 0
            return heard, time.monotonic() - begun

        heard, taken = asyncio.run(scenario())
        assert taken <= SHORT_WINDOW + PATIENCE
        assert heard.status in (429, 503), "the connection broke without a word"
        (row,) = rows_after(lab, 1)
        assert (row.status, row.attempts) == (heard.status, 1)


@pytest.mark.parametrize("cut", ["head", "body"])
def test_a_request_that_is_still_arriving_is_served(tmp_path, cut):
    with lab_with(tmp_path, WINDOW) as lab:
        data = request_bytes(lab.gateway.key, body_of("quick", stream=False))
        place = 20 if cut == "head" else len(data) - 10
        with socket.create_connection(("127.0.0.1", lab.gateway.port), timeout=5) as client:
            client.sendall(data[:place])
            # A second connection, answered: the first one's bytes were read before.
            assert lab.gateway.request("GET", "/").status == 200
            lab.gateway.process.send_signal(signal.SIGTERM)
            until(lambda: refuses(lab.gateway.port), "new connections are still taken", 2)
            client.sendall(data[place:])
            answer = b"".join(iter(lambda: client.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"connection: close\r\n" in answer
        assert lab.gateway.process.wait(WINDOW) == 0
        (row,) = rows_after(lab, 1)
        assert row.outcome == "success"


def test_idle_connections_do_not_hold_the_process(tmp_path):
    with lab_with(tmp_path, WINDOW) as lab:
        idle = [socket.create_connection(("127.0.0.1", lab.gateway.port)) for _ in range(20)]
        assert lab.gateway.request("GET", "/").status == 200
        begun = time.monotonic()
        lab.gateway.process.send_signal(signal.SIGTERM)
        assert lab.gateway.process.wait(WINDOW) == 0
        assert time.monotonic() - begun <= PATIENCE
        for connection in idle:
            connection.close()
