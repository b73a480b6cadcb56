"""What the tests of the data plane work on: a server with a handler of the test's, or a whole data plane between real sockets.

The sinks at its end are the only stand-ins: they keep what they are given, and fail when told to.
"""

import asyncio
import contextlib
import hashlib
import json
import re

from tests.tools.raw_http import split_responses
from tests.unit.policy.samples import MODEL, NOW, context, endpoint, provider
from tests.unit.upstream.provider import PATIENT
from tests.unit.wire.peers import dialled, listening, until

from anyapi.domain.call import Principal
from anyapi.domain.catalogue import Price
from anyapi.domain.snapshot import Snapshot
from anyapi.gateway.limits import Limits
from anyapi.gateway.outlets import Outlets
from anyapi.gateway.plane import DataPlane
from anyapi.gateway.privacy import Disclosure
from anyapi.gateway.routes import Router
from anyapi.gateway.server import Server
from anyapi.policy.merge import DEFAULT_PRESETS, UNCONSTRAINED
from anyapi.upstream.adapters import adapter_for
from anyapi.upstream.dialer import Dialer
from anyapi.upstream.pool import Upstream, Wire
from anyapi.upstream.registry import row_of
from anyapi.wire.buffers import ReadBuffer
from anyapi.wire.loop_parts import LoopParts

KEY = b"anyapi_sk_of_the_tests"
DISCLOSURE = Disclosure(90.0, True, True, "https://example.com/privacy", None, "privacy@example.com", "v1")


# --- the client's side


async def talk(port, data, *, count=1, methods=()):
    """Send bytes on one connection; give the first `count` responses, or all until the server closes (None)."""
    async with dialled(port) as (reader, writer):
        writer.write(data)
        return await hear(reader, count=count, methods=methods)


async def hear(reader, *, count=1, methods=()):
    """Read so many responses, strictly parsed."""
    received, worth = bytearray(), 0
    while True:
        if len(received) >= worth:  # a large answer is not parsed anew for each of its thousand pieces
            responses, rest = split_responses(bytes(received), methods, closed=False)
            if count is not None and len(responses) >= count:
                assert rest == b""
                return responses
            worth = _least(received, rest)
        more = await reader.read(65536)
        if not more:
            responses, rest = split_responses(bytes(received), methods, closed=True)
            assert rest == b""
            return responses
        received += more


def _least(received, rest):
    """How long what was received has to be before the answer that has begun can be whole."""
    found = re.match(rb"HTTP/1.1 [^4]..[^\0]*?\r\ncontent-length: (\d+)(?=\r\n)[^\0]*?\r\n\r\n", rest[:2000])
    return len(received) - len(rest) + found.end() + int(found[1]) if found else 0


def request(body=b"", *rows, path=b"/v1/chat/completions", method=b"POST", key=KEY):
    """A request as bytes; `body` is sent as JSON unless it is bytes."""
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [b"%b %b HTTP/1.1" % (method, path), b"Host: gateway", b"Content-Length: %d" % len(body), *rows]
    if key is not None:
        lines.append(b"Authorization: Bearer " + key)
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def chat(**fields):
    """The body of a chat completion."""
    body = {"model": MODEL, "messages": [{"role": "user", "content": "hello"}], **fields}
    return {name: value for name, value in body.items() if value is not None}


# --- a server with any handler


@contextlib.asynccontextmanager
async def front(handle, limits=Limits(), *, may_send=lambda _credential: True, cors=(), shared=None, failed=None):
    """A server of ours whose requests `handle` answers; gives it, with its `port` and the `errors` that nobody foresaw."""
    loop = asyncio.get_running_loop()
    shared, errors = shared or LoopParts(loop), []
    server = Server(handle, may_send, limits, shared, report=errors.append, failed=failed, cors_origins=frozenset(cors))
    listener = await loop.create_server(server.protocol, "127.0.0.1", 0)
    running = Front(server, listener, errors)
    try:
        yield running
    finally:
        listener.close()
        for connection in tuple(server.connections):
            connection.abort()
        await until(lambda: not server.connections)
        shared.sweep.close()


class Front:
    """A running server."""

    def __init__(self, server, listener, errors):
        self.server, self.listener, self.errors = server, listener, errors
        self.port = listener.sockets[0].getsockname()[1]

    @property
    def connection(self):
        """The only connection."""
        (one,) = self.server.connections
        return one


