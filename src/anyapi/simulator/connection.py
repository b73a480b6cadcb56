"""One connection to a simulated provider: HTTP/1.1 in (RFC 9112, by httptools), steps out. Decides nothing about answers."""

import asyncio
import urllib.parse
from collections import deque
from collections.abc import Coroutine
from typing import cast

import httptools

from anyapi.simulator.control import answer_control, is_control
from anyapi.simulator.exchange import BODY_LIMIT, Exchange, answer
from anyapi.simulator.ledger import Outcome, Totals
from anyapi.simulator.provider import RunningProvider
from anyapi.simulator.request import Request
from anyapi.simulator.steps import End, Endless, How, Send, Step, Wait
from anyapi.simulator.tcp import all_acknowledged, reset_on_close

_BAD_REQUEST = b"HTTP/1.1 %d Bad\r\ncontent-type: text/plain\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Connection(asyncio.Protocol):
    """Reads requests and answers them one after the other, pipelined ones too."""

    def __init__(self, provider: RunningProvider) -> None:
        self._provider = provider
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport
        self._waiting: deque[Request] = deque()
        self._task: asyncio.Task[None] | None = None
        self._paused: asyncio.Future[None] | None = None
        self._unread = 0
        self._used = False
        self._busy = False
        self._counted_in: Totals | None = None
        self._closing = False
        self._begin()

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection, or reset it if a `refuse` fault is in force."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is not a subclass
        if self._provider.refuses():
            self._closing = True
            self._reset()
            return
        self._transport.set_write_buffer_limits(high=1)
        self._provider.connections.add(self)
        self._counted_in = self._provider.ledger.totals
        self._counted_in.connections += 1

    def data_received(self, data: bytes) -> None:
        """Feed the parser; what is not HTTP gets a 400."""
        if self._closing:
            return
        self._unread += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._give_up(400)
        except httptools.HttpParserError:
            self._give_up(400)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop answering. What a request had not been sent yet never will be."""
        del exc
        self._closing = True
        self._waiting.clear()
        self._provider.connections.discard(self)
        self._provider.ledger.totals.wire_bytes += self._unread
        self.resume_writing()
        if self._task is not None:
            self._task.cancel()

    def pause_writing(self) -> None:
        """Hold the answer back until the client has read."""
        if self._paused is None:
            self._paused = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        """Go on."""
        paused, self._paused = self._paused, None
        if paused is not None and not paused.done():
            paused.set_result(None)

    # What the parser calls

    def on_message_begin(self) -> None:
        """Forget the last request."""
        self._begin()

    def on_url(self, url: bytes) -> None:
        """Collect the target, which may come in parts."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a header."""
        self._headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        """Invite the body of a client that waits for that."""
        if any(name == "expect" and value.lower() == "100-continue" for name, value in self._headers):
            self._transport.write(_CONTINUE)

    def on_body(self, data: bytes) -> None:
        """Collect the body, up to the limit."""
        self._size += len(data)
        if self._size <= BODY_LIMIT:
            self._parts.append(data)

    def on_message_complete(self) -> None:
        """Take the request in."""
        target = self._target.decode("latin-1")
        parts = urllib.parse.urlsplit(target) if "?" in target or "://" in target else None
        path, query = (parts.path, parts.query) if parts else (target, "")
        # Only here does the parser know; later it always says no.
        then = How.KEEP if self._parser.should_keep_alive() else How.CLOSE
        self._waiting.append(Request(self._parser.get_method().decode(), path, query, self._headers, b"".join(self._parts), then))
        if self._size > BODY_LIMIT:
            self._give_up(413)
        elif self._task is None:
            self._serve()

    # What the provider asks

    def drop_if_idle(self) -> None:
        """Reset the connection if it is idle; otherwise do not read another request from it."""
        if self._task is None and not self._waiting and not self._busy:
            self._reset()
        else:
            self._closing = True

    def abort(self) -> None:
        """Close at once, whatever was not sent."""
        self._transport.abort()

    # Ours

    def _begin(self) -> None:
        self._target = b""
        self._headers: list[tuple[str, str]] = []
        self._parts: list[bytes] = []
        self._size = 0

    def _give_up(self, status: int) -> None:
        self._closing = True
        self._waiting.clear()
        self._transport.write(_BAD_REQUEST % status)
        self._transport.close()

    def _reset(self) -> None:
        reset_on_close(self._transport.get_extra_info("socket"))
        self._transport.abort()

    def _serve(self) -> None:
        """Answer what is waiting, until something takes time or nothing is left."""
        while self._waiting and self._task is None and not self._transport.is_closing():
            request = self._waiting.popleft()
            if is_control(request):
                self._count_control()
                self._start(self._control(request))
                continue
            self._count_traffic()
            # Taking a turn of the script may put a refusal in force, which drops idle connections: this is not one.
            self._busy = True
            exchange = answer(self._provider, request)
            self._busy = False
            if exchange.plain and self._paused is None:
                self._write_all(exchange)
            else:
                self._start(self._play(exchange))

    def _count_traffic(self) -> None:
        totals = self._provider.ledger.totals
        totals.wire_bytes += self._unread
        totals.connections += self._counted_in is None
        self._unread, self._counted_in, self._used = 0, totals, True

    def _count_control(self) -> None:
        """Keep control requests, and connections that carried nothing else, out of the totals."""
        self._unread = 0
        if self._counted_in is self._provider.ledger.totals and not self._used:
            self._counted_in.connections -= 1
            self._counted_in = None

    def _write_all(self, exchange: Exchange) -> None:
        sends = [step for step in exchange.steps if isinstance(step, Send)]
        for send in sends:
            exchange.sent(send)
        self._settle(exchange, exchange.outcome)
        self._transport.write(b"".join([send.data for send in sends]))
        self._end(exchange.steps[-1])

    def _settle(self, exchange: Exchange, outcome: Outcome) -> None:
        if exchange.entry is not None:
            self._provider.ledger.finish(exchange.entry, outcome)

    def _end(self, step: Step) -> None:
        how = step.how if isinstance(step, End) else How.CLOSE
        if how is How.RESET:
            self._reset()
        elif how is How.CLOSE or self._closing:
            self._transport.close()

    def _start(self, work: Coroutine[None, None, None]) -> None:
        self._task = asyncio.get_running_loop().create_task(work)
        self._task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._task = None
        if task.cancelled():
            return
        if task.exception() is not None:
            self.abort()
        task.result()
        self._serve()

    async def _control(self, request: Request) -> None:
        self._write_all(await answer_control(self._provider, request))

    async def _play(self, exchange: Exchange) -> None:
        """Carry out the steps. The request is settled before its last bytes go out, so that whoever got them finds it in the ledger."""
        last = max((place for place, step in enumerate(exchange.steps) if not isinstance(step, End)), default=-1)
        try:
            for place, step in enumerate(exchange.steps):
                if place == last and isinstance(step, Send):
                    exchange.sent(step)
                    self._settle(exchange, exchange.outcome)
                    await self._write(step.data)
                else:
                    await self._carry_out(step, exchange)
        finally:
            # Settled already unless the client left: then this is what counts.
            self._settle(exchange, Outcome.CLIENT_GONE)

    async def _carry_out(self, step: Step, exchange: Exchange) -> None:
        match step:
            case Send():
                exchange.sent(step)
                await self._write(step.data)
                # Each piece leaves by itself: uvloop joins what one turn of the loop writes.
                await asyncio.sleep(0)
            case Wait(seconds=seconds):
                await (asyncio.get_running_loop().create_future() if seconds is None else asyncio.sleep(seconds))
            case Endless(data=data):
                while True:
                    await self._write(data)
                    await asyncio.sleep(0)
            case End(how=how):
                self._settle(exchange, exchange.outcome)
                if how is How.RESET:
                    await all_acknowledged(self._transport.get_extra_info("socket"))
                self._end(step)

    async def _write(self, data: bytes) -> None:
        self._transport.write(data)
        if self._paused is not None:
            await self._paused
