"""What a handler uses of a client's connection: a whole answer, or a stream part by part. Reads nothing from the client."""

import asyncio

import httptools

from anyapi.gateway.call import Call
from anyapi.gateway.heads import KnownHead
from anyapi.gateway.render import DATE, head
from anyapi.gateway.roles import Exchange, Shared
from anyapi.wire.tasks import Runner

CLOSED_ROW = b"connection: close\r\n"
SMALL = 16 * 1024
VARY = b"vary: origin\r\n"
CORS = b"access-control-allow-origin: %b\r\nvary: origin\r\naccess-control-expose-headers: *\r\n"


class Reply(Runner, asyncio.BufferedProtocol):
    """The answering half of a connection; `client.Connection` is the whole of it."""

    __slots__ = (
        "_begun",
        "_body_bytes",
        "_close_after",
        "_exchange",
        "_framing",
        "_head_bytes",
        "_known",
        "_parser",
        "_read_paused",
        "_server",
        "_transport",
        "current",
        "streaming",
    )

    def __init__(self, server: Shared) -> None:
        """Not yet connected."""
        super().__init__()
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._exchange: Exchange | None = None
        self._parser: httptools.HttpRequestParser | None = None
        """Made when there is something to parse."""
        self._known: KnownHead | None = None
        self._head_bytes = self._body_bytes = self._framing = 0
        self._begun = self._read_paused = self._close_after = self.streaming = False
        self.current: Call | None = None

    @property
    def alive(self) -> bool:
        """Whether the client is still there."""
        return self._transport is not None

    @property
    def heard(self) -> bool:
        """Whether the client has begun to ask for anything yet."""
        return self._parser is not None or self.current is not None

    def report(self, error: Exception) -> None:
        """Pass on an error that nobody foresaw; only its type is taken."""
        self._server.report(error)

    def attach(self, exchange: Exchange | None) -> None:
        """Tell which provider exchange serves this client now, so that it hears of pauses and of the client leaving."""
        self._exchange = exchange
        if exchange is not None and self._transport is None:
            exchange.abort()  # the client left while something was waited for

    def readable(self, call: Call) -> bool:
        """Whether a browser may let the page that made this call read the answer: the operator's list of origins says so."""
        origin = call.headers.get(b"origin")
        return origin is not None and self._server.allows_origin(origin)

    def write(self, data: bytes) -> None:
        """Have bytes go out before this turn of the loop ends; dropped if the client is gone."""
        if self._transport is not None:
            self._server.outbox.put(self._transport.write, data)

    def send(self, status: int, rows: bytes, body: bytes) -> None:
        """Write a complete answer. `rows` are header lines, each ending in CRLF, without length and connection."""
        call = self.current
        if self._server.cors_origins:
            rows += self._cors_rows(call)
        if call is not None and call.method == b"HEAD":
            self.write(head(status, rows, self._ending(), len(body)))
        elif len(body) < SMALL:
            self.write(head(status, rows, self._ending(), len(body)) + body)
        else:
            self.write(head(status, rows, self._ending(), len(body)))
            self.write(body)  # not joined: a page that many read slowly is then held once

    def start_stream(self, rows: bytes) -> None:
        """Write the head of a streamed 200 answer."""
        self.streaming = True
        if self._server.cors_origins:
            rows += self._cors_rows(self.current)
        if self.current is not None and self.current.http10:
            self.current.close_after = True
            self.write(b"HTTP/1.1 200 OK\r\ndate: " + DATE.now() + b"\r\n" + rows + CLOSED_ROW + b"\r\n")
        else:
            self.write(b"HTTP/1.1 200 OK\r\ndate: " + DATE.now() + b"\r\n" + rows + self._ending() + b"transfer-encoding: chunked\r\n\r\n")

    def send_part(self, data: bytes) -> None:
        """Write a piece of a streamed answer; empty pieces are left out, since an empty chunk would end it."""
        if not data:
            return
        if self.current is not None and self.current.http10:
            self.write(data)
        else:
            self.write(b"%x\r\n%b\r\n" % (len(data), data))

    def finish_stream(self) -> None:
        """End a streamed answer."""
        self.streaming = False
        if self.current is None or not self.current.http10:
            self.write(b"0\r\n\r\n")

    def rest(self) -> None:
        """If a stream is awaited, let go of what nobody asks for meanwhile: it may take long. Not to be called out of the parser."""
        if self.current is not None and not self.streaming:
            self.current.rest()
            self._free_parser(self.current)

    def forget_request(self) -> None:
        """The answer has begun and may last for minutes: let go of the request too."""
        if self.current is not None:
            self.current.forget()
            self.let_go()
            self._free_parser(self.current)

    def _free_parser(self, call: Call) -> None:
        """If it is not in the midst of another request: the next one gets a new one, which begins where this one stands."""
        self._known = None
        if not (self._begun or self._read_paused or self._close_after or call.close_after):
            self._head_bytes = self._body_bytes = self._framing = 0
            self._parser = None

    def let_go(self) -> None:
        """The body is forgotten: it is counted no more, unless another one has begun to come already. What waits whole is small."""
        if not self._begun:
            self._server.held.let_go(self)

    def abort(self) -> None:
        """Cut the connection: the client sees that the answer is not whole."""
        if self._transport is not None:
            self._transport.abort()

    def _cors_rows(self, call: Call | None) -> bytes:
        """What a browser is told: whether a page of the call's origin may read the answer. Caches hear that it depends on the origin."""
        return CORS % call.headers[b"origin"] if call is not None and self.readable(call) else VARY

    def _ending(self) -> bytes:
        if self._close_after or self._server.leaving or self.current is None or self.current.close_after:
            return CLOSED_ROW
        return b""
