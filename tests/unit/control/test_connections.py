"""Connections to the control plane, over real sockets and uvicorn: bounds of a head, of time, and who goes where there is no room."""

import asyncio
import contextlib
import socket

import pytest
import uvicorn
from tests.unit.wire.peers import on_loop

from anyapi.control import connections as module
from anyapi.control import problems  # noqa: F401 as in the app: it takes what uvicorn prints
from anyapi.control.connections import Bounded

SMALL, LARGE = b"x" * 10, b"x" * 20_000_000
SECRET = "words of a caller"
GET = b"GET /%b HTTP/1.1\r\nhost: it\r\n\r\n"


class App:
    """Answers with the headers that it saw, or something large, or never."""

    def __init__(self):
        self.seen, self.hold = [], asyncio.Event()

    async def __call__(self, scope, receive, send):
        while (await receive()).get("more_body"):
            pass
        self.seen.append(scope["headers"])
        if scope["path"] == "/hold":
            await self.hold.wait()
        if scope["path"] == "/raise":
            raise ValueError(SECRET)
        body = LARGE if scope["path"] == "/large" else SMALL
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
        await send({"type": "http.response.body", "body": body})


class Served:
    """A running server of `App`."""

    def __init__(self, app, server, port):
        self.app, self.server, self.port, self.writers = app, server, port, []

    async def dial(self, data=b""):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writers.append(writer)
        writer.write(data)
        return reader, writer

    async def ask(self, path=b""):
        """The status of one request on a connection of its own."""
        reader, _ = await self.dial(GET % path)
        line = await asyncio.wait_for(reader.readline(), 5)
        return int(line.split()[1]) if line else 0


@contextlib.asynccontextmanager
async def served():
    app, listener = App(), socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, loop="none", http=Bounded, ws="none", lifespan="off", log_config=None, limit_concurrency=module.MOST)
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started:
            await asyncio.sleep(0.01)
        yield (it := Served(app, server, listener.getsockname()[1]))
    finally:
        app.hold.set()
        for writer in it.writers:
            writer.transport.abort()
        server.should_exit = server.force_exit = True
        await task


async def closed(reader):
    """Whether the other side closes within some seconds; what it said before that is dropped."""
    with contextlib.suppress(ConnectionError):
        while await asyncio.wait_for(reader.read(65536), 5):
            pass
    return True


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.02)


ENDLESS = {
    "headers": (b"GET / HTTP/1.1\r\n", b"x-a: b\r\n" * 1000),
    "a header": (b"GET / HTTP/1.1\r\nx-a: ", b"b" * 10_000),
    "an address": (b"GET /", b"b" * 10_000),
    "trailers": (b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n", b"x-a: b\r\n" * 1000),
    "a chunk's extension": (b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1;", b"b" * 10_000),
}


@pytest.mark.parametrize("name", ENDLESS)
@on_loop
async def test_what_never_ends_is_cut(name):
    start, piece = ENDLESS[name]
    async with served() as it:
        reader, writer = await it.dial(start)
        told = 0
        with contextlib.suppress(ConnectionError):
            while not reader.at_eof() and told < 100_000_000:
                writer.write(piece)
                await writer.drain()
                told += len(piece)
                await asyncio.sleep(0)
        assert told < 50_000_000
        assert await it.ask() == 200


@on_loop
async def test_trailers_are_no_headers():
    async with served() as it:
        body = b"POST / HTTP/1.1\r\nhost: it\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nx-csrf-token: stolen\r\n\r\n"
        reader, _ = await it.dial(body + GET % b"")
        for _ in range(2):
            await asyncio.wait_for(reader.readuntil(SMALL), 5)
        assert [dict(headers).get(b"x-csrf-token") for headers in it.app.seen] == [None, None]
        assert [dict(headers).get(b"host") for headers in it.app.seen] == [b"it", b"it"]


LATE = {
    "nothing": b"",
    "half a head": b"GET / HTTP/1.1\r\nhost:",
    "half a body": b"POST / HTTP/1.1\r\nhost: it\r\ncontent-length: 10\r\n\r\nhalf",
    "half of the next": GET % b"" + b"G",
}


@pytest.mark.parametrize("name", LATE)
@on_loop
async def test_a_request_has_its_time(name, monkeypatch):
    monkeypatch.setattr(module, "REQUEST_SECONDS", 0.1)
    async with served() as it:
        reader, _ = await it.dial(LATE[name])
        assert await closed(reader)


@on_loop
async def test_an_answer_may_take_its_time(monkeypatch):
    monkeypatch.setattr(module, "REQUEST_SECONDS", 0.1)
    async with served() as it:
        reader, _ = await it.dial(GET % b"hold")
        await asyncio.sleep(0.4)
        it.app.hold.set()
        assert (await asyncio.wait_for(reader.readline(), 5)).startswith(b"HTTP/1.1 200")


@on_loop
async def test_an_answer_that_nobody_takes_is_dropped(monkeypatch):
    monkeypatch.setattr(module, "READER_SECONDS", 0.2)
    async with served() as it:
        _, writer = await it.dial(GET % b"large")
        writer.transport.pause_reading()
        while not it.server.server_state.connections:
            await asyncio.sleep(0.01)
        async with asyncio.timeout(5):
            while it.server.server_state.connections:
                await asyncio.sleep(0.01)


@on_loop
async def test_a_slow_reader_gets_all_of_it(monkeypatch):
    monkeypatch.setattr(module, "READER_SECONDS", 0.5)
    async with served() as it:
        reader, _ = await it.dial(GET % b"large")
        head, got = await reader.readuntil(b"\r\n\r\n"), 0
        while got < len(LARGE):
            piece = await asyncio.wait_for(reader.read(2_000_000), 5)
            assert piece, "it was cut"
            got += len(piece)
            await asyncio.sleep(0.02)
        assert head.startswith(b"HTTP/1.1 200")


@on_loop
async def test_idle_connections_make_room(monkeypatch):
    monkeypatch.setattr(module, "MOST", 20)
    async with served() as it:
        busy, _ = await it.dial(GET % b"hold")
        idle = [await it.dial() for _ in range(60)]
        assert [await it.ask() for _ in range(5)] == [200] * 5
        assert await closed(idle[0][0])
        assert len(it.server.server_state.connections) < 20
        it.app.hold.set()
        assert (await asyncio.wait_for(busy.readline(), 5)).startswith(b"HTTP/1.1 200"), "who waits for an answer stays"


@on_loop
async def test_nothing_is_printed_but_the_kind_of_an_error(capfd):
    async with served() as it:
        assert await it.ask(b"raise") == 500
        for words in (b"GARBAGE " + SECRET.encode() + b"\r\n\r\n", GET[:-2] % b"" + b"connection: upgrade\r\nupgrade: websocket\r\n\r\n"):
            reader, _ = await it.dial(words)
            await asyncio.wait_for(reader.readline(), 5)
    printed = "".join(capfd.readouterr())
    assert [line.partition(" ")[2] for line in printed.splitlines()] == ["event=internal_error kind=ValueError"]
