"""One connection to a provider: whole answers, streams, and everything that a provider can do wrong. Real sockets, real llhttp."""

import asyncio
import contextlib
import gzip
import socket
import struct

import pytest
from tests.unit.upstream.provider import PATIENT, answer, begin, chunked, post, provider, reaching, resolved, silent, upstream_seen
from tests.unit.wire.peers import listening, on_loop, until
from tests.unit.wire.test_keepalive import ON, kept_alive

from anyapi.domain.decision import OutcomeKind
from anyapi.upstream import connection as module
from anyapi.upstream.adapter import Timeouts
from anyapi.upstream.connection import UpstreamConnection
from anyapi.wire import deadlines

EVENTS = b"content-type: text/event-stream"


@pytest.fixture(autouse=True)
def quick_sweep(monkeypatch):
    """Look at deadlines often, so that a test of a timeout takes no half second."""
    monkeypatch.setattr(deadlines, "PERIOD", 0.01)


async def opened(upstream):
    connection = await upstream.connect()
    assert isinstance(connection, UpstreamConnection)
    return connection


@on_loop
async def test_a_whole_answer():
    async with provider(answer(b'{"a":1}', b"Content-Type: application/JSON", b"Retry-After: 7")) as upstream:
        connection = await opened(upstream)
        assert await post(connection, upstream, b'{"q":1}') is None
        assert (connection.status, connection.body, connection.retry_after) == (200, b'{"a":1}', b"7")
        assert connection.content_type == b"application/json"
        assert (connection.done, connection.streamed, connection.received) == (True, False, True)
        sent = upstream_seen[upstream.port][0]
        assert (sent.method, sent.target, sent.body) == ("POST", b"/v1/chat/completions", b'{"q":1}')
        assert sent.field("authorization") == b"Bearer sk-provider-secret"
        assert not any(upstream.buffer.view[:1000]), "what was read is wiped"


@on_loop
async def test_after_its_answer_a_connection_serves_again_and_remembers_nothing():
    first, second = answer(b"x" * 1000, b"retry-after: 5", b"content-type: text/plain", status=b"429 Slow"), answer(b"")
    async with provider(first, second) as upstream:
        connection = await opened(upstream)
        assert await post(connection, upstream) is None
        assert connection.status == 429
        connection.release()
        assert upstream.idle() is connection
        assert (connection.status, connection.body, connection.retry_after, connection.content_type) == (0, b"", None, b"")
        assert await post(connection, upstream) is None
        assert (connection.status, connection.body, connection.retry_after) == (200, b"", None)


@pytest.mark.parametrize("size", [1, 3, 17, 4096])
@on_loop
async def test_an_answer_may_come_in_any_pieces(size):
    whole = answer(b"0123456789" * 100, b"content-type: application/json")

    async def drip(reader, writer):
        for start in range(0, len(whole), size):
            writer.write(whole[start : start + size])
            await writer.drain()
        await silent(reader, writer)

    async with provider(b"", then=drip) as upstream:
        connection = await opened(upstream)
        assert await post(connection, upstream) is None
        assert connection.body == b"0123456789" * 100


@on_loop
async def test_chunks_are_put_together():
    async with provider(chunked(b'{"a":', b"1", b"}", rows=(b"content-type: application/json",))) as upstream:
        connection = await opened(upstream)
        assert await post(connection, upstream) is None
        assert connection.body == b'{"a":1}'
        connection.release()
        assert upstream.idle() is connection


@pytest.mark.parametrize("size", [100, 20_000, 300_000])
@on_loop
async def test_requests_of_any_size_are_sent_whole(size):
    async with provider(answer()) as upstream:
        connection = await opened(upstream)
        assert await post(connection, upstream, b"y" * size) is None
        assert upstream_seen[upstream.port][0].body == b"y" * size


# --- a request that waits for the end of a turn


@contextlib.asynccontextmanager
async def waiting(*answers):
    """A request that is not written yet, since there are others: its connection, upstream and waiter."""
    async with provider(*answers) as upstream:
        connection = await opened(upstream)
        upstream.outbox.active = 2
        yield connection, upstream, begin(connection, upstream)


