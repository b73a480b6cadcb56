"""A head that was read once is read again without the parser, and what it then means is what the parser makes of it."""

import asyncio
import gc

import httptools
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.fuzz.http_targets import Socket
from tests.unit.gateway.workbench import KEY, front, hear, request
from tests.unit.wire.peers import dialled, on_loop, until

from anyapi.gateway.call import Call, read_head
from anyapi.gateway.client import Connection
from anyapi.gateway.heads import CHANGING, SMALL, learn
from anyapi.gateway.limits import Limits
from anyapi.gateway.server import Server
from anyapi.wire.loop_parts import LoopParts

LIBRARY = (b"Accept: application/json", b"User-Agent: OpenAI/Python 2.8.1", b"X-Stainless-Lang: python", b"X-AnyAPI-Regions: eu")


class Parsed:
    """What llhttp makes of the last request in some bytes."""

    def __init__(self, data):
        self.parser = httptools.HttpRequestParser(self)
        self.parser.feed_data(data)

    def on_message_begin(self):
        self.call, self.counted = Call(), 0

    def on_url(self, url):
        self.call.path += url
        self.counted += len(url)

    def on_header(self, name, value):
        self.call.take(name, value)
        self.counted += len(name) + len(value) + 4

    def on_headers_complete(self):
        self.call.method, self.call.version = self.parser.get_method(), self.parser.get_http_version()
        read_head(self.call)

    def on_body(self, part):
        self.call.body += part

    def on_message_complete(self):
        self.call.close_after = not self.parser.should_keep_alive()


def parsed(data):
    return Parsed(data).call


def learned(data, limits=Limits()):
    found = Parsed(data)
    return learn(data, found.call, limits, found.counted)


def fields(call):
    """All that a call says."""
    return {name: getattr(call, name) for name in call.__struct_fields__} | {"headers": dict(call.headers), "policy": [*call.policy]}


FIRST = request(b"0123456789", *LIBRARY, path=b"/v1/chat/completions?a=b")
AGAIN = {
    "the same": FIRST,
    "another body": FIRST.replace(b"0123456789", b"9876543210"),
    "a longer body": request(b"x" * 5000, *LIBRARY, path=b"/v1/chat/completions?a=b"),
    "a shorter one": request(b"x", *LIBRARY, path=b"/v1/chat/completions?a=b"),
    "none": request(b"", *LIBRARY, path=b"/v1/chat/completions?a=b"),
    "another key": FIRST.replace(KEY, b"anyapi_sk_of_somebody_else_altogether"),
    "a key without its scheme": FIRST.replace(b"Bearer " + KEY, KEY),
    "a body like a head": FIRST.replace(b"0123456789", b"\r\nA: b\r\n\r\n"),
}
ANOTHER = {
    "another path": request(b"0123456789", *LIBRARY, path=b"/v1/messages"),
    "another method": FIRST.replace(b"POST", b"PUT"),
    "another header": request(b"0123456789", *LIBRARY[:3], b"X-AnyAPI-Regions: us", path=b"/v1/chat/completions?a=b"),
    "one header more": request(b"0123456789", *LIBRARY, b"Host: elsewhere", path=b"/v1/chat/completions?a=b"),
    "one header less": request(b"0123456789", *LIBRARY[1:], path=b"/v1/chat/completions?a=b"),
    "another spelling": FIRST.replace(b"Content-Length", b"content-length"),
    "not whole": FIRST[:-1],
    "a head alone": FIRST[:-10],
    "half a head": FIRST[:100],
    "two": FIRST + FIRST,
    "a byte more": FIRST + b"\r",
    "another length": FIRST.replace(b"Content-Length: 10", b"Content-Length: 9"),
    "a length that is none": FIRST.replace(b"Content-Length: 10", b"Content-Length: +10"),
    "no length": FIRST.replace(b"Content-Length: 10", b"Content-Length: "),
    "a length in two parts": FIRST.replace(b"Content-Length: 10", b"Content-Length: 1 0"),
    "a space before the value": FIRST.replace(b"Bearer", b" Bearer"),
    "a space behind it": FIRST.replace(KEY, KEY + b" "),
    "a line feed in the key": FIRST.replace(KEY, KEY + b"\nX: y"),
    "a zero in the key": FIRST.replace(KEY, KEY + b"\0"),
    "a return in the key": FIRST.replace(KEY, KEY + b"\rX: y"),
    "a fold in the key": FIRST.replace(KEY, KEY + b"\r\n X: y"),
    "a letter beyond ASCII": FIRST.replace(KEY, KEY + b"\xe9"),
    "an empty key": FIRST.replace(b"Bearer " + KEY, b""),
    "HTTP/1.0": FIRST.replace(b"HTTP/1.1", b"HTTP/1.0"),
}


