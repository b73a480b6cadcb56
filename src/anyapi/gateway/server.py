"""What all client connections share: the handler, limits, deadlines, and the drain at shutdown."""

import asyncio
import select
import ssl
from collections.abc import Callable

import msgspec

from anyapi.gateway.call import Call
from anyapi.gateway.client import Connection
from anyapi.gateway.holding import Held
from anyapi.gateway.limits import Limits
from anyapi.wire.loop_parts import LoopParts
from anyapi.wire.tasks import Driven
from anyapi.wire.tls import TlsPipe

NEWCOMERS = QUEUE = 0.5
"""Seconds at a shutdown: that a new connection's first request has to come, and that connections in the kernel's queue are taken."""


class Server:
    """One data-plane worker's side towards clients."""

    def __init__(
        self,
        handle: Callable[[Call, Connection], Driven],
        may_send: Callable[[bytes | None], bool],
        limits: Limits,
        shared: LoopParts,
        *,
        report: Callable[[Exception], None],
        failed: Callable[[Exception, Call, Connection], None] | None = None,
        cors_origins: frozenset[str] = frozenset(),
    ) -> None:
        """`handle` answers one call, `may_send` tells whether a credential is known, before a large body is read.

        `failed` tells a client the error that its call came to; without it the connection is cut.

        `shared.sweep` is closed by the drain. `report` hears of errors nobody foresaw; it must take their type only, since their text may
        hold content.
        """
        self.handle, self.may_send, self.report, self._failed = handle, may_send, report, failed
        least = min(limits.unauthenticated_body_bytes, limits.max_body_bytes)
        self.limits = msgspec.structs.replace(limits, unauthenticated_body_bytes=least)
        self.cors_origins = cors_origins
        self.dashboard_origins: frozenset[str] = frozenset()
        """Where our own dashboard is served. They join the listed ones when the first of them asks: who never does costs no request."""
        self.loop, self.buffer, self.sweep, self.outbox = shared.loop, shared.buffer, shared.sweep, shared.outbox
        self.held = Held(limits.max_body_bytes)
        self.connections: set[Connection] = set()
        self.handshakes: set[TlsPipe] = set()
        self.leaving = self.draining = False
        """At a shutdown: whether each answer says that it is the connection's last, and (newcomers' moment over) nobody new is served."""

    def protocol(self) -> Connection:
        """A protocol for one accepted socket."""
        return Connection(self)

    def secured(self, context: ssl.SSLContext, cipher: memoryview) -> TlsPipe:
        """A protocol for one accepted socket that speaks TLS. Its handshake has the time of a head, and counts as a connection."""
        full = len(self.connections) + len(self.handshakes) >= self.limits.max_connections

        def settled(_error: Exception | None = None) -> None:
            self.handshakes.discard(pipe)
            self.sweep.discard(pipe)

        pipe = TlsPipe(context, self.protocol(), server_name=None, failed=settled, cipher=cipher, opened=settled)
        pipe.deadline = self.loop.time() + (0.0 if full else self.limits.header_timeout)
        self.handshakes.add(pipe)
        self.sweep.add(pipe)
        return pipe

    def failed(self, error: Exception, connection: Connection) -> None:
        """Tell the client of an error. One that nobody foresaw, be it in the telling, cuts this connection and nothing else."""
        try:
            if self._failed is not None and connection.current is not None:
                self._failed(error, connection.current, connection)
                return
        except Exception as another:  # noqa: BLE001 the edge: nobody else is harmed
            error = another
        self.report(error)
        connection.abort()

    def allows_origin(self, origin: bytes) -> bool:
        """Whether the operator lists this origin (or `*`), or our dashboard is served there."""
        text = origin.decode("latin-1")
        if text in self.dashboard_origins:
            self.cors_origins |= self.dashboard_origins
        return "*" in self.cors_origins or text in self.cors_origins

    async def drain(self) -> None:
        """Close idle connections, let running answers finish for `drain_timeout` seconds, then end them with a terminal error.

        Who has only just connected has its request under way: it has a moment to come, and is served.
        """
        self.leaving = True
        begun = self.loop.time()
        newcomers = begun + min(NEWCOMERS, self.limits.drain_timeout)
        await asyncio.sleep(0.02)  # the loop hears only now of those whom the closed listener took last
        while self.loop.time() < newcomers and (self.handshakes or not all(each.heard for each in self.connections)):  # noqa: ASYNC110 as below
            await asyncio.sleep(0.02)
        self.draining = True
        for connection in tuple(self.connections):
            connection.close_if_idle()
        for pipe in tuple(self.handshakes):
            pipe.abort()
        await self._empty(begun + self.limits.drain_timeout)
        for connection in tuple(self.connections):
            connection.stop()
        await self._empty(self.loop.time() + 1.0)
        for connection in tuple(self.connections):
            connection.abort()
        await asyncio.sleep(0)
        self.sweep.close()

    async def _empty(self, deadline: float) -> None:
        """Wait until no connection is left, at most to this time of the loop."""
        while self.connections and self.loop.time() < deadline:  # noqa: ASYNC110 an event would cost every connection
            await asyncio.sleep(0.02)


async def listen_no_more(listener: asyncio.Server) -> None:
    """Close the listener. Who stands in its queue, let in by the kernel already, is taken first: a close would cut it off unheard."""
    loop, queue = asyncio.get_running_loop(), select.poll()
    for each in listener.sockets:
        queue.register(each.fileno(), select.POLLIN)
    until = loop.time() + QUEUE
    while queue.poll(0) and loop.time() < until:  # noqa: ASYNC110 the kernel tells of a queue, not of its end
        await asyncio.sleep(0)
    listener.close()