@pytest.mark.parametrize("kind", [OutcomeKind.CLIENT_GONE, OutcomeKind.OVERLOADED])
@on_loop
async def test_a_request_that_ends_before_it_is_written_is_not_sent_and_says_so(kind):
    async with waiting(answer()) as (connection, upstream, waiter):
        connection.abort(kind)
        assert await resolved(waiter) is kind
        await asyncio.sleep(0.05)
        assert not connection.written
        assert upstream_seen[upstream.port] == []


@on_loop
async def test_the_providers_time_begins_when_the_request_is_written():
    async with waiting(answer()) as (connection, upstream, waiter):
        assert (connection.written, connection.deadline) == (False, deadlines.NEVER)
        upstream.outbox.flush()
        assert connection.written
        assert 0 < connection.deadline - upstream.loop.time() <= PATIENT.first_byte
        assert await resolved(waiter) is None


@on_loop
async def test_a_request_of_a_client_that_paused_meanwhile_is_written_and_its_provider_has_time():
    async with waiting(answer()) as (connection, upstream, waiter):
        connection.pause()
        upstream.outbox.flush()
        assert (connection.written, connection.deadline) == (True, deadlines.NEVER)
        connection.resume()
        assert await resolved(waiter) is None


@on_loop
async def test_what_comes_before_the_request_is_written_does_not_answer_it():
    async with waiting(answer()) as (connection, upstream, waiter):
        unasked = answer(b"of another time", status=b"408 Request Timeout")
        connection.get_buffer(-1)[: len(unasked)] = unasked
        connection.buffer_updated(len(unasked))
        assert await resolved(waiter) is OutcomeKind.CONNECT_FAILED
        assert (connection.written, connection.status, connection.body) == (False, 0, b"")
        assert upstream_seen[upstream.port] == []


# --- answers of other kinds


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
@on_loop
async def test_an_answer_without_a_body(status):
    async with provider(b"HTTP/1.1 %b\r\n\r\n" % status) as upstream:
        connection = await opened(upstream)
        assert await post(connection, upstream) is None
        assert connection.body == b""


@pytest.mark.parametrize("interim", [b"100 Continue", b"103 Early Hints", b"199 Whatever"])
@on_loop
async def test_interim_answers_are_passed_over(interim):
    async with provider(b"HTTP/1.1 %b\r\nlink: x\r\n\r\n" % interim * 2 + answer(b"real"), answer(b"again")) as upstream:
        connection = await opened(upstream)
        assert await post(connection, upstream) is None
        assert (connection.status, connection.body) == (200, b"real")
        connection.release()
        assert upstream.idle() is connection
        assert await post(connection, upstream) is None
        assert connection.body == b"again"


@on_loop
async def test_switching_protocols_is_no_answer():
    async with provider(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nwhatever") as upstream:
        connection = await opened(upstream)
        assert await post(connection, upstream) is OutcomeKind.BAD_RESPONSE


# --- the end of an answer


async def hang_up(_reader, _writer):
    """Return at once: the connection is closed."""


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n"])
@on_loop
async def test_an_answer_without_length_ends_with_the_connection(head):
    async with provider(head + b"all there is", then=hang_up) as upstream:
        connection = await opened(upstream)
        assert await post(connection, upstream) is None
        assert (connection.body, connection.done) == (b"all there is", True)
        connection.release()
        assert upstream.idle() is None


@pytest.mark.parametrize(
    "sent",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\ntoo short",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel",
        b"HTTP/1.1 200 OK\r\ncontent-le",
        b"HTTP/1.1",
        b"H",
        b"HTTP/1.1 100 Continue\r\n\r\n",
    ],
)
@on_loop
async def test_an_answer_that_is_cut_short_is_not_whole(sent):
    async with provider(sent, then=hang_up) as upstream:
        connection = await opened(upstream)
        assert await post(connection, upstream) is OutcomeKind.BAD_RESPONSE
        connection.release()
        assert upstream.idle() is None


@on_loop
async def test_a_provider_that_closes_without_a_word_did_not_answer():
    async with provider(b"", then=hang_up) as upstream:
        connection = await opened(upstream)
        assert await post(connection, upstream) is OutcomeKind.CONNECT_FAILED
        assert not connection.received


