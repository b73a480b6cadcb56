"""A gateway's data plane as a client sees it: plain, with TLS, or on a unix socket. One connection for each request."""

import http.client
import ipaddress
import json
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import NamedTuple
from urllib.parse import urlsplit


class Answered(NamedTuple):
    """An HTTP answer, read whole."""

    status: int
    headers: dict[str, str]
    body: bytes


class Target:
    """Where a gateway answers, and an API key for it. Does not print the key."""

    def __init__(self, url: str, key: str) -> None:
        """`url` is `http://host:port`, `https://host:port` or `unix:/path`. Raises `ValueError` for another."""
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https", "unix"}:
            raise ValueError("not an address of a gateway: http, https or unix")
        self.url, self.key, self._parts = url, key, parts
        self._named: dict[str, str] = {}
        self._trust = _trusting(parts.hostname or "") if parts.scheme == "https" else None

    def __repr__(self) -> str:
        """The address alone."""
        return f"<Target {self.url}>"

    @property
    def port(self) -> int | None:
        """The port that it listens on; None for a unix socket."""
        if self._parts.scheme == "unix":
            return None
        return self._parts.port or (443 if self._trust else 80)

    @property
    def path(self) -> str:
        """Of a unix socket; empty for a port."""
        return self._parts.path if self.port is None else ""

    @contextmanager
    def named(self, name: str) -> Iterator[None]:
        """Give every request of the block this name; a gateway says it back in the answer's head."""
        self._named = {"X-Request-ID": name}
        try:
            yield
        finally:
            self._named = {}

    def connect(self, timeout: float) -> socket.socket:
        """A new connection. Raises `OSError`."""
        if self.port is None:
            plain = socket.socket(socket.AF_UNIX)
            plain.settimeout(timeout)
            plain.connect(self._parts.path)
            return plain
        host = self._parts.hostname or "127.0.0.1"
        plain = socket.create_connection((host, self.port), timeout)
        return plain if self._trust is None else self._trust.wrap_socket(plain, server_hostname=host)

    def request(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None, timeout: float = 30.0
    ) -> Answered:
        """One request with the key; `body` is sent as JSON unless it is bytes. Raises `OSError`, `http.client.HTTPException`."""
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        sent = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json", **self._named, **(headers or {})}
        with closing(http.client.HTTPConnection("localhost", timeout=timeout)) as connection:
            connection.sock = self.connect(timeout)
            connection.request(method, path, data, sent)
            answer = connection.getresponse()
            return Answered(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())


def _trusting(host: str) -> ssl.SSLContext:
    """What to trust: on loopback whoever listens there, since its certificate is made out to another name."""
    context = ssl.create_default_context()
    try:
        local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = host == "localhost"
    if local:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
