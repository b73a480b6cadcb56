"""What a client connection needs of others: the server it belongs to, and the provider exchange that serves it."""

import asyncio
from typing import TYPE_CHECKING, Protocol

from anyapi.gateway.call import Call
from anyapi.gateway.holding import Held
from anyapi.gateway.limits import Limits
from anyapi.wire.buffers import ReadBuffer
from anyapi.wire.deadlines import Sweep
from anyapi.wire.outbox import Outbox
from anyapi.wire.tasks import Driven
from anyapi.wire.tls import TlsPipe

if TYPE_CHECKING:
    from anyapi.gateway.client import Connection


class Exchange(Protocol):
    """What is going on with a provider on behalf of a client."""

    lasting: bool
    """Whether it is for a stream, so that connections wait for long and should hold little."""

    def abort(self) -> None:
        """The client is gone: close the provider's connection at once."""
        ...

    def pause(self) -> None:
        """The client does not keep up: stop reading from the provider."""
        ...

    def resume(self) -> None:
        """Read from the provider again."""
        ...

    def stop(self) -> None:
        """The server is closing: end the answer with a terminal error."""
        ...


class Shared(Protocol):
    """What a connection needs of the server it belongs to."""

    limits: Limits
    buffer: ReadBuffer
    outbox: Outbox
    sweep: Sweep
    loop: asyncio.AbstractEventLoop
    connections: "set[Connection]"
    handshakes: "set[TlsPipe]"
    """TLS connections that are not yet set up: they count as connections."""
    held: Held
    """What large bodies take."""
    leaving: bool
    """Whether each answer says that it is the connection's last."""
    draining: bool
    """Whether nobody new is served."""
    cors_origins: frozenset[str]

    def handle(self, call: Call, connection: "Connection") -> Driven:
        """What answers one call through the connection, to be run; when it raises then, `failed` tells the client."""
        ...

    def failed(self, error: Exception, connection: "Connection") -> None:
        """Answer a connection's current call with the error that it came to, or cut the connection. Raises nothing."""
        ...

    def may_send(self, credential: bytes | None) -> bool:
        """Whether a credential is known, before a large body is read."""
        ...

    def allows_origin(self, origin: bytes) -> bool:
        """Whether a page of this origin may read answers."""
        ...

    def report(self, error: Exception) -> None:
        """Hear of an error nobody foresaw; take its type only, since its text may hold content."""
        ...
