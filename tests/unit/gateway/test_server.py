"""What all client connections share: TLS accepted with its deadline, origins, and the drain."""

import asyncio
import json
import socket

import pytest
from tests.unit.gateway.workbench import front, hear, request, talk
from tests.unit.wire.peers import client_context, dialled, on_loop, server_context, until

from anyapi.gateway import client as module
from anyapi.gateway.limits import Limits
from anyapi.gateway.server import listen_no_more
from anyapi.wire import deadlines
from anyapi.wire.buffers import ReadBuffer

ROWS = b"content-type: text/plain\r\n"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(deadlines, "PERIOD", 0.01)
    monkeypatch.setattr(module, "LINGER", 0.05)


async def echo(call, reply):
    reply.send(200, ROWS, call.body)


class Gate:
    def __init__(self):
        self.seen, self.open = [], asyncio.Event()

    async def __call__(self, call, reply):
        self.seen.append(call.path)
        await asyncio.ensure_future(self.open.wait())
        reply.send(200, ROWS, call.path)


@pytest.mark.parametrize(
    ("listed", "origin", "allowed"),
    [
        ([], b"https://a", False),
        (["https://a"], b"https://a", True),
        (["https://a"], b"https://A", False),
        (["https://a"], b"https://a:443", False),
        (["https://a"], b"null", False),
        (["*"], b"https://anything", True),
        (["https://a"], b"\xff", False),
        (["https://a", "https://b"], b"https://b", True),
    ],
)
@on_loop
async def test_origins(listed, origin, allowed):
    async with front(echo, cors=listed) as server:
        assert server.server.allows_origin(origin) is allowed


@pytest.mark.parametrize("listed", [[], ["https://a"]])
@on_loop
async def test_the_dashboards_origin_may_call_and_costs_nothing_before_it_does(listed):
    async with front(echo, cors=listed) as running:
        server = running.server
        server.dashboard_origins = frozenset({"http://127.0.0.1:8081", "http://localhost:8081"})
        assert not server.allows_origin(b"http://127.0.0.1:8082")
        assert server.cors_origins == frozenset(listed)
        assert server.allows_origin(b"http://localhost:8081")
        assert server.cors_origins == {*listed, *server.dashboard_origins}
        assert not server.allows_origin(b"https://evil.example")


@pytest.mark.parametrize(("most", "unknown", "expected"), [(100, 1000, 100), (1000, 100, 100), (50, 50, 50)])
@on_loop
async def test_nobody_may_send_more_than_the_most(most, unknown, expected):
    async with front(echo, Limits(max_body_bytes=most, unauthenticated_body_bytes=unknown)) as server:
        assert server.server.limits.unauthenticated_body_bytes == expected
        assert server.server.limits.max_body_bytes == most


# --- the drain


@on_loop
async def test_draining_closes_idle_connections_at_once():
    async with front(echo) as server, dialled(server.port) as (reader, writer), dialled(server.port) as (fresh, _):
        writer.write(request())
        await hear(reader)
        await until(lambda: len(server.server.connections) == 2)
        await server.server.drain()
        assert await reader.read(10) == b""
        assert await fresh.read(10) == b""
        assert not server.server.connections


@on_loop
async def test_who_had_only_just_connected_is_served():
    async with front(echo) as server, dialled(server.port) as (reader, writer):
        await until(lambda: server.server.connections)
        draining = asyncio.ensure_future(server.server.drain())
        await asyncio.sleep(0.05)
        writer.write(request(b"as I came"))
        (response,) = await hear(reader, count=None)
        assert (response.status, response.body) == (200, b"as I came")
        assert response.field("connection") == b"close"
        await draining


@on_loop
async def test_who_stands_in_the_kernels_queue_is_taken_before_the_listener_closes():
    async with front(echo) as server:
        queued = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(60)]  # the loop cannot take them meanwhile
        for number, each in enumerate(queued):
            each.sendall(request(str(number).encode()))
        await listen_no_more(server.listener)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", server.port))
        await server.server.drain()
        for number, each in enumerate(queued):
            with each:
                answer = b"".join(iter(lambda each=each: each.recv(4096), b""))
            assert answer.startswith(b"HTTP/1.1 200 ")
            assert answer.endswith(b"\r\n\r\n%d" % number)


@on_loop
async def test_draining_waits_for_what_runs_and_says_that_it_is_the_last():
    gate = Gate()
    async with front(gate) as server, dialled(server.port) as (reader, writer):
        writer.write(request(path=b"/slow"))
        await until(lambda: gate.seen)
        draining = asyncio.ensure_future(server.server.drain())
        await until(lambda: server.server.draining)
        gate.open.set()
        (response,) = await hear(reader, count=None)
        assert (response.body, response.field("connection")) == (b"/slow", b"close")
        await draining


