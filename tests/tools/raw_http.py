"""Raw sockets at both ends: a client that sends exact bytes, and an upstream that records exact bytes and plays a script.

Neither end repairs or interprets what it sends. The splitters at the bottom are the only parsers: they accept strict HTTP/1.1 (RFC 9112)
and nothing else, so that a sloppy message of the program under test is an error here too. This module imports nothing of the product.
All waits have a deadline in seconds; a `Pause` is part of a script (a slow peer), never a way to wait for something.
"""

import contextlib
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Self, TypeAlias

Address: TypeAlias = "tuple[str, int] | str"
"""Host and port, or the path of a unix socket."""
READ_SIZE = 1 << 16


class Malformed(Exception):
    """The peer sent what strict HTTP/1.1 does not allow."""


# scripts


class Send(NamedTuple):
    """Send these bytes in one call (TCP_NODELAY is set, so one segment where it fits)."""

    data: bytes


class Pause(NamedTuple):
    """Do nothing for so many seconds: the peer is slow on purpose."""

    seconds: float


class WaitFor(NamedTuple):
    """Read until these bytes have come in since the connection began."""

    marker: bytes


class ReadRequest(NamedTuple):
    """Read until this many complete requests have come in since the connection began."""

    count: int = 1


class HalfClose(NamedTuple):
    """Send a FIN, go on reading."""


class Close(NamedTuple):
    """Close the connection; the script ends."""


class Reset(NamedTuple):
    """Send a RST; the script ends."""


class Hold(NamedTuple):
    """Read until the peer closes."""


Step: TypeAlias = "Send | Pause | WaitFor | ReadRequest | HalfClose | Close | Reset | Hold"
Script: TypeAlias = Sequence[Step]


def sliced(data: bytes, size: int, pause: float = 0.0) -> list[Step]:
    """Send `data` in slices of `size` bytes with a pause between them."""
    steps: list[Step] = []
    for at in range(0, len(data), size):
        if at and pause:
            steps.append(Pause(pause))
        steps.append(Send(data[at : at + size]))
    return steps


# one end of a connection


