"""HTTP/1.1 towards clients: parsing, limits, deadlines, keep-alive, pipelining, backpressure. Real sockets, real llhttp."""

import asyncio
import json

import pytest
from tests.unit.gateway.workbench import KEY, front, hear, request, talk
from tests.unit.wire.peers import dialled, on_loop, until

from anyapi.gateway import client as module
from anyapi.gateway.limits import Limits
from anyapi.wire import deadlines

ROWS = b"content-type: text/plain\r\n"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Deadlines are looked at often, and refused clients are waited for only shortly."""
    monkeypatch.setattr(deadlines, "PERIOD", 0.01)
    monkeypatch.setattr(module, "LINGER", 0.05)


async def echo(call, reply):
    reply.send(200, ROWS, b"|".join((call.method, call.path, call.query, call.body)))


class Gate:
    """A handler that waits at a gate, and takes note of who passed."""

    def __init__(self):
        self.seen, self.open = [], asyncio.Event()

    async def __call__(self, call, reply):
        self.seen.append(call.path)
        await asyncio.ensure_future(self.open.wait())
        reply.send(200, ROWS, call.path)


def statuses(responses):
    return [response.status for response in responses]


async def told(port, data, **fields):
    """The status and message of the only answer to `data`, after which the connection is closed."""
    (response,) = await talk(port, data, count=None, **fields)
    assert response.field("connection") == b"close"
    return response.status, json.loads(response.body)["error"]["message"]


# --- whose format a refusal has

MESSAGES = b"POST /v1/messages HTTP/1.1\r\nHost: g\r\n"
REFUSED = {
    "two keys": (MESSAGES + b"Authorization: Bearer a\r\nX-Api-Key: b\r\n\r\n", 400, "invalid_request_error"),
    "a coding": (MESSAGES + b"Content-Encoding: gzip\r\n\r\n", 400, "invalid_request_error"),
    "twice": (MESSAGES + b"Content-Type: a\r\nContent-Type: b\r\n\r\n", 400, "invalid_request_error"),
    "no HTTP": (MESSAGES + b"nonsense\r\n\r\n", 400, "invalid_request_error"),
    "an expectation": (MESSAGES + b"Expect: more\r\n\r\n", 417, "invalid_request_error"),
    "no key": (MESSAGES + b"Content-Length: 200000\r\n\r\n", 401, "authentication_error"),
    "declared too large": (MESSAGES + b"Content-Length: 9000000\r\n\r\n", 413, "request_too_large"),
    "headers": (MESSAGES + b"X: %b\r\n\r\n" % (b"x" * 40_000), 431, "request_too_large"),
    "a query": (MESSAGES.replace(b"messages ", b"messages?beta=true ") + b"Expect: more\r\n\r\n", 417, "invalid_request_error"),
}


@pytest.mark.parametrize("case", REFUSED)
@on_loop
async def test_what_is_refused_at_the_head_has_the_format_that_was_asked_in(case):
    data, status, kind = REFUSED[case]
    limits = Limits(max_body_bytes=1_000_000)
    async with front(echo, limits, may_send=lambda _credential: False) as server:
        for sent in (data, data.replace(b"/v1/messages", b"/v1/responses")):
            (response,) = await talk(server.port, sent, count=None)
            body = json.loads(response.body)
            assert response.status == status
            if sent is data:
                assert (body["type"], body["error"]["type"]) == ("error", kind)
            else:
                assert (list(body), body["error"]["code"]) == (["error"], status)


@on_loop
async def test_a_refusal_that_waits_and_one_for_being_late_have_their_format_too():
    gate = Gate()
    async with front(gate, Limits(max_pipelined=1)) as server, dialled(server.port) as (reader, writer):
        writer.write(request(b"") + request(b"", path=b"/v1/messages") * 2)
        await until(lambda: server.connection._read_paused)
        gate.open.set()
        assert json.loads((await hear(reader, count=None))[-1].body)["type"] == "error"
    async with front(echo, Limits(body_timeout=0.01)) as server:
        (response,) = await talk(server.port, MESSAGES + b"Content-Length: 5\r\n\r\nx", count=None)
        assert (response.status, json.loads(response.body)["error"]["type"]) == (408, "timeout_error")


# --- requests


@on_loop
async def test_a_request_and_its_parts():
    async with front(echo) as server:
        (response,) = await talk(server.port, request(b"body", path=b"/a/b?c=d&e"))
        assert response.body == b"POST|/a/b|c=d&e|body"


@pytest.mark.parametrize("size", [1, 2, 3, 10, 100])
@on_loop
async def test_a_request_may_come_in_any_pieces(size):
    whole = request(b"0123456789" * 20, b"X-AnyAPI-Regions: eu", path=b"/" + b"p" * 50)
    async with front(echo) as server, dialled(server.port) as (reader, writer):
        for at in range(0, len(whole), size):
            writer.write(whole[at : at + size])
            await writer.drain()
            await asyncio.sleep(0)
        (response,) = await hear(reader)
        assert response.body == b"POST|/" + b"p" * 50 + b"||" + b"0123456789" * 20


@on_loop
async def test_a_chunked_body():
    data = b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4;ext=1\r\ndefg\r\n0\r\nTrailer: x\r\n\r\n"
    async with front(echo) as server:
        responses = await talk(server.port, data + request(path=b"/next"), count=2)
        assert [one.body for one in responses] == [b"POST|/x||abcdefg", b"POST|/next||"]


@on_loop
async def test_many_requests_on_one_connection():
    async with front(echo) as server, dialled(server.port) as (reader, writer):
        for number in range(50):
            writer.write(request(path=b"/%d" % number))
            (response,) = await hear(reader)
            assert response.body == b"POST|/%d||" % number
        assert len(server.server.connections) == 1


@on_loop
async def test_nothing_of_one_request_is_seen_in_the_next():
    seen = []

    async def keep(call, reply):
        seen.append((dict(call.headers), list(call.policy), call.credential, call.body))
        reply.send(200, ROWS, b"")

    async with front(keep) as server:
        first = request(b"secret", b"X-Request-ID: 1", b"X-AnyAPI-Regions: eu", b"Origin: a")
        await talk(server.port, first + request(key=None), count=2)
        assert seen[0][2:] == (KEY, b"secret")
        assert seen[1] == ({b"host": b"gateway", b"content-length": b"0"}, [], None, b"")


@on_loop
async def test_what_was_read_is_wiped():
    async with front(echo) as server:
        buffer = server.server.buffer
        await talk(server.port, request(b"the secret prompt"))
        assert not any(buffer.view[:4096])
        await talk(server.port, b"garbage with a secret\r\n\r\n")
        assert not any(buffer.view[:4096])


@pytest.mark.parametrize("method", [b"GET", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH"])
@on_loop
async def test_methods(method):
    async with front(echo) as server:
        (response,) = await talk(server.port, request(method=method, path=b"/x"))
        assert response.body == method + b"|/x||"


# --- what is refused


@pytest.mark.parametrize(
    "data",
    [
        b"garbage\r\n\r\n",
        b"GET / HTTP/1.1\nHost: a\n\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nbad header: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n folded: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"CONNECT /v1/x HTTP/1.1\r\nHost: a\r\n\r\n",
        b"CONNECT /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
        b"CONNECT /v1/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"CONNECT / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 1\r\n\r\nx",
    ],
)
@on_loop
async def test_what_is_not_well_formed_is_a_400_and_the_end(data):
    async with front(echo) as server:
        status, _ = await told(server.port, data)
        assert status == 400
        assert server.errors == []


@on_loop
async def test_an_upgrade_is_answered_as_it_stands_and_then_closed():
    async with front(echo) as server:
        (response,) = await talk(server.port, request(b"", b"Upgrade: h2c", b"Connection: Upgrade", path=b"/up") + request(), count=None)
        assert (response.body, response.field("connection")) == (b"POST|/up||", b"close")


H2C = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk")


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("step", [1, 7, 10_000])
@on_loop
async def test_a_body_is_read_whatever_protocol_its_head_would_like(step, chunked):
    """The JDK's HTTP client asks for HTTP/2 with the first request of each connection, bodies and all."""
    if chunked:
        asked = request(b"", *H2C, path=b"/up?q=1").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
        asked += b"5\r\nhello\r\n0\r\n\r\n"
    else:
        asked = request(b"hello", *H2C, path=b"/up?q=1")
    async with front(echo) as server, dialled(server.port) as (reader, writer):
        for sent in (asked, request(b"x", path=b"/second"), asked):
            for at in range(0, len(sent), step):
                writer.write(sent[at : at + step])
                await asyncio.sleep(0)
            (response,) = await hear(reader, count=1)
            assert response.field("connection") is None
            assert response.body == (b"POST|/second||x" if b"/second" in sent else b"POST|/up|q=1|hello")
        assert server.errors == []


