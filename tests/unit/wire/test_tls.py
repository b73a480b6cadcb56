"""TLS over memory buffers: real OpenSSL peers on real sockets, in both roles."""

import asyncio
import contextlib
import ssl

import pytest
from tests.unit.wire.peers import client_context, dialled, listening, on_loop, server_context, until

from anyapi.wire.buffers import ReadBuffer
from anyapi.wire.tls import TlsPipe


class Inner(asyncio.BufferedProtocol):
    """The protocol inside: keeps what it is told."""

    def __init__(self, *, size=16 * 1024, echo=False):
        self.buffer, self.echo = ReadBuffer(size=size), echo
        self.received, self.events, self.pipe, self.reads = bytearray(), [], None, []
        self.lost = asyncio.get_running_loop().create_future()

    def connection_made(self, transport):
        self.events.append("made")
        self.pipe = transport

    def connection_lost(self, exc):
        self.events.append("lost")
        self.lost.set_result(exc)

    def get_buffer(self, sizehint):
        return self.buffer.view

    def buffer_updated(self, nbytes):
        self.received += self.buffer.view[:nbytes]
        self.reads.append(nbytes)
        if self.echo:
            self.pipe.write(bytes(self.buffer.view[:nbytes]))
        self.buffer.wipe(nbytes)

    def pause_writing(self):
        self.events.append("pause")

    def resume_writing(self):
        self.events.append("resume")


class Pipes:
    """Every pipe that a server accepted, and every failure it was told of."""

    def __init__(self):
        self.inners, self.failures = [], []


@contextlib.asynccontextmanager
async def serving(context=None, **fields):
    """A server of pipes; gives its port and what happens in it."""
    pipes, cipher, loop = Pipes(), ReadBuffer(size=64 * 1024).view, asyncio.get_running_loop()

    def accept():
        pipes.inners.append(Inner(**fields))
        return TlsPipe(context or server_context(), pipes.inners[-1], server_name=None, failed=pipes.failures.append, cipher=cipher)

    server = await loop.create_server(accept, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], pipes
    finally:
        server.close()
        for inner in pipes.inners:
            if inner.pipe is not None:
                inner.pipe.abort()
        await until(lambda: all(inner.lost.done() for inner in pipes.inners if inner.pipe is not None))


async def reaching(port, *, context=None, name="localhost", **fields):
    """A client pipe to a port; gives the inner protocol and the list of failures, once one of them heard something."""
    inner, failures = Inner(**fields), []
    pipe = TlsPipe(context or client_context(), inner, server_name=name, failed=failures.append, cipher=ReadBuffer().view)
    await asyncio.get_running_loop().create_connection(lambda: pipe, "127.0.0.1", port)
    await until(lambda: inner.pipe is not None or failures)
    return inner, failures


def tls(**fields):
    return {"ssl": client_context(), "server_hostname": "localhost", **fields}


@on_loop
async def test_plaintext_goes_through_the_inner_protocols_buffer():
    async with serving(echo=True) as (port, pipes), dialled(port, **tls()) as (reader, writer):
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"
        inner = pipes.inners[0]
        assert (bytes(inner.received), inner.events, pipes.failures) == (b"hello", ["made"], [])
        assert not any(inner.buffer.view), "wiped"


@on_loop
async def test_both_ends_are_pipes():
    async with serving(echo=True) as (port, _):
        inner, failures = await reaching(port)
        inner.pipe.writelines([b"one ", b"two ", b"three"])
        await until(lambda: bytes(inner.received) == b"one two three")
        inner.pipe.close()
        assert await inner.lost is None
        assert (inner.events, failures) == (["made", "lost"], [])


