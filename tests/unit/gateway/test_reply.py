"""What handlers write: whole answers, streams in chunks, the rows that browsers need, and silence once the client is gone."""

import asyncio

import pytest
from tests.unit.gateway.workbench import front, hear, request, talk
from tests.unit.wire.peers import dialled, on_loop, until

from anyapi.gateway.limits import Limits
from anyapi.gateway.reply import SMALL, Reply

ROWS = b"content-type: text/plain\r\n"
ORIGIN = b"https://app.example"


async def hello(call, reply):
    reply.send(200, ROWS, b"hello " + call.body)


async def count(call, reply):
    """A stream of three parts, one of them empty."""
    reply.start_stream(ROWS)
    for part in (b"one", b"", b"two", b"three"):
        reply.send_part(part)
    reply.finish_stream()


@on_loop
async def test_a_whole_answer():
    async with front(hello) as server:
        (response,) = await talk(server.port, request(b"you"))
        assert (response.status, response.body) == (200, b"hello you")
        assert response.field("content-type") == b"text/plain"
        assert response.field("content-length") == b"9"
        assert response.field("connection") is None
        assert response.field("date").endswith(b" GMT")


@pytest.mark.parametrize("size", [0, SMALL - 1, SMALL, 5_000_000])
@on_loop
async def test_answers_of_any_size(size):
    async def big(call, reply):
        reply.send(200, ROWS, b"x" * size)

    async with front(big) as server:
        (response,) = await talk(server.port, request())
        assert response.body == b"x" * size


@pytest.mark.parametrize("size", [5, SMALL])
@on_loop
async def test_head_gets_the_head_alone(size):
    async def big(call, reply):
        reply.send(200, ROWS, b"x" * size)

    async with front(big) as server:
        data = request(method=b"HEAD") + request()
        head, whole = await talk(server.port, data, count=2, methods=("HEAD", "POST"))
        assert (head.body, head.field("content-length")) == (b"", b"%d" % size)
        assert whole.body == b"x" * size


@on_loop
async def test_a_stream_comes_in_chunks():
    async with front(count) as server:
        first, second = await talk(server.port, request() + request(), count=2)
        assert first.body == second.body == b"onetwothree"
        assert first.field("transfer-encoding") == b"chunked"
        assert first.field("content-length") is None
        assert first.field("connection") is None


@pytest.mark.parametrize("handle", [hello, count])
@on_loop
async def test_http_1_0_gets_no_chunks_and_a_closed_connection(handle):
    async with front(handle) as server:
        data = request(b"you").replace(b"HTTP/1.1", b"HTTP/1.0")
        (response,) = await talk(server.port, data, count=None)
        assert response.body == (b"hello you" if handle is hello else b"onetwothree")
        assert response.field("connection") == b"close"
        assert response.field("transfer-encoding") is None


@pytest.mark.parametrize("handle", [hello, count])
@on_loop
async def test_a_client_that_says_close_is_told_so_too(handle):
    async with front(handle) as server:
        (response,) = await talk(server.port, request(b"", b"Connection: close"), count=None)
        assert response.field("connection") == b"close"


@pytest.mark.parametrize("handle", [hello, count])
@on_loop
async def test_a_page_of_a_listed_origin_may_read(handle):
    async with front(handle, cors=[ORIGIN.decode()]) as server:
        (response,) = await talk(server.port, request(b"", b"Origin: " + ORIGIN))
        assert response.field("access-control-allow-origin") == ORIGIN
        assert response.field("vary") == b"origin"
        for rows in ([b"Origin: https://evil.example"], []):
            (response,) = await talk(server.port, request(b"", *rows))
            assert response.field("access-control-allow-origin") is None
            assert response.field("vary") == b"origin"


@pytest.mark.parametrize("handle", [hello, count])
@on_loop
async def test_without_listed_origins_nothing_is_said(handle):
    async with front(handle) as server:
        (response,) = await talk(server.port, request(b"", b"Origin: " + ORIGIN))
        assert not [name for name, _ in response.fields if name.startswith("access-control") or name == "vary"]


@on_loop
async def test_any_origin_may_be_listed():
    async with front(hello, cors=["*"]) as server:
        (response,) = await talk(server.port, request(b"", b"Origin: null"))
        assert response.field("access-control-allow-origin") == b"null"


@on_loop
async def test_who_is_gone_hears_nothing():
    done = asyncio.Event()
    seen = []

    async def slow(call, reply):
        seen.append(reply.alive)
        await asyncio.ensure_future(done.wait())
        seen.append(reply.alive)
        reply.send(200, ROWS, b"too late")
        reply.start_stream(ROWS)
        reply.send_part(b"x")
        reply.finish_stream()
        reply.abort()

    async with front(slow) as server:
        async with dialled(server.port) as (_, writer):
            writer.write(request())
            await until(lambda: seen)
        await until(lambda: not server.server.connections)
        done.set()
        await until(lambda: len(seen) == 2)
        assert (seen, server.errors) == ([True, False], [])


@on_loop
async def test_a_cut_stream_is_not_whole():
    async def cut(call, reply):
        reply.start_stream(ROWS)
        reply.send_part(b"part")
        reply.abort()

    async with front(cut) as server, dialled(server.port) as (reader, writer):
        writer.write(request())
        received = b""
        try:
            while data := await reader.read(1000):
                received += data
        except ConnectionError:
            pass
        assert b"0\r\n\r\n" not in received


@on_loop
async def test_a_stream_that_its_handler_forgets_to_end_is_not_whole():
    async def forget(call, reply):
        reply.start_stream(ROWS)
        reply.send_part(b"part")

    async with front(forget) as server, dialled(server.port) as (reader, writer):
        writer.write(request() + request())
        received = await reader.read(-1)
        assert received.endswith(b"4\r\npart\r\n")


@on_loop
async def test_the_exchange_hears_of_the_client():
    class Exchange:
        def __init__(self):
            self.heard = []

        def __getattr__(self, name):
            return lambda: self.heard.append(name)

    exchange, begun, go_on = Exchange(), asyncio.Event(), asyncio.Event()

    async def stream(call, reply):
        reply.attach(exchange)
        reply.start_stream(ROWS)
        while "pause" not in exchange.heard:
            reply.send_part(b"x" * 65536)
            await asyncio.ensure_future(asyncio.sleep(0))
        begun.set()
        await asyncio.ensure_future(go_on.wait())

    async with front(stream, Limits(write_buffer=16 * 1024)) as server:
        async with dialled(server.port, limit=1024) as (reader, writer):
            writer.write(request())
            await begun.wait()
            while "resume" not in exchange.heard:
                await reader.read(1 << 20)
            server.connection.stop()
            assert exchange.heard == ["pause", "resume", "stop"]
        await until(lambda: "abort" in exchange.heard)
        go_on.set()


@on_loop
async def test_errors_nobody_foresaw_are_passed_on():
    error = ValueError("x")

    async def report(call, reply):
        reply.report(error)
        reply.send(200, ROWS, b"")

    async with front(report) as server:
        await talk(server.port, request())
        assert server.errors == [error]


@on_loop
async def test_what_is_written_to_a_client_that_is_gone_is_dropped():
    async with front(hello) as server:
        assert Reply(server.server).write(b"data") is None


@on_loop
async def test_hear_is_strict():
    """The tests' own reader refuses what is left over."""

    async def twice(call, reply):
        reply.send(200, ROWS, b"a")
        reply.send(200, ROWS, b"b")

    async with front(twice) as server, dialled(server.port) as (reader, writer):
        writer.write(request())
        assert [one.body for one in await hear(reader, count=2)] == [b"a", b"b"]
