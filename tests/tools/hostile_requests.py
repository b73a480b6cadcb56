"""Hostile and merely odd requests as data: framing, headers, hosts, targets, methods. Bodies are in `hostile_bodies`.

Each case tells which answers are allowed, whether the connection must close, and how many requests a provider may see at most. What
holds for all: no 5xx, never two upstream requests from one, and every answer is strict HTTP/1.1 with one of the allowed statuses.
The allowed sets come from RFC 9110, RFC 9112 and RFC 8259 and from the promises of the README, not from what a program happens to do.
`@KEY@` and `@HOST@` stand for a valid API key and the gateway's host and port. Nothing here opens a connection.
"""

import enum
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeAlias

from tests.tools.raw_http import HalfClose, Step, sliced

NO_ANSWER = 0
"""Stands in `statuses` where the server may close without an answer."""
PROXY_STATUSES = frozenset({NO_ANSWER, 400, 403, 404, 405, 408, 411, 413, 414, 415, 417, 421, 422, 431, 501, 505})
"""What nginx and haproxy may answer in front, besides the statuses of the case."""
CRLF = b"\r\n"
BODY = (
    b'{"model": "anthropic/claude-3.5-sonnet", "data_policy": {"training_allowed": false, "retention_days": 30}, '
    b'"messages": [{"role": "user", "content": "Hello"}]}'
)
HOST = b"Host: @HOST@"
AUTH = b"Authorization: Bearer @KEY@"
JSON = b"Content-Type: application/json"
CHUNKED = b"Transfer-Encoding: chunked"
GIB = 1 << 30
MIB = 1 << 20


class After(enum.Enum):
    """What becomes of the connection after the answer."""

    CLOSES = "closes"
    EITHER = "either"


class Case(NamedTuple):
    """One exchange. `payload` is the bytes, or makes them in slices (large ones, ones where the slicing matters)."""

    name: str
    payload: "bytes | Callable[[], Iterable[bytes]]"
    statuses: frozenset[int]
    """Allowed for every final answer on the connection."""
    after: After = After.EITHER
    upstream: int = 0
    """Requests that a provider sees at most; exactly so many where every allowed status is 200."""
    responses: int = 1
    """Final answers to wait for."""
    methods: tuple[str, ...] = ("POST",)
    half_close: bool = False
    """The client sends a FIN after the payload."""
    slice: int = 0
    """Bytes a call to send, once the placeholders are filled in; 0: as the payload says."""

    def script(self, key: str, host: str) -> list[Step]:
        """The client's steps, with the placeholders filled in."""
        parts = [self.payload] if isinstance(self.payload, bytes) else self.payload()
        filled = [data.replace(b"@KEY@", key.encode()).replace(b"@HOST@", host.encode()) for data in parts]
        steps: list[Step] = [step for data in filled for step in sliced(data, self.slice or max(1, len(data)))]
        return [*steps, HalfClose()] if self.half_close else steps

    @property
    def served(self) -> bool:
        """Whether this is a valid request, which has to be answered."""
        return self.statuses == frozenset({200})


Lines: TypeAlias = "list[bytes]"


def head(*extra: bytes, line: bytes = b"POST /v1/chat/completions HTTP/1.1", host: bytes | None = HOST, auth: bytes | None = AUTH) -> bytes:
    """A request head: first line, host, key, content type, then the given lines; each ends in CRLF, then the empty line."""
    lines = [line, *(field for field in (host, auth) if field is not None), JSON, *extra]
    return b"".join(field + CRLF for field in lines) + CRLF


def post(body: bytes = BODY, *extra: bytes, **parts: bytes | None) -> bytes:
    """A request with Content-Length."""
    return head(b"Content-Length: %d" % len(body), *extra, **parts) + body