@on_loop
async def test_many_that_would_like_another_protocol_are_answered_one_by_one():
    async with front(echo) as server:
        sent = request(b"x", b"Connection: upgrade", b"Upgrade: a", path=b"/", key=None)
        responses = await talk(server.port, sent * 2000, count=2000)
        assert statuses(responses) == [200] * 2000
        assert server.errors == []


@pytest.mark.parametrize("name", [b"X-AnyAPI-Retention-Days", b"x-anyapi-anything"])
@on_loop
async def test_a_policy_behind_the_body_is_refused(name):
    head = b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"
    async with front(echo) as server:
        (response,) = await talk(server.port, head + name + b": 0\r\n\r\n", count=None)
        assert (response.status, b"before the body" in response.body) == (400, True)
        (response,) = await talk(server.port, head + b"Checksum: 0\r\n\r\n", count=1)
        assert response.status == 200


@on_loop
async def test_after_a_bad_request_nothing_more_is_read():
    async with front(echo) as server:
        responses = await talk(server.port, request() + b"garbage\r\n\r\n" + request(), count=None)
        assert statuses(responses) == [200, 400]


@on_loop
async def test_a_bad_request_waits_for_the_answer_before_it():
    gate = Gate()
    async with front(gate) as server, dialled(server.port) as (reader, writer):
        writer.write(request(path=b"/first"))
        await until(lambda: gate.seen)
        writer.write(b"garbage\r\n\r\n")
        await until(lambda: server.connection._waiting)
        gate.open.set()
        assert statuses(await hear(reader, count=None)) == [200, 400]


