"""HTTP/1.1 towards clients: bytes in, one `Call` at a time to the handler, bytes out. Faces hostile clients.

Parsing is llhttp's (httptools), strict. This file owns the limits, the deadlines, keep-alive, pipelining, backpressure and the drain;
it knows nothing of models, keys or providers. What a handler writes through the connection stands in `reply`.
"""

import asyncio

import httptools

from anyapi.errors import AnyAPIError, AuthenticationFailed, BadRequest, ExpectationFailed, HeadersTooLarge, Overloaded, RequestTimedOut
from anyapi.gateway.call import KNOWN, PASSED_OVER, Call, has_body, is_ours, leaves_body, read_head, without_upgrade
from anyapi.gateway.error_envelope import render_for
from anyapi.gateway.heads import SMALL, learn
from anyapi.gateway.render import CONTINUE, head
from anyapi.gateway.reply import CLOSED_ROW, Reply
from anyapi.gateway.roles import Shared
from anyapi.wire.deadlines import NEVER
from anyapi.wire.turns import give_way

MOST_QUEUED = 256 * 1024
"""Bytes of bodies that may wait behind the request being answered."""
FULL = "Large requests hold as much memory here as they may, or those of your key half of that. Try again shortly."
LINGER = 1.0
"""Seconds in which a refused client may still read its answer."""