# --- a whole data plane


class Rows:
    """A usage sink that keeps its rows."""

    def __init__(self):
        self.accepted, self.rows = 0, []

    def accept(self):
        self.accepted += 1

    def put(self, row):
        self.rows.append(row)


class Records:
    """A decision sink that keeps its records, or fails."""

    def __init__(self):
        self.records, self.error, self.before = [], None, None

    async def record(self, record):
        if self.before is not None:
            await self.before(record)
        if self.error is not None:
            raise self.error
        self.records.append(record)


class Clock:
    """Unix seconds that only the test moves."""

    def __init__(self, now=NOW):
        self.now = now

    def __call__(self):
        return self.now


def principal(requirement=UNCONSTRAINED, **fields):
    return Principal(**{"key": "key_1", "account": "acme", "requirement": requirement, **fields})


def snapshot(base, requirement=UNCONSTRAINED, *, version=1, caller=None):
    """A snapshot in which `KEY` is a key."""
    who = caller or principal(requirement)
    return Snapshot(version, base, dict(DEFAULT_PRESETS), principals={hashlib.sha256(KEY).digest(): who})


def outlets(upstreams=None, **fields):
    """Outlets with the real adapters and sinks that keep."""
    given = {
        "adapters": adapter_for,
        "rows": row_of,
        "upstreams": upstreams or {},
        "usage": Rows(),
        "decisions": Records(),
        "ready": lambda: True,
        "timeouts": PATIENT,
    }
    return Outlets(**{**given, **fields})


class Gateway:
    """A data plane between real sockets."""

    def __init__(self, plane, running, clock):
        self.plane, self.server, self.port, self.errors, self.clock = plane, running.server, running.port, running.errors, clock

    @property
    def usage(self):
        return self.plane.outlets.usage

    @property
    def rows(self):
        """The usage rows so far: one for each accepted request."""
        assert len(self.usage.rows) == self.usage.accepted
        return self.usage.rows

    @property
    def records(self):
        return self.plane.outlets.decisions

    async def post(self, body=None, *rows, **fields):
        """One request on a connection of its own."""
        (response,) = await talk(self.port, request(chat() if body is None else body, *rows, **fields))
        return response

    async def get(self, path, *rows, method=b"GET", **fields):
        """One request without a body."""
        (response,) = await talk(self.port, request(b"", *rows, path=path, method=method, **fields), methods=(method.decode(),))
        return response


@contextlib.asynccontextmanager
async def gateway(
    *scripts, requirement=UNCONSTRAINED, policies=(), caller=None, limits=Limits(), timeouts=PATIENT, cors=(), out=None, **fields
):
    """A gateway in front of the providers `p0`, `p1`, ..., one for each script, tried in this order. `out`: other outlets than the usual."""
    async with contextlib.AsyncExitStack() as stack:
        ports = [await stack.enter_async_context(listening(script)) for script in scripts]
        names = [f"p{number}" for number in range(len(scripts))]
        providers = [provider(name, policies[number] if number < len(policies) else None) for number, name in enumerate(names)]
        fields.setdefault("endpoints", [endpoint(name, price=Price(1.0 + number, 2.0)) for number, name in enumerate(names)])
        base, clock = context(providers, **fields), Clock()
        shared = LoopParts(asyncio.get_running_loop())
        stack.callback(shared.sweep.close)
        wire = Wire(shared, Dialer(["127.0.0.1/32"]), ReadBuffer(size=65536))
        upstreams = {
            f"{name}-key": Upstream(wire, f"http://127.0.0.1:{port}/v1", b"authorization: Bearer secret-of-%b\r\n" % name.encode())
            for name, port in zip(names, ports, strict=True)
        }
        plane = DataPlane(
            snapshot(base, requirement, caller=caller), outlets(upstreams, timeouts=timeouts, **(out or {})), DISCLOSURE, clock
        )
        for upstream in upstreams.values():
            stack.callback(upstream.close)
        router = Router(plane)
        running = await stack.enter_async_context(front(router.handle, limits, cors=cors, shared=shared, failed=router.failed))
        yield Gateway(plane, running, clock)
