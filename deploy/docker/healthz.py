"""Asks the gateway in this container whether it answers, without curl; exits with 0 if it does.

`healthz.py [ADDRESS [PATH]]`: `/healthz` where `ANYAPI_LISTEN` says, by default. The image's health check, and probes of loopback.
It speaks plain HTTP or TLS, whichever is spoken there, and checks no certificate: it asks its own container.
"""

import os
import socket
import ssl
import sys

SECONDS = 2.0
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def answers(address: str, path: str, *, tls: bool) -> bool:
    """Whether a GET of `path` at `address` (`host:port`, `[v6]:port` or `unix:/path`) is answered with 200."""
    with opened(address) as plain:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with context.wrap_socket(plain) if tls else plain as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            return connection.makefile("rb").readline(64).startswith(b"HTTP/1.1 200 ")


def opened(address: str) -> socket.socket:
    """A connection. Raises `OSError` or `ValueError`."""
    if address.startswith("unix:"):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(SECONDS)
        connection.connect(address.removeprefix("unix:"))
        return connection
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    return socket.create_connection((EVERYWHERE.get(host, host), int(port)), SECONDS)


def main(address: str, path: str = "/healthz") -> int:
    """The exit status."""
    for tls in (False, True):
        try:
            if answers(address, path, tls=tls):
                return 0
        except (OSError, ValueError):
            continue
    print(f"nothing answers {path} at {address}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(*(sys.argv[1:3] or [os.environ.get("ANYAPI_LISTEN") or "127.0.0.1:8080"])))
