"""Access tokens for Vertex AI from a service account: the JWT bearer grant (RFC 7523), signed RS256 (RFC 7515, RFC 7518).

The exchange goes through a POST that is handed in, so that it uses the gateway's own connections, and to the `token_uri` of the account's
file and nowhere else. Nothing is stored or printed; other kinds of Google credentials (user, metadata server, federation) are not read.
"""

import asyncio
import base64
import re
import time
from collections.abc import Awaitable, Callable
from typing import NoReturn, TypeAlias
from urllib.parse import urlencode, urlsplit

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from anyapi.crypto.secret import Secret
from anyapi.domain.decision import Outcome, OutcomeKind
from anyapi.errors import ConfigError
from anyapi.upstream.classify import kind_of_status

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
CONTENT_TYPE = b"application/x-www-form-urlencoded"
LIFETIME = 3600
"""Seconds that an assertion is good for: Google's most."""
MARGIN = 60.0
"""Seconds before a token's end from which it is not begun with any more."""
EARLY = 300.0
"""Seconds before a token's end from which a new one is fetched while it still serves."""
PAUSE = 30.0
"""Seconds between two attempts at that, and the least age of a token that is given up because it was refused."""
LEAST_KEY_BITS = 2048
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
TOKEN = re.compile(r"[\x21-\x7e]{1,8192}")
"""What an HTTP header can carry."""

Post: TypeAlias = Callable[[str, bytes, bytes], Awaitable[tuple[int, bytes]]]
"""POST a body to a URL with a content type; gives status and body. Raises `OSError` or `TimeoutError` when nothing was answered."""

_encode = msgspec.json.Encoder().encode


class _File(msgspec.Struct):
    """The parts of a service account's file that are read."""

    type: str
    client_email: str
    private_key: str
    token_uri: str
    private_key_id: str = ""
    project_id: str = ""

    def __repr__(self) -> str:
        """Never the key."""
        return "<service account file>"


class _Granted(msgspec.Struct):
    access_token: str
    expires_in: float

    def __repr__(self) -> str:
        """Never the token."""
        return "<token>"


_file = msgspec.json.Decoder(_File)
_granted = msgspec.json.Decoder(_Granted)