class End:
    """One end of a connection: plays a script, keeps all bytes that came in, and knows how the peer left."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        """`deadline` in seconds for the whole life of this end; passing it raises TimeoutError."""
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = sock
        self.received = bytearray()
        self.closed = False
        """The peer sent a FIN (or a RST): nothing more will come."""
        self.reset = False
        self.unsent = False
        """The peer had closed before all was sent."""
        self._until = time.monotonic() + deadline

    def play(self, script: Script) -> None:
        """Play the steps in order. A peer that leaves early ends the sending, not the reading."""
        for step in script:
            match step:
                case Send(data):
                    self.send(data)
                case Pause(seconds):
                    time.sleep(seconds)
                case WaitFor(marker):
                    self.read_until(lambda marker=marker: marker in self.received)
                case ReadRequest(count):
                    self.read_until(lambda count=count: len(split_requests(bytes(self.received))[0]) >= count)
                case HalfClose():
                    with contextlib.suppress(OSError):
                        self.sock.shutdown(socket.SHUT_WR)
                case Hold():
                    self.read_until(lambda: False)
                case Close():
                    self.sock.close()
                    return
                case Reset():
                    self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.sock.close()
                    return

    def send(self, data: bytes) -> None:
        """Send all of it, unless the peer has closed: then `unsent` is set."""
        self._arm()
        try:
            self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            self.unsent = True

    def read_until(self, enough: Callable[[], bool]) -> bool:
        """Read until `enough()` or the peer closes; whether it was enough."""
        while not enough():
            if not self._read_some():
                return enough()
        return True

    def _read_some(self) -> bool:
        if self.closed:
            return False
        self._arm()
        try:
            data = self.sock.recv(READ_SIZE)
        except ConnectionResetError:
            self.reset, data = True, b""
        self.received += data
        self.closed = not data
        return bool(data)

    def _arm(self) -> None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline of this connection has passed")
        self.sock.settimeout(left)


# client


class Exchange(NamedTuple):
    """What a client saw. `closed`: the server closed within the time it was given for that."""

    received: bytes
    closed: bool
    reset: bool
    unsent: bool
    seconds: float

    def responses(self, methods: Sequence[str] = ()) -> "list[Response]":
        """Final responses, strictly parsed; raises `Malformed`, also for bytes left over."""
        responses, rest = split_responses(self.received, methods, closed=self.closed)
        if rest:
            raise Malformed(f"{len(rest)} bytes after the last complete response")
        return responses


def connect(address: Address, deadline: float = 10.0, tls: ssl.SSLContext | None = None, server_name: str | None = None) -> End:
    """Open a client end; the caller closes `end.sock`."""
    sock = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.settimeout(deadline)
        sock.connect(address)
        if tls is not None:
            sock = tls.wrap_socket(sock, server_hostname=server_name)
    except OSError:
        sock.close()
        raise
    return End(sock, deadline)


def exchange(
    address: Address,
    script: Script,
    *,
    responses: int | None = 1,
    methods: Sequence[str] = (),
    close_within: float = 0.0,
    deadline: float = 10.0,
) -> Exchange:
    """Play a script as a client, then read until so many final responses came (None: until the server closes).

    Afterwards the server gets `close_within` seconds to close; anything it sends meanwhile is kept. TimeoutError if the deadline passes.
    """
    begun = time.monotonic()
    end = connect(address, deadline)
    try:
        end.play(script)
        end.read_until(lambda: responses is not None and _enough(bytes(end.received), methods, responses))
        if close_within and not end.closed:
            end._until = min(end._until, time.monotonic() + close_within)
            with contextlib.suppress(TimeoutError):
                end.read_until(lambda: False)
    finally:
        end.sock.close()
    return Exchange(bytes(end.received), end.closed, end.reset, end.unsent, time.monotonic() - begun)


def _enough(received: bytes, methods: Sequence[str], wanted: int) -> bool:
    """Whether so many complete responses came, or something that can never become one: `Exchange.responses` then raises."""
    try:
        return len(split_responses(received, methods, closed=False)[0]) >= wanted
    except Malformed:
        return True


# upstream


class Upstream:
    """A server on loopback that plays one script for each connection (the last one again and again) and records what came in.

    Use as a context manager. `failures` holds what went wrong in its threads; leaving the block raises the first of them.
    """

    def __init__(self, *scripts: Script, deadline: float = 30.0, tls: ssl.SSLContext | None = None) -> None:
        """Bind a free port of 127.0.0.1."""
        self._scripts = scripts
        self._deadline = deadline
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.address: tuple[str, int] = self._listener.getsockname()
        self.ends: list[End] = []
        self.failures: list[Exception] = []
        self._threads: list[threading.Thread] = []
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._changed = threading.Condition()
        self._stopping = False

    def __enter__(self) -> Self:
        self._acceptor.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._stopping = True
        # Wakes accept(), which close() alone does not.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join()
        self._listener.close()
        for end in self.ends:
            with contextlib.suppress(OSError):
                end.sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        if self.failures and kind is None:
            raise self.failures[0]

    @property
    def connections(self) -> list[bytes]:
        """Exact bytes received, one item a connection in the order of accepting."""
        return [bytes(end.received) for end in self.ends]

    def requests(self) -> "list[Request]":
        """All complete requests received; raises `Malformed`, also for a connection that holds less than whole requests."""
        requests = []
        for received in self.connections:
            complete, rest = split_requests(received)
            if rest:
                raise Malformed(f"{len(rest)} bytes after the last complete request")
            requests += complete
        return requests

    def wait_until(self, condition: Callable[["Upstream"], bool], seconds: float = 10.0) -> bool:
        """Wait until the condition holds; it is looked at again after every step of every connection."""
        with self._changed:
            return self._changed.wait_for(lambda: condition(self), seconds)

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            end = End(sock, self._deadline)
            script = self._scripts[min(len(self.ends), len(self._scripts) - 1)]
            thread = threading.Thread(target=self._serve, args=(end, script), daemon=True)
            with self._changed:
                self.ends.append(end)
                self._changed.notify_all()
            self._threads.append(thread)
            thread.start()

    def _serve(self, end: End, script: Script) -> None:
        try:
            if self._tls is not None:
                end.sock.settimeout(self._deadline)
                end.sock = self._tls.wrap_socket(end.sock, server_side=True)
            for step in script:
                end.play([step])
                with self._changed:
                    self._changed.notify_all()
        except (OSError, Malformed) as failure:
            if not self._stopping:
                self.failures.append(failure)
        finally:
            end.sock.close()
            with self._changed:
                self._changed.notify_all()


# strict splitters

TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5][0-9]{2}) ([\t\x20-\x7e\x80-\xff]*)\r\n")
REQUEST_LINE = re.compile(rb"(" + TOKEN + rb") ([\x21-\x7e]+) HTTP/1\.1\r\n")
FIELD_LINE = re.compile(rb"(" + TOKEN + rb"):[ \t]*([\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?[ \t]*\r\n")
CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,8})\r\n")
Fields: TypeAlias = "list[tuple[str, bytes]]"


class Response(NamedTuple):
    """A final response; `interim` holds the status codes of the 1xx responses before it. Field names are lower-case."""

    status: int
    fields: Fields
    body: bytes
    interim: tuple[int, ...] = ()

    def field(self, name: str) -> bytes | None:
        """The value of a field that stands at most once, None if absent."""
        return _only(self.fields, name)


class Request(NamedTuple):
    """A request as it came over the wire. Field names are lower-case."""

    method: str
    target: bytes
    fields: Fields
    body: bytes

    def field(self, name: str) -> bytes | None:
        """The value of a field that stands at most once, None if absent."""
        return _only(self.fields, name)


def split_responses(data: bytes, methods: Sequence[str] = (), *, closed: bool) -> tuple[list[Response], bytes]:
    """Split what a server sent into final responses and the incomplete rest. `methods` of the requests, POST where none is given.

    `closed` tells whether the end of `data` is the end of the connection, which ends a body without length.
    """
    responses: list[Response] = []
    interim: list[int] = []
    at = 0
    while at < len(data):
        head = _head(data, at, STATUS_LINE)
        if head is None:
            break
        line, fields, body_at = head
        status = int(line[1])
        method = methods[len(responses)] if len(responses) < len(methods) else "POST"
        if status < 200:
            interim.append(status)
            at = body_at
            continue
        if status in {204, 304} or method == "HEAD":
            body: tuple[bytes, int] | None = (b"", body_at)
        else:
            body = _body(data, body_at, fields)
            if body is None and closed and not _has_length(fields):
                body = (data[body_at:], len(data))
        if body is None:
            break
        responses.append(Response(status, fields, body[0], tuple(interim)))
        interim.clear()
        at = body[1]
    return responses, data[at:]


def split_requests(data: bytes) -> tuple[list[Request], bytes]:
    """Split what a client sent into complete requests and the incomplete rest."""
    requests: list[Request] = []
    at = 0
    while at < len(data):
        head = _head(data, at, REQUEST_LINE)
        if head is None:
            break
        line, fields, body_at = head
        if _only(fields, "host") is None:
            raise Malformed("a request without Host")
        body = _body(data, body_at, fields) if _has_length(fields) else (b"", body_at)
        if body is None:
            break
        requests.append(Request(line[1].decode(), line[2], fields, body[0]))
        at = body[1]
    return requests, data[at:]


def _head(data: bytes, at: int, first_line: re.Pattern[bytes]) -> tuple[re.Match[bytes], Fields, int] | None:
    """First line, fields and the place of the body; None if more has to come."""
    end = data.find(b"\r\n\r\n", at)
    if end < 0:
        return None
    line = first_line.match(data, at)
    if line is None:
        raise Malformed(f"bad first line: {data[at : at + 60]!r}")
    fields: Fields = []
    at = line.end()
    while at < end + 2:
        match = FIELD_LINE.match(data, at, end + 2)
        if match is None:
            raise Malformed(f"bad field line: {data[at : at + 60]!r}")
        fields.append((match[1].decode().lower(), match[2] or b""))
        at = match.end()
    return line, fields, end + 4


def _only(fields: Fields, name: str) -> bytes | None:
    values = [value for field, value in fields if field == name]
    if len(values) > 1:
        raise Malformed(f"{name} stands {len(values)} times")
    return values[0] if values else None


def _has_length(fields: Fields) -> bool:
    return any(name in {"content-length", "transfer-encoding"} for name, _ in fields)


def _body(data: bytes, at: int, fields: Fields) -> tuple[bytes, int] | None:
    """Body and the place after it; None if more has to come (or if there is no length)."""
    length, coding = _only(fields, "content-length"), _only(fields, "transfer-encoding")
    if length is not None and coding is not None:
        raise Malformed("both Content-Length and Transfer-Encoding")
    if coding is not None:
        if coding.lower() != b"chunked":
            raise Malformed(f"transfer coding {coding!r}")
        return _chunked(data, at)
    if length is None:
        return None
    if not re.fullmatch(rb"[0-9]{1,15}", length):
        raise Malformed(f"Content-Length {length!r}")
    end = at + int(length)
    return (data[at:end], end) if end <= len(data) else None


def _chunked(data: bytes, at: int) -> tuple[bytes, int] | None:
    parts: list[bytes] = []
    for size, chunk_at in _chunks(data, at):
        end = chunk_at + size
        if data[end : end + 2] != b"\r\n":
            if end + 2 > len(data) and b"\r\n".startswith(data[end : end + 2]):
                return None
            raise Malformed("no CRLF after a chunk (or trailers, which are not allowed here)")
        if size == 0:
            return b"".join(parts), end + 2
        parts.append(data[chunk_at:end])
    return None


def _chunks(data: bytes, at: int) -> Iterator[tuple[int, int]]:
    """Size and place of each chunk; stops where more has to come."""
    while data.find(b"\r\n", at) >= 0:
        line = CHUNK_LINE.match(data, at)
        if line is None:
            raise Malformed(f"bad chunk line: {data[at : at + 30]!r}")
        size = int(line[1], 16)
        yield size, line.end()
        at = line.end() + size + 2