@on_loop
async def test_a_reset_in_an_answer_without_length_is_not_its_end():
    async def reset(reader, writer):
        await writer.drain()
        await reader.readexactly(2)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async with provider(b"HTTP/1.1 200 OK\r\n\r\nhalf", then=reset) as upstream:
        connection = await opened(upstream)
        waiting = begin(connection, upstream)
        await until(lambda: connection.received)
        connection._transport.write(b"go")
        assert await resolved(waiting) is OutcomeKind.BAD_RESPONSE


@pytest.mark.parametrize("row", [b"connection: close", b"Connection: Close", b"connection: x, close"])
@on_loop
async def test_a_provider_that_says_close_is_not_used_again(row):
    async with provider(answer(b"last", row)) as upstream:
        connection = await opened(upstream)
        assert await post(connection, upstream) is None
        connection.release()
        assert upstream.idle() is None


@on_loop
async def test_http_1_0_is_not_used_again():
    async with provider(b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok") as upstream:
        connection = await opened(upstream)
        assert await post(connection, upstream) is None
        assert connection.body == b"ok"
        connection.release()
        assert upstream.idle() is None


# --- what must not be taken for an answer


@pytest.mark.parametrize("extra", [answer(b"smuggled"), b"garbage", b"\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 "])
@on_loop
async def test_bytes_after_the_answer_make_the_connection_unfit(extra):
    async with provider(answer(b"mine") + extra) as upstream:
        connection = await opened(upstream)
        outcome = await post(connection, upstream)
        assert outcome is OutcomeKind.BAD_RESPONSE or connection.body == b"mine"
        connection.release()
        await until(lambda: not connection.usable)
        assert upstream.idle() is None


@on_loop
async def test_bytes_that_nobody_asked_for_close_an_idle_connection():
    told = asyncio.Event()

    async def speak(reader, writer):
        await told.wait()
        writer.write(answer(b"poison"))
        await silent(reader, writer)

    async with provider(answer(b"one"), then=speak) as upstream:
        connection = await opened(upstream)
        assert await post(connection, upstream) is None
        connection.release()
        told.set()
        await until(lambda: not connection.usable)
        assert upstream.idle() is None


@pytest.mark.parametrize(
    "sent",
    [
        b"not http at all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\nno-carriage: return\n\n",
        b"HTTP/1.1 200 OK\r\nbad header: x\r\n\r\n",
        b"\x16\x03\x01\x00\x05hello",
    ],
)
@on_loop
async def test_what_is_no_strict_http_is_refused(sent):
    async with provider(sent) as upstream:
        connection = await opened(upstream)
        assert await post(connection, upstream) is OutcomeKind.BAD_RESPONSE
        connection.release()
        await until(lambda: not connection.usable)


@pytest.mark.parametrize("coding", [b"gzip", b"br", b"GZIP", b"deflate, gzip"])
@on_loop
async def test_a_coding_that_was_not_asked_for_is_refused(coding):
    async with provider(answer(gzip.compress(b"{}"), b"content-encoding: " + coding)) as upstream:
        connection = await opened(upstream)
        assert await post(connection, upstream) is OutcomeKind.BAD_RESPONSE


@pytest.mark.parametrize("coding", [b"identity", b"Identity", b""])
@on_loop
async def test_no_coding_is_fine(coding):
    async with provider(answer(b"plain", b"Content-Encoding: " + coding)) as upstream:
        connection = await opened(upstream)
        assert await post(connection, upstream) is None
        assert connection.body == b"plain"


# --- limits


@pytest.mark.parametrize(("count", "outcome"), [(190, None), (210, OutcomeKind.BAD_RESPONSE)])
@pytest.mark.parametrize("row", [b"x-%d: y", b"x-inference-provider: host-%d"], ids=["of no interest", "kept"])
@on_loop
async def test_headers_are_counted(count, outcome, row):
    async with provider(answer(b"", *[row % number for number in range(count)])) as upstream:
        connection = await opened(upstream)
        assert await post(connection, upstream) is outcome


TRAILERS = {"many": b"x-inference-provider: somebody\r\n" * 300, "known ones": b"server: it\r\n" * 900, "one": b"y" * 10_000}


@pytest.mark.parametrize("name", TRAILERS)
@on_loop
async def test_trailers_without_end_are_cut(name):
    """Each is joined to what was kept before: without a bound a few megabytes of them held the event loop for a minute."""
    told = 0

    async def forever(_reader, writer):
        nonlocal told
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n" + (b"x-long: " if name == "one" else b""))
        while not writer.transport.is_closing():
            told += len(TRAILERS[name])
            writer.write(TRAILERS[name])
            await writer.drain()
            await asyncio.sleep(0)

    async with provider(b"", then=forever) as upstream:
        connection = await opened(upstream)
        assert await post(connection, upstream) is OutcomeKind.BAD_RESPONSE
        assert told < 8 * module.BETWEEN


@on_loop
async def test_a_long_stream_of_small_chunks_is_not_cut_for_its_framing():
    event = b"data: 1\n\n"
    sent = b"".join(b"%x\r\n%b\r\n" % (len(event), event) for _ in range(module.MAX_HEAD_BYTES // 4))
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n" + EVENTS + b"\r\n\r\n"
    async with provider(head + sent + b"0\r\n\r\n") as upstream:
        connection, got = await opened(upstream), []
        assert await post(connection, upstream, sink=got.append) is None
        assert b"".join(got) == event * (module.MAX_HEAD_BYTES // 4)


@on_loop
async def test_a_head_without_end_is_cut():
    async def forever(reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nx-long: ")
        while not writer.transport.is_closing():
            writer.write(b"y" * 10_000)
            await writer.drain()
            await asyncio.sleep(0)

    async with provider(b"", then=forever) as upstream:
        connection = await opened(upstream)
        assert await post(connection, upstream) is OutcomeKind.BAD_RESPONSE


@pytest.mark.parametrize(
    ("status", "name"), [(b"200 OK", "MAX_BODY_BYTES"), (b"500 Oh", "MAX_ERROR_BYTES"), (b"302 Found", "MAX_ERROR_BYTES")]
)
@pytest.mark.parametrize("over", [0, 1])
@on_loop
async def test_a_body_is_limited(monkeypatch, status, name, over):
    monkeypatch.setattr(module, name, 5000)
    async with provider(answer(b"x" * (5000 + over), status=status)) as upstream:
        connection = await opened(upstream)
        assert await post(connection, upstream) is (OutcomeKind.BAD_RESPONSE if over else None)


@on_loop
async def test_the_limit_of_an_error_is_the_documented_one():
    async with provider(answer(b"x" * 64 * 1024 + b"!", status=b"500 Oh")) as upstream:
        connection = await opened(upstream)
        assert await post(connection, upstream) is OutcomeKind.BAD_RESPONSE


# --- time


@on_loop
async def test_the_first_byte_is_waited_for_only_so_long():
    async with provider(b"") as upstream:
        connection = await opened(upstream)
        assert await post(connection, upstream, sink=[].append, timeouts=Timeouts(first_byte=0.03)) is OutcomeKind.TIMED_OUT
        await until(lambda: not connection.usable)


@on_loop
async def test_a_stream_may_pause_only_so_long():
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n" + EVENTS + b"\r\n\r\n"
    async with provider(head + b"3\r\nabc\r\n") as upstream:
        connection, parts = await opened(upstream), []
        assert await post(connection, upstream, sink=parts.append, timeouts=Timeouts(10.0, 0.03)) is OutcomeKind.TIMED_OUT
        assert parts == [b"abc"]


class Patient(list):
    """A sink that bears with a stream that thinks."""

    patience = 200.0
    __call__ = list.append


@on_loop
async def test_what_may_be_silent_for_long_is_kept_alive_and_nothing_else():
    """To ask for a connection's socket takes memory for as long as it is open."""
    whole, brief = Timeouts(), Timeouts(answer=60.0)
    for timeouts, sink, on in ((whole, None, 1), (brief, None, 0), (whole, [].append, 0), (Timeouts(stream_idle=300.0), [].append, 1)):
        async with provider(answer(), answer()) as upstream:
            connection = await opened(upstream)
            assert await post(connection, upstream, sink=sink, timeouts=timeouts) is None
            assert kept_alive(connection._transport.get_extra_info("socket"))[0] == on


@on_loop
async def test_a_stream_that_thinks_for_long_is_kept_alive():
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n" + EVENTS + b"\r\n\r\n"

    async def think(reader, writer):
        await asyncio.sleep(0.06)
        writer.write(b"3\r\nabc\r\n")
        await silent(reader, writer)

    async with provider(head + b"1\r\n:\r\n", then=think) as upstream:
        connection, sink = await opened(upstream), Patient()
        waiter = begin(connection, upstream, sink=sink, timeouts=Timeouts(10.0, 0.03))
        await until(lambda: len(sink) > 1)
        assert kept_alive(connection._transport.get_extra_info("socket")) == ON
        connection.abort()
        await resolved(waiter)


@on_loop
async def test_a_whole_answer_has_a_time_of_its_own_to_its_end():
    """It comes when the model has finished, so it may take longer than the first byte of a stream."""
    for begun in (b"", b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"):
        async with provider(begun) as upstream:
            connection = await opened(upstream)
            assert await post(connection, upstream, timeouts=Timeouts(10.0, 10.0, 0.05)) is OutcomeKind.TIMED_OUT

    async def late(reader, writer):
        await asyncio.sleep(0.1)
        writer.write(answer(b"{}"))
        await silent(reader, writer)

    async with provider(b"", then=late) as upstream:
        connection = await opened(upstream)
        assert await post(connection, upstream, timeouts=Timeouts(0.02, 0.02, 10.0)) is None


@on_loop
async def test_while_reading_is_paused_the_providers_clock_stands_still():
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n" + EVENTS + b"\r\n\r\n"
    more = asyncio.Event()

    async def go_on(reader, writer):
        await more.wait()
        writer.write(b"3\r\ndef\r\n0\r\n\r\n")
        await silent(reader, writer)

    async with provider(head + b"3\r\nabc\r\n", then=go_on) as upstream:
        connection, parts = await opened(upstream), []
        waiter = begin(connection, upstream, sink=parts.append, timeouts=Timeouts(10.0, 5.0))
        await until(lambda: parts)
        connection.pause()
        assert connection.deadline == deadlines.NEVER
        more.set()
        for _ in range(20):
            await asyncio.sleep(0.001)
        assert parts == [b"abc"]
        connection.resume()
        assert connection.deadline != deadlines.NEVER
        assert await resolved(waiter) is None
        assert parts == [b"abc", b"def"]


# --- streams


@on_loop
async def test_an_event_stream_goes_to_the_sink_as_it_comes():
    async with provider(chunked(b"data: 1\n\n", b"data: 2\n\n")) as upstream:
        connection, parts = await opened(upstream), []
        assert await post(connection, upstream, sink=parts.append) is None
        assert b"".join(parts) == b"data: 1\n\ndata: 2\n\n"
        assert (connection.streamed, connection.body, connection.done) == (True, b"", True)
        connection.release()
        assert upstream.idle() is connection


@on_loop
async def test_what_one_read_brings_goes_on_together():
    async with provider(chunked(*[b"data: %d\n\n" % number for number in range(100)])) as upstream:
        connection, parts = await opened(upstream), []
        assert await post(connection, upstream, sink=parts.append) is None
        assert len(parts) == 1


@pytest.mark.parametrize(
    "sent",
    [
        answer(b"data: x\n\n", EVENTS, status=b"503 Busy"),
        answer(b"data: x\n\n", EVENTS, status=b"201 Created"),
        answer(b"data: x\n\n", b"content-type: application/json"),
        answer(b"data: x\n\n"),
    ],
)
@on_loop
async def test_what_is_no_event_stream_is_collected(sent):
    async with provider(sent) as upstream:
        connection, parts = await opened(upstream), []
        assert await post(connection, upstream, sink=parts.append) is None
        assert (parts, connection.body, connection.streamed) == ([], b"data: x\n\n", False)


@on_loop
async def test_an_event_stream_that_nobody_asked_for_is_collected():
    async with provider(chunked(b"data: 1\n\n", b"data: 2\n\n")) as upstream:
        connection = await opened(upstream)
        assert await post(connection, upstream) is None
        assert (connection.body, connection.streamed) == (b"data: 1\n\ndata: 2\n\n", False)


@on_loop
async def test_a_stream_without_length_ends_with_the_connection():
    async with provider(b"HTTP/1.1 200 OK\r\n" + EVENTS + b"\r\n\r\ndata: 1\n\n", then=hang_up) as upstream:
        connection, parts = await opened(upstream), []
        assert await post(connection, upstream, sink=parts.append) is None
        assert parts == [b"data: 1\n\n"]


@on_loop
async def test_a_stream_that_breaks_off_says_so():
    async with provider(chunked(b"data: 1\n\n")[:-5], then=hang_up) as upstream:
        connection, parts = await opened(upstream), []
        assert await post(connection, upstream, sink=parts.append) is OutcomeKind.BAD_RESPONSE
        assert parts == [b"data: 1\n\n"]


# --- leaving, aborting


@on_loop
async def test_leaving_lets_the_answer_end_by_itself_and_the_connection_serve_again():
    last = asyncio.Event()

    async def finish(reader, writer):
        await last.wait()
        writer.write(b"5\r\nignor\r\n0\r\n\r\n")
        await silent(reader, writer)

    async with provider(chunked(b"data: [DONE]\n\n")[:-5], then=finish) as upstream:
        connection, parts = await opened(upstream), []

        def sink(data):
            parts.append(data)
            connection.leave(5.0)

        assert await post(connection, upstream, sink=sink) is None
        connection.release()
        assert upstream.idle() is None, "its answer is not over"
        last.set()
        await until(lambda: upstream._idle)
        assert upstream.idle() is connection
        assert parts == [b"data: [DONE]\n\n"], "what came later is nobody's"


@pytest.mark.parametrize("row", [b"x-kept: yes", b"connection: close"])
@on_loop
async def test_what_answers_before_it_has_read_the_request_serves_nobody_else_and_keeps_nothing(row):
    async def early(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer(b"{}", row, status=b"429 Slow"))
        await asyncio.sleep(60)  # and reads nothing more

    async with listening(early) as port, reaching(port) as upstream:
        connection = await opened(upstream)
        assert await post(connection, upstream, b"x" * 16 * 1024 * 1024) is None
        assert (connection.status, connection.body) == (429, b"{}")
        connection.release()
        assert upstream.idle() is None, "the rest of one request would stand before the next one's"
        await until(lambda: not upstream._connections)  # else it stays, with what was not read, for as long as the provider likes


@on_loop
async def test_an_answer_that_does_not_end_after_leaving_is_cut():
    async with provider(chunked(b"data: [DONE]\n\n")[:-5]) as upstream:
        connection = await opened(upstream)
        assert await post(connection, upstream, sink=lambda _data: connection.leave(0.03)) is None
        connection.release()
        await until(lambda: not connection.usable)
        assert upstream.idle() is None


@on_loop
async def test_a_provider_that_closes_after_leaving_is_no_failure():
    async with provider(chunked(b"data: [DONE]\n\n")[:-5], then=hang_up) as upstream:
        connection = await opened(upstream)
        assert await post(connection, upstream, sink=lambda _data: connection.leave(5.0)) is None
        connection.release()
        await until(lambda: not connection.usable)


@pytest.mark.parametrize("kind", [OutcomeKind.CLIENT_GONE, OutcomeKind.OVERLOADED])
@on_loop
async def test_aborting_resolves_what_waits_and_closes_at_once(kind):
    gone = asyncio.Event()

    async def watch(reader, _writer):
        await reader.read(65536)
        gone.set()

    async with provider(b"", then=watch) as upstream:
        connection = await opened(upstream)
        waiter = begin(connection, upstream)
        assert not waiter.done
        connection.abort(kind)
        assert await resolved(waiter) is kind
        await gone.wait()
        assert not connection.usable
        connection.abort(OutcomeKind.BAD_RESPONSE)
        assert await resolved(waiter) is kind, "only the first counts"


@on_loop
async def test_a_closed_connection_sends_nothing():
    async with provider(answer()) as upstream:
        connection = await opened(upstream)
        connection.abort()
        await until(lambda: connection._transport is None)
        assert await post(connection, upstream) is OutcomeKind.CONNECT_FAILED
        connection.release()
        connection.pause()
        connection.resume()
        assert upstream.idle() is None


@on_loop
async def test_an_idle_connection_that_the_provider_closes_is_forgotten():
    async with provider(answer(), then=hang_up) as upstream:
        connection = await opened(upstream)
        assert await post(connection, upstream) is None
        connection.release()
        await until(lambda: not connection.usable)
        assert upstream.idle() is None
        assert connection not in upstream._connections


def test_the_default_timeouts_are_finite():
    assert 0 < Timeouts().first_byte < 1000
    assert 0 < Timeouts().stream_idle < 1000
    assert Timeouts().first_byte < Timeouts().answer < 1000
    assert PATIENT != Timeouts()