def chunks(*bodies: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    """Bodies as chunks, then the end."""
    return b"".join(b"%x\r\n%s\r\n" % (len(body), body) for body in bodies) + end


def case(name: str, payload: "bytes | Callable[[], Iterable[bytes]]", *statuses: int, **rest: object) -> Case:
    """A case; a provider may see a request exactly where 200 is allowed."""
    return Case(name, payload, frozenset(statuses), **{"upstream": int(200 in statuses), **rest})  # type: ignore[arg-type]


def fatal(name: str, payload: "bytes | Callable[[], Iterable[bytes]]", *statuses: int, **rest: object) -> Case:
    """A case after which the two ends could disagree on where the next request begins: the server must close."""
    return case(name, payload, *(statuses or (400,)), after=After.CLOSES, **rest)


def content_lengths() -> Iterator[Case]:
    """What stands for a length and is none (RFC 9110 section 8.6, RFC 9112 section 6)."""
    size = b"%d" % len(BODY)
    smuggled = b"GET /v1/models HTTP/1.1\r\nHost: @HOST@\r\n" + AUTH + b"\r\n\r\n"

    def length(value: bytes, *extra: bytes) -> bytes:
        return head(b"Content-Length: " + value, *extra) + BODY

    yield case("valid", post(), 200)
    yield case("length-with-tabs-around", head(b"Content-Length:\t" + size + b" \t") + BODY, 200)
    yield case("length-with-leading-zeros", length(b"000" + size), 200, 400)
    yield fatal("length-twice-the-same", length(size, b"Content-Length: " + size))
    yield fatal("length-twice-different", length(size, b"Content-Length: 5"))
    yield fatal("length-twice-different-smaller-first", length(b"5", b"Content-Length: " + size))
    yield fatal("length-as-list", length(size + b", " + size))
    for name, value in {
        "plus": b"+" + size,
        "minus": b"-1",
        "minus-zero": b"-0",
        "hex": b"0x5",
        "empty": b"",
        "inner-space": b"1 2",
        "fraction": size + b".0",
        "exponent": b"1e2",
        "underscore": b"1_0",
        "arabic-digits": "١٢".encode(),
        "word": b"many",
        "quoted": b'"' + size + b'"',
        "comma-end": size + b",",
        "semicolon": size + b";a",
    }.items():
        yield fatal(f"length-{name}", length(value))
    yield fatal("length-of-21-digits", length(b"100000000000000000000"), 400, 413)
    yield fatal("length-2^63", length(b"9223372036854775808"), 400, 413)
    yield fatal("length-wraps-2^64", length(b"%d" % ((1 << 64) + len(BODY))), 400, 413)
    yield fatal("length-wraps-2^32", length(b"%d" % ((1 << 32) + len(BODY))), 413)
    yield fatal("length-of-1-gib", length(b"%d" % GIB), 413)
    yield fatal("length-of-1-gib-expecting-100", head(b"Content-Length: %d" % GIB, b"Expect: 100-continue"), 413)
    yield fatal("length-space-before-colon", head(b"Content-Length : " + size) + BODY)
    yield fatal("length-too-small", length(b"%d" % (len(BODY) - 10)), 400)
    yield fatal("length-zero-and-a-body", length(b"0"), 400)
    yield fatal(
        "length-zero-and-a-second-request", head(b"Content-Length: 0") + smuggled + b"\0", 400, 200, upstream=0, methods=("POST", "GET")
    )
    yield fatal("length-too-large-then-end", length(b"%d" % (len(BODY) + 10)), NO_ANSWER, 400, 408, half_close=True)
    yield fatal("no-length-and-a-body", head() + BODY, 400, 411)
    yield fatal("body-of-33-mib", _large_body, NO_ANSWER, 413)


def _large_body() -> Iterator[bytes]:
    yield head(b"Content-Length: %d" % (33 * MIB))
    for _ in range(33):
        yield b" " * MIB


def transfer_codings() -> Iterator[Case]:
    """Transfer-Encoding in all the ways that made two servers disagree (RFC 9112 sections 6.1 and 6.3)."""
    body = chunks(BODY)
    size = b"Content-Length: %d" % len(body)
    yield case("chunked", head(CHUNKED) + body, 200)
    yield case("chunked-in-capitals", head(b"TRANSFER-ENCODING: CHUNKED") + body, 200)
    yield case("chunked-byte-by-byte", head(CHUNKED) + chunks(*(BODY[at : at + 1] for at in range(len(BODY)))), 200)
    yield fatal("length-and-chunked", head(size, CHUNKED) + body)
    yield fatal("chunked-and-length", head(CHUNKED, size) + body)
    yield fatal("length-and-chunked-that-ends-early", head(b"Content-Length: 90", CHUNKED) + b"0\r\n\r\n" + post())
    yield case("chunked-twice", head(CHUNKED, CHUNKED) + body, 200, 400)
    for name, value in {
        "list-of-two": b"chunked, chunked",
        "gzip-before": b"gzip, chunked",
        "gzip-after": b"chunked, gzip",
        "identity": b"identity",
        "prefix": b"xchunked",
        "suffix": b"chunkedx",
        "vertical-tab": b"\x0bchunked",
        "quoted": b'"chunked"',
        "empty": b"",
        "parameter": b"chunked;q=1",
        "nul": b"chunked\0",
    }.items():
        yield fatal(f"transfer-coding-{name}", head(b"Transfer-Encoding: " + value) + body, 400, 411, 415)
    yield fatal("transfer-coding-identity-and-length", head(b"Transfer-Encoding: identity", size) + body)
    yield fatal("transfer-coding-space-before-colon", head(b"Transfer-Encoding : chunked") + body)
    yield fatal("transfer-coding-on-a-folded-line", head(b"Transfer-Encoding:\r\n chunked") + body)
    yield case(
        "coding-with-underscore-is-another-field", head(b"Transfer_Encoding: chunked", b"Content-Length: %d" % len(BODY)) + BODY, 200, 400
    )
    yield fatal("chunked-in-1.0", head(CHUNKED, line=b"POST /v1/chat/completions HTTP/1.0") + body, 200, 400, 411)


def chunked_bodies() -> Iterator[Case]:
    """Chunk lines, chunk ends and trailers (RFC 9112 section 7.1)."""

    def raw(data: bytes) -> bytes:
        return head(CHUNKED) + data

    size = b"%x" % len(BODY)
    yield case("chunk-size-in-capitals-with-zeros", raw(b"000" + size.upper() + CRLF + BODY + b"\r\n000\r\n\r\n"), 200)
    yield case("chunk-extension", raw(size + b';a=b;c="d"' + CRLF + BODY + b"\r\n0;e\r\n\r\n"), 200, 400)
    yield case("chunk-size-space-after", raw(size + b" " + CRLF + BODY + b"\r\n0\r\n\r\n"), 200, 400)
    yield case("chunk-size-of-1000-digits", raw(b"0" * 1000 + size + CRLF + BODY + b"\r\n0\r\n\r\n"), 200, 400)
    yield fatal("chunk-extension-with-bare-lf", raw(size + b";a\nb" + CRLF + BODY + b"\r\n0\r\n\r\n"))
    yield fatal("chunk-extension-without-end", _endless_extension, NO_ANSWER, 400, 413)
    for name, line in {
        "negative": b"-" + size,
        "plus": b"+" + size,
        "0x": b"0x" + size,
        "space-before": b" " + size,
        "empty": b"",
        "word": b"zz",
        "underscore": b"1_0",
        "semicolon-only": b";a=b",
    }.items():
        yield fatal(f"chunk-size-{name}", raw(line + CRLF + BODY + b"\r\n0\r\n\r\n"))
    yield fatal("chunk-size-wraps-2^64", raw(b"10000000000000000" + size + CRLF + BODY + b"\r\n0\r\n\r\n"), 400, 413)
    # A server may wait for a chunk of any size as long as it counts what comes, so the client says that no more comes.
    yield fatal("chunk-size-2^63", raw(b"8000000000000000\r\n" + BODY), NO_ANSWER, 400, 408, 413, half_close=True)
    yield fatal("chunk-of-2-gib", raw(b"7fffffff\r\n" + BODY), NO_ANSWER, 400, 408, 413, half_close=True)
    yield fatal("chunk-size-bare-lf", raw(size + b"\n" + BODY + b"\r\n0\r\n\r\n"))
    yield fatal("chunk-size-bare-cr", raw(size + b"\r" + BODY + b"\r\n0\r\n\r\n"))
    yield fatal("chunk-end-missing", raw(size + CRLF + BODY + b"0\r\n\r\n"))
    yield fatal("chunk-end-bare-lf", raw(size + CRLF + BODY + b"\n0\r\n\r\n"))
    yield fatal("chunk-longer-than-said", raw(size + CRLF + BODY + b"x\r\n0\r\n\r\n"))
    yield fatal("chunk-shorter-than-said", raw(size + CRLF + BODY[:-1] + b"\r\n0\r\n\r\n"))
    yield fatal("last-chunk-missing", raw(chunks(BODY, end=b"")), NO_ANSWER, 400, 408, half_close=True)
    yield fatal("last-line-missing", raw(chunks(BODY, end=b"0\r\n")), NO_ANSWER, 400, 408, half_close=True)
    yield case("trailer", raw(chunks(BODY, end=b"0\r\nX-Checksum: abc\r\n\r\n")), 200, 400)
    yield case("trailer-with-length", raw(chunks(BODY, end=b"0\r\nContent-Length: 5\r\n\r\n")), 200, 400)
    yield case("trailer-with-policy", raw(chunks(BODY, end=b"0\r\nX-AnyAPI-Retention-Days: zero\r\n\r\n")), 200, 400)
    yield case("trailer-with-the-only-key", head(CHUNKED, auth=None) + chunks(BODY, end=b"0\r\n" + AUTH + b"\r\n\r\n"), 400, 401)
    yield fatal("trailer-folded", raw(chunks(BODY, end=b"0\r\nA: b\r\n c\r\n\r\n")))
    yield fatal("trailer-without-end", _endless_trailers, NO_ANSWER, 400, 413, 431)
    yield fatal("chunks-of-33-mib", _large_chunks, NO_ANSWER, 413)


def _endless_extension() -> Iterator[bytes]:
    yield head(CHUNKED) + b"5;"
    for _ in range(40):
        yield b"a" * MIB


def _endless_trailers() -> Iterator[bytes]:
    yield head(CHUNKED) + chunks(BODY, end=b"0\r\n")
    for _ in range(16):
        yield b"X-Trailer: %s\r\n" % (b"a" * 1000) * 64


def _large_chunks() -> Iterator[bytes]:
    yield head(CHUNKED)
    for _ in range(33):
        yield chunks(b" " * MIB, end=b"")


def lines_and_fields() -> Iterator[Case]:
    """Line ends, field names and values, sizes and counts (RFC 9110 section 5, RFC 9112 sections 2, 3 and 5)."""
    valid = post()
    yield fatal("bare-lf-everywhere", valid.replace(CRLF, b"\n"))
    yield fatal("bare-lf-after-the-first-line", valid.replace(CRLF, b"\n", 1))
    yield fatal("bare-lf-after-a-field", post(BODY, b"X-A: b\nX-C: d"))
    yield fatal("bare-lf-as-the-empty-line", head(b"Content-Length: %d" % len(BODY))[:-2] + b"\n" + BODY)
    yield fatal("bare-cr-in-a-value", post(BODY, b"X-A: b\rX-C: d"))
    yield case("empty-lines-before", b"\r\n\r\n" + valid, 200, 400)
    yield fatal("space-before-the-first-line", b" " + valid)
    yield fatal("folded-line", post(BODY, b"X-A: b\r\n c"))
    yield fatal("folded-line-with-tab", post(BODY, b"X-A: b\r\n\tc"))
    yield fatal("folded-first-field", valid.replace(b"Host:", b" Host:", 1))
    for name, line in {
        "nul-in-a-value": b"X-A: b\0c",
        "nul-in-a-name": b"X-\0A: b",
        "control-in-a-value": b"X-A: b\x01c",
        "del-in-a-value": b"X-A: b\x7fc",
        "space-in-a-name": b"X A: b",
        "space-before-the-colon": b"X-A : b",
        "no-colon": b"X-A",
        "empty-name": b": b",
        "name-beyond-ascii": "X-É: b".encode(),
        "name-with-brackets": b"X-(A): b",
        "name-quoted": b'"X-A": b',
    }.items():
        yield fatal(name, post(BODY, line))
    yield case("value-beyond-ascii", post(BODY, b"X-A: \xff\xfe"), 200, 400)
    yield case("value-empty", post(BODY, b"X-A:"), 200)
    yield fatal("value-of-64-kib", post(BODY, b"X-A: " + b"a" * (64 << 10)), 400, 413, 431)
    yield fatal("name-of-64-kib", post(BODY, b"X-" + b"a" * (64 << 10) + b": b"), 400, 413, 431)
    yield fatal("1000-fields", post(BODY, *(b"X-%d: a" % number for number in range(1000))), 400, 413, 431)
    yield fatal("1000-fields-of-one-name", post(BODY, *([b"X-A: b"] * 1000)), 400, 413, 431)
    yield fatal("head-of-8-mib", _endless_head, NO_ANSWER, 400, 413, 431)
    yield fatal("first-line-of-8-mib", _endless_first_line, NO_ANSWER, 400, 413, 414, 431)
    yield case("byte-by-byte", valid, 200, slice=1)
    yield case("cut-inside-a-line-end", lambda: valid.partition(b"\r")[:1] + (b"\r", valid.partition(b"\r")[2]), 200)


def _endless_head() -> Iterator[bytes]:
    yield head()[:-2]
    for _ in range(8):
        yield b"X-A: %s\r\n" % (b"a" * 1000) * 1000


def _endless_first_line() -> Iterator[bytes]:
    yield b"POST /v1/chat/completions?"
    for _ in range(8):
        yield b"a" * MIB


def keys_and_policies() -> Iterator[Case]:
    """Credentials and policy headers that must not be misread."""
    yield case("no-key", post(auth=None), 401)
    yield case("no-key-expecting-100", post(BODY, b"Expect: 100-continue", auth=None), 401)
    yield case("wrong-key", post(auth=b"Authorization: Bearer anyapi_sk_" + b"0" * 36), 401)
    yield case("key-of-20-kib", post(auth=b"Authorization: Bearer " + b"a" * 20_000), 401)
    yield case("key-beyond-ascii", post(auth=b"Authorization: Bearer @KEY@\xff"), 400, 401)
    yield case("key-with-a-tail", post(auth=b"Authorization: Bearer @KEY@, Bearer x"), 400, 401)
    yield case("key-as-basic", post(auth=b"Authorization: Basic @KEY@"), 400, 401)
    yield case("two-keys", post(BODY, b"Authorization: Bearer other"), 400, 401)
    yield case("policy-header-unknown", post(BODY, b"X-AnyAPI-Retention-Day: 0"), 400)
    for name, value in {
        "word": b"none",
        "plus": b"+5",
        "minus": b"-1",
        "empty": b"",
        "nan": b"NaN",
        "infinite": b"1e999",
        "hex": b"0x5",
    }.items():
        yield case(f"retention-header-{name}", post(BODY, b"X-AnyAPI-Retention-Days: " + value), 400)
    yield case("retention-header-twice-one-bad", post(BODY, b"X-AnyAPI-Retention-Days: 30", b"X-AnyAPI-Retention-Days: x"), 400)
    yield case("training-header-of-another-word", post(BODY, b"X-AnyAPI-Training-Allowed: no"), 400)
    yield case("class-header-unknown", post(BODY, b"X-AnyAPI-Data-Class: secret"), 400)


def hosts() -> Iterator[Case]:
    """Host decides nothing here, and what is no host is refused (RFC 9112 section 3.2)."""
    yield case("host-missing", post(host=None), 400)
    yield case("host-twice-the-same", post(BODY, HOST), 400)
    yield case("host-twice-different", post(BODY, b"Host: evil.example"), 400)
    for name, value in {
        "path": b"evil.example/v1/models",
        "userinfo": b"user@evil.example",
        "space": b"evil example",
        "list": b"a.example, b.example",
        "query": b"evil.example?a",
        "fragment": b"evil.example#a",
        "backslash": b"evil.example\\a",
        "port-of-letters": b"evil.example:http",
        "bracket-left-open": b"[::1",
        "nul": b"evil\0.example",
        "quotes": b'"evil.example"',
        "angle-brackets": b"<script>",
    }.items():
        yield case(f"host-{name}", post(host=b"Host: " + value), 400)
    yield case("host-empty", post(host=b"Host:"), 200, 400)
    yield case("host-unknown", post(host=b"Host: other.example"), 200, 400, 421)
    yield case("host-ipv6", post(host=b"Host: [::1]:8080"), 200)


def targets_methods_versions() -> Iterator[Case]:
    """The first line (RFC 9112 section 3), other protocols, and what asks to leave HTTP/1.1."""

    def line(first: bytes, body: bytes = BODY) -> bytes:
        return post(body, line=first)

    path = b"/v1/chat/completions"
    yield case("target-absolute", line(b"POST http://@HOST@" + path + b" HTTP/1.1"), 200, 400, 404)
    yield case("target-absolute-elsewhere", line(b"POST http://evil.example" + path + b" HTTP/1.1"), 200, 400, 404, 421)
    for name, target in {
        "asterisk": b"*",
        "authority": b"@HOST@",
        "without-slash": path[1:],
        "dot-segments": b"/v1/../v1/chat/completions",
        "double-slash": b"/" + path,
        "encoded-slash": b"/v1/chat%2Fcompletions",
        "encoded-dots": b"/v1/%2e%2e/v1/chat/completions",
        "backslash": b"\\v1\\chat\\completions",
        "capitals": path.upper(),
        "trailing-slash": path + b"/",
        "nul": path + b"\0",
        "encoded-nul": path + b"%00",
        "beyond-ascii": "/v1/chät".encode(),
        "bad-percent": path + b"%zz",
    }.items():
        yield case(f"target-{name}", line(b"POST " + target + b" HTTP/1.1"), 400, 404)
    yield case("target-with-query", line(b"POST " + path + b"?key=a HTTP/1.1"), 200, 400)
    yield fatal("target-with-space", line(b"POST " + path + b" a HTTP/1.1"))
    yield fatal("target-of-100-kib", line(b"POST /" + b"a" * 100_000 + b" HTTP/1.1"), 400, 413, 414, 431)
    yield case("method-lower-case", line(b"post " + path + b" HTTP/1.1"), 400, 404, 405)
    yield case("method-unknown", line(b"BREW " + path + b" HTTP/1.1"), 400, 404, 405)
    yield fatal("method-of-10-kib", line(b"A" * 10_000 + b" " + path + b" HTTP/1.1"), 400, 405)
    yield fatal("method-empty", line(b" " + path + b" HTTP/1.1"))
    yield case("method-trace", line(b"TRACE " + path + b" HTTP/1.1", b""), 400, 404, 405)
    yield case("method-get-with-body", line(b"GET " + path + b" HTTP/1.1"), 400, 404, 405)
    yield case("method-put", line(b"PUT " + path + b" HTTP/1.1"), 404, 405)
    yield case("connect", head(line=b"CONNECT evil.example:443 HTTP/1.1", host=b"Host: evil.example:443"), 400, 404, 405)
    yield case("connect-to-a-path", post(BODY).replace(b"POST ", b"CONNECT ", 1), 400, 404, 405)
    chunked = head(b"Transfer-Encoding: chunked", line=b"CONNECT /v1/chat/completions HTTP/1.1") + chunks(BODY)
    yield case("connect-to-a-path-chunked", chunked, 400, 404, 405)
    yield case("upgrade-to-h2c", post(BODY, b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk"), 200, 400)
    websocket = (
        b"Connection: Upgrade",
        b"Upgrade: websocket",
        b"Sec-WebSocket-Version: 13",
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    )
    yield case("upgrade-to-websocket", head(*websocket, line=b"GET " + path + b" HTTP/1.1"), 400, 404, 405, 426, methods=("GET",))
    yield fatal("http2-preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9), NO_ANSWER, 400)
    yield fatal("http-0.9", b"GET /v1/models\r\n\r\n", NO_ANSWER, 400)
    yield fatal("tls-client-hello", b"\x16\x03\x01\x00\xf1\x01\x00\x00\xed\x03\x03" + bytes(200) + CRLF, NO_ANSWER, 400)
    yield fatal("another-protocol", b"SSH-2.0-OpenSSH_9.9\r\n", NO_ANSWER, 400)
    for version in (
        b"HTTP/2.0",
        b"HTTP/3.0",
        b"HTTP/11",
        b"HTTP/1.1.1",
        b"HTTP/1.1 ",
        b"http/1.1",
        b"HTTP/x.y",
        b"HTTPS/1.1",
        b"HTTP/01.1",
    ):
        yield fatal("version-" + version.decode().replace("/", "-").replace(" ", "-space"), line(b"POST " + path + b" " + version))
    yield case("version-HTTP-1.2", line(b"POST " + path + b" HTTP/1.2"), 200, 400)
    yield fatal("version-HTTP-1.0", line(b"POST " + path + b" HTTP/1.0"), 200)


def sequences() -> Iterator[Case]:
    """More than one request on a connection, and Expect (RFC 9112 section 9.3.2, RFC 9110 section 10.1.1)."""
    valid = post()
    bad = b"GARBAGE\r\n\r\n"
    yield case("two-at-once", valid + valid, 200, responses=2, upstream=2)
    yield case("two-chunked-at-once", (head(CHUNKED) + chunks(BODY)) * 2, 200, responses=2, upstream=2)
    yield fatal("valid-then-garbage", valid + bad, 200, 400, responses=2)
    yield fatal("garbage-then-valid", bad + valid)
    yield fatal("two-lengths-then-valid", head(b"Content-Length: 1", b"Content-Length: 2") + b"{}" + valid)
    yield fatal("connection-close-then-another", post(BODY, b"Connection: close") + valid, 200)
    yield fatal("connection-close-among-others", post(BODY, b"Connection: keep-alive, close"), 200)
    yield case("connection-names-host", post(BODY, b"Connection: host, authorization, content-length"), 200, 400)
    yield case("expect-100", post(BODY, b"Expect: 100-continue"), 200)
    yield case("expect-100-in-capitals", post(BODY, b"Expect: 100-CONTINUE"), 200)
    yield case("expect-something-else", post(BODY, b"Expect: 200-ok"), 400, 417)
    yield case("expect-a-list", post(BODY, b"Expect: 100-continue, a=b"), 200, 400, 417)
    yield fatal("expect-in-1.0", post(BODY, b"Expect: 100-continue", line=b"POST /v1/chat/completions HTTP/1.0"), 200)


GROUPS = (
    content_lengths,
    transfer_codings,
    chunked_bodies,
    lines_and_fields,
    keys_and_policies,
    hosts,
    targets_methods_versions,
    sequences,
)
CASES = tuple(one for group in GROUPS for one in group())