@on_loop
async def test_answers_while_newcomers_are_waited_for_say_that_they_are_the_last():
    async with front(echo) as server, dialled(server.port) as (reader, writer), dialled(server.port):
        writer.write(request(b"first"))
        await hear(reader)
        await until(lambda: len(server.server.connections) == 2)
        draining = asyncio.ensure_future(server.server.drain())
        await asyncio.sleep(0.05)
        writer.write(request(b"second"))
        (response,) = await hear(reader, count=None)
        assert not server.server.draining, "the newcomer's moment is over: this tested nothing"
        assert (response.body, response.field("connection")) == (b"second", b"close")
        await draining


@on_loop
async def test_a_request_that_was_arriving_is_still_served():
    async with front(echo) as server, dialled(server.port) as (reader, writer):
        whole = request(b"0123456789")
        writer.write(whole[:-3])
        await until(lambda: server.server.connections and server.connection._call is not None)
        draining = asyncio.ensure_future(server.server.drain())
        await until(lambda: server.server.draining)
        writer.write(whole[-3:])
        (response,) = await hear(reader, count=None)
        assert (response.body, response.field("connection")) == (b"0123456789", b"close")
        await draining


@on_loop
async def test_after_its_time_whatever_still_runs_is_stopped_then_cut():
    gate = Gate()
    stopped = []

    class Exchange:
        lasting = False

        def stop(self):
            stopped.append(True)

        def abort(self):
            pass

    async def stubborn(call, reply):
        reply.attach(Exchange())
        await gate(call, reply)

    async with front(stubborn, Limits(drain_timeout=0.01)) as server, dialled(server.port) as (reader, writer):
        writer.write(request())
        await until(lambda: gate.seen)
        await server.server.drain()
        assert stopped == [True]
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        gate.open.set()


@on_loop
async def test_who_connects_while_draining_is_told():
    gate = Gate()
    async with front(gate) as server, dialled(server.port) as (reader, writer):
        writer.write(request())
        await until(lambda: gate.seen)
        draining = asyncio.ensure_future(server.server.drain())
        await until(lambda: server.server.draining)
        (response,) = await talk(server.port, b"", count=None)
        assert (response.status, json.loads(response.body)["error"]["type"]) == (503, "overloaded")
        gate.open.set()
        await hear(reader, count=None)
        await draining


@on_loop
async def test_the_sweep_is_closed_by_the_drain():
    async with front(echo) as server:
        await server.server.drain()
        assert server.server.sweep._timer.cancelled()


# --- TLS


class Secured:
    """The same server behind TLS."""

    def __init__(self, server):
        self.server, self.cipher = server, ReadBuffer(size=65536).view

    async def __aenter__(self):
        loop = asyncio.get_running_loop()
        self.listener = await loop.create_server(lambda: self.server.server.secured(server_context(), self.cipher), "127.0.0.1", 0)
        return self.listener.sockets[0].getsockname()[1]

    async def __aexit__(self, *_):
        self.listener.close()


@on_loop
async def test_requests_over_tls():
    async with front(echo) as server, Secured(server) as port:
        async with dialled(port, ssl=client_context(), server_hostname="localhost") as (reader, writer):
            for body in (b"one", b"x" * 500_000, b"three"):
                writer.write(request(body))
                (response,) = await hear(reader)
                assert response.body == body
            assert (len(server.server.connections), len(server.server.handshakes)) == (1, 0)
        await until(lambda: not server.server.connections)


@on_loop
async def test_an_answer_over_tls_may_close():
    async with front(echo) as server, Secured(server) as port:
        async with dialled(port, ssl=client_context(), server_hostname="localhost") as (reader, writer):
            writer.write(request(b"x", b"Connection: close"))
            (response,) = await hear(reader, count=None)
            assert response.body == b"x"


@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/1.1\r\n\r\n"])
@on_loop
async def test_a_handshake_has_its_time(sent):
    async with front(echo, Limits(header_timeout=0.03)) as server, Secured(server) as port:
        async with dialled(port) as (reader, writer):
            writer.write(sent)
            await until(lambda: server.server.handshakes or sent)
            try:
                while await reader.read(1000):
                    pass
            except ConnectionError:
                pass
        await until(lambda: not server.server.handshakes)
        assert len(server.server.sweep) == 0


@on_loop
async def test_handshakes_count_as_connections():
    async with front(echo, Limits(max_connections=1)) as server, Secured(server) as port:
        async with dialled(port) as (_, writer):
            writer.write(b"\x16")
            await until(lambda: server.server.handshakes)
            async with dialled(port) as (reader, _):
                with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                    await reader.readexactly(1)


@on_loop
async def test_draining_cuts_handshakes():
    async with front(echo) as server, Secured(server) as port, dialled(port) as (reader, _):
        await until(lambda: server.server.handshakes)
        await server.server.drain()
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        await until(lambda: not server.server.handshakes)
