"""Whatever a client sends, in whatever pieces, is answered or ends its connection: the loop always goes on, and nothing unforeseen is raised.

Requests are put together at random of what HTTP has: every method, targets of every form, wishes for other protocols, framings that agree
or do not. The socket is a stand-in, so that tens of thousands of connections take a second; behind it everything is the product's. Turns of the
parser are counted: a time limit would not do, since what a signal raises inside of it is taken for an error of the request's.
"""

import asyncio
import random

import pytest
from tests.conftest import LONG
from tests.fuzz.http_targets import Socket

from anyapi.gateway import client
from anyapi.gateway.client import Connection
from anyapi.gateway.limits import Limits
from anyapi.gateway.server import Server
from anyapi.wire.loop_parts import LoopParts

CONNECTIONS = 2_000_000 if LONG else 20_000
METHODS = b"GET POST PUT DELETE HEAD OPTIONS PATCH CONNECT TRACE PRI SOURCE M-SEARCH PROPFIND LOCK DESCRIBE SETUP QUERY".split()
TARGETS = (b"/", b"/v1/x", b"/v1/chat/completions", b"*", b"a:1", b"http://a/", b"//x", b"/?a=b", b"", b"/\xff")
VERSIONS = (b"1.1", b"1.1", b"1.1", b"1.1", b"1.0", b"2.0", b"0.9")
ROWS = (
    b"Connection: Upgrade", b"Connection: close", b"Connection: keep-alive, Upgrade", b"Connection: close, Upgrade", b"Upgrade: h2c",
    b"Upgrade: websocket", b"Upgrade: a, b", b"Proxy-Connection: Upgrade", b"HTTP2-Settings: AAMAAABk", b"Expect: 100-continue", b"Host:g",
    b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip, chunked", b"Trailer: a", b"X-AnyAPI-Regions: eu", b"Authorization: Bearer k",
    b"x-api-key: k", b"Content-Type: a", b"TE: trailers",
)  # fmt: skip


def request(chance):
    """One request, perhaps with something wrong in it."""
    body, rows = chance.randbytes(chance.randrange(12)), [chance.choice(ROWS) for _ in range(chance.randrange(6))]
    if chance.random() < 0.8:
        rows.append(b"Host: g")
    framing = chance.random()
    if framing < 0.45:
        rows.append(b"Content-Length: %d" % max(0, len(body) + chance.choice((0, 0, 0, 0, 1, -1, 5))))
    elif framing < 0.75:
        rows.append(b"Transfer-Encoding: chunked")
        chunk = b"%x%b\r\n%b\r\n" % (len(body), chance.choice((b"", b"", b";a=b")), body)
        body = chunk * chance.randrange(3) + b"0\r\n" + chance.choice((b"", b"", b"A: b\r\n")) + b"\r\n"
    chance.shuffle(rows)
    start = b"%b %b HTTP/%b" % (chance.choice(METHODS), chance.choice(TARGETS), chance.choice(VERSIONS))
    data = b"\r\n".join((start, *rows)) + b"\r\n\r\n" + body
    if chance.random() < 0.15:
        at = chance.randrange(len(data))
        data = data[:at] + chance.randbytes(1) + data[at + chance.randrange(2) :]
    return data


def in_pieces(chance, data):
    cuts = sorted(chance.randrange(len(data) + 1) for _ in range(chance.choice((0, 0, 1, 3))))
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True) if end > start]


class Turns:
    """How often one read was given to a parser. Each upgrade is once more, and no more than this many requests wait on a connection."""

    MOST = 50

    def __init__(self, monkeypatch):
        self.count, real = 0, Connection._feed

        def feed(connection, data):
            self.count += 1
            assert self.count < self.MOST, f"it would never end: {bytes(data[:80])}"
            return real(connection, data)

        monkeypatch.setattr(Connection, "_feed", feed)


async def serve(server, view, pieces, turns):
    """One connection, from its first byte until all is answered."""
    connection, socket = server.protocol(), Socket()
    connection.connection_made(socket)
    for piece in pieces:
        if socket.paused or socket.closed:
            break
        view[: len(piece)] = piece
        turns.count = 0
        connection.get_buffer(-1)
        connection.buffer_updated(len(piece))
        for _ in range(100):
            if connection.current is None and not connection._waiting:
                break
            await asyncio.sleep(0)
        else:
            raise AssertionError("a request is neither answered nor refused")
    connection.connection_lost(None)
    return bytes(socket.written)


@pytest.mark.timeout(1200 if LONG else 60)
def test_the_loop_goes_on(monkeypatch):
    answers, turns = {b"200": 0, b"400": 0}, Turns(monkeypatch)

    async def handle(call, reply):
        await asyncio.ensure_future(asyncio.sleep(0))  # as it waits for a provider
        reply.send(200, b"", b"ok")

    async def run():
        shared = LoopParts(asyncio.get_running_loop())
        server = Server(handle, lambda _credential: True, Limits(), shared, report=pytest.fail)
        for seed in range(CONNECTIONS):
            chance = random.Random(seed)
            data = b"".join(request(chance) for _ in range(chance.randrange(1, 5)))
            written = await serve(server, shared.buffer.view, in_pieces(chance, data), turns)
            for status in answers:
                answers[status] += written.count(b"HTTP/1.1 " + status)
        shared.sweep.close()

    asyncio.run(run())
    assert min(answers.values()) > CONNECTIONS // 10, "both the good and the bad are among them"


def test_it_would_find_a_request_that_is_read_over_and_over(monkeypatch):
    """As CONNECT with a body was, which wishes for another protocol by its method: the head without the wish was the same head."""
    wish = b"POST / HTTP/1.1\r\nHost: g\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 5\r\n\r\n"
    monkeypatch.setattr(client, "without_upgrade", lambda _call: wish)
    with pytest.raises(AssertionError, match="never end"):
        test_the_loop_goes_on(monkeypatch)
