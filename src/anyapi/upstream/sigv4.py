"""AWS Signature Version 4 for one POST, in headers. Opens no connection and reads no environment; holds the secret, and never prints it.

Source: AWS, "Create a signed AWS API request" (Signature Version 4), proven by the vectors that AWS publishes. Only what Bedrock needs is
here: no query string, no presigned address, no chunked body, no normalization of `.` and `..` in a path (no path of ours has them).
"""

import hashlib
import hmac
import time
from collections.abc import Callable
from urllib.parse import quote

from anyapi.errors import ConfigError

ALGORITHM = "AWS4-HMAC-SHA256"
JSON = b"application/json"


class AwsKey:
    """An access key as AWS issues it. Holds the secret: never printed, never pickled."""

    __slots__ = ("access_key_id", "secret_access_key", "session_token")

    def __init__(self, access_key_id: str, secret_access_key: str, session_token: str = "") -> None:
        """`session_token` goes with temporary keys. Raises `ConfigError` for a text that no header can carry, without naming it."""
        for name, text in (("access key id", access_key_id), ("secret access key", secret_access_key), ("session token", session_token)):
            if not text.isascii() or " " in text or not (text.isprintable() if text else name == "session token"):
                raise ConfigError(f"the {name} of AWS is empty or has characters that no header can carry")
        self.access_key_id, self.secret_access_key, self.session_token = access_key_id, secret_access_key, session_token

    def __repr__(self) -> str:
        """Never the secret."""
        return "<AwsKey>"

    def __reduce__(self) -> str:
        """Refuse to be pickled or copied."""
        raise TypeError("an access key cannot be pickled")


class Signer:
    """Signs requests of one key to one region and service. Without state but the signing key of the day."""

    __slots__ = ("_clock", "_day", "_derived", "_key", "_scope")

    def __init__(self, key: AwsKey, region: str, service: str = "bedrock", clock: Callable[[], float] = time.time) -> None:
        """`clock` gives Unix seconds; AWS refuses a signature whose time is over 5 minutes away from its own."""
        self._key, self._clock = key, clock
        self._scope = f"{region}/{service}/aws4_request"
        self._day = ""
        self._derived = b""

    def __repr__(self) -> str:
        """Never the secret."""
        return f"<Signer {self._scope}>"

    def sign(self, host: bytes, path: bytes, body: bytes, content_type: bytes = JSON) -> bytes:
        """The header lines to add, each ending in CRLF: `x-amz-date`, `x-amz-security-token` if there is one, and `authorization`.

        `host` and `content_type` as the head states them (an empty content type: the head states none), `path` as the request line does.
        """
        now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(self._clock()))
        rows = {"content-type": content_type.decode("ascii"), "host": host.decode("ascii"), "x-amz-date": now}
        if not content_type:
            del rows["content-type"]
        if self._key.session_token:
            rows["x-amz-security-token"] = self._key.session_token
        names = ";".join(rows)  # INVARIANT: in alphabetical order, as the signature wants them
        stated = "".join(f"{name}:{value}\n" for name, value in rows.items())
        asked = f"POST\n{canonical(path)}\n\n{stated}\n{names}\n{hashlib.sha256(body).hexdigest()}"
        scope = f"{now[:8]}/{self._scope}"
        text = f"{ALGORITHM}\n{now}\n{scope}\n{hashlib.sha256(asked.encode()).hexdigest()}"
        signature = _mac(self._signing_key(now[:8]), text).hex()
        token = f"x-amz-security-token: {self._key.session_token}\r\n" if self._key.session_token else ""
        who = f"Credential={self._key.access_key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
        return f"x-amz-date: {now}\r\n{token}authorization: {ALGORITHM} {who}\r\n".encode("ascii")

    def _signing_key(self, day: str) -> bytes:
        """The key that belongs to a day; derived once, because it costs four hashes."""
        if day != self._day:
            self._derived = signing_key(self._key.secret_access_key, day, self._scope)
            self._day = day
        return self._derived


def signing_key(secret: str, day: str, scope: str) -> bytes:
    """Derive the signing key of a day (`20150830`) and a scope (`region/service/aws4_request`)."""
    key = b"AWS4" + secret.encode()
    for part in (day, *scope.split("/")):
        key = _mac(key, part)
    return key


def canonical(path: bytes) -> str:
    """The path as it is signed: every service but S3 encodes the encoded path once more, so `%3A` becomes `%253A`."""
    return quote(path or b"/", safe="/~")


def _mac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
