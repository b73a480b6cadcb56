"""Real nginx and haproxy in front of a gateway, as an operator would set them up: HTTP/1.1 and keep-alive to the gateway.

Each listens on a free port of 127.0.0.1 and lives under a directory of the test. No request header is changed beyond what the program
does by itself: what it repairs, drops or refuses is what the tests want to know.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

START = 10.0
TRIES = 5
"""A port that was free may be taken by the time the program listens on it."""


def nginx_configuration(home: Path, port: int, gateway: int) -> str:
    """Request bodies are buffered and sent with a length; idle connections to the gateway are kept."""
    user = "user root;" if os.geteuid() == 0 else ""
    return f"""{user}
daemon off; master_process off; worker_processes 1; pid "{home}/nginx.pid"; error_log "{home}/nginx.log" error;
events {{ worker_connections 256; }}
http {{
  access_log off; server_tokens off;
  client_body_temp_path "{home}/body"; proxy_temp_path "{home}/proxy"; fastcgi_temp_path "{home}/f"; uwsgi_temp_path "{home}/u"; scgi_temp_path "{home}/s";
  client_max_body_size 64m; client_body_timeout 2s; client_header_timeout 2s; keepalive_timeout 30s;
  upstream gateway {{ server 127.0.0.1:{gateway}; keepalive 8; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://gateway; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host; proxy_next_upstream off; }}
  }}
}}
"""


def haproxy_configuration(_home: Path, port: int, gateway: int) -> str:
    """Bodies are passed on as they come, framed anew; idle connections to the gateway are shared."""
    return f"""
global
  maxconn 256
defaults
  mode http
  timeout connect 3s
  timeout client 5s
  timeout server 20s
  timeout http-request 2s
  option http-keep-alive
  http-reuse always
  retries 0
frontend front
  bind 127.0.0.1:{port}
  default_backend gateway
backend gateway
  server one 127.0.0.1:{gateway}
"""


DECIDES = {
    "nginx": {
        "length-with-tabs-around": "refuses a tab before a value",
        "http-0.9": "speaks HTTP/0.9 and answers so",
    },
    "haproxy": {
        "http2-preface": "speaks HTTP/2",
        "chunk-extension-without-end": "keeps a chunk's first line until it is whole, reads no more meanwhile, and gives up after its own time",
    },
}
"""Cases that end at the front by its own lights: what it answers is not ours to judge, only that no provider sees a request."""

MENDS = {
    "nginx": {
        "chunk-size-bare-lf": "ends lines at LF",
        "chunk-end-bare-lf": "ends lines at LF",
        "bare-lf-everywhere": "ends lines at LF",
        "bare-lf-after-the-first-line": "ends lines at LF",
        "bare-lf-after-a-field": "ends lines at LF",
        "bare-lf-as-the-empty-line": "ends lines at LF",
        "no-colon": "drops what is no field",
        "name-beyond-ascii": "drops what is no field",
        "name-with-brackets": "drops what is no field",
        "name-quoted": "drops what is no field",
        "trailer-folded": "drops trailers unread",
        "version-HTTP-1.1-space": "allows spaces after the version",
        "expect-something-else": "drops Expect",
    },
    "haproxy": {
        "length-twice-the-same": "sends one of equal lengths (RFC 9112, 6.3)",
        "length-as-list": "sends one of equal lengths (RFC 9112, 6.3)",
        "length-and-chunked": "drops the length (RFC 9112, 6.3)",
        "chunked-and-length": "drops the length (RFC 9112, 6.3)",
        "transfer-coding-on-a-folded-line": "unfolds (RFC 9112, 5.2)",
        "folded-line": "unfolds (RFC 9112, 5.2)",
        "folded-line-with-tab": "unfolds (RFC 9112, 5.2)",
        "trailer-folded": "drops trailers unread",
        "bare-lf-everywhere": "ends lines at LF",
        "bare-lf-after-the-first-line": "ends lines at LF",
        "bare-lf-after-a-field": "ends lines at LF",
        "bare-lf-as-the-empty-line": "ends lines at LF",
        "host-twice-the-same": "sends one of equal hosts",
        "version-HTTP-2.0": "takes the version for 1.1",
        "version-HTTP-3.0": "takes the version for 1.1",
    },
}
"""Cases of which the front makes one well-formed request, which may then be served: once, like any other."""

FRONTS: dict[str, tuple[str, Callable[[Path, int, int], str], tuple[str, ...]]] = {
    "nginx": ("nginx-light", nginx_configuration, ("nginx", "-c")),
    "haproxy": ("haproxy", haproxy_configuration, ("haproxy", "-db", "-q", "-f")),
}
"""Debian package, configuration, and how it is started with one."""


def find_program(name: str, package: str) -> str:
    """The path of a Debian program, which may be outside PATH for a user who is not root. Skips the test, loudly, where it is missing."""
    program = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if program is None:
        pytest.skip(f"!!! {name} is not installed (apt-get install {package}): NOT TESTED behind {name}")
    return program


@contextlib.contextmanager
def front_of(name: str, home: Path, gateway: int) -> Iterator[tuple[str, int]]:
    """Start `nginx` or `haproxy` before the gateway on that port; gives the address to connect to."""
    package, configuration, (command, *options) = FRONTS[name]
    program = find_program(command, package)
    home.mkdir(parents=True, exist_ok=True)
    for attempt in range(TRIES):
        port = _free_port()
        file = home / f"{name}-{attempt}.conf"
        file.write_text(configuration(home, port, gateway))
        with (home / f"{name}.out").open("ab") as output:
            process = subprocess.Popen([program, *options, str(file)], stdout=output, stderr=output, stdin=subprocess.DEVNULL)
        try:
            if _answers(process, port):
                yield "127.0.0.1", port
                return
        finally:
            process.terminate()
            process.wait(START)
    raise AssertionError(f"{name} does not start:\n{(home / f'{name}.out').read_text()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    """Whether it listens before it ends or the time is over."""
    deadline = time.monotonic() + START
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), timeout=1.0):
            return True
        time.sleep(0.02)
    return False
