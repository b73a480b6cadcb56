"""Upstreams: one for each provider credential, with its idle connections. A credential never leaves the origin it is bound to."""

import asyncio
import ssl
from collections import deque
from functools import partial
from typing import ClassVar
from urllib.parse import urlsplit

from anyapi.domain.catalogue import Auth
from anyapi.domain.decision import OutcomeKind
from anyapi.errors import ConfigError
from anyapi.upstream.connection import UpstreamConnection
from anyapi.upstream.dialer import Dialer
from anyapi.upstream.reach import Reach
from anyapi.wire.buffers import ReadBuffer
from anyapi.wire.loop_parts import LoopParts
from anyapi.wire.parsing import Callbacks
from anyapi.wire.tasks import Waiter
from anyapi.wire.tls import TlsPipe

IDLE_SECONDS = 15.0
"""An idle connection older than this is not used again: most providers close theirs after 60 s or more, and a race costs a request."""
MAX_IDLE = 512
JSON = b"application/json"


class Wire:
    """What all upstreams of a loop share: buffers, deadlines, dialer, TLS trust."""

    def __init__(self, shared: LoopParts, dialer: Dialer, cipher: ReadBuffer) -> None:
        """`cipher` takes what comes off a TLS socket."""
        self.loop, self.buffer, self.sweep, self.outbox = shared.loop, shared.buffer, shared.sweep, shared.outbox
        self.dialer, self.cipher, self.callbacks = dialer, cipher, Callbacks()
        self._trust: ssl.SSLContext | None = None

    def trust(self) -> ssl.SSLContext:
        """The system's trust store; made at the first use, since it costs memory. Verification cannot be switched off."""
        if self._trust is None:
            self._trust = ssl.create_default_context()
            self._trust.set_alpn_protocols(["http/1.1"])
        return self._trust


def header_of(auth: Auth, secret: str) -> bytes:
    """The header line that carries a credential. Raises `ConfigError` for a secret that is no header value."""
    names = {
        Auth.BEARER: "authorization: Bearer ",
        Auth.API_KEY: "api-key: ",
        Auth.X_API_KEY: "x-api-key: ",
        Auth.X_GOOG_API_KEY: "x-goog-api-key: ",
        Auth.SIGV4: "authorization: Bearer ",  # a Bedrock API key; an access key signs instead (`bedrock_credential`)
    }
    if auth is Auth.NONE or not secret:
        return b""
    if not secret.isascii() or not secret.isprintable() or " " in secret:
        raise ConfigError("a provider credential has characters that no header can carry")
    return f"{names[auth]}{secret}\r\n".encode("ascii")