class Connection(Reply):
    """One connection from a client: parses requests, hands them over one by one, writes answers."""

    __slots__ = (
        "_call", "_headers", "_in_head", "_lingering", "_parts", "_queued",
        "_waiting", "_write_paused", "deadline",
    )  # fmt: skip

    def __init__(self, server: Shared) -> None:
        """Not yet connected."""
        super().__init__(server)
        self._call: Call | None = None
        self._parts: list[bytes] | tuple[()] = ()
        self._headers = self._queued = 0
        self._in_head = True
        self._waiting: tuple[Call | tuple[int, bytes, bytes], ...] = ()
        self._lingering = self._write_paused = False
        self.deadline = NEVER

    # --- the socket

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accepted: refuse at once when there are too many."""
        self._transport = transport  # type: ignore[assignment]
        server = self._server
        transport.set_write_buffer_limits(high=server.limits.write_buffer)  # type: ignore[attr-defined]
        server.connections.add(self)
        server.sweep.add(self)
        if len(server.connections) + len(server.handshakes) > server.limits.max_connections or server.draining:
            full = Overloaded("This gateway has as many connections as it may hold. Try again shortly.", retry_after=1.0)
            self._refuse(render_for(full, None))
            return
        self.deadline = server.loop.time() + server.limits.header_timeout

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """The client is gone: so is its reason to use a provider."""
        server = self._server
        server.connections.discard(self)
        server.sweep.discard(self)
        server.held.let_go(self)
        self._transport = None
        self._waiting = ()
        self._parts = ()
        self._call = self._parser = self._known = None  # a ring that stood when a snapshot was put in force is never collected
        if self._exchange is not None:
            self._exchange.abort()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002
        """Where the loop puts what the client sent."""
        return self._server.buffer.view

    def buffer_updated(self, nbytes: int) -> None:
        """The client sent something."""
        buffer = self._server.buffer
        data = buffer.view[: 0 if self._lingering else nbytes]
        if nbytes <= SMALL and self._parser is not None and self._is_free():
            self._again(bytes(data))
        else:
            self._read(data)
        if self._exchange is not None and self._exchange.lasting:
            self.rest()
        buffer.wipe(nbytes)
        if nbytes == len(buffer.view):
            give_way(self._server.loop, self._transport, lambda: not self._read_paused)

    def _is_free(self) -> bool:  # for a request to be begun
        return self.current is None and not (self._begun or self._waiting or self._write_paused)

    def _again(self, data: bytes) -> None:
        """Read what begins where a request ended. With the same head it needs no parser, which stays where it is."""
        known = self._known
        if known is not None and (call := known.read(data)) is not None:
            self._begin(call)
            return
        parser = self._parser
        self._read(data)
        if self.current is not None and not (self._begun or self._waiting) and (known is None or known.used):
            # With another parser by now it wished to change the protocol, which is not answered alike with and without a body.
            self._known = learn(data, self.current, self._server.limits, self._head_bytes) if self._parser is parser else None

    def _read(self, data: memoryview | bytes) -> None:
        while data:
            data = self._feed(data)

    def _feed(self, data: memoryview | bytes) -> bytes:
        parser = self._parser = self._parser or httptools.HttpRequestParser(self)
        try:
            parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if (call := self._call) is not None:  # it has a body, which another parser reads, that hears of no upgrade
                self._call = self._parser = None
                return without_upgrade(call) + data[upgrade.args[0] :]
            if not self._lingering:
                self._pause_reading()
        except httptools.HttpParserError as error:
            told = error.__context__  # what a callback raised
            self._fail(told if isinstance(told, AnyAPIError) else BadRequest("This is not a well-formed HTTP/1.1 request."))
            del told  # its traceback leads back to here
        else:
            if self._call is not None:
                self._unfinished(len(data))
        return b""

    def eof_received(self) -> bool:
        """The client sends no more: it is gone, as nginx sees it too. A graceful close would wait until it has read all."""
        if self.current is not None:
            self.abort()
        self._server.outbox.flush()
        return False

    def pause_writing(self) -> None:
        """The client does not keep up: nothing more is begun for it."""
        self._write_paused = True
        self.deadline = self._server.loop.time() + self._server.limits.write_timeout
        if self._exchange is not None:
            self._exchange.pause()

    def resume_writing(self) -> None:
        """The client keeps up again."""
        self._write_paused = False
        limits = self._server.limits
        seconds = limits.write_timeout if self._lingering else limits.idle_timeout
        self.deadline = NEVER if self.current is not None else self._server.loop.time() + seconds
        if self._exchange is not None:
            self._exchange.resume()
        elif self._waiting:
            self._next()

    def expired(self) -> None:
        """Out of time: an idle connection is closed, an unfinished request is told why, a stuck reader is cut."""
        if self.current is not None or self._lingering or self._write_paused or self._transport is None or self._transport.is_closing():
            self.abort()
        elif self._call is None:
            self.close_if_idle()
            self.deadline = self._server.loop.time() + self._server.limits.write_timeout  # for what an idle client has not read yet
        else:
            self._refuse(render_for(RequestTimedOut("The request did not arrive whole in time."), self._call))

    # --- llhttp's callbacks: what they raise stops it, and `_feed` then answers with it

    def on_message_begin(self) -> None:
        """The first byte of a request: the parser is in the midst of one from here on."""
        self._begun = True

    def on_url(self, url: bytes) -> None:
        """The target, perhaps in pieces; the first one begins a request."""
        call = self._call
        if call is None:
            self._call = Call(path=url)
            self._headers = self._body_bytes = self._framing = 0
            self._head_bytes = len(url)
            if self.current is None:
                self.deadline = self._server.loop.time() + self._server.limits.header_timeout
        else:
            call.path += url
            self._head_bytes += len(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header; trailers are counted and dropped, but for one that would have been a policy."""
        call = self._call
        if call is None:
            return
        self._headers += 1
        self._head_bytes += len(name) + len(value) + 4
        if not self._in_head:
            self._check_head_size()
            if is_ours(name):
                raise BadRequest("X-AnyAPI-* headers stand before the body: behind it they are not read.", "headers")
            return
        known = KNOWN.get(name)
        if known is not None and known not in call.headers:
            call.headers[known] = value.strip()
            return
        if name in PASSED_OVER:
            return
        call.take(name, value)

    def on_headers_complete(self) -> None:
        """The head is whole: check it before a body is read."""
        call, parser, server = self._call, self._parser, self._server
        self._in_head = False
        if call is None or parser is None:
            return
        self._check_head_size()
        call.method = parser.get_method()
        call.version = parser.get_http_version()
        if call.method == b"CONNECT":  # which is a wish for another protocol without a header that could be left out
            raise BadRequest("This is no proxy: CONNECT is not spoken here.")
        if parser.should_upgrade():  # none is offered: the request is answered as it stands (RFC 9110, 7.8). Without a body,
            self._close_after = not has_body(call)  # we close then, because what follows cannot be told from the other protocol
        length = read_head(call)
        if length > server.limits.unauthenticated_body_bytes:
            self._check_length(length, call)
        if b"expect" in call.headers:
            self._expect(call)

    def _check_head_size(self) -> None:
        limits = self._server.limits
        if self._head_bytes > limits.max_header_bytes or self._headers > limits.max_headers:
            text = f"The head of a request may have {limits.max_headers} headers and {limits.max_header_bytes} bytes."
            raise HeadersTooLarge(text)

    def _check_length(self, length: int, call: Call) -> None:
        """Refuse a body by its declared length, before a byte of it is read."""
        if length > self._server.limits.max_body_bytes:
            raise self._server.limits.body_too_large()
        if not self._server.may_send(call.credential):
            raise AuthenticationFailed("A body of this size is read only with a valid API key, and none was sent.")

    def _expect(self, call: Call) -> None:
        if call.headers[b"expect"].lower() != b"100-continue":
            raise ExpectationFailed("The only expectation that is met is 100-continue.")
        if self.current is None and not call.http10:
            self.write(CONTINUE)

    def on_body(self, part: bytes) -> None:
        """A piece of the body."""
        self._body_bytes += len(part)
        if self._body_bytes > self._server.limits.unauthenticated_body_bytes:
            self._check_large(self._body_bytes - len(part), len(part))
        self._parts = self._parts or []
        self._parts.append(part)

    def _check_large(self, before: int, more: int) -> None:
        limits, call, held = self._server.limits, self._call, self._server.held
        if before + more > limits.max_body_bytes:
            raise limits.body_too_large()
        if before <= limits.unauthenticated_body_bytes and call is not None:
            self._check_length(before + more, call)
        if call is not None and not held.take(self, call.credential, more):
            raise Overloaded(FULL, retry_after=1.0)

    def on_message_complete(self) -> None:
        """The request is whole: handle it, or let it wait behind the one before."""
        call, parser, self._call, self._begun = self._call, self._parser, None, False
        self._in_head = True
        if call is None or parser is None or leaves_body(call, upgrade=parser.should_upgrade()):
            self._call = call
            return
        parts, self._parts = self._parts, ()
        call.body = b"".join(parts)  # which copies nothing where it came in one
        call.close_after = not parser.should_keep_alive()
        if self._is_free():
            self._begin(call)
            return
        self._waiting += (call,)
        self._queued += len(call.body)
        if len(self._waiting) >= self._server.limits.max_pipelined or self._queued > MOST_QUEUED:
            self._pause_reading()  # only now: whoever is not read from is not seen to leave either
        if len(self._waiting) > self._server.limits.max_pipelined:
            self._call = call  # whose format the refusal has
            raise BadRequest("Too many pipelined requests.")

    # --- the drain

    def close_if_idle(self) -> None:
        """Close when nothing is being asked or answered."""
        if self.current is None and self._call is None and not self._waiting and self._transport is not None:
            self._server.outbox.flush()
            self._transport.close()

    def stop(self) -> None:
        """The drain is over: end the answer that still runs with a terminal error."""
        if self._exchange is not None:
            self._exchange.stop()
        elif self.current is None:
            self.abort()

    # --- inside

    def _unfinished(self, nbytes: int) -> None:
        """A request is not whole yet: bound what it may cost until it is. A head that trickles in keeps its first deadline."""
        limits = self._server.limits
        self._framing += nbytes
        if self._in_head:
            if self._framing > limits.max_header_bytes:
                self._fail(HeadersTooLarge("The head of the request is too large."))
            return
        self.deadline = self._server.loop.time() + limits.body_timeout
        if self._framing > 2 * limits.max_header_bytes + 8 * self._body_bytes:  # chunk extensions or trailers without end
            self._fail(BadRequest("The body's chunks are almost nothing but framing."))

    def _fail(self, error: AnyAPIError) -> None:
        """The input is beyond use: answer what is running, then this error in the format that was asked in, then close."""
        refusal, self._call = render_for(error, self._call), None
        self._parts = ()
        self._pause_reading()
        if self.current is None:
            self._refuse(refusal)
        else:
            self._waiting += (refusal,)

    def _refuse(self, refusal: tuple[int, bytes, bytes]) -> None:
        """Answer with a rendered error and close."""
        status, rows, body = refusal
        self.write(head(status, rows, CLOSED_ROW, len(body)) + body)
        self._linger()

    def _linger(self) -> None:
        """Close our side, and for a moment drop what still arrives: closing at once would reset the answer away (RFC 9112, 9.6)."""
        self._close_after = self._lingering = True
        self._waiting = ()
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        self._server.outbox.flush()
        written = not transport.get_write_buffer_size()  # else the client has the time of a slow reader to take its answer
        self.deadline = self._server.loop.time() + (LINGER if written else self._server.limits.write_timeout)
        if not transport.can_write_eof():
            transport.close()
            return
        transport.write_eof()
        self._read_on()

    def _begin(self, call: Call) -> None:
        self.current = call
        self.deadline = NEVER
        self._server.outbox.active += 1
        self.run(self._server.handle(call, self))

    def ended(self, error: Exception | None) -> None:
        """One request is answered, or its error is told: close, or go on with the next."""
        server = self._server
        if error is not None:
            server.failed(error, self)
        server.outbox.active -= 1
        closing = self.streaming or self._ending()
        self.current = self._exchange = None
        if self._transport is None:
            return
        self.let_go()
        if closing:
            self._linger()
            return
        limits = server.limits
        if not self._write_paused:  # else the deadline of a slow reader stands
            self.deadline = server.loop.time() + (limits.idle_timeout if self._call is None else limits.header_timeout)
        if not self._waiting:
            self._read_on()
        elif not self._write_paused:
            server.loop.call_soon(self._next)  # not at once: other connections have their turn in between

    def _next(self) -> None:
        if self._transport is None or self.current is not None or not self._waiting:
            return
        following, self._waiting = self._waiting[0], self._waiting[1:]
        if isinstance(following, Call):
            self._queued -= len(following.body)
            self._begin(following)
        else:
            self._refuse(following)

    def _read_on(self) -> None:
        if self._read_paused and self._transport is not None:
            self._read_paused = False
            self._transport.resume_reading()

    def _pause_reading(self) -> None:
        if not self._read_paused and self._transport is not None and not self._transport.is_closing():
            self._read_paused = True
            self._transport.pause_reading()
