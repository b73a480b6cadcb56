"""One HTTP request to an address that an operator or an account named, with every address checked before it is connected to.

No redirect is followed, no proxy variable is read, nothing is sent in the clear to a public address; the whole takes a limited time and a
limited number of bytes. Blocking: call it in a thread. Providers are not asked this way (`upstream` is).
"""

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import SplitResult, urlsplit

import msgspec

from anyapi.errors import AnyAPIError

CHUNK = 64 * 1024
_UNWANTED = frozenset(" \\#")
"""Characters that no address has that is asked here: a fragment is for browsers."""
Allows = Callable[[str], bool]
"""Whether an address (no name) may be connected to: `Dialer.allows`."""


class NotReached(AnyAPIError):
    """The other side could not be asked, or its answer not be taken. `code` is a word of ours."""

    def __init__(self, code: str, message: str) -> None:
        """`message` holds neither the address nor anything that the other side said."""
        super().__init__(message, {"code": code})
        self.code = code


class Limits(msgspec.Struct, frozen=True):
    """What a request may cost: seconds from beginning to end, bytes of the answer's body."""

    seconds: float
    bytes: int


class Sent(msgspec.Struct, frozen=True):
    """What is sent. `method` GET has no body."""

    method: str
    url: str
    body: bytes | None = None
    headers: Mapping[str, str] = {}

    def __repr__(self) -> str:
        """The method only: an address may hold a token."""
        return f"<{self.method}>"


class Received(msgspec.Struct, frozen=True):
    """Status and body of an answer."""

    status: int
    body: bytes

    def __repr__(self) -> str:
        """The status only."""
        return f"<{self.status}>"


def usable_url(url: str) -> SplitResult | None:
    """The parts of an address that can be asked: http or https, a host, no user name, no fragment; None for any other."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    plain = url.isascii() and url.isprintable() and _UNWANTED.isdisjoint(url)
    whole = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc and port != 0
    return parts if plain and whole else None


def request(sent: Sent, allows: Allows, limits: Limits, progress: Callable[[int], None] | None = None) -> Received:
    """Send it and read the answer, whatever its status. Raises `NotReached`. `progress` hears how many bytes came so far."""
    parts = usable_url(sent.url)
    if parts is None:
        raise NotReached("address_unusable", "the address must be http or https, with a host, without user name and fragment")
    deadline = time.monotonic() + limits.seconds
    try:
        return _exchange(sent, _Connection(parts, allows, deadline), parts, limits, progress)
    except NotReached:
        raise
    except (TimeoutError, socket.gaierror, ssl.SSLError, OSError, http.client.HTTPException, UnicodeError, ValueError) as error:
        if time.monotonic() >= deadline or isinstance(error, TimeoutError):
            raise NotReached("timed_out", f"there was no whole answer within {limits.seconds:g} s") from None
        raise NotReached(_code_of(error), f"the address does not answer as it should ({_code_of(error)})") from None


def _exchange(
    sent: Sent, connection: "_Connection", parts: SplitResult, limits: Limits, progress: Callable[[int], None] | None
) -> Received:
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    with contextlib.closing(connection), connection.cut_off():
        connection.request(sent.method, path, sent.body, {"user-agent": "anyapi", "accept-encoding": "identity", **sent.headers})
        answer = connection.getresponse()
        body = bytearray()
        while chunk := answer.read1(CHUNK):
            body += chunk
            if len(body) > limits.bytes:
                raise NotReached("too_large", f"the answer is larger than {limits.bytes} bytes")
            if progress is not None:
                progress(len(body))
        if answer.length:
            raise ConnectionAbortedError
        return Received(answer.status, bytes(body))


def _code_of(error: Exception) -> str:
    if isinstance(error, socket.gaierror):
        return "unknown_host"
    if isinstance(error, ssl.SSLError):
        return "tls_failed"
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if isinstance(error, ConnectionAbortedError):
        return "broken_off"
    return "not_http" if isinstance(error, http.client.HTTPException) else "unreachable"


class _Connection(http.client.HTTPConnection):
    """Connects to an address that was checked, under the host's name."""

    def __init__(self, parts: SplitResult, allows: Allows, deadline: float) -> None:
        self._secure = parts.scheme == "https"
        super().__init__(str(parts.hostname), parts.port or (443 if self._secure else 80))
        self._allows, self._deadline = allows, deadline
        self._raw: socket.socket | None = None

    def connect(self) -> None:
        """Resolve, check, connect to what was checked."""
        found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        addresses = [str(entry[4][0]) for entry in found if self._allows(str(entry[4][0]))]
        if not addresses:
            raise NotReached("address_refused", "the address leads to a network that the operator did not allow (`[network]`)")
        self._raw = self._open(addresses)
        self._raw.settimeout(self._left())
        self.sock = self._raw
        if self._secure:
            self.sock = ssl.create_default_context().wrap_socket(self._raw, server_hostname=self.host)

    def _open(self, addresses: list[str]) -> socket.socket:
        last: OSError | None = None
        for address in addresses:
            if not self._secure and ipaddress.ip_address(address.partition("%")[0]).is_global:
                raise NotReached("plain_http", "plain http is for private addresses: use https")
            try:
                return socket.create_connection((address, self.port), timeout=self._left())
            except OSError as error:
                last = error
        raise last or OSError("no address answered")

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    @contextlib.contextmanager
    def cut_off(self) -> Iterator[None]:
        """Cut the connection when the time is over: an answer that trickles would reset any timeout of a single read."""
        timer = threading.Timer(max(0.0, self._deadline - time.monotonic()), self._cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _cut(self) -> None:
        for each in (self._raw, self.sock):
            if each is not None:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
