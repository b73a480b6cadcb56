"""One keep-alive HTTP/1.1 connection to a provider: a request out, an answer in, body parts of one read handed on together.

Faces untrusted providers: header count and size, body size and time are all limited. It does not know what a model or a format is.
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import httptools

from anyapi.domain.decision import OutcomeKind
from anyapi.upstream.adapter import Timeouts
from anyapi.upstream.evidence import HEADERS, keep
from anyapi.wire.deadlines import NEVER
from anyapi.wire.keepalive import keep_through
from anyapi.wire.tasks import Waiter
from anyapi.wire.turns import give_way

if TYPE_CHECKING:
    from anyapi.upstream.pool import Upstream

MAX_HEADERS, MAX_HEAD_BYTES = 200, 64 * 1024
BETWEEN = 1024 * 1024  # bytes, of more than a read: so many may come behind a piece of a body until the next, or as trailers
MAX_BODY_BYTES = 64 * 1024 * 1024
MAX_ERROR_BYTES = 64 * 1024
SMALL = 16 * 1024
STREAMS = (b"text/event-stream", b"application/vnd.amazon.eventstream")
"""Media types of answers that go to the sink as they come."""
IDENTITY = frozenset({b"", b"identity"})
LENGTHS = frozenset({b"content-length", b"transfer-encoding"})
NOTHING = b""
KNOWN = {
    spelling: name
    for name in (b"content-type", b"content-length", b"transfer-encoding", b"retry-after", b"content-encoding", *HEADERS)
    for spelling in (name, name.title())
} | dict.fromkeys((b"Server", b"Date", b"Connection", b"server", b"date", b"connection"), NOTHING)
"""What each spelling of a header stands for. Those that mean nothing here are in it only to be found at once."""
SIZES = frozenset(map(len, filter(KNOWN.get, KNOWN)))
"""How long the names are that mean something: most others, and providers send twenty, are told by that."""


class UpstreamConnection(asyncio.BufferedProtocol):
    """One connection. After `send` resolved to None, `status`, `content_type`, `retry_after` and `body` are the answer's.

    A streamed 200 answer goes to the sink as it comes; anything else is collected in `body`.
    """

    __slots__ = (
        "_head_bytes", "_headers", "_informational", "_kept_alive", "_leaving", "_parser", "_parts", "_paused", "_reusable", "_size",
        "_timeouts", "_transport", "_until_close", "_upstream", "_waiter", "body", "content_type", "deadline", "done",
        "received", "retry_after", "sink", "stated", "status", "streamed", "when_open", "written",
    )  # fmt: skip

    def __init__(self, upstream: "Upstream") -> None:
        """Not yet connected; belongs to one upstream and never leaves it, since a credential is bound to its origin."""
        self._upstream = upstream
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(upstream.callbacks)
        self._waiter: Waiter[OutcomeKind | None] | None = None
        self._timeouts = Timeouts()
        self._paused = self._kept_alive = False
        self.when_open: Callable[[], None] | None = None
        self._reset()

    def _reset(self) -> None:
        """Be ready for the next answer; nothing of the last one stays."""
        self.sink: Callable[[bytes], None] | None = None
        self.deadline = NEVER
        self._parts: list[bytes] | tuple[()] = ()
        self._size = self._head_bytes = self._headers = 0
        self.done = self.streamed = self.received = self._informational = self._reusable = self._leaving = False
        self._until_close = True
        self.status = 0
        self.content_type = self.body = b""
        self.retry_after: bytes | None = None
        self.stated: dict[bytes, bytes] | None = None  # headers by which the provider says what it did

    # --- one exchange

    def send(self, head: bytes, body: bytes, sink: Callable[[bytes], None] | None, timeouts: Timeouts) -> Waiter[OutcomeKind | None]:
        """Send a request; what comes is None for a whole answer, else how it failed.

        `sink` takes what a 200 event stream brings; without one (or for another answer) the body is collected. Its `patience`, if it has
        one, is asked where the stream is silent for too long: seconds for which it may go on so.
        """
        waiter = self._waiter = Waiter()
        self.sink, self._timeouts, self.deadline, self.written = sink, timeouts, NEVER, False
        if self._transport is None:
            waiter.set(OutcomeKind.CONNECT_FAILED)
        elif len(body) < SMALL:
            self._upstream.outbox.put(self._write, head + body)
        else:
            self._write(head, body)  # a large body is not copied once more
        return waiter

    def _write(self, *parts: bytes) -> None:
        """Write the request, unless it ended while it waited for its turn. The provider's time begins now."""
        if self._transport is not None and not self._transport.is_closing():
            self.written = True
            patience = self._timeouts.answer if self.sink is None else self._timeouts.first_byte
            self.deadline = NEVER if self._paused else self._upstream.loop.time() + patience
            self._transport.writelines(parts)
            self._kept_alive = self._kept_alive or keep_through(self._transport, max(patience, self._timeouts.stream_idle))

    def release(self) -> None:
        """Give the connection back after the answer was read, or close it if it cannot serve again."""
        if self._leaving and not self.done:
            return
        self._go_on()
        usable = self.done and self._reusable and self.usable
        self._reset()
        if usable:
            self._upstream.put(self)
        elif self._transport is not None:
            self._transport.abort()  # `close` would wait, with what of a request is not read, for as long as the provider likes

    def leave(self, seconds: float) -> None:
        """Nobody waits any more, the answer's content is whole: let the connection end its answer by itself, and then serve again."""
        self._leaving, self.sink = True, None
        self._go_on()
        self.deadline = self._upstream.loop.time() + seconds
        if self._waiter is not None:
            self._waiter.set(None)

    def abort(self, kind: OutcomeKind = OutcomeKind.CLIENT_GONE) -> None:
        """Close at once; a waiting `send` resolves to `kind`."""
        self._fail(kind)

    def pause(self) -> None:
        """Stop reading; the clock of the provider stands still meanwhile. An answer that is whole needs no pause."""
        if self._transport is not None and not self.done and not self._paused:
            self.deadline = NEVER
            self._paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read again."""
        if self._paused:
            self.deadline = self._upstream.loop.time() + self._timeouts.stream_idle
            self._go_on()

    def _go_on(self) -> None:
        if self._paused:
            self._paused = False
            if self._transport is not None:
                self._transport.resume_reading()

    @property
    def usable(self) -> bool:
        """Whether a request may be sent now: what answered before it had read the last one still has that to come."""
        return (it := self._transport) is not None and not (it.is_closing() or it.get_write_buffer_size())

    @property
    def overflowed(self) -> bool:
        """Whether more came of an answer, not of an error, than is taken."""
        return self._size > MAX_BODY_BYTES and self.status < 300

    def expired(self) -> None:
        """The provider took too long, unless it has begun a stream whose taker has patience with it."""
        left = getattr(self.sink, "patience", 0.0) if self.streamed else 0.0
        if left > 0:
            self._kept_alive = self._kept_alive or keep_through(self._transport, left + self._timeouts.stream_idle)
            self.deadline = self._upstream.loop.time() + left
        else:
            self._fail(OutcomeKind.TIMED_OUT)

    # --- the socket

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected (and, over TLS, verified)."""
        self._transport = transport  # type: ignore[assignment]
        self._upstream.opened(self)
        when_open, self.when_open = self.when_open, None
        if when_open is not None:
            when_open()

    def connection_lost(self, exc: Exception | None) -> None:
        """The provider closed. An answer without length ends so; anything else is cut short."""
        self._transport = None
        self._upstream.callbacks.let_go(self)
        self._upstream.closed(self)
        if self._waiter is None or self._waiter.done:
            return
        if exc is None and self.status and self._until_close and not self.done:
            self.done = True
            self._finish()
            return
        self._fail(OutcomeKind.BAD_RESPONSE if self.received else OutcomeKind.CONNECT_FAILED)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002
        """Where the loop puts what the provider sent."""
        return self._upstream.buffer.view

    def buffer_updated(self, nbytes: int) -> None:
        """The provider sent something."""
        buffer = self._upstream.buffer
        if self._leaving or (self._waiter is not None and self.written and not self._waiter.done):
            self._take(buffer.view[:nbytes])
        else:
            self._drop()  # unasked-for bytes: whatever they are, they answer nothing of ours
        buffer.wipe(nbytes)
        if nbytes == len(buffer.view):
            give_way(self._upstream.loop, self._transport, lambda: not self._paused)

    def _take(self, data: memoryview) -> None:
        self.received = True
        self._upstream.callbacks.reading = self
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._fail(OutcomeKind.BAD_RESPONSE)
            return
        self._head_bytes += len(data)
        if self._head_bytes > MAX_HEAD_BYTES:
            self._fail(OutcomeKind.BAD_RESPONSE)
            return
        if not self.status:
            return
        if self.streamed and self._parts:
            parts, self._parts = self._parts, ()
            if self.sink is not None:
                self.deadline = self._upstream.loop.time() + self._timeouts.stream_idle
                self.sink(parts[0] if len(parts) == 1 else b"".join(parts))
        if self.done:
            self._finish()

    def _finish(self) -> None:
        self.deadline = NEVER
        if not self.streamed:
            self.body = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts = ()
        if self._leaving:
            self.release()
        elif self._waiter is not None:
            self._waiter.set(None)

    def _fail(self, kind: OutcomeKind) -> None:
        self._drop()
        if self._waiter is not None:
            self._waiter.set(kind)

    def _drop(self) -> None:
        self.deadline = NEVER
        self._reusable = False
        self._parts = ()
        if self._transport is not None:
            self._transport.abort()

    # --- llhttp's callbacks

    def on_message_begin(self) -> None:
        """A second answer where one was asked for makes the connection unfit."""
        if self.done:
            self._reusable = False
            raise ValueError

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header; only a handful is of interest, none is passed on."""
        self._headers += 1
        if self._headers > MAX_HEADERS:
            raise ValueError
        known = KNOWN.get(name)
        if known is None and len(name) in SIZES:
            known = KNOWN.get(name.lower())
        if not known:
            return
        if known == b"content-type":
            self.content_type = value.lower()
        elif known == b"retry-after":
            self.retry_after = value
        elif known in LENGTHS:
            self._until_close = False
        elif known in HEADERS:
            self.stated = keep(self.stated, known, value)
        elif value.strip().lower() not in IDENTITY:
            raise ValueError  # we asked for none, so the body is not what it says

    def on_headers_complete(self) -> None:
        """The head is whole."""
        status = self._parser.get_status_code()
        if status < 200:
            self._informational = True
            return
        self.status = status
        self.streamed = status == 200 and self.sink is not None and self.content_type.startswith(STREAMS)
        if self.streamed and self.content_type.startswith(STREAMS[0]):
            self.content_type = STREAMS[0]  # not the provider's own copy, as long as the stream lasts

    def on_body(self, part: bytes) -> None:
        """A piece of the body."""
        if not self.streamed:
            self._size += len(part)
            if self._size > (MAX_BODY_BYTES if self.status < 300 else MAX_ERROR_BYTES):
                raise ValueError
        self._parts, self._head_bytes = self._parts or [], -BETWEEN
        self._parts.append(part)

    def on_message_complete(self) -> None:
        """The answer is whole."""
        if self._informational:
            self._informational = False
            return
        self.done = True
        self._reusable = self._parser.should_keep_alive()  # only true in here: later it is always False