# --- limits


@pytest.mark.parametrize(("count", "status"), [(17, 200), (18, 431)])
@on_loop
async def test_headers_are_counted(count, status):
    async with front(echo, Limits(max_headers=20)) as server:
        (response,) = await talk(server.port, request(b"", *[b"x-%d: y" % number for number in range(count)]))
        assert response.status == status


@pytest.mark.parametrize("where", ["path", "name", "value", "many"])
@on_loop
async def test_a_head_has_a_size(where):
    big = b"x" * 5000
    data = {
        "path": request(path=b"/" + big),
        "name": request(b"", big + b": y"),
        "value": request(b"", b"x: " + big),
        "many": request(b"", *[b"x: " + b"y" * 100] * 50),
    }[where]
    async with front(echo, Limits(max_header_bytes=4096)) as server:
        (response,) = await talk(server.port, data, count=None)
        assert response.status == 431
    async with front(echo, Limits(max_header_bytes=8192)) as server:
        (response,) = await talk(server.port, data)
        assert response.status == 200


@pytest.mark.parametrize("start", [b"POST /", b"POST / HTTP/1.1\r\nHost: a\r\nx: ", b"POST / HTTP/1.1\r\n" + b"a" * 100])
@on_loop
async def test_a_head_that_does_not_end_is_cut(start):
    async with front(echo, Limits(max_header_bytes=4096)) as server, dialled(server.port) as (reader, writer):
        writer.write(start)
        for _ in range(20):
            writer.write(b"y" * 500)
            await asyncio.sleep(0)
        assert statuses(await hear(reader, count=None)) == [431]