@pytest.mark.parametrize("case", AGAIN)
def test_the_same_head_is_read_as_the_parser_reads_it(case):
    known = learned(FIRST)
    call = known.read(AGAIN[case])
    assert fields(call) == fields(parsed(AGAIN[case]))
    assert known.used


@pytest.mark.parametrize("case", ANOTHER)
def test_anything_else_is_left_to_the_parser(case):
    assert learned(FIRST).read(ANOTHER[case]) is None


def test_keys_and_ids_change_and_are_read_anew():
    known = learned(request(b"", b"X-Request-ID: one", b"x-api-key: " + KEY, key=None))
    call = known.read(request(b"", b"X-Request-ID: two", b"x-api-key: another", key=None))
    assert (call.request_id, call.credential) == (b"two", b"another")
    assert known.read(request(b"", b"X-Request-ID: not~one", b"x-api-key: another", key=None)) is None
    known = learned(request(b"", b"x-api-key: " + KEY))
    assert known.read(request(b"", b"x-api-key: another")) is None, "two keys are refused, by who reads heads first"


def test_no_value_that_changes_is_kept():
    secret = b"anyapi_sk_nobody_should_find"
    known = learned(request(b"body", b"X-Request-ID: " + secret, b"x-api-key: " + secret, key=secret))
    kept = [*known._headers.values(), *[bytes(part) for pair in known._parts for part in pair], known._last, *fields(known._call).values()]
    assert not any(secret in each for each in kept if isinstance(each, bytes))
    assert CHANGING.isdisjoint(known._headers)


UNLEARNED = {
    "closing": FIRST.replace(b"Accept: application/json", b"Connection: close"),
    "a key of several words": request(b"x", key=b"a b c"),
    "old and keeping the connection": request(b"x", b"Connection: keep-alive").replace(b"HTTP/1.1", b"HTTP/1.0"),
    "old": request(b"").replace(b"HTTP/1.1", b"HTTP/1.0"),
    "chunked": b"POST / HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "expecting": request(b"x", b"Expect: 100-continue"),
    "with a salt, which is the caller's": request(b"x", b"X-AnyAPI-Commitment-Salt: " + b"a" * 64),
    "with a cookie": request(b"x", b"Cookie: session=1"),
    "with a proxy's secret": request(b"x", b"Proxy-Authorization: Basic eA=="),
    "with another's key": request(b"x", b"api-key: 1"),
    "with a token": request(b"x", b"X-Amz-Security-Token: 1"),
    "with a key in its target": request(b"x", path=b"/v1/x?api_key=1"),
    "without a length": b"GET / HTTP/1.1\r\nHost: g\r\n\r\n",
    "after another": request(b"x") + request(b"x"),
    "after an empty line": b"\r\n" + request(b"x"),
    "after empty lines": b"\r\n\r\n" + request(b"x"),
    "spaced": request(b"x").replace(b"Content-Length: ", b"Content-Length:  "),
    "dense": request(b"x").replace(b"Authorization: ", b"Authorization:"),
}


@pytest.mark.parametrize("case", UNLEARNED)
def test_some_heads_are_not_learned(case):
    known = learned(UNLEARNED[case])
    # An empty line before a request is a part of what must come again, byte for byte.
    assert known is None or (case == "after an empty line" and known.read(request(b"x")) is None)