class Upstream:
    """One provider credential: where it may be used, and the connections that are open there. Holds the secret: never printed."""

    __slots__ = (
        "_connections",
        "_heads",
        "_idle",
        "_path",
        "_rows",
        "_secure",
        "_wire",
        "authority",
        "buffer",
        "callbacks",
        "host",
        "loop",
        "outbox",
        "port",
        "reach",
    )

    connection: ClassVar[type[UpstreamConnection]] = UpstreamConnection

    def __init__(self, wire: Wire, base_url: str, auth_row: bytes, media_type: bytes = JSON) -> None:
        """`base_url` as configured, `auth_row` from `header_of`; every body is of this media type. Raises `ConfigError`."""
        parts = urlsplit(base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query or parts.fragment:
            raise ConfigError("a provider's base_url must be http(s)://host[:port][/path] and nothing else", field="base_url")
        self._wire, self.loop, self.buffer, self.outbox, self.callbacks = wire, wire.loop, wire.buffer, wire.outbox, wire.callbacks
        self.host, self._secure = parts.hostname, parts.scheme == "https"
        self.port = parts.port or (443 if self._secure else 80)
        self.reach: Reach | None = None
        """Where it is noted whether the provider can be reached; of the operator's own credentials."""
        self._path = parts.path.rstrip("/").encode("ascii")
        name = f"[{self.host}]" if ":" in self.host else self.host
        self.authority = (name if parts.port is None else f"{name}:{parts.port}").encode()
        self._rows = b"host: %b\r\nuser-agent: anyapi\r\ncontent-type: %b\r\naccept-encoding: identity\r\n%b" % (
            self.authority,
            media_type,
            auth_row,
        )
        self._heads: dict[bytes, bytes] = {}
        self._idle: deque[UpstreamConnection] = deque()
        self._connections: set[UpstreamConnection] = set()

    def __repr__(self) -> str:
        """The origin, never the credential."""
        return f"<Upstream {self.host}:{self.port}>"

    def head(self, path: bytes, extra: bytes, body: bytes) -> bytes:
        """The head of a POST of `body` to `path` below the base URL. Holds the credential."""
        start = self._heads.get(path)
        if start is None:
            start = self._heads[path] = b"POST %b%b HTTP/1.1\r\n%b" % (self._path, path, self._rows)
        return b"%b%bcontent-length: %d\r\n\r\n" % (start, extra, len(body))

    def idle(self) -> UpstreamConnection | None:
        """A connection that waits for work, the most recently used first; None if there is none."""
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
            connection.abort()
        return None

    def open_for(self, waiter: Waiter[UpstreamConnection | OutcomeKind]) -> None:
        """Open a connection for somebody; where they wait no more when it is there, it waits for somebody else."""

        def opened(task: "asyncio.Task[UpstreamConnection | OutcomeKind]") -> None:
            if task.cancelled():
                return  # the loop is closing
            # Whatever went wrong that nobody foresaw, the caller must not wait for ever.
            result = OutcomeKind.CONNECT_FAILED if task.exception() is not None else task.result()
            if waiter.done and isinstance(result, UpstreamConnection):
                self.put(result)
            waiter.set(result)

        asyncio.ensure_future(self.connect()).add_done_callback(opened)

    async def connect(self) -> UpstreamConnection | OutcomeKind:
        """Open a connection; how it failed when it did."""
        connection = self.connection(self)
        ready: asyncio.Future[OutcomeKind | None] = self.loop.create_future()
        pipe = self._pipe(connection, ready) if self._secure else None
        try:
            if pipe is not None:
                await self._wire.dialer.open(self.host, self.port, pipe, secure=True)
                async with asyncio.timeout(self._wire.dialer.timeout):
                    failure = await ready
                if failure is not None:
                    return failure
            else:
                await self._wire.dialer.open(self.host, self.port, connection, secure=False)
        except TimeoutError as error:
            if pipe is not None:
                pipe.abort()  # a handshake that never ends would keep its socket
            self._unreached(error)
            return OutcomeKind.TIMED_OUT
        except OSError as error:
            self._unreached(error)
            return OutcomeKind.CONNECT_FAILED
        if self.reach is not None:
            self.reach.succeeded()
        return connection

    def _unreached(self, error: Exception) -> None:
        if self.reach is not None:
            self.reach.failed(error)

    def _pipe(self, connection: UpstreamConnection, ready: "asyncio.Future[OutcomeKind | None]") -> TlsPipe:
        def settle(kind: OutcomeKind | None) -> None:
            if not ready.done():
                ready.set_result(kind)

        def failed(error: Exception) -> None:
            self._unreached(error)
            settle(OutcomeKind.CONNECT_FAILED)

        connection.when_open = partial(settle, None)
        return TlsPipe(
            self._wire.trust(),
            connection,
            server_name=self.host,
            failed=failed,
            cipher=self._wire.cipher.view,
        )

    # --- called by connections

    def opened(self, connection: UpstreamConnection) -> None:
        """A connection is ready."""
        self._connections.add(connection)
        self._wire.sweep.add(connection)

    def closed(self, connection: UpstreamConnection) -> None:
        """A connection is gone."""
        self._connections.discard(connection)
        self._wire.sweep.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)

    def put(self, connection: UpstreamConnection) -> None:
        """A connection may be used again."""
        if len(self._idle) >= MAX_IDLE:
            connection.abort()
            return
        connection.deadline = self.loop.time() + IDLE_SECONDS
        self._idle.append(connection)

    def close_idle(self) -> None:
        """Close the connections that wait for work; answers that run go on."""
        while self._idle:
            self._idle.pop().abort()

    def close(self) -> None:
        """Close every connection."""
        self._idle.clear()
        for connection in tuple(self._connections):
            connection.abort()
