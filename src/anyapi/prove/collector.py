"""A collector of traces on loopback. It appends to a file whatever it is sent, so that what a gateway tells of requests can be searched."""

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

from anyapi.config_traces import installed

PATH = "/v1/traces"
_LARGEST = 64 << 20


class Spans(NamedTuple):
    """Where the spans of a gateway are found."""

    files: tuple[Path, ...]
    toml: str
    """Configuration that has a gateway send them there."""


@contextlib.contextmanager
def collecting(file: Path) -> Iterator[Spans]:
    """Collect into this file for the block. Where the extra for traces is not installed there are no spans to search, and no file."""
    if not installed():
        yield Spans((), "")
        return
    file.touch(mode=0o600)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"file": file}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield Spans((file,), f'\n[traces]\nendpoint = "http://127.0.0.1:{server.server_address[1]}{PATH}"\n')
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    """Takes everything: head and body."""

    file: Path

    def do_POST(self) -> None:
        """Keep it, and say that it was taken."""
        body = self.rfile.read(min(int(self.headers.get("content-length", 0)), _LARGEST))
        with self.file.open("ab") as kept:
            kept.write(f"{self.path}\n{self.headers}".encode() + body + b"\n")
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 the library's name
        """Say nothing."""
