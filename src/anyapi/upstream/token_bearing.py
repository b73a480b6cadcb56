"""Upstreams of a Google service account: every request carries an access token, which is fetched over the same dialer and kept fresh.

A token is fetched before the first request, and again in its last minutes while it still serves, so that no request waits for it; one
exchange serves all who wait. While there is none, connecting fails as if the provider could not be reached. Loads the library for RSA.
"""

import asyncio
import ipaddress
import time
from collections.abc import Callable
from typing import ClassVar
from urllib.parse import urlsplit

from anyapi.domain.decision import Outcome, OutcomeKind
from anyapi.errors import ConfigError
from anyapi.upstream.adapter import Timeouts
from anyapi.upstream.connection import UpstreamConnection
from anyapi.upstream.dialer import Dialer
from anyapi.upstream.google_token import CONTENT_TYPE, GoogleTokens, ServiceAccount
from anyapi.upstream.pool import Upstream, Wire
from anyapi.wire.tasks import Waiter, drive

GOOGLE = ".googleapis.com"
PATIENCE = Timeouts(answer=10.0)
"""For the answer of the token endpoint, which has little to do."""
REFUSED = 401


class TokenEndpoint:
    """Where tokens are had, and nothing else is sent: one address, fixed by the key file. A `Post` of `google_token`."""

    def __init__(self, wire: Wire, token_uri: str) -> None:
        """Raises `ConfigError` as `check_token_uri` does."""
        check_token_uri(token_uri, wire.dialer)
        parts = urlsplit(token_uri)
        self._path = (parts.path or "/").encode("ascii")
        self.upstream = Upstream(wire, f"{parts.scheme}://{parts.netloc}", b"", CONTENT_TYPE)

    async def __call__(self, _url: str, body: bytes, _content_type: bytes) -> tuple[int, bytes]:
        """Send the exchange; status and body of the answer. Raises `OSError` or `TimeoutError` when there is none."""
        upstream = self.upstream
        connection = upstream.idle() or await upstream.connect()
        if isinstance(connection, OutcomeKind):
            raise TimeoutError if connection is OutcomeKind.TIMED_OUT else ConnectionError
        failure = await _arrival(connection.send(upstream.head(self._path, b"", body), body, None, PATIENCE))
        status, answer = connection.status, connection.body
        connection.release()
        if failure is not None:
            raise TimeoutError if failure is OutcomeKind.TIMED_OUT else ConnectionError
        return status, answer


class TokenConnection(UpstreamConnection):
    """A connection that tells its upstream when the token was refused."""

    __slots__ = ()

    def on_headers_complete(self) -> None:
        """The head is whole."""
        super().on_headers_complete()
        if self.status == REFUSED and isinstance(self._upstream, TokenUpstream):
            self._upstream.refused()


class TokenUpstream(Upstream):
    """An upstream whose head carries the access token of the moment."""

    __slots__ = ("_bearer", "_endpoint", "_tokens")

    connection: ClassVar[type[UpstreamConnection]] = TokenConnection

    def __init__(self, wire: Wire, base_url: str, key_file: str, clock: Callable[[], float] = time.time) -> None:
        """`key_file` is the JSON of the service account; `clock` gives Unix seconds. Raises `ConfigError`."""
        super().__init__(wire, base_url, b"")
        account = ServiceAccount(key_file.encode())
        self._endpoint = TokenEndpoint(wire, account.token_uri)
        self._tokens = GoogleTokens(account, self._endpoint, clock=clock)
        self._bearer = b""

    def head(self, path: bytes, extra: bytes, body: bytes) -> bytes:
        """The head of a POST of `body`, with the token that `idle` or `connect` saw to."""
        return super().head(path, self._bearer + extra, body)

    def idle(self) -> UpstreamConnection | None:
        """A connection that waits for work, if the token is good; else None, so that `connect` sees to it."""
        return super().idle() if self._bearer and self._tokens.fresh() else None

    async def connect(self) -> UpstreamConnection | OutcomeKind:
        """Have a good token, and then an idle connection or a new one; why there is none otherwise."""
        token = await self._tokens.get()
        if isinstance(token, Outcome):
            return token.kind
        self._bearer = b"authorization: Bearer %b\r\n" % token.reveal().encode("ascii")
        return super().idle() or await super().connect()

    def refused(self) -> None:
        """The provider says that the token is none: the next request fetches another."""
        if self._tokens.forget():
            self._bearer = b""

    def close(self) -> None:
        """Close every connection, those to the token endpoint too."""
        self._endpoint.upstream.close()
        super().close()

    def close_idle(self) -> None:
        """Close the connections that wait for work, those to the token endpoint too."""
        self._endpoint.upstream.close_idle()
        super().close_idle()


async def _arrival(waiter: Waiter[OutcomeKind | None]) -> OutcomeKind | None:
    """What a waiter brings, awaited inside a task."""
    future: asyncio.Future[OutcomeKind | None] = asyncio.get_running_loop().create_future()

    async def wait() -> None:
        found = await waiter
        if not future.done():
            future.set_result(found)

    drive(wait(), lambda _error: None)
    return await future


def check_token_uri(token_uri: str, dialer: Dialer) -> None:
    """Raise `ConfigError` for an address that is neither Google's nor a private one that the operator allows.

    Who brings a key file may not choose to which host this gateway talks.
    """
    host = urlsplit(token_uri).hostname or ""
    try:
        known = not ipaddress.ip_address(host).is_global and dialer.allows(host)
    except ValueError:
        known = host.endswith(GOOGLE)
    if not known:
        raise ConfigError(
            "the token_uri of the Google service account is not an address of googleapis.com, nor a private one that [network] allows"
        )
