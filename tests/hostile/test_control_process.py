"""T24 and T28 for the control plane: one gateway under strace, everything that makes a secret done once, then the trace and the disk read.

Nothing else is executed, nobody is reached but the providers and, once somebody signs in that way, the sign-in service; no secret that was shown
or typed is anywhere at rest.
"""

import json
import re
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.privacy.sinks import Room, simulated_in
from tests.privacy.test_startup_and_egress import ADDRESSED, NEW_PROCESS, Traced
from tests.signin.liar import CLIENT, liar
from tests.tools.control_page import Page, first_run_token

from anyapi.prove.cast import SERVER, providers
from anyapi.prove.planted import Planted

CLIENT_SECRET = "of-the-client-9f27ac51"
# No word of them stands in the statements that a database file holds.
PASSWORDS = ("first long passphrase 71", "second long passphrase 72", "third long passphrase 73")
PIECE = 10


class Keeping(Page):
    """Keeps every secret that it sees or sends."""

    def __init__(self, url, kept):
        super().__init__(url)
        self.kept = kept

    def send(self, method, path, body=None):
        """Status, JSON (nothing where there is none) and headers of one answer."""
        status, headers, text = self.exchange(method, path, body)
        for line in headers.get_all("set-cookie") or []:
            name, _, value = line.partition(";")[0].partition("=")
            if value.strip('"'):
                self.kept.append(value)
                self.cookie = f"{name}={value}"
        found = json.loads(text) if text.startswith((b"{", b"[")) else {}
        if isinstance(found, dict) and "csrf" in found:
            self.csrf = found["csrf"]
            self.kept.append(self.csrf)
        return status, found, headers


@dataclass
class Story:
    """What happened, for the tests to look at."""

    trace: str = ""
    home: Path = Path()
    folder: Path = Path()
    secrets: list[str] = field(default_factory=list)
    ports: set[str] = field(default_factory=set)
    issuer: str = ""
    statuses: dict[str, list[int]] = field(default_factory=dict)
    shown: str = ""


