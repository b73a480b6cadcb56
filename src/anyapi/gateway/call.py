"""One HTTP request as the data plane sees it, before anybody has looked at its body."""

import re
import sys
from types import MappingProxyType

import msgspec

from anyapi.errors import BadRequest

HOST = re.compile(rb"[A-Za-z0-9.\-_]*(\[[0-9A-Fa-f:.]+\])?(:\d{1,5})?")
REQUEST_ID = re.compile(rb"[A-Za-z0-9._:@-]{1,128}")
BEARER = b"Bearer "
POLICY_PREFIX = b"x-anyapi-"
LIKE_OURS = re.compile(rb"x[-_]?any[-_]?api([-_]|$)", re.IGNORECASE)
"""How the name of a header begins that was meant to be one of ours."""
NAMES = (
    b"Host",
    b"Authorization",
    b"X-API-Key",
    b"Content-Type",
    b"Content-Length",
    b"Expect",
    b"Transfer-Encoding",
    b"Content-Encoding",
    b"X-Request-ID",
    b"Origin",
    b"Access-Control-Request-Headers",
    b"Anthropic-Beta",
)
"""The headers that mean something here; all others are counted and dropped."""
KNOWN = {spelling: name.lower() for name in NAMES for spelling in (name, name.lower(), name.title())}
PASSED_OVER = frozenset(
    spelling
    for name in b"""
    Accept Accept-Encoding Accept-Language Anthropic-Version Cache-Control Connection OpenAI-Beta Sec-Fetch-Mode User-Agent Via
    X-Forwarded-For X-Forwarded-Host X-Forwarded-Port X-Forwarded-Proto X-Real-IP X-Stainless-Arch X-Stainless-Async
    X-Stainless-Helper-Method X-Stainless-Lang X-Stainless-OS X-Stainless-Package-Version X-Stainless-Read-Timeout
    X-Stainless-Retry-Count X-Stainless-Runtime X-Stainless-Runtime-Version X-Stainless-Timeout
    """.split()
    for spelling in (name, name.lower(), name.title())
)
"""Those of others that clients' libraries and proxies send with every request: known not to be a misspelt one of ours at one look."""
ANSWERED_BY = (b"origin", b"x-request-id")
"""Headers that an answer goes by."""
PLAIN = frozenset({b"transfer-encoding", b"content-encoding"})
VERSIONS = frozenset({"1.1", "1.0"})
MAY_REPEAT = frozenset({b"anthropic-beta", b"access-control-request-headers", b"traceparent"})


NO_HEADERS: dict[bytes, bytes] = MappingProxyType({})  # type: ignore[assignment]
NO_POLICY: list[tuple[bytes, bytes]] = ()  # type: ignore[assignment]
"""What a call holds that was let go: one for all, so nobody may write into it."""
_paths: dict[bytes, bytes] = {}
"""Paths of operations that stream, each as the one object that every call of it may hold."""


class Call(msgspec.Struct, gc=False):
    """Method, path, headers and body of one request. Holds content: never printed, never stored."""

    method: bytes = b""
    path: bytes = b""
    query: bytes = b""
    body: bytes = b""
    headers: dict[bytes, bytes] = {}
    """The known headers, by lower-case name."""
    policy: list[tuple[bytes, bytes]] = []
    """The `X-AnyAPI-*` headers, names in lower case, in order."""
    credential: bytes | None = None
    """The API key as the client sent it, without `Bearer`."""
    version: str = "1.1"
    close_after: bool = False

    def __repr__(self) -> str:
        """Never the content."""
        return "<Call>"

    @property
    def http10(self) -> bool:
        """Whether the client speaks HTTP/1.0: no chunks, no keep-alive."""
        return self.version == "1.0"

    @property
    def request_id(self) -> bytes | None:
        """The `X-Request-ID` that is echoed; never stored."""
        return self.headers.get(b"x-request-id")

    def take(self, name: bytes, value: bytes) -> None:
        """Keep a header if it is known. Raises `BadRequest` for one that stands twice and may not."""
        known = KNOWN.get(name) or KNOWN.get(name.lower())
        if known is not None:
            if known not in self.headers:
                self.headers[known] = value.strip()
            elif known in MAY_REPEAT:
                self.headers[known] += b"," + value.strip()
            else:
                raise BadRequest(f"The header {known.decode('ascii')} stands twice.")
        elif is_ours(name):
            self.policy.append((name.lower(), value.strip()))
        elif name[:1] in b"xX" and LIKE_OURS.match(name):
            raise BadRequest(
                "A header is named like X-AnyAPI-* and is not: nothing would read it. Write X-AnyAPI- with two hyphens.", "headers"
            )

    def rest(self) -> None:
        """A stream was asked for and waits for its answer: of method and headers only what that one goes by is still needed."""
        self.method, self.version, self.policy = b"", sys.intern(self.version), self.policy or NO_POLICY
        self.path = _paths.setdefault(self.path, self.path)  # only an operation's path gets here, so there are few
        self.headers = {name: self.headers[name] for name in ANSWERED_BY if name in self.headers} or NO_HEADERS

    def forget(self) -> None:
        """The answer has begun: of the request only what tells how to end it is still needed. A stream may last for minutes."""
        self.rest()
        self.path = self.query = self.body = b""
        self.credential = None
        self.headers, self.policy = NO_HEADERS, NO_POLICY

    def policy_headers(self) -> list[tuple[str, str]]:
        """The `X-AnyAPI-*` headers as text. Raises `BadRequest` where one is not ASCII."""
        try:
            return [(key.decode("ascii"), value.decode("ascii")) for key, value in self.policy]
        except UnicodeDecodeError:
            raise BadRequest("An X-AnyAPI-* header holds characters outside ASCII. Send plain ASCII values.", "headers") from None


