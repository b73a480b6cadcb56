"""Limits of the data plane, all finite from the first day. Bytes and seconds."""

import msgspec

from anyapi.errors import RequestTooLarge


class Limits(msgspec.Struct, frozen=True):
    """What one client may cost us; the figures are defaults of the configuration."""

    max_header_bytes: int = 32 * 1024
    max_headers: int = 100
    max_body_bytes: int = 32 * 1024 * 1024
    max_connections: int = 8000
    max_pipelined: int = 16
    """Requests that may wait behind the one being answered on the same connection."""
    unauthenticated_body_bytes: int = 64 * 1024
    """A larger body is read only from a caller whose key is known."""
    header_timeout: float = 10.0
    body_timeout: float = 30.0
    """Between two reads of a body."""
    idle_timeout: float = 75.0
    """Between two requests of a connection."""
    write_timeout: float = 120.0
    """How long a client may leave its receive window shut while an answer waits."""
    drain_timeout: float = 30.0
    write_buffer: int = 64 * 1024
    """Bytes that may wait for a slow client before the provider is paused."""

    def body_too_large(self) -> RequestTooLarge:
        """What a client hears whose body is."""
        limit = self.max_body_bytes
        return RequestTooLarge(f"The body is larger than {limit} bytes, which is what this gateway takes.", {"max_body_bytes": limit})
