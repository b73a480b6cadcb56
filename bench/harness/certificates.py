"""A certificate authority for one run and a server certificate for loopback. Made new each time, so no key lies in the repository."""

import subprocess
from pathlib import Path

from .machine import CannotRun
from .tools import Tools

CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")


def make(tools: Tools, directory: Path) -> Path:
    """Writes ca.pem, server.pem and server.key into `directory`. Returns the authority's certificate. Raises CannotRun."""
    authority = directory / "ca.pem"
    authority_key = directory / "ca.key"
    _openssl(
        tools,
        *("req", "-x509", *CURVE, "-subj", "/CN=AnyAPI benchmark authority", "-out", authority, "-keyout", authority_key),
        *("-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign"),
    )
    _openssl(
        tools,
        *("req", "-x509", *CURVE, "-subj", "/CN=localhost", "-CA", authority, "-CAkey", authority_key),
        *("-out", directory / "server.pem", "-keyout", directory / "server.key"),
        *("-addext", "basicConstraints=critical,CA:FALSE", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
        *("-addext", "keyUsage=critical,digitalSignature", "-addext", "extendedKeyUsage=serverAuth"),
    )
    return authority


def _openssl(tools: Tools, *arguments: str | Path) -> None:
    done = subprocess.run([tools.openssl, *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CannotRun(f"openssl could not make the certificates of the run (version 3 or newer is needed): {done.stderr.strip()[-300:]}")
