"""One HTTP request as the data plane sees it, before anybody has looked at its body."""

import re
import sys

from anyapi.errors import BadRequest

HOST = re.compile(rb"[A-Za-z0-9.\-_]*(\[[0-9A-Fa-f:.]+\])?(:\d{1,5})?")
SINGLE = frozenset({b"host", b"authorization", b"x-api-key", b"content-type", b"x-request-id", b"content-length", b"expect"})
REQUEST_ID = re.compile(rb"[A-Za-z0-9._:@-]{1,128}")


class Call:
    """Method, path, headers and body of one request. Holds content: never printed, never stored.

    `headers` are pairs of lower-case name and value bytes, in order, at most `Limits.max_headers`.
    """

    __slots__ = ("body", "close_after", "credential", "has_policy_headers", "headers", "http10", "method", "path", "query", "request_id")

    def __init__(self) -> None:
        """An empty call; the server fills it while it parses."""
        self.method = self.path = self.query = ""
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""
        self.credential: bytes | None = None
        """The API key as the client sent it, without `Bearer`."""
        self.request_id: bytes | None = None
        self.http10 = self.close_after = self.has_policy_headers = False

    def __repr__(self) -> str:
        """Never the content."""
        return f"<Call {self.method}>"

    def header(self, name: bytes) -> bytes | None:
        """The first value of a header, by lower-case name."""
        for key, value in self.headers:
            if key == name:
                return value
        return None

    def policy_headers(self) -> list[tuple[str, str]]:
        """The `x-anyapi-*` headers as text. Raises `BadRequest` where a value is not ASCII."""
        try:
            return [(key.decode("ascii"), value.decode("ascii")) for key, value in self.headers if key.startswith(b"x-anyapi-")]
        except UnicodeDecodeError:
            raise BadRequest("An X-AnyAPI-* header holds characters outside ASCII. Send plain ASCII values.", "headers") from None


def read_head(call: Call) -> int:
    """Check what must stand once, find credential and request id, split the target; return the declared length (0 if none).

    Raises `BadRequest`. A host is only checked for form: nothing is ever decided by it.
    """
    seen: set[bytes] = set()
    length = 0
    for name, value in call.headers:
        if name not in SINGLE:
            if name.startswith(b"x-anyapi-"):
                call.has_policy_headers = True
            continue
        if name in seen:
            raise BadRequest(f"The header {name.decode('ascii')} stands twice.")
        seen.add(name)
        if name == b"authorization":
            call.credential = value[7:].strip() if value[:7].lower() == b"bearer " else value
        elif name == b"x-api-key":
            call.credential = call.credential or value
        elif name == b"host":
            if HOST.fullmatch(value) is None:
                raise BadRequest("The Host header is not a host name.")
        elif name == b"content-length":
            length = int(value) if value.isdigit() and len(value) < 16 else sys.maxsize
        elif name == b"x-request-id":
            if REQUEST_ID.fullmatch(value) is None:
                raise BadRequest("X-Request-ID may have up to 128 characters of [A-Za-z0-9._:@-].")
            call.request_id = value
    if b"host" not in seen and not call.http10:
        raise BadRequest("The Host header is missing.")
    if b"authorization" in seen and b"x-api-key" in seen and call.header(b"x-api-key") != call.credential:
        raise BadRequest("Authorization and x-api-key name different keys. Send one.")
    target = call.path
    if not target.startswith("/"):
        raise BadRequest("The request target must be a path.")
    call.path, _, call.query = target.partition("?")
    return length
