"""Anybody may connect to the control plane and send it something: neither it nor the data plane beside it, on the same loop, is held up.

The bounds of single connections are tested in `tests/unit/control/test_connections.py`.
"""

import contextlib
import http.client
import json
import socket
import threading
import time
from urllib.parse import urlsplit

import pytest
from tests.tools.gateway import simulated

MEGABYTE = 1024 * 1024
HELD_UP = 0.5
"""Seconds that nobody else may wait: on a machine that other tests use too."""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    environment = {"FORWARDED_ALLOW_IPS": "192.0.2.1"}  # a variable of uvicorn's own: nothing of ours reads it
    home, more = tmp_path_factory.mktemp("limits") / "gateway", 'proxies = ["127.0.0.128/25"]'
    with simulated(home, control=more, environment=environment) as (gateway, _):
        gateway.control_url()
        yield gateway


def control_of(gateway) -> tuple[str, int]:
    parts = urlsplit(gateway.control_url())
    return parts.hostname, parts.port


def post(gateway, body: bytes, source: str = "127.0.0.1", **more: str) -> int:
    """The status of an anonymous sign-in, from an address of this machine."""
    connection = http.client.HTTPConnection(*control_of(gateway), timeout=60, source_address=(source, 0))
    with contextlib.closing(connection):
        connection.request("POST", "/api/session", body, {"content-type": "application/json", **more})
        return connection.getresponse().status


def longest_wait(gateway, work) -> float:
    """How long the data plane let somebody wait for its simplest answer while `work` was done."""
    waits, done = [], threading.Event()

    def look():
        while not done.is_set():
            begun = time.monotonic()
            assert gateway.request("GET", "/healthz").status == 200
            waits.append(time.monotonic() - begun)

    looker = threading.Thread(target=look)
    looker.start()
    try:
        work()
    finally:
        done.set()
        looker.join(120)
    return max(waits)


NAMES = b",".join(b'"%x":0' % number for number in range(1, 19_000))
HEAVY = {
    "numbers": b'{"x":[' + b"0," * (MEGABYTE // 2 - 100) + b"0]}",
    "objects": b'{"x":[' + b"{}," * (MEGABYTE // 3 - 100) + b"{}]}",
    "nesting": b"[" * (MEGABYTE - 100),
    "a name that stands twice": b"{" + NAMES + b',"1":0,"z":1,"z":2}',
    "a long address": json.dumps({"email": "a" * (MEGABYTE - 100), "password": "b"}).encode(),
}


@pytest.mark.parametrize("name", HEAVY)
def test_a_body_of_anybodys_holds_up_nobody(gateway, name):
    assert longest_wait(gateway, lambda: [post(gateway, HEAVY[name]) for _ in range(3)]) < HELD_UP


def test_a_head_without_end_holds_up_nobody(gateway):
    def endless():
        with socket.create_connection(control_of(gateway), 20) as end, contextlib.suppress(ConnectionError):
            end.sendall(b"GET /api/healthz HTTP/1.1\r\nhost: it\r\nx-a: ")
            for _ in range(50):
                end.sendall(b"a" * MEGABYTE)
            pytest.fail("fifty megabytes of one header were taken")

    assert longest_wait(gateway, endless) < HELD_UP


def test_connections_that_ask_for_nothing_keep_nobody_out(gateway):
    """As many as there may be, and more: those that came first go, and whoever asks is answered."""
    with contextlib.ExitStack() as stack:
        for _ in range(300):
            stack.enter_context(socket.create_connection(control_of(gateway), 20))
        for _ in range(5):
            assert post(gateway, b'{"email":"a@x.org","password":"b"}') in {401, 429}


def attempt(gateway, number: int, forwarded: str, source: str = "127.0.0.1") -> int:
    form = {"email": f"nobody{number}@x.org", "password": "not the password"}
    return post(gateway, json.dumps(form).encode(), source, **{"x-forwarded-for": forwarded})


@pytest.mark.parametrize(("source", "caller"), [("127.0.0.1", "203.0.113.7"), ("127.0.0.200", "203.0.113.17")], ids=["here", "elsewhere"])
def test_behind_a_proxy_who_fails_to_sign_in_brakes_nobody_else(gateway, source, caller):
    """All who come through it have its address: by that, anybody could keep everybody out. What stands before the last is the caller's own."""
    statuses = [attempt(gateway, number, f"198.51.100.{number}, {caller}", source) for number in range(6)]
    assert statuses == [401] * 5 + [429]
    assert attempt(gateway, 6, f"{caller}, 203.0.113.8", source) == 401


def test_of_nobody_else_is_it_believed_for_whom_they_ask(gateway):
    statuses = [attempt(gateway, number, f"192.0.2.{number}", "127.0.0.100") for number in range(10, 16)]
    assert statuses == [401] * 5 + [429]