class ServiceAccount:
    """Who asks for tokens, and the key that proves it. Does not print, and cannot be pickled."""

    __slots__ = ("_key", "email", "key_id", "project", "token_uri")

    def __init__(self, file: bytes) -> None:
        """Read the JSON of a service account's key file. Raises `ConfigError`, which says what is wrong and holds nothing of the file."""
        found = _read(file)
        self._key = _key(found.private_key)
        self.email, self.key_id, self.project, self.token_uri = found.client_email, found.private_key_id, found.project_id, found.token_uri

    def __repr__(self) -> str:
        """Never the key."""
        return "<ServiceAccount>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        """Refused: it holds a key."""
        raise TypeError("a service account's key cannot be pickled")

    def assertion(self, now: int, scope: str) -> str:
        """A signed JWT (RFC 7523, section 3) that asks for `scope`, issued at `now` (Unix seconds) and good for an hour."""
        header = {"alg": "RS256", "typ": "JWT"} | ({"kid": self.key_id} if self.key_id else {})
        claims = {"iss": self.email, "scope": scope, "aud": self.token_uri, "iat": now, "exp": now + LIFETIME}
        signed = b".".join(_base64url(_encode(part)) for part in (header, claims))
        signature = self._key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
        return (signed + b"." + _base64url(signature)).decode()


class GoogleTokens:
    """Keeps one access token fresh. Safe for many callers at once on one loop: they share one exchange."""

    __slots__ = ("_account", "_again", "_clock", "_end", "_fetching", "_post", "_scope", "_since", "_token")

    def __init__(self, account: ServiceAccount, post: Post, *, clock: Callable[[], float] = time.time, scope: str = SCOPE) -> None:
        """`post` sends the exchange; `clock` gives Unix seconds."""
        self._account, self._post, self._clock, self._scope = account, post, clock, scope
        self._token: Secret | None = None
        self._since = self._end = self._again = 0.0
        self._fetching: asyncio.Task[Outcome | None] | None = None

    def __repr__(self) -> str:
        """Never the token."""
        return "<GoogleTokens>"

    async def get(self) -> Secret | Outcome:
        """A token that is good for at least 60 s, or why there is none. A token in its last minute serves while no new one can be had.

        Cancelling one caller does not cancel the exchange that the others wait for.
        """
        if self._token is not None and self._good(self._clock(), MARGIN):
            return self._token
        failed = await asyncio.shield(self._fetching or self._start())
        if self._token is not None and self._good(self._clock()):
            return self._token
        return failed or Outcome(OutcomeKind.BAD_RESPONSE)

    def fresh(self) -> bool:
        """Whether the kept token is good for at least 60 s. In its last five minutes one caller has a new one fetched meanwhile."""
        now = self._clock()
        if self._token is None or not self._good(now, MARGIN):
            return False
        if now >= self._end - EARLY and self._fetching is None and now >= self._again:
            self._again = now + PAUSE
            self._start()
        return True

    def _good(self, now: float, margin: float = 0.0) -> bool:
        """Whether the kept token is good for so many seconds. With a clock that was put back to before it was fetched, nobody can tell."""
        return self._since <= now < self._end - margin

    def forget(self) -> bool:
        """Drop the token, which the provider refused, so that the next caller fetches a new one; False where it is too new for that.

        An account that is refused whatever its token must not make every request fetch another.
        """
        if self._token is None or 0.0 <= self._clock() - self._since < PAUSE:
            return False
        self._token = None
        return True

    def _start(self) -> "asyncio.Task[Outcome | None]":
        task = self._fetching = asyncio.create_task(self._fetch())
        task.add_done_callback(self._done)
        return task

    def _done(self, _task: asyncio.Task[Outcome | None]) -> None:
        self._fetching = None

    async def _fetch(self) -> Outcome | None:
        """Exchange an assertion for a token and keep it; gives the reason when there is none."""
        now = self._clock()
        assertion = self._account.assertion(int(now), self._scope)
        body = urlencode({"grant_type": GRANT, "assertion": assertion}).encode()
        try:
            status, answer = await self._post(self._account.token_uri, body, CONTENT_TYPE)
        except TimeoutError:
            return Outcome(OutcomeKind.TIMED_OUT)
        except OSError:
            return Outcome(OutcomeKind.CONNECT_FAILED)
        if status != 200:
            kind = kind_of_status(status)
            # A refused assertion (invalid_grant is a 400) is our credential's fault, not the caller's.
            return Outcome(OutcomeKind.UNAUTHORIZED if kind is OutcomeKind.REJECTED else kind, None, status)
        try:
            granted = _granted.decode(answer)
        except (ValueError, RecursionError):
            return Outcome(OutcomeKind.BAD_RESPONSE)
        if not TOKEN.fullmatch(granted.access_token) or not granted.expires_in > 0:
            return Outcome(OutcomeKind.BAD_RESPONSE)
        self._token, self._since, self._end = Secret(granted.access_token), now, now + min(granted.expires_in, LIFETIME)
        return None


def _read(file: bytes) -> _File:
    try:
        found = _file.decode(file)
    except (ValueError, RecursionError):
        found = None
    if found is None or found.type != "service_account" or not found.client_email:
        raise ConfigError(
            "the Google credential is not the JSON key file of a service account. Create a key for a service account that may use "
            "Vertex AI, and give its file."
        )
    try:
        uri = urlsplit(found.token_uri)
        good = bool(uri.hostname) and (uri.scheme == "https" or (uri.scheme == "http" and uri.hostname in LOOPBACK))
    except ValueError:
        good = False
    if not good:
        raise ConfigError("the token_uri of the Google service account must be an https: address")
    return found


def _key(pem: str) -> rsa.RSAPrivateKey:
    try:
        key = serialization.load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None  # raised below, so that no traceback holds the text
    if not isinstance(key, rsa.RSAPrivateKey) or key.key_size < LEAST_KEY_BITS:
        raise ConfigError(f"the private_key of the Google service account is no RSA key of at least {LEAST_KEY_BITS} bits in PEM form")
    return key


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
