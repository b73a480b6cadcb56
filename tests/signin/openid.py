"""What the tests of signing in share: a real OpenID provider in a process of its own, a browser's cookies over plain HTTP, a gateway."""

import contextlib
import hashlib
import http.client
import http.cookies
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

SOURCE = Path(__file__).parent / "provider"
ROOT = SOURCE.parents[2]
CLIENT, SECRET = "anyapi", "a-secret-of-the-tests-alone"


def installed() -> Path:
    """Where the provider's packages are. Skips the test where npm cannot install them."""
    home = Path(sys.prefix) / "node"
    script = ROOT / "scripts/install_node_packages.sh"
    subprocess.run(["bash", script, home, SOURCE.relative_to(ROOT), "signing in through a real OpenID provider"], check=True)
    place = home / hashlib.sha256((SOURCE / "package-lock.json").read_bytes()).hexdigest()[:16]
    if not (place / "done").exists():
        pytest.skip("needs npm for a real OpenID provider (Debian: apt-get install npm)")
    return place


class Provider:
    """npm's `oidc-provider`, on loopback."""

    def __init__(self, directory: Path) -> None:
        shutil.copy(SOURCE / "provider.mjs", directory)
        command = ["node", directory / "provider.mjs"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.issuer = self.process.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", self.issuer), self.issuer

    def serve(self, redirect: str) -> None:
        """Answer from now on; browsers may be sent back to `redirect` alone."""
        self.process.stdin.write(json.dumps({"client_id": CLIENT, "client_secret": SECRET, "redirect_uris": [redirect]}) + "\n")
        self.process.stdin.flush()
        while (line := self.process.stdout.readline()) and line != "ready\n":
            pass
        assert line == "ready\n"

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


@contextlib.contextmanager
def provider() -> Iterator[Provider]:
    """A provider that waits to be told whom it serves."""
    running = Provider(installed())
    try:
        yield running
    finally:
        running.close()


@dataclass
class Jar:
    """A browser as far as HTTP goes: cookies for each host and port, no following of redirects unless asked."""

    cookies: dict[str, dict[str, str]] = field(default_factory=dict)

    def send(self, method: str, url: str, form: dict[str, str] | None = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
        """One request; gives status, headers in lower case and body."""
        address = urlsplit(url)
        own = self.cookies.setdefault(address.netloc, {})
        headers = {"cookie": "; ".join(f"{name}={value}" for name, value in own.items()), **headers}
        body = None if form is None else urlencode(form)
        if form is not None:
            headers["content-type"] = "application/x-www-form-urlencoded"
        connection = http.client.HTTPConnection(address.netloc, timeout=30)
        with contextlib.closing(connection):
            connection.request(method, f"{address.path}?{address.query}" if address.query else address.path, body, headers)
            answer = connection.getresponse()
            for line in answer.headers.get_all("set-cookie") or []:
                for name, morsel in http.cookies.SimpleCookie(line).items():
                    own[name] = morsel.value
                    if not morsel.value or morsel["max-age"] == "0":
                        del own[name]
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()

    def goes_to(self, method: str, url: str, form: dict[str, str] | None = None) -> str:
        """Where an answer sends the browser, whole."""
        status, headers, body = self.send(method, url, form)
        assert status in {302, 303}, (status, body[:300])
        where = headers["location"]
        return where if "://" in where else f"{url.partition('://')[0]}://{urlsplit(url).netloc}{where}"


def to_the_return(jar: Jar, control: str, who: str) -> str:
    """Begin to sign in and do what the provider asks; gives the address it sends back to, not yet opened."""
    at = jar.goes_to("GET", f"{control}/api/session/oidc")
    while not at.startswith(control):
        if "/login/" in at:
            at = jar.goes_to("POST", at, {"who": who})
        else:
            at = jar.goes_to("GET", at)
    return at


def asked_of(address: str) -> dict[str, str]:
    """The parameters of an address."""
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def oidc_toml(issuer: str, more: str = "") -> str:
    """`[control]` with a sign-in service."""
    return f'[control.oidc]\nname = "Example"\nissuer = "{issuer}"\nclient_id = "{CLIENT}"\n{more}\n'