def test_limits_hold():
    data = request(b"x", b"A: " + b"b" * 3000)
    assert learned(data, Limits(unauthenticated_body_bytes=SMALL - 1)) is None
    assert learned(data, Limits(max_header_bytes=4000)).read(data) is not None
    assert learned(data, Limits(max_header_bytes=4000)).read(data.replace(KEY, KEY * 50)) is None
    # What is counted of a head is the same whoever reads it: of its start and its spaces nothing.
    dense = request(b"x", *[b"A:b"] * 90)
    most = Parsed(dense).counted + 5
    assert learned(dense, Limits(max_header_bytes=most)).read(dense.replace(KEY, KEY + b"12345")) is not None
    assert learned(dense, Limits(max_header_bytes=most)).read(dense.replace(KEY, KEY + b"123456")) is None


# --- on a connection


class Transport(Socket):
    """Takes what is written; a client that is told the end goes."""

    def write_eof(self):
        self.closed = True


def heard(reads):
    """The calls that come of so many reads on one connection, what the client is answered, and how often no parser was needed."""
    return asyncio.run(_heard(reads))


async def _heard(reads):
    calls, fed = [], []

    async def handle(call, reply):
        calls.append(fields(call))
        await asyncio.ensure_future(asyncio.sleep(0))  # as it waits for a provider
        reply.send(200, b"", b"ok")

    class Counted(Connection):
        def _feed(self, data):
            fed.append(len(data))
            return super()._feed(data)

    shared = LoopParts(asyncio.get_running_loop())
    server = Server(handle, lambda _credential: True, Limits(), shared, report=pytest.fail)
    connection, transport = Counted(server), Transport()
    connection.connection_made(transport)
    for data in reads:
        if transport.paused or transport.closed:
            break
        shared.buffer.view[: len(data)] = data
        connection.get_buffer(-1)
        connection.buffer_updated(len(data))
        while connection.current is not None or connection._waiting:
            await asyncio.sleep(0)
    connection.connection_lost(None)
    shared.sweep.close()
    answer = b"\r\n".join(row for row in transport.written.split(b"\r\n") if not row.startswith(b"date:"))
    return calls, answer, transport.closed, len(reads) - len(fed)


def upgrade(body, *rows):
    return request(body, b"Connection: Upgrade", b"Upgrade: h2c", *rows)


@pytest.mark.parametrize("rows", [(), (b"Expect: 100-continue",)])
def test_a_wish_for_another_protocol_is_not_learned(rows):
    """With a body it is answered as it stands; without one the connection ends, since what follows cannot be told."""
    reads = [upgrade(b"x", *rows)] * 3 + [upgrade(b"", *rows)] * 2
    split = [part for each in reads for part in (each[:-1], each[-1:])]
    calls, answer, closed, _ = heard(reads)
    assert (calls, answer, closed) == heard(split)[:3]
    assert closed
    assert len(calls) == 4


@on_loop
async def test_nothing_is_left_of_a_connection_whatever_was_put_in_force_meanwhile():
    async def handle(call, reply):
        await asyncio.ensure_future(asyncio.sleep(0))
        reply.send(200, b"", b"ok")

    def count():
        return sum(isinstance(each, Connection | httptools.HttpRequestParser) for each in gc.get_objects())

    gc.collect()
    before = count()
    gc.disable()
    try:
        async with front(handle) as server, dialled(server.port) as (reader, writer):
            for _ in range(3):
                writer.write(request(b"x", *LIBRARY))
                await hear(reader)
            assert server.connection._known.used
            writer.close()
            await until(lambda: not server.server.connections)
        await asyncio.sleep(0.02)
        assert count() == before, "it would be for ever, had a snapshot been put in force (gc.freeze)"
    finally:
        gc.enable()


