"""A provider at the other end of a real socket, and an upstream of ours that reaches it."""

import asyncio
import contextlib

from tests.tools.raw_http import split_requests
from tests.unit.wire.peers import listening

from anyapi.upstream.adapter import Timeouts
from anyapi.upstream.dialer import Dialer
from anyapi.upstream.pool import Upstream, Wire
from anyapi.wire.buffers import ReadBuffer
from anyapi.wire.loop_parts import LoopParts
from anyapi.wire.tasks import drive

SECRET = "sk-provider-secret"
PATIENT = Timeouts(first_byte=10.0, stream_idle=10.0, answer=10.0)


def answer(body=b"{}", *rows, status=b"200 OK"):
    """A whole answer with a length."""
    return b"HTTP/1.1 %b\r\ncontent-length: %d\r\n%b\r\n%b" % (status, len(body), b"".join(row + b"\r\n" for row in rows), body)


def chunked(*parts, rows=(b"content-type: text/event-stream",)):
    """A whole answer in chunks."""
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n" + b"".join(row + b"\r\n" for row in rows) + b"\r\n"
    return head + b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


class Requests:
    """Reads requests off one connection."""

    def __init__(self, reader):
        self.reader, self.rest = reader, b""

    async def next(self):
        """The next whole request."""
        while True:
            found, _ = split_requests(self.rest)
            if found:
                head, _, _ = self.rest.partition(b"\r\n\r\n")
                self.rest = self.rest[len(head) + 4 + len(found[0].body) :]
                return found[0]
            data = await self.reader.read(65536)
            if not data:
                raise asyncio.IncompleteReadError(self.rest, None)
            self.rest += data


def playing(*answers, then=None):
    """A script that answers each request of a connection with the next of `answers`; afterwards it hangs up, or does `then`."""
    seen = []

    async def script(reader, writer):
        requests = Requests(reader)
        for one in answers:
            seen.append(await requests.next())
            writer.write(one)
        if then is not None:
            await then(reader, writer)

    script.seen = seen
    return script


async def silent(reader, _writer):
    """Say nothing until the other side leaves."""
    while await reader.read(65536):
        pass


@contextlib.asynccontextmanager
async def reaching(port, *, scheme="http", auth=b"authorization: Bearer " + SECRET.encode() + b"\r\n", timeout=5.0, host="127.0.0.1"):
    """An upstream of ours for a port on loopback, with a wire of its own."""
    shared = LoopParts(asyncio.get_running_loop())
    dialer = Dialer(["127.0.0.1/32", "::1/128"], timeout=timeout)
    wire = Wire(shared, dialer, ReadBuffer(size=64 * 1024))
    upstream = Upstream(wire, f"{scheme}://{host}:{port}/v1", auth)
    try:
        yield upstream
    finally:
        upstream.close()
        await asyncio.sleep(0)
        shared.sweep.close()


@contextlib.asynccontextmanager
async def provider(*answers, then=silent, **fields):
    """A provider that answers so, and an upstream that reaches it."""
    script = playing(*answers, then=then)
    async with listening(script) as port, reaching(port, **fields) as upstream:
        upstream_seen[upstream.port] = script.seen
        yield upstream


upstream_seen = {}
"""What each provider was sent, by its port."""


def begin(connection, upstream, body=b"{}", sink=None, timeouts=PATIENT):
    """Send one request; gives the waiter for its end."""
    return connection.send(upstream.head(b"/chat/completions", b"", body), body, sink, timeouts)


async def resolved(waiter):
    """What a waiter brings, by the way of the product: `drive` goes on with what waits for it."""
    ended = asyncio.get_running_loop().create_future()

    async def wait():
        ended.set_result(await waiter)

    drive(wait(), lambda error: ended.done() or ended.set_exception(error))
    return await ended


async def post(connection, upstream, *args, **fields):
    """Send one request and wait for its end: None for a whole answer, else how it failed."""
    return await resolved(begin(connection, upstream, *args, **fields))