@pytest.mark.parametrize("size", [1, 16 * 1024, 16 * 1024 + 1, 64 * 1024, 3_000_000])
@on_loop
async def test_writes_of_any_size_arrive_whole(size):
    data = bytes(range(251)) * (size // 251 + 1)
    data = data[:size]
    async with serving() as (port, pipes), dialled(port, **tls()) as (reader, writer):
        await until(lambda: pipes.inners and pipes.inners[0].pipe)
        inner = pipes.inners[0]
        inner.pipe.write(data)
        assert await reader.readexactly(size) == data
        writer.write(data)
        await until(lambda: len(inner.received) == size)
        assert bytes(inner.received) == data


@pytest.mark.parametrize("room", [1, 7, 4096])
@on_loop
async def test_a_small_inner_buffer_is_filled_again_and_again(room):
    async with serving(size=room) as (port, pipes), dialled(port, **tls()) as (_, writer):
        writer.write(b"x" * 10_000)
        await until(lambda: pipes.inners and len(pipes.inners[0].received) == 10_000)
        assert max(pipes.inners[0].reads) <= room


@on_loop
async def test_backpressure_passes_through():
    async with serving() as (port, pipes), dialled(port, **tls(limit=1024)) as (reader, _):
        await until(lambda: pipes.inners and pipes.inners[0].pipe)
        inner = pipes.inners[0]
        inner.pipe.set_write_buffer_limits(high=32 * 1024)
        sent = 0
        while "pause" not in inner.events:
            inner.pipe.write(b"x" * 65536)
            sent += 65536
            await asyncio.sleep(0)
        assert inner.pipe.get_write_buffer_size() > 32 * 1024
        assert "resume" not in inner.events
        assert await reader.readexactly(sent) == b"x" * sent
        await until(lambda: "resume" in inner.events)
        assert inner.events == ["made", "pause", "resume"]


@on_loop
async def test_reading_can_be_paused():
    async with serving() as (port, pipes), dialled(port, **tls()) as (reader, writer):
        await until(lambda: pipes.inners and pipes.inners[0].pipe)
        inner = pipes.inners[0]
        inner.pipe.pause_reading()
        writer.write(b"while paused")
        await writer.drain()
        inner.pipe.write(b"ping")
        assert await reader.readexactly(4) == b"ping"
        assert not inner.received
        inner.pipe.resume_reading()
        await until(lambda: inner.received)
        assert bytes(inner.received) == b"while paused"


@on_loop
async def test_a_client_that_does_not_trust_us_fails_the_handshake_once():
    async with serving() as (port, pipes):
        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncio.open_connection("127.0.0.1", port, ssl=client_context(trusting=False), server_hostname="localhost")
        await until(lambda: pipes.failures)
        assert len(pipes.failures) == 1
        assert pipes.inners[0].events == []


@on_loop
async def test_what_is_no_tls_fails_the_handshake():
    async with serving() as (port, pipes), dialled(port) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        while await reader.read(1000):
            pass
        assert [type(failure) for failure in pipes.failures] == [ssl.SSLError]
        assert pipes.inners[0].events == []


@pytest.mark.parametrize("first", [b"", b"\x16\x03\x01\x02\x00\x01"])
@on_loop
async def test_a_peer_that_leaves_during_the_handshake_is_a_failure(first):
    async with serving() as (port, pipes):
        async with dialled(port) as (_, writer):
            writer.write(first)
            await writer.drain()
        await until(lambda: pipes.failures)
        assert [isinstance(failure, OSError) for failure in pipes.failures] == [True]
        assert pipes.inners[0].events == []


@on_loop
async def test_a_server_of_another_name_is_refused():
    async def script(reader, writer):
        await reader.read(1)

    async with listening(script, tls=server_context("other.example")) as port:
        inner, failures = await reaching(port)
        assert [type(failure) for failure in failures] == [ssl.SSLCertVerificationError]
        assert inner.events == []


@on_loop
async def test_an_unknown_authority_is_refused():
    async def script(reader, writer):
        await reader.read(1)

    async with listening(script, tls=server_context()) as port:
        inner, failures = await reaching(port, context=client_context(trusting=False))
        assert [type(failure) for failure in failures] == [ssl.SSLCertVerificationError]
        assert inner.events == []


@on_loop
async def test_a_goodbye_ends_the_connection():
    async def script(reader, writer):
        writer.write(b"all of it")

    async with listening(script, tls=server_context()) as port:
        inner, _ = await reaching(port)
        assert await inner.lost is None
        assert bytes(inner.received) == b"all of it"
        assert inner.events == ["made", "lost"]


@on_loop
async def test_without_a_goodbye_the_connection_is_lost():
    """The inner protocol decides what that means: an answer with a length knows whether it is whole."""

    async def script(reader, writer):
        writer.write(b"part of it")
        await writer.drain()
        await reader.readexactly(3)
        writer.transport.abort()

    async with listening(script, tls=server_context()) as port:
        inner, _ = await reaching(port)
        await until(lambda: inner.received)
        inner.pipe.write(b"cut")
        await inner.lost
        assert bytes(inner.received) == b"part of it"


class ByHand:
    """A TLS client whose records the test can spoil."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = client_context().wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")

    async def handshake(self):
        while True:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                self.writer.write(self.outgoing.read())
                self.incoming.write(await self.reader.read(65536))
            else:
                return self.outgoing.read()

    def records(self, data):
        self.tls.write(data)
        return self.outgoing.read()


@on_loop
async def test_the_first_data_may_come_with_the_end_of_the_handshake():
    async with serving() as (port, pipes), dialled(port) as (reader, writer):
        hand = ByHand(reader, writer)
        writer.write(await hand.handshake() + hand.records(b"early"))
        await until(lambda: pipes.inners[0].received)
        assert bytes(pipes.inners[0].received) == b"early"


@on_loop
async def test_records_may_come_byte_by_byte():
    async with serving() as (port, pipes), dialled(port) as (reader, writer):
        hand = ByHand(reader, writer)
        for byte in await hand.handshake() + hand.records(b"slowly"):
            writer.write(bytes([byte]))
            await writer.drain()
        await until(lambda: pipes.inners[0].received)
        assert bytes(pipes.inners[0].received) == b"slowly"


@pytest.mark.parametrize("place", [0, 8, -1])
@on_loop
async def test_a_spoilt_record_cuts_the_connection(place):
    async with serving() as (port, pipes), dialled(port) as (reader, writer):
        hand = ByHand(reader, writer)
        writer.write(await hand.handshake() + hand.records(b"good"))
        await until(lambda: pipes.inners[0].received)
        bad = bytearray(hand.records(b"evil"))
        bad[place] ^= 0xFF
        writer.write(bytes(bad))
        await pipes.inners[0].lost
        assert bytes(pipes.inners[0].received) == b"good"
        assert pipes.failures == [], "only a handshake fails; a connection is lost"


@on_loop
async def test_after_closing_nothing_is_written_and_everything_is_harmless():
    async with serving() as (port, pipes), dialled(port, **tls()) as (reader, _):
        await until(lambda: pipes.inners and pipes.inners[0].pipe)
        inner = pipes.inners[0]
        pipe = inner.pipe
        assert not pipe.is_closing()
        assert pipe.get_extra_info("sockname")[1] == port
        pipe.write(b"last words")
        pipe.close()
        assert pipe.is_closing()
        pipe.write(b"too late")
        pipe.close()
        assert await reader.read(100) == b"last words"
        await inner.lost
        for call in (pipe.pause_reading, pipe.resume_reading, pipe.set_write_buffer_limits, pipe.close, pipe.abort):
            call()
        pipe.write(b"much too late")
        assert pipe.is_closing()
        assert pipe.get_write_buffer_size() == 0
        assert pipe.get_extra_info("sockname", "gone") == "gone"
        assert inner.events == ["made", "lost"]


@on_loop
async def test_aborting_loses_what_is_not_written():
    async with serving() as (port, pipes), dialled(port, **tls(limit=1024)) as (reader, _):
        await until(lambda: pipes.inners and pipes.inners[0].pipe)
        inner = pipes.inners[0]
        inner.pipe.write(b"x" * 5_000_000)
        inner.pipe.abort()
        await inner.lost
        received = 0
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            while data := await reader.read(65536):
                received += len(data)
        assert received < 5_000_000


@on_loop
async def test_our_side_can_be_closed_alone():
    async with serving() as (port, pipes), dialled(port, **tls()) as (reader, writer):
        await until(lambda: pipes.inners and pipes.inners[0].pipe)
        inner = pipes.inners[0]
        assert inner.pipe.can_write_eof()
        inner.pipe.write(b"the answer")
        inner.pipe.write_eof()
        inner.pipe.write_eof()
        inner.pipe.write(b"too late")
        assert inner.pipe.is_closing()
        assert await reader.read(-1) == b"the answer"
        assert not inner.received, "what still arrives is dropped"
        await inner.lost
        inner.pipe.write_eof()


@on_loop
async def test_what_arrives_after_our_end_is_dropped():
    async with serving() as (port, pipes), dialled(port) as (reader, writer):
        hand = ByHand(reader, writer)
        writer.write(await hand.handshake() + hand.records(b"first"))
        await until(lambda: pipes.inners[0].received)
        inner = pipes.inners[0]
        inner.pipe.write_eof()
        for _ in range(20):
            writer.write(hand.records(b"y" * 10_000))
            await writer.drain()
            await asyncio.sleep(0)
        assert bytes(inner.received) == b"first"
        assert not inner.lost.done()
        inner.pipe.abort()
        await inner.lost
