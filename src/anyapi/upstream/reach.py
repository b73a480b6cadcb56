"""Whether the provider of a credential can be reached, as its connections find it: told when that changes, for the operator's log.

Callers learn only that it could not be reached. Why it could not (a name, a certificate, a network that is not allowed) is the
operator's to mend, and nothing else says it.
"""

import socket
import ssl
import time
from collections.abc import Callable

from anyapi.upstream.dialer import AddressRefused

QUIET_SECONDS = 60.0
"""A provider that comes and goes is told of once in this time."""
_EXPIRED, _NAMES = 10, frozenset({62, 64})
"""What OpenSSL calls them (X509_V_ERR_CERT_HAS_EXPIRED, _HOSTNAME_MISMATCH, _IP_ADDRESS_MISMATCH)."""


def reason_of(error: Exception) -> str:
    """A word for why a connection was not had. Nothing of the error's own text."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code == _EXPIRED:
            return "certificate_expired"
        return "certificate_of_another_name" if error.verify_code in _NAMES else "certificate_not_trusted"
    kinds: tuple[tuple[type[Exception], str], ...] = (
        (AddressRefused, "address_not_allowed"),
        (socket.gaierror, "unknown_host"),
        (ConnectionRefusedError, "refused"),
        (TimeoutError, "timed_out"),
        (ssl.SSLError, "tls"),
    )
    return next((word for kind, word in kinds if isinstance(error, kind)), "network")


class Reach:
    """Of one credential. For one thread."""

    __slots__ = ("_clock", "_quiet_until", "_tell", "_told")

    def __init__(self, tell: Callable[[str | None], None], clock: Callable[[], float] = time.monotonic) -> None:
        """`tell` is called with the word of a failure, and with None when it is over; never twice with the same."""
        self._tell, self._clock = tell, clock
        self._told: str | None = None
        self._quiet_until = clock()

    def failed(self, error: Exception) -> None:
        """A connection was not had."""
        reason, now = reason_of(error), self._clock()
        if reason != self._told and now >= self._quiet_until:
            self._told, self._quiet_until = reason, now + QUIET_SECONDS
            self._tell(reason)

    def succeeded(self) -> None:
        """One was had."""
        if self._told is not None:
            self._told = None
            self._tell(None)