def status_of(gateway, key):
    return gateway.request("GET", "/v1/key", headers={"Authorization": f"Bearer {key}"}).status


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    if not shutil.which("strace"):
        pytest.skip("SKIPPED LOUDLY: strace is missing: that the control plane reaches nobody else is NOT checked")
    room, told = Room(tmp_path_factory.mktemp("control") / "room"), Story()
    with liar() as service:
        toml = f'\n[control.oidc]\nname = "It"\nissuer = "{service.issuer}"\nclient_id = "{CLIENT}"\n'
        environment = room.environment() | {"ANYAPI_OIDC_CLIENT_SECRET": CLIENT_SECRET}
        service.about["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
        with simulated_in(room, providers(Planted()), environment, SERVER, toml, kind=Traced) as (gateway, simulation):
            told.ports = {str(port) for port in simulation.simulation.ports.values()}
            told.issuer, told.home, told.folder = service.issuer.rpartition(":")[2], gateway.home, room.folder
            live(told, gateway, gateway.control_url(), service)
            told.secrets += [CLIENT_SECRET, *PASSWORDS]
            assert gateway.stop() == 0
    told.trace = (room.folder / "trace").read_text()
    return told


def live(told, gateway, url, service):
    """Everything that makes or takes a secret, once."""
    token = first_run_token(gateway)
    page = Keeping(url, told.secrets)
    status, _, _ = page.send("POST", "/api/links", {"token": token, "name": "Ada", "email": "ada@x.org", "password": PASSWORDS[0]})
    assert status == 200
    link = page.send("POST", "/api/accounts/default/members", {"email": "eve@x.org", "role": "auditor"})[1]["link"]
    guest = Keeping(url, told.secrets)
    assert guest.send("POST", "/api/links", {"token": link, "name": "Eve", "email": "eve@x.org", "password": PASSWORDS[1]})[0] == 200
    made = page.send("POST", "/api/accounts/default/keys", {"name": "one"})[1]
    assert gateway.chat({"Authorization": f"Bearer {made['secret']}"}).status in {200, 403, 404}
    told.statuses["made"] = [status_of(gateway, made["secret"])]
    where = f"/api/accounts/default/keys/{made['key']['id']}"
    rotated = page.send("POST", f"{where}/rotation", {"overlap": 0})[1]
    told.statuses["rotated without overlap"] = [status_of(gateway, made["secret"]), status_of(gateway, rotated["secret"])]
    overlapping = page.send("POST", f"/api/accounts/default/keys/{rotated['key']['id']}/rotation", {"overlap": 3600})[1]
    told.statuses["rotated with overlap"] = [status_of(gateway, rotated["secret"]), status_of(gateway, overlapping["secret"])]
    page.send("DELETE", f"/api/accounts/default/keys/{overlapping['key']['id']}")
    told.statuses["revoked"] = [status_of(gateway, overlapping["secret"])]
    told.secrets += [token, link, *(one["secret"][14:] for one in (made, rotated, overlapping))]
    assert page.send("POST", "/api/session/password", {"current": PASSWORDS[0], "new": PASSWORDS[2]})[0] == 200
    assert page.send("POST", "/api/session", {"email": "ada@x.org", "password": PASSWORDS[0]})[0] == 401
    told.shown = json.dumps([page.send("GET", f"/api/accounts/default/{part}")[1] for part in ("keys", "members", "changes")])
    assert service.asked == [], "the sign-in service was asked before anybody wanted to sign in there"
    other = Keeping(url, told.secrets)
    there = other.send("GET", "/api/session/oidc")[2]["location"]
    code, given = service.agree(there, time.time())
    assert other.send("GET", f"/api/session/oidc/return?code={code}&state={given['state']}")[0] == 303
    told.secrets += [code, given["state"]]
    told.statuses["service asked"] = [len(service.asked)]


def test_keys_work_and_end_when_the_call_returns(story):
    assert story.statuses["made"] == [200]
    assert story.statuses["rotated without overlap"] == [401, 200]
    assert story.statuses["rotated with overlap"] == [200, 200]
    assert story.statuses["revoked"] == [401]


def test_no_secret_is_at_rest_or_listed(story):
    files = [path for path in story.folder.rglob("*") if path.is_file() and path.name != "trace"] + [
        path for path in story.home.rglob("*") if path.is_file()
    ]
    kept = {path: path.read_bytes() for path in files}
    assert any(path.name == "anyapi.db" for path in kept)
    assert sum(map(len, kept.values())) > 50_000, "hardly anything was searched"
    assert len(story.secrets) >= 15
    for secret in story.secrets:
        pieces = {secret[at : at + PIECE] for at in range(max(1, len(secret) - PIECE + 1))}
        found = [str(path) for path, data in kept.items() if any(piece.encode() in data for piece in pieces)]
        assert not found, f"a piece of secret number {story.secrets.index(secret)} is in {found}"
        assert not [piece for piece in pieces if piece in story.shown]


def test_the_search_would_find_one(story):
    """The control: what is meant to be stored is found in the same way, with the same pieces."""
    assert any(b"ada@x.org" in path.read_bytes() for path in story.home.rglob("*") if path.is_file())


def test_nothing_else_is_executed(story):
    executed = re.findall(r"execve\(\"([^\"]+)\", \[(.*?)\](?:, 0x\w+ /\* \d+ vars \*/)?\) += 0", story.trace)
    assert len(executed) == 2
    assert executed[0] == executed[1]
    assert not [line for line in story.trace.splitlines() if NEW_PROCESS.search(line)]


def test_nobody_else_is_reached(story):
    reached = set()
    for call, family, port, path, rest in ADDRESSED.findall(story.trace):
        if call == "bind":
            continue
        assert family == "AF_INET", f"{call} to {family} {path}"
        assert "127.0.0.1" in rest
        reached.add(port)
    assert story.issuer in reached, "the control: the sign-in service was asked, and the trace shows it"
    collector = re.search(r"event=traces_started host=127\.0\.0\.1:(\d+)\n", (story.home / "gateway.log").read_text())[1]
    assert reached <= story.ports | {story.issuer, collector}


def test_no_log_line_names_a_person(story):
    log = (story.home / "gateway.log").read_text()
    assert "event=control_started" in log
    assert not re.search(r"@|Ada|Eve|per_", log)
