"""Both HTTP/1.1 parsers of ours, as bytes come: from a client, and from a provider.

The sockets are stand-ins, because a kernel between fuzzer and parser would hide which byte came when and cost a thousandfold; everything
behind them is the product's. The judge is the strict parser of `tests/tools/raw_http`, which shares nothing with it.
"""

import asyncio

from tests.tools.raw_http import Malformed, Request, split_requests, split_responses

from anyapi.gateway.call import Call
from anyapi.gateway.client import Connection
from anyapi.gateway.limits import Limits
from anyapi.gateway.server import Server
from anyapi.upstream.adapter import Timeouts
from anyapi.upstream.connection import MAX_ERROR_BYTES, UpstreamConnection
from anyapi.upstream.dialer import Dialer
from anyapi.upstream.pool import Upstream, Wire
from anyapi.wire.buffers import ReadBuffer
from anyapi.wire.loop_parts import LoopParts
from anyapi.wire.tasks import Waiter

LIMITS = Limits(max_body_bytes=4096, max_header_bytes=2048, max_headers=30, unauthenticated_body_bytes=1024, max_pipelined=4)
SIZES = (1 << 16, 1, 7, 64)
MOST_REQUESTS = 50


class Socket(asyncio.Transport):
    """What was written, and whether reading is paused."""

    def __init__(self) -> None:
        super().__init__()
        self.written, self.closed, self.paused = bytearray(), False, False

    def write(self, data: bytes) -> None:
        self.written += data

    def writelines(self, parts: object) -> None:
        self.written += b"".join(parts)

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True

    abort = close

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0


class ClientTarget:
    """Bytes of a client. The first byte of an input says in which pieces the rest comes, and when the answers do."""

    def __init__(self) -> None:
        """One server for all inputs."""
        self._loop = asyncio.new_event_loop()
        self._errors: list[Exception] = []
        parts = LoopParts(self._loop)
        self._server = Server(self._handle, lambda credential: credential == b"good", LIMITS, parts, report=self._errors.append)
        self._calls: list[tuple[bytes, ...]] = []
        self._methods: list[str] = []
        self._waiting: list[Waiter[None]] = []
        self._late = False

    def __call__(self, data: bytes) -> None:
        """Feed it twice: whole, and in pieces."""
        how, rest = data[0] if data else 0, data[1:]
        whole = self._fed(rest, len(rest) or 1, late=False)
        self._fed(rest, SIZES[how % 4], late=bool(how & 4))
        pieces = self._fed(rest, SIZES[how % 4], late=False)
        assert whole[: len(pieces)] == pieces[: len(whole)], "it depends on how the bytes arrive"

    def _fed(self, data: bytes, size: int, *, late: bool) -> list[tuple[bytes, ...]]:
        self._late, calls, methods = late, [], []
        self._calls, self._methods = calls, methods
        connection, socket = Connection(self._server), Socket()
        connection.connection_made(socket)
        view, at = self._server.buffer.view, 0
        while at < len(data) and not socket.closed:
            if socket.paused:
                if not self._waiting:
                    break
                self._waiting.pop(0).set(None)
                continue
            piece = data[at : at + size]
            view[: len(piece)] = piece
            connection.buffer_updated(len(piece))
            assert not any(view[: len(piece)]), "what was read is not wiped"
            at += len(piece)
        while self._waiting:
            self._waiting.pop(0).set(None)
        assert self._errors == [], self._errors
        if not socket.closed:
            connection.eof_received()
        connection.connection_lost(None)
        self._judge(data, bytes(socket.written), calls, methods)
        return calls

    def _judge(self, data: bytes, written: bytes, calls: list[tuple[bytes, ...]], methods: list[str]) -> None:
        answers, rest = split_responses(written, methods, closed=True)
        assert rest == b"", "half an answer"
        assert all(answer.status < 500 for answer in answers)
        strict, whole = requests_of(data)
        for seen, meant in zip(calls, strict, strict=False):
            assert seen == (meant.method.encode(), meant.target, meant.body), (seen, meant)
        if whole and len(calls) > len(strict):
            raise AssertionError("more requests than were sent")

    async def _handle(self, call: Call, reply: Connection) -> None:
        target = call.path + (b"?" + call.query if call.query else b"")
        self._calls.append((call.method, target, bytes(call.body)))
        self._methods.append(call.method.decode())
        if self._late:
            waiter: Waiter[None] = Waiter()
            self._waiting.append(waiter)
            await waiter
        if call.path.startswith(b"/s") and call.method == b"POST":  # nothing else is ever answered with a stream
            reply.start_stream(b"content-type: text/event-stream\r\n")
            reply.forget_request()
            reply.send_part(b"data: x\n\n")
            reply.finish_stream()
        else:
            reply.send(200, b"content-type: application/json\r\n", b"{}")