@pytest.mark.parametrize("more", [b"", b"P"])
@pytest.mark.parametrize("row", [b"A: b", b"Connection: close"])
@on_loop
async def test_while_a_stream_is_awaited_no_head_is_kept(more, row):
    begun = asyncio.Event()

    class Lasting:
        lasting = True

        def abort(self):
            pass

    async def handle(call, reply):
        await asyncio.ensure_future(asyncio.sleep(0))
        if call.body == b"stream":
            reply.attach(Lasting())
            begun.set()
            await asyncio.ensure_future(asyncio.sleep(0.05))
            reply.rest()
            assert reply._known is None
        reply.send(200, b"", b"ok")

    async with front(handle) as server, dialled(server.port) as (reader, writer):
        for _ in range(2):
            writer.write(request(b"x"))
            await hear(reader)
        assert server.connection._known is not None
        writer.write(request(b"stream", row) + more)
        (response,) = await hear(reader)
        assert (begun.is_set(), response.status, server.errors) == (True, 200, [])


_ODD = (
    b"\r",
    b"\n",
    b"\r\n",
    b"\r\n\r\n",
    b"\0",
    b" ",
    b":",
    b"X: y\r\n",
    b"0",
    b"1",
    b"Connection: close\r\n",
    b"Transfer-Encoding: chunked\r\n",
)


@st.composite
def heads(draw):
    """A request, perhaps with something wrong in it."""
    body = draw(st.binary(max_size=40))
    rows = [*draw(st.sampled_from([LIBRARY, LIBRARY[:1], ()]))]
    if draw(st.booleans()):
        rows.append(b"X-Request-ID: " + draw(st.sampled_from([b"a", b"b.c", b"~"])))
    if draw(st.integers(0, 9)) == 0:
        rows.append(
            draw(
                st.sampled_from(
                    [
                        b"Expect: 100-continue",
                        b"Upgrade: h2c\r\nConnection: Upgrade",
                        b"Upgrade: h2c\r\nConnection: close, Upgrade",
                        b"Content-Length: 3",
                        b"Origin: x",
                    ]
                )
            )
        )
    data = request(body, *rows, key=draw(st.sampled_from([KEY, KEY + b"2", None])), path=draw(st.sampled_from([b"/v1/x", b"/v1/x?y"])))
    if draw(st.integers(0, 4)) == 0:
        at = draw(st.integers(0, len(data)))
        data = data[:at] + draw(st.sampled_from(_ODD)) + data[at + draw(st.integers(0, 2)) :]
    return data


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(heads(), min_size=2, max_size=5), st.booleans())
@example([request(b"a"), request(b"b"), request(b"c") + request(b"d"), request(b"e")], True)
@example([request(b"GET / HTTP/1.1\r\n\r\n")] * 4, True)
def test_requests_mean_the_same_with_and_without_the_parser(requests, repeat):
    """The same bytes, each request in one read or its last byte in a second one, which no known head can be."""
    reads = [each for each in requests for _ in range(2 if repeat else 1)]
    split = [part for each in reads for part in (each[:-1], each[-1:]) if part]
    assert heard(reads)[:3] == heard(split)[:3]


def test_the_parser_is_not_needed_from_the_third_request_on():
    assert heard([request(b"%d" % number, *LIBRARY) for number in range(10)])[3] == 8
    assert heard([request(b"%d" % number, b"A: %d" % number) for number in range(10)])[3] == 0


def test_a_head_that_was_of_no_use_is_not_learned_over_and_over():
    first, second = request(b"x", b"A: 1"), request(b"x", b"A: 2")
    assert heard([first, first, second, second, second])[3] == 0, "the first was learned at its second coming, and did not come again"
    assert heard([first, first, first, second, second])[3] == 2


@on_loop
async def test_a_known_head_over_a_real_connection():
    async def handle(call, reply):
        await asyncio.ensure_future(asyncio.sleep(0))
        reply.send(200, b"", b"|".join((call.credential, call.body, b",".join(value for _, value in call.policy))))

    async with front(handle) as server, dialled(server.port) as (reader, writer):
        for number in range(5):
            writer.write(request(b"%d" % number, *LIBRARY, key=b"k%d" % number))
            (response,) = await hear(reader)
            assert response.body == b"k%d|%d|eu" % (number, number)
        assert server.connection._known.used
        writer.write(request(b"last", b"X-AnyAPI-Regions: us", key=b"k"))
        (response,) = await hear(reader)
        assert response.body == b"k|last|us"