def take_too(name: bytes) -> None:
    """From now on keep a header (lower-case name) that means something only where the operator asked for what it is for."""
    KNOWN.update({name: name, name.title(): name})


def is_ours(name: bytes) -> bool:
    """Whether a header is one of ours, known or not."""
    return name[:9].lower() == POLICY_PREFIX


def has_body(call: Call) -> bool:
    """Whether the head says that a body follows."""
    return b"transfer-encoding" in call.headers or call.headers.get(b"content-length", b"0").strip(b"0") != b""


def leaves_body(call: Call, *, upgrade: bool) -> bool:
    """Whether the parser leaves a body unread, as it does behind a head that asks for another protocol."""
    return upgrade and has_body(call)


def without_upgrade(call: Call) -> bytes:
    """The same head again, of what is known of it, without the wish to change the protocol: clients may state it with any request.

    The JDK's HTTP client does with its first one. The parser would take what follows for the other protocol.
    """
    target = call.path + b"?" + call.query if call.query else call.path
    known = [(name, value) for name, value in call.headers.items() if name != b"expect"] + [*call.policy]
    start = b"%b %b HTTP/%b\r\n" % (call.method, target, call.version.encode())
    return b"%b%b\r\n" % (start, b"".join(b"%b: %b\r\n" % row for row in known))


def read_head(call: Call) -> int:
    """Check the head, find the credential, split the target; give the declared length (0 if none). Raises `BadRequest`.

    A host is only checked for form: nothing is ever decided by it.
    """
    headers = call.headers
    if call.version not in VERSIONS:
        raise BadRequest("HTTP/1.1 and HTTP/1.0 are spoken here.")
    if not PLAIN.isdisjoint(headers):
        _check_codings(headers)
    host = headers.get(b"host")
    if host not in _seen_hosts:
        _check_host(host, call)
    _read_credential(call)
    if b"x-request-id" in headers:
        _check_request_id(headers[b"x-request-id"])
    if not call.path.startswith(b"/"):
        raise BadRequest("The request target must be a path.")
    if b"?" in call.path:
        call.path, _, call.query = call.path.partition(b"?")
    length = headers.get(b"content-length")
    if length is None:
        return 0
    return int(length) if len(length) < 16 and length.isdigit() else sys.maxsize


_seen_hosts: set[bytes | None] = set()
"""Well-formed hosts, so that the same one is matched once; bounded, since it is the client who fills it."""


def _check_codings(headers: dict[bytes, bytes]) -> None:
    """A coding that is not undone must not pass: whoever stands in front may read another body (RFC 9112, 6.1; RFC 9110, 8.4)."""
    if headers.get(b"transfer-encoding", b"chunked").lower() != b"chunked":
        raise BadRequest("The only transfer coding that is understood is chunked.", "Transfer-Encoding")
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise BadRequest("Request bodies are taken as they are: send no Content-Encoding.", "Content-Encoding")


def _check_request_id(value: bytes) -> None:
    if REQUEST_ID.fullmatch(value) is None:
        raise BadRequest("X-Request-ID may have up to 128 characters of [A-Za-z0-9._:@-].")


def _check_host(host: bytes | None, call: Call) -> None:
    if host is None:
        if not call.http10:
            raise BadRequest("The Host header is missing.")
    elif HOST.fullmatch(host) is None:
        raise BadRequest("The Host header is not a host name.")
    elif len(_seen_hosts) < 100 and len(host) < 256:
        _seen_hosts.add(host)


def _read_credential(call: Call) -> None:
    authorization, api_key = call.headers.get(b"authorization"), call.headers.get(b"x-api-key")
    if authorization is not None:
        if authorization.startswith(BEARER) or authorization[:7].lower() == b"bearer ":
            authorization = authorization[7:].strip()
        call.credential = authorization
        if api_key is not None and api_key != call.credential:
            raise BadRequest("Authorization and x-api-key name different keys. Send one.")
    else:
        call.credential = api_key
