"""A socket client that shows exactly what came off the wire and how the connection ended."""

import json
import socket
from dataclasses import dataclass

DONE = b"data: [DONE]\n\n"


@dataclass
class Received:
    raw: bytes
    end: str  # "closed", "reset", "open"

    @property
    def head(self) -> bytes:
        return self.raw.partition(b"\r\n\r\n")[0]

    @property
    def status(self) -> int:
        return int(self.head.split(b" ")[1])

    @property
    def body(self) -> bytes:
        """The body as it came, chunk framing included."""
        return self.raw.partition(b"\r\n\r\n")[2]

    @property
    def json(self):
        return json.loads(self.content)

    @property
    def content(self) -> bytes:
        """The body without chunk framing; what a cut left."""
        if b"transfer-encoding: chunked" not in self.head.lower():
            return self.body
        rest, parts = self.body, []
        while b"\r\n" in rest:
            size, _, rest = rest.partition(b"\r\n")
            parts.append(rest[: int(size, 16)])
            rest = rest[int(size, 16) + 2 :]
        return b"".join(parts)

    @property
    def events(self) -> list:
        """The data of each event that has any, JSON decoded unless it is the terminal marker; read as the SSE specification says."""
        text = self.content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        found = []
        for block in text.split(b"\n\n")[:-1]:
            data = [line[5:].removeprefix(b" ") for line in block.split(b"\n") if line.startswith(b"data:")]
            if data:
                joined = b"\n".join(data)
                found.append("[DONE]" if joined == b"[DONE]" else json.loads(joined))
        return found

    @property
    def complete(self) -> bool:
        """Whether HTTP says that the body is whole."""
        if b"chunked" in self.head.lower():
            return self.body.endswith(b"0\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in self.head.lower().split(b"\r\n") if line.startswith(b"content-length"))
        return len(self.body) == length


def request_bytes(body, path="/v1/chat/completions", headers=(), keep=False, method="POST") -> bytes:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "host: simulator", f"content-length: {len(payload)}", *headers]
    if not keep:
        lines.append("connection: close")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + payload


def receive(sock: socket.socket, least: int | None = None) -> Received:
    """Read until the end, or until `least` bytes are there."""
    raw = b""
    try:
        while least is None or len(raw) < least:
            data = sock.recv(65536)
            if not data:
                return Received(raw, "closed")
            raw += data
    except ConnectionResetError:
        return Received(raw, "reset")
    return Received(raw, "open")


def talk(sock: socket.socket, data: bytes) -> Received:
    """Send, then read until the end; a reset that comes while sending counts as one while reading."""
    try:
        sock.sendall(data)
    except ConnectionError:
        return Received(b"", "reset")
    return receive(sock)


def ask(port: int, body, path="/v1/chat/completions", headers=(), method="POST") -> Received:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        return talk(sock, request_bytes(body, path, headers, method=method))


def get(port: int, path: str, headers=()) -> Received:
    return ask(port, b"", path, headers, method="GET")


def chat(text="Hello there.", **fields) -> dict:
    return {"model": "claude-3.5-sonnet", "messages": [{"role": "user", "content": text}], **fields}


def stream(text="Hello there.", **fields) -> dict:
    return chat(text, stream=True, **fields)