@pytest.mark.parametrize("over", [0, 1])
@on_loop
async def test_a_body_has_a_size(over):
    limits = Limits(max_body_bytes=1000, unauthenticated_body_bytes=100)
    async with front(echo, limits) as server:
        (response,) = await talk(server.port, request(b"x" * (1000 + over)), count=None if over else 1)
        assert response.status == (413 if over else 200)
        if over:
            assert json.loads(response.body)["error"]["metadata"] == {"max_body_bytes": 1000}


@pytest.mark.parametrize("over", [0, 1])
@on_loop
async def test_a_chunked_body_has_a_size(over):
    limits = Limits(max_body_bytes=1000, unauthenticated_body_bytes=100)
    head = b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    parts = [b"64\r\n" + b"x" * 100 + b"\r\n"] * 10 + ([b"1\r\ny\r\n"] if over else [])
    async with front(echo, limits) as server:
        (response,) = await talk(server.port, head + b"".join(parts) + b"0\r\n\r\n", count=None if over else 1)
        assert response.status == (413 if over else 200)


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(("known", "size", "status"), [(False, 100, 200), (False, 101, 401), (True, 101, 200)])
@on_loop
async def test_a_large_body_is_read_only_with_a_known_key(chunked, known, size, status):
    asked = []

    def may_send(credential):
        asked.append(credential)
        return known

    body = b"x" * size
    data = request(body)
    if chunked:
        row = b"Authorization: Bearer " + KEY
        data = b"POST /x HTTP/1.1\r\nHost: a\r\n%b\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (row, size, body)
    async with front(echo, Limits(unauthenticated_body_bytes=100), may_send=may_send) as server:
        (response,) = await talk(server.port, data, count=1 if status == 200 else None)
        assert response.status == status
        assert set(asked) == ({KEY} if size > 100 else set())


