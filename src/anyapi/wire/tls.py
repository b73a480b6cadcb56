"""TLS over memory buffers, for both hops.

asyncio's own TLS keeps buffers of its own for every connection: 297 KB a held stream under the scrubbing allocator, against 34 KB here
(docs/adr/0007). `TlsPipe` is the protocol of the socket and the transport of the protocol inside: plaintext goes through the inner
protocol's buffer, so it is wiped like everything else.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Iterable

from anyapi.wire.deadlines import NEVER

READ_SIZE = 64 * 1024
PIECE = 8 * 1024
"""Bytes that pass through a memory buffer of OpenSSL's at once: it keeps the largest size that it ever had, and a third more."""
HANDSHAKE_PIECE = 512
"""The same while the handshake lasts: its few KB would otherwise be what an ordinary connection holds to its end."""


class TlsPipe(asyncio.BufferedProtocol):
    """Sits between a socket and a `BufferedProtocol`.

    `inner` gets `connection_made(pipe)` only after the handshake; `failed` is called with the error when the handshake does not succeed.
    """

    __slots__ = (
        "_cipher",
        "_closing",
        "_failed",
        "_incoming",
        "_inner",
        "_object",
        "_opened",
        "_outgoing",
        "_ready",
        "_transport",
        "deadline",
    )

    def __init__(
        self,
        context: ssl.SSLContext,
        inner: asyncio.BufferedProtocol,
        *,
        server_name: str | None,
        failed: Callable[[Exception], None],
        cipher: memoryview,
        opened: Callable[[], None] | None = None,
    ) -> None:
        """`server_name` None: we are the server. `cipher` is a shared buffer for bytes off the wire. `opened` hears of success."""
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_side=server_name is None, server_hostname=server_name)
        self._inner, self._failed, self._cipher = inner, failed, cipher
        self._transport: asyncio.Transport | None = None
        self._ready = self._closing = False
        self._opened = opened
        self.deadline = NEVER

    def expired(self) -> None:
        """The handshake did not come in time."""
        self.abort()

    # --- protocol of the socket

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open: begin the handshake."""
        self._transport = transport  # type: ignore[assignment]
        self._handshake()

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""
        self._transport = None
        if self._ready:
            self._inner.connection_lost(exc)
        else:
            self._failed(exc or ConnectionResetError("closed during the TLS handshake"))

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002
        """Where the loop puts bytes off the wire."""
        return self._cipher

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes off the wire: decrypt and pass on."""
        if self._closing:
            return
        start = 0
        while start < nbytes and not self._closing:
            end = min(nbytes, start + (PIECE if self._ready else HANDSHAKE_PIECE))
            self._incoming.write(self._cipher[start:end])
            start = end
            if self._ready or self._handshake():
                self._read()

    def eof_received(self) -> None:
        """The peer closed without a TLS goodbye: what arrived may be cut short, so the inner protocol sees a lost connection."""
        return

    def pause_writing(self) -> None:
        """Pass on."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Pass on."""
        self._inner.resume_writing()

    # --- transport of the inner protocol

    def write(self, data: bytes) -> None:
        """Encrypt and send."""
        if self._transport is None or self._closing:
            return
        view = memoryview(data)
        while view:
            view = view[self._object.write(view[:PIECE]) :]
            self._flush()

    def writelines(self, parts: Iterable[bytes]) -> None:
        """Encrypt and send, one after the other."""
        for part in parts:
            self.write(part)

    def close(self) -> None:
        """Say goodbye and close once everything is written."""
        if self._transport is None or self._closing:
            return
        self._closing = True
        with contextlib.suppress(ssl.SSLError):  # the peer's goodbye is not awaited
            self._object.unwrap()
        self._flush()
        self._transport.close()

    def can_write_eof(self) -> bool:
        """Whether our side can be closed alone: what still arrives is then dropped."""
        return True

    def write_eof(self) -> None:
        """Say goodbye and close our side once everything is written; the peer's side stays open until it closes, or we abort."""
        if self._transport is None or self._closing:
            return
        self._closing = True
        with contextlib.suppress(ssl.SSLError):
            self._object.unwrap()
        self._flush()
        self._transport.write_eof()

    def abort(self) -> None:
        """Close at once, losing what is not yet written."""
        self._closing = True
        if self._transport is not None:
            self._transport.abort()

    def is_closing(self) -> bool:
        """Whether the pipe is closed or about to be."""
        return self._closing or self._transport is None or self._transport.is_closing()

    def pause_reading(self) -> None:
        """Stop reading from the socket."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read from the socket again."""
        if self._transport is not None:
            self._transport.resume_reading()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Pass on."""
        if self._transport is not None:
            self._transport.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        """Bytes not yet taken by the kernel."""
        return self._transport.get_write_buffer_size() if self._transport is not None else 0

    def get_extra_info(self, name: str, default: object = None) -> object:
        """What the socket's transport knows."""
        return self._transport.get_extra_info(name, default) if self._transport is not None else default

    # --- inside

    def _flush(self) -> None:
        if self._outgoing.pending and self._transport is not None:
            self._transport.write(self._outgoing.read())

    def _handshake(self) -> bool:
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return False
        except ssl.SSLError as error:
            self._flush()
            self._fail(error)
            return False
        self._ready = True
        self.deadline = NEVER
        self._flush()
        if self._opened is not None:
            self._opened()
        self._opened, self._failed = None, _ignore  # nothing to say any more, and they may hold much
        self._inner.connection_made(self)  # type: ignore[arg-type]
        return True

    def _read(self) -> None:
        while not self._closing:
            buffer = self._inner.get_buffer(READ_SIZE)
            try:
                count = self._object.read(min(len(buffer), READ_SIZE), buffer)  # type: ignore[arg-type]
            except ssl.SSLWantReadError:
                break
            except ssl.SSLError as error:
                self._fail(error)
                return
            if not count:  # the peer said goodbye: nothing more will come
                self.close()
                return
            self._inner.buffer_updated(count)  # type: ignore[arg-type] # with a buffer, read() returns a count
        self._flush()

    def _fail(self, error: Exception) -> None:
        self._closing = True
        if self._transport is not None:
            self._transport.abort()
        if not self._ready:
            failed, self._failed = self._failed, _ignore
            failed(error)


def _ignore(_error: Exception) -> None:
    """The failure was reported already."""
