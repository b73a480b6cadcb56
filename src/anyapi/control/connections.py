"""Connections to the control plane: uvicorn's, with bounds of ours. Whoever can connect need not have signed in.

uvicorn bounds neither a head nor the time that a request takes to come, nor how long an answer waits for its reader, and when it has as
many connections as it may, it refuses everybody. Here a head and what stands between two pieces of a body are limited, a request has its
time, and where there is no room the connection goes that has asked for nothing for longest.
"""

import asyncio
from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    from uvicorn.config import Config
    from uvicorn.server import ServerState

MOST = 200
"""Connections of which uvicorn is told. It refuses requests from the last of them on, so that one fewer is let stand."""
MOST_HEAD, MOST_HEADERS = 64 * 1024, 200
ONE_READ = 256 * 1024
"""Bytes that one read may bring, of which not all belong to a head."""
REQUEST_SECONDS = 30.0
"""A request has to be whole so long after the connection began to wait for it."""
READER_SECONDS = 60.0
"""So long nothing may be taken of an answer."""
LOOK_SECONDS = 2.0


class Bounded(HttpToolsProtocol):
    """One connection."""

    def __init__(
        self,
        config: "Config",
        server_state: "ServerState",
        app_state: dict[str, object],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """What uvicorn hands over."""
        super().__init__(config, server_state, app_state, _loop)
        self._unread = self._fields = self._left = 0
        self._waiting_since: float | None = 0.0
        """Since when a request is waited for, or for the rest of one; None while one is answered."""
        self._taken_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def idle_since(self) -> float | None:
        """Since when it has not asked for anything that is not answered; None if it has."""
        return self._waiting_since

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accepted: where there are too many, the one goes that waits for longest."""
        super().connection_made(transport)
        self._waiting_since = self._taken_at = self.loop.time()
        self._timer = self.loop.call_later(LOOK_SECONDS, self._look)
        if len(self.connections) >= MOST:
            waiting = [one for one in self.connections if isinstance(one, Bounded) and one is not self and one.idle_since is not None]
            if waiting:
                min(waiting, key=_since).cut()

    def connection_lost(self, exc: Exception | None) -> None:
        """Gone."""
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def cut(self) -> None:
        """Close at once. Counted no more from now on."""
        self.connections.discard(self)
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """A piece of a request."""
        super().data_received(data)
        self._unread += len(data)
        if self._unread > MOST_HEAD and not self.transport.is_closing():
            self.cut()

    def resume_writing(self) -> None:
        """The reader took something."""
        self._taken_at = self.loop.time()
        super().resume_writing()

    # --- llhttp's callbacks: what raises here is answered with a 400, and the connection is closed

    def on_message_begin(self) -> None:
        """A request begins."""
        self._fields = 0
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header. A trailer is none: it is counted and dropped."""
        self._fields += 1
        if self._fields > MOST_HEADERS or len(name) + len(value) > MOST_HEAD:
            raise ValueError
        if self.scope is not getattr(self.cycle, "scope", None):
            super().on_header(name, value)

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._unread = -ONE_READ
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole; its answer may be out already."""
        self._unread = -ONE_READ
        self._waiting_since = self.loop.time() if self.cycle.response_complete else None
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """The answer is written, as far as the app goes."""
        super().on_response_complete()
        if self.cycle.response_complete:
            self._waiting_since = self.loop.time()

    # --- inside

    def _look(self) -> None:
        self._timer = self.loop.call_later(LOOK_SECONDS, self._look)
        now, left = self.loop.time(), self.transport.get_write_buffer_size()
        if left == 0 or left < self._left:
            self._taken_at = now
        self._left = left
        late = self._waiting_since is not None and left == 0 and now > self._waiting_since + REQUEST_SECONDS
        if late or now > self._taken_at + READER_SECONDS:
            self.cut()


def _since(connection: Bounded) -> float:
    return connection.idle_since or 0.0
