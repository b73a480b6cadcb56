"""A web site that offers catalogues, on a real socket, and catalogues to offer: signed with openssl, so that nothing of ours made the signature."""

import base64
import contextlib
import datetime as dt
import http.server
import subprocess
import threading
from pathlib import Path

import msgspec

from anyapi.catalogue.canonical import encode, with_version
from anyapi.config import check_config_file

SPKI_BYTES = 44


class Keys:
    """An Ed25519 key of openssl's making."""

    def __init__(self, directory: Path, name: str = "key"):
        self.file = directory / f"{name}.pem"
        _openssl("genpkey", "-algorithm", "ed25519", "-out", str(self.file))
        der = subprocess.run(
            ["openssl", "pkey", "-in", str(self.file), "-pubout", "-outform", "DER"], capture_output=True, check=True
        ).stdout
        assert len(der) == SPKI_BYTES
        self.public = base64.b64encode(der).decode()

    def sign(self, data: bytes) -> bytes:
        """As docs/catalogue.md has it: openssl pkeyutl, then base64."""
        message, out = self.file.with_suffix(".in"), self.file.with_suffix(".out")
        message.write_bytes(data)
        _openssl("pkeyutl", "-sign", "-rawin", "-inkey", str(self.file), "-in", str(message), "-out", str(out))
        return base64.encodebytes(out.read_bytes())


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], capture_output=True, check=True)


def edited(catalogue, days=1, **records):
    """A catalogue compiled so many days later, with some provider records replaced; `models` replaces models."""
    models = records.pop("models", {})
    providers = {**catalogue.providers, **{name.replace("_", "-"): record for name, record in records.items()}}
    compiled = catalogue.compiled + dt.timedelta(days=days)
    changed = msgspec.structs.replace(catalogue, compiled=compiled, providers=providers, models={**catalogue.models, **models})
    return with_version(changed)


def compiled_today(toml: str, place: Path) -> bytes:
    """The catalogue's file with what an operator's configuration adds to the packaged one, as if that had been compiled today."""
    written, now = place / "whole.toml", dt.datetime.now(dt.UTC)
    written.write_text(toml)
    return encode(with_version(msgspec.structs.replace(check_config_file(written, now), compiled=now.date())))


class Site:
    """Serves what `files` holds; `fault` makes it misbehave: `redirect`, `large`, `drip`, `short`."""

    def __init__(self):
        self.files, self.fault, self.asked, self.received = {}, "", [], []
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                site.asked.append(self.path)
                if site.fault == "redirect":
                    self.send_response(302)
                    self.send_header("location", "/elsewhere")
                    self.send_header("content-length", "0")
                    self.end_headers()
                    return
                body = site.files.get(self.path)
                self.send_response(404 if body is None else 200)
                if site.fault == "large":
                    self.send_header("transfer-encoding", "chunked")
                    self.end_headers()
                    with contextlib.suppress(OSError):
                        while True:
                            self.wfile.write(b"10000\r\n" + bytes(0x10000) + b"\r\n")
                    return
                body = body or b""
                self.send_header("content-length", str(len(body) + (10 if site.fault == "short" else 0)))
                self.end_headers()
                if site.fault == "drip":
                    with contextlib.suppress(OSError):
                        for byte in body:
                            self.wfile.write(bytes([byte]))
                            if site.hurry.wait(0.05):
                                break
                    return
                self.wfile.write(body)
                self.close_connection = site.fault == "short"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                site.received.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
                status = site.statuses.pop(0) if site.statuses else 200
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *arguments):
                pass

        self.hurry, self.statuses = threading.Event(), []
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def offer(self, catalogue, keys, path="/catalogue.json"):
        """Put a signed catalogue there."""
        data = encode(catalogue)
        self.files |= {path: data, f"{path}.sig": keys.sign(data)}

    def close(self):
        self.hurry.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