def requests_of(data: bytes) -> tuple[list[Request], bool]:
    """The requests that a strict reader sees before the first thing that is none, and whether it read all of it."""
    found: list[Request] = []
    while data and len(found) < MOST_REQUESTS:
        try:
            some, rest = split_requests(data)
        except Malformed:
            return found + _before_the_fault(data), False
        return found + some, rest == b""
    return found, not data


def _before_the_fault(data: bytes) -> list[Request]:
    """The whole requests before a malformed one: each prefix that ends where a head or a body may."""
    found: list[Request] = []
    for end in range(len(data) + 1):
        if data[end - 1 : end] in {b"\n", b"}"} or end == len(data):
            try:
                some, rest = split_requests(data[:end])
            except Malformed:
                break
            if rest == b"" and len(some) > len(found):
                found = some
    return found


class ProviderTarget:
    """Bytes of a provider. The first byte says in which pieces the rest comes, and whether the request was for a stream."""

    def __init__(self) -> None:
        """One upstream for all inputs."""
        self._loop = asyncio.new_event_loop()
        self._upstream = Upstream(Wire(LoopParts(self._loop), Dialer(), ReadBuffer(size=1024)), "http://127.0.0.1:9/v1", b"")

    def __call__(self, data: bytes) -> None:
        """Feed it twice: in pieces, and all of what these came to whole. Bytes after an answer count against it only if they come with it."""
        how, rest = data[0] if data else 0, data[1:]
        pieces, used = self._fed(rest, SIZES[how % 4], stream=bool(how & 4))
        whole, _ = self._fed(rest[:used], 1 << 16, stream=bool(how & 4))
        assert whole == pieces, f"it depends on how the bytes arrive: {whole} {pieces}"

    def _fed(self, data: bytes, size: int, *, stream: bool) -> tuple[tuple[object, ...], int]:
        connection, socket, sunk = UpstreamConnection(self._upstream), Socket(), []
        connection.connection_made(socket)
        waiter = connection.send(b"POST /v1 HTTP/1.1\r\n\r\n", b"{}", sunk.append if stream else None, Timeouts())
        view, at = self._upstream.buffer.view, 0
        while at < len(data) and not socket.closed and not waiter.done:
            piece = data[at : at + size]
            view[: len(piece)] = piece
            connection.buffer_updated(len(piece))
            at += len(piece)
        connection.connection_lost(None)
        body = b"".join(sunk) if connection.streamed else connection.body
        seen = (connection.status, bytes(connection.content_type), body)
        assert waiter.done, "nobody is told"
        failure = waiter._value  # noqa: SLF001 what the dispatcher awaits
        if failure is None:
            _judge_answer(data, connection.status, body)
            return (None, *seen), at
        return (failure,), at


def _judge_answer(data: bytes, status: int, body: bytes) -> None:
    """Where a strict reader sees an answer in it, that answer was seen."""
    try:
        answers, _ = split_responses(data, closed=True)
    except Malformed:
        return
    if not answers:
        return
    assert status == answers[0].status
    assert body == answers[0].body, (body, answers[0].body)
    assert status < 300 or len(body) <= MAX_ERROR_BYTES


TARGETS = {"http-client": ClientTarget(), "http-provider": ProviderTarget()}