@on_loop
async def test_a_declared_length_is_refused_before_the_body_is_sent():
    async with front(echo, Limits(max_body_bytes=1000)) as server:
        status, _ = await told(server.port, b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999999\r\n\r\n")
        assert status == 413


@on_loop
async def test_a_refused_body_that_still_arrives_does_not_reset_the_answer_away():
    async with front(echo, Limits(max_body_bytes=1000)) as server, dialled(server.port) as (reader, writer):
        writer.write(request(b"x" * 3_000_000))
        assert statuses(await hear(reader, count=None)) == [413]


@on_loop
async def test_chunks_that_are_nothing_but_framing_are_refused():
    head = b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with front(echo, Limits(max_header_bytes=4096)) as server, dialled(server.port) as (reader, writer):
        writer.write(head)
        for _ in range(100):
            writer.write(b"1;" + b"e" * 500 + b"\r\nx\r\n")
            await asyncio.sleep(0)
        (response,) = await hear(reader, count=None)
        assert (response.status, "framing" in response.body.decode()) == (400, True)


@on_loop
async def test_trailers_count_as_head():
    head = b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"
    async with front(echo, Limits(max_headers=10)) as server:
        (response,) = await talk(server.port, head + b"t: x\r\n" * 20 + b"\r\n", count=None)
        assert response.status == 431


@on_loop
async def test_only_so_many_connections():
    async with front(echo, Limits(max_connections=2)) as server, dialled(server.port) as (_, one), dialled(server.port) as (_, two):
        one.write(b"P")
        two.write(b"P")
        await until(lambda: len(server.server.connections) == 2)
        (response,) = await talk(server.port, b"", count=None)
        assert (response.status, response.field("retry-after"), response.field("connection")) == (503, b"1", b"close")
        one.transport.abort()
        await until(lambda: len(server.server.connections) == 1)
        (response,) = await talk(server.port, request())
        assert response.status == 200


# --- pipelining


@on_loop
async def test_answers_come_in_the_order_of_the_requests():
    async with front(echo) as server:
        data = b"".join(request(path=b"/%d" % number) for number in range(10))
        responses = await talk(server.port, data, count=10)
        assert [one.body for one in responses] == [b"POST|/%d||" % number for number in range(10)]


@on_loop
async def test_one_request_at_a_time():
    gate = Gate()
    async with front(gate) as server, dialled(server.port) as (reader, writer):
        writer.write(b"".join(request(path=b"/%d" % number) for number in range(3)))
        await until(lambda: server.server.connections and len(server.connection._waiting) == 2)
        assert gate.seen == [b"/0"]
        gate.open.set()
        assert [one.body for one in await hear(reader, count=3)] == [b"/0", b"/1", b"/2"]


@pytest.mark.parametrize(("count", "expected"), [(4, [200] * 5), (5, [200] * 6 + [400])])
@on_loop
async def test_only_so_many_wait(count, expected):
    gate = Gate()
    async with front(gate, Limits(max_pipelined=4)) as server, dialled(server.port) as (reader, writer):
        writer.write(b"".join(request(path=b"/%d" % number) for number in range(1 + count)))
        await until(lambda: server.server.connections and len(server.connection._waiting) >= 4)
        gate.open.set()
        responses = await hear(reader, count=len(expected))
        assert statuses(responses) == expected


@on_loop
async def test_bodies_that_wait_have_a_size(monkeypatch):
    monkeypatch.setattr(module, "MOST_QUEUED", 10_000)
    gate = Gate()
    async with front(gate, Limits(max_pipelined=100)) as server, dialled(server.port) as (reader, writer):
        for number in range(20):
            writer.write(request(b"x" * 6_000, path=b"/%d" % number))
            await writer.drain()
            await asyncio.sleep(0.001)
        await until(lambda: gate.seen and server.connection._read_paused)
        assert 2 <= len(server.connection._waiting) < 19
        gate.open.set()
        responses = await hear(reader, count=20)
        assert [one.body for one in responses] == [b"/%d" % number for number in range(20)]


# --- Expect


@on_loop
async def test_continue_is_said_before_the_body():
    async with front(echo) as server, dialled(server.port) as (reader, writer):
        head, _, body = request(b"body", b"Expect: 100-Continue").partition(b"\r\n\r\n")
        writer.write(head + b"\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(body)
        (response,) = await hear(reader)
        assert response.body.endswith(b"|body")


@on_loop
async def test_other_expectations_fail():
    async with front(echo) as server:
        status, _ = await told(server.port, request(b"", b"Expect: a miracle"))
        assert status == 417


@on_loop
async def test_http_1_0_knows_no_continue():
    async with front(echo) as server:
        (response,) = await talk(server.port, request(b"x", b"Expect: 100-continue").replace(b"HTTP/1.1", b"HTTP/1.0"), count=None)
        assert (response.status, response.interim) == (200, ())


@on_loop
async def test_a_refused_body_is_not_asked_for():
    async with front(echo, Limits(max_body_bytes=10)) as server:
        (response,) = await talk(
            server.port, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n", count=None
        )
        assert (response.status, response.interim) == (413, ())


# --- time


@pytest.mark.parametrize("sent", [b"", b"P", b"POST /x HTTP/1.1\r\nHost: a\r\n"])
@on_loop
async def test_a_head_has_its_time(sent):
    async with front(echo, Limits(header_timeout=0.03)) as server:
        responses = await talk(server.port, sent, count=None)
        assert statuses(responses) == ([408] if sent.startswith(b"POST /x") else [])


@on_loop
async def test_a_head_that_trickles_in_gets_no_more_time():
    async with front(echo, Limits(header_timeout=0.05)) as server, dialled(server.port) as (reader, writer):
        writer.write(b"POST /x HTTP/1.1\r\n")
        closed = asyncio.ensure_future(hear(reader, count=None))
        while not closed.done():
            writer.write(b"x: y\r\n")
            await asyncio.sleep(0.005)
        assert statuses(closed.result()) == [408]


@on_loop
async def test_a_body_has_its_time_between_two_reads():
    async with front(echo, Limits(body_timeout=0.05)) as server, dialled(server.port) as (reader, writer):
        writer.write(b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n")
        for _ in range(10):
            writer.write(b"x")
            await asyncio.sleep(0.01)
        assert statuses(await hear(reader, count=None)) == [408]


@on_loop
async def test_an_idle_connection_is_closed_without_a_word():
    async with front(echo, Limits(idle_timeout=0.03)) as server, dialled(server.port) as (reader, writer):
        writer.write(request())
        assert statuses(await hear(reader)) == [200]
        assert await reader.read(100) == b""


@on_loop
async def test_a_request_in_work_has_no_deadline_of_the_clients():
    gate = Gate()
    limits = Limits(header_timeout=0.02, body_timeout=0.02, idle_timeout=0.02)
    async with front(gate, limits) as server, dialled(server.port) as (reader, writer):
        writer.write(request(path=b"/slow"))
        await until(lambda: gate.seen)
        assert server.connection.deadline == deadlines.NEVER
        gate.open.set()
        assert statuses(await hear(reader)) == [200]


async def big(call, reply):
    """A handler whose answer is more than the kernel holds for a client that does not read it."""
    reply.send(200, ROWS, b"x" * 20_000_000)


@on_loop
async def test_a_client_that_reads_nothing_is_cut():
    async with front(big, Limits(write_timeout=0.05)) as server, dialled(server.port, limit=1024) as (_, writer):
        writer.write(request())
        await until(lambda: server.server.connections)
        await until(lambda: not server.server.connections)


@on_loop
async def test_a_client_that_leaves_so_little_unread_that_nothing_pauses_is_cut_too():
    limits = Limits(idle_timeout=0.03, write_timeout=0.1, write_buffer=30_000_000)
    async with front(big, limits) as server, dialled(server.port, limit=1024) as (_, writer):
        writer.write(request())
        await until(lambda: server.server.connections)
        await until(lambda: not server.server.connections)


@on_loop
async def test_an_idle_client_that_reads_slowly_gets_the_whole_of_its_answer():
    limits = Limits(idle_timeout=0.03, write_buffer=30_000_000)
    async with front(big, limits) as server, dialled(server.port, limit=1024) as (reader, writer):
        writer.write(request())
        await until(lambda: server.server.connections and server.connection._transport.is_closing())
        (response,) = await hear(reader, count=None)
        assert len(response.body) == 20_000_000


@on_loop
async def test_for_a_client_that_does_not_read_nothing_more_is_begun():
    seen = []

    async def big(call, reply):
        seen.append(call.path)
        reply.send(200, ROWS, b"x" * 20_000_000)

    async with front(big) as server, dialled(server.port, limit=1024) as (reader, writer):
        writer.write(request(path=b"/0") + request(path=b"/1"))
        await until(lambda: seen and server.connection._write_paused)
        for _ in range(20):
            await asyncio.sleep(0)
        assert seen == [b"/0"]
        responses = await hear(reader, count=2)
        assert statuses(responses) == [200, 200]
        assert seen == [b"/0", b"/1"]


# --- ends


@pytest.mark.parametrize("how", ["abort", "eof"])
@on_loop
async def test_a_client_that_leaves_during_its_answer(how):
    gate = Gate()
    async with front(gate) as server, dialled(server.port) as (_, writer):
        writer.write(request(path=b"/x"))
        await until(lambda: gate.seen)
        if how == "abort":
            writer.transport.abort()
        else:
            writer.write_eof()
        await until(lambda: not server.server.connections)
        gate.open.set()
        await asyncio.sleep(0)
        assert server.errors == []


@on_loop
async def test_a_client_that_leaves_in_the_middle_of_its_request():
    async with front(echo) as server:
        for part in (b"", b"POST", request(b"0123456789")[:-5]):
            async with dialled(server.port) as (_, writer):
                writer.write(part)
                await writer.drain()
                await until(lambda: server.server.connections)
            await until(lambda: not server.server.connections)
        assert server.errors == []


@on_loop
async def test_an_error_nobody_foresaw_cuts_this_connection_and_nothing_else():
    async def fail(call, reply):
        if call.path == b"/bad":
            raise ValueError("secret")
        reply.send(200, ROWS, b"")

    async with front(fail) as server, dialled(server.port) as (other_reader, other_writer):
        other_writer.write(request(path=b"/good"))
        assert statuses(await hear(other_reader)) == [200]
        try:
            assert await talk(server.port, request(path=b"/bad") + request(path=b"/good"), count=None) == []
        except ConnectionError:
            pass
        assert [type(error) for error in server.errors] == [ValueError]
        other_writer.write(request(path=b"/good"))
        assert statuses(await hear(other_reader)) == [200]


@on_loop
async def test_a_handler_that_wants_the_end_gets_it():
    async def last(call, reply):
        call.close_after = True
        reply.send(200, ROWS, b"")

    async with front(last) as server:
        (response,) = await talk(server.port, request() + request(), count=None)
        assert response.field("connection") == b"close"


@on_loop
async def test_whoever_lingers_is_not_listened_to():
    async with front(echo) as server, dialled(server.port) as (reader, writer):
        writer.write(b"garbage\r\n\r\n")
        assert statuses(await hear(reader)) == [400]
        for _ in range(5):
            writer.write(request())
            await asyncio.sleep(0)
        await until(lambda: not server.server.connections)


@on_loop
async def test_a_slow_reader_gets_the_whole_of_an_answer_that_closes():
    size = 20_000_000

    async def big(call, reply):
        reply.send(200, ROWS, b"x" * size)

    async with front(big) as server, dialled(server.port, limit=1024) as (reader, writer):
        writer.write(request(b"", b"Connection: close"))
        await until(lambda: server.server.connections and server.connection._lingering)
        await asyncio.sleep(4 * module.LINGER)  # a slow reader, slower than a refused client may be
        (response,) = await hear(reader, count=None)
        assert len(response.body) == size


@on_loop
async def test_a_reader_that_stands_still_is_cut_although_its_answer_closes():
    async with front(big, Limits(write_timeout=0.1)) as server, dialled(server.port, limit=1024) as (_, writer):
        writer.write(request(b"", b"Connection: close"))
        await until(lambda: server.server.connections)
        await until(lambda: not server.server.connections)


@pytest.mark.parametrize("early", range(0, 60, 7))
@on_loop
async def test_a_long_answer_holds_no_request_and_no_parser_unless_in_the_midst_of_the_next(early):
    gate = asyncio.Event()

    async def stream(call, reply):
        if call.path == b"/first":
            await asyncio.ensure_future(gate.wait())
        path = call.path
        reply.start_stream(ROWS)
        reply.forget_request()
        assert (call.path, call.body, call.credential, dict(call.headers), list(call.policy)) == (b"", b"", None, {}, [])
        kept.append(reply._parser is not None)
        reply.send_part(path)
        reply.finish_stream()

    kept = []
    following = request(b"body", path=b"/second")
    async with front(stream) as server, dialled(server.port) as (reader, writer):
        writer.write(request(b"body", path=b"/first") + following[:early])
        await until(lambda: server.server.connections and server.connection.current)
        gate.set()
        (first,) = await hear(reader)
        writer.write(following[early:])
        (second,) = await hear(reader)
        assert (first.body, second.body, kept) == (b"/first", b"/second", [early > 0, False])
