"""T22: every route x role x whose account x form of the credential x Host, against access.toml, on a running gateway.

The routes come from the app itself, so one that nobody listed is found. Each cell is asked with one Host of `HEEDED_NOT`, in turn, and every
twelfth with one of `REFUSED`; the long run asks each with all of them.
"""

import contextlib
import functools
import http.client
import itertools
import json
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.conformance.samples import RECIPIENT, credential_row, kept
from tests.conftest import LONG
from tests.hostile.test_keys import cropped, welch
from tests.tools.gateway import make_key, simulated

from anyapi.control.app import create_app
from anyapi.control.permissions import LONGEST_SECONDS, handlers
from anyapi.control.tokens import new_token, sha256_of
from anyapi.crypto.api_keys import PROVISIONING_PREFIX, generate
from anyapi.domain.people import Permission, Role
from anyapi.domain.prompt_log import Keeps, LogRule
from anyapi.domain.requirement import Layer
from anyapi.gateway import routes as data_plane
from anyapi.sealing.sealer import Sealer
from anyapi.storage.contract_logs import RecipientRow
from anyapi.storage.log_writer import LogWriter
from anyapi.storage.people_rows import LinkKind, LinkRow, MemberRow, PersonRow, SessionRow
from anyapi.storage.rows import AccountRow, ProvisioningKeyRow
from anyapi.storage.sql_logs import SqlLogs
from anyapi.storage.sql_people import SqlPeople
from anyapi.storage.sqlite_driver import SqliteDriver

FILE = Path(__file__).with_name("access.toml")
LISTED = tomllib.loads(FILE.read_text())
OWN, OTHER = "default", "other"
ROLES = ("operator", *Role, "nobody")
FORMS = {
    "cookie": "its session",
    "cookie without token": "its session, but not what the page sends with changes",
    "ended": "a session that was signed out",
    "too old": "a session older than any may be",
    "session as bearer": "",
    "session as x-api-key": "",
    "session in query": "",
}
PLACES = ("as bearer", "as x-api-key", "in query", "as cookie")
STRANGERS = ("none", *(f"{kind} {place}" for kind in ("key", "provisioning key") for place in PLACES))
"""Forms of whoever has no session: a key of the account is none, be it for models or for managing keys."""
PROVISIONER = "provisioning key as bearer"
NOWHERE = "nowhere"
HEEDED_NOT = (
    *("127.0.0.1", "localhost", "evil.example", "", "[::1]", "127.0.0.1:1", "127.0.0.1:", ":80", "...", "-", "%00", "%2e%2e%2f"),
    *("user:word@127.0.0.1", "\t", "x" * 300, "*"),
)
REFUSED = (
    *("127.0.0.1/api/healthz", "evil.example/api/session#", "evil.example?/api/healthz", "api/healthz", "/api/healthz", "//api/healthz"),
    *("http://127.0.0.1/api/healthz", "127.0.0.1#", "127.0.0.1\\api\\healthz", "a b", "127.0.0.1, evil.example", "é", "127.0.0.1:99999"),
)


@dataclass(frozen=True)
class Cell:
    """One question, and what the file says of its answer."""

    route: str
    role: str
    tenant: str
    form: str

    @property
    def method(self) -> str:
        return self.route.partition(" ")[0]

    @property
    def changes(self) -> bool:
        return self.method not in {"GET", "HEAD"}

    def expected(self) -> int | None:
        """A status, or None for any that lets through: no 401, no 403, nothing of 500 or above."""
        permission = LISTED["routes"][self.route]
        for one in LISTED.get("exceptions", []):
            within = (
                one.get("route", self.route) == self.route,
                one.get("permission", permission) == permission,
                self.role in one.get("roles", ROLES),
                self.tenant in one.get("tenants", (OWN, OTHER)),
                self.form in one.get("forms", (self.form,)),
            )
            if all(within):
                return None if one["status"] == "let through" else one["status"]
        if permission == "public":
            return None
        if self.role == "nobody" or not self.form.startswith("cookie"):
            return 401
        if self.form == "cookie without token" and self.changes:
            return 403
        if self.tenant == OTHER and self.role != "operator":
            return 404
        return None if self.role in LISTED["roles"][permission] else 403


@functools.cache
def live_routes() -> dict[str, str]:
    """The routes that the app has, with the permission that each says."""
    found = {}
    for name, handler in handlers(create_app(None)):
        methods, _, path = name.partition(" ")
        for kind in ("str", "path"):
            path = path.replace(f":{kind}}}", "}")
        for method in methods.split("/"):
            if method != "HEAD":
                found[f"{method} {path}"] = "public" if handler.opt.get("public") else str(handler.opt["permission"])
    return found


def live_data_plane() -> set[str]:
    names = {*(f"POST /v1/{name}" for name in data_plane.POST), *(f"GET /v1/{name}" for name in data_plane.GET)}
    return names | {f"GET {path}" for path in data_plane.PLAIN} | {"GET /v1/models/{author}/{slug}/endpoints"}


@functools.cache
def matrix() -> tuple[Cell, ...]:
    """Every cell there is."""
    cells = []
    for route in live_routes():
        tenants = (OWN, OTHER) if "{account}" in route else (OWN,)
        for tenant, role in itertools.product(tenants, ROLES):
            cells += [Cell(route, role, tenant, form) for form in (STRANGERS if role == "nobody" else FORMS)]
    return tuple(cells)


class World:
    """A gateway with a person of each role, keys, things of another account, and one connection to ask on."""

    def __init__(self, gateway):
        self.gateway, self.host = gateway, gateway.control_url().removeprefix("http://")
        now = time.time()
        with gateway.store() as store:
            store.add_account(AccountRow(OTHER, "Other", now))
        self.people = SqlPeople(gateway.home)
        for role in ROLES[:-1]:
            self.people.add_person(PersonRow(f"per_{role}", f"{role}@x.org", role, None, role == "operator", now))
            if role != "operator":
                self.people.put_member(MemberRow(OWN, f"per_{role}", Role(role), now))
        self.people.add_person(PersonRow("per_other", "other@x.org", "Other", None, False, now))
        self.people.put_member(MemberRow(OTHER, "per_other", Role.OWNER, now))
        self.connection = http.client.HTTPConnection(self.host, timeout=30)
        self.tokens = {role: self.session(role) for role in ROLES[:-1]}
        self.csrf = {
            role: json.loads(self.ask("GET", "/api/session", self.cookie(token))[1])["signed_in"]["csrf"]
            for role, token in self.tokens.items()
        }
        headers = self.cookie(self.tokens["operator"]) | {"x-csrf-token": self.csrf["operator"]}
        made = json.loads(self.ask("POST", f"/api/accounts/{OTHER}/keys", headers, {"name": "theirs"})[1])
        self.keys = {OWN: gateway.key, OTHER: made["secret"]}
        self.provisioning = {account: generate(PROVISIONING_PREFIX) for account in (OWN, OTHER)}
        with gateway.store() as store:
            store.add_credential(credential_row(1, account=OTHER))
            for account, parts in self.provisioning.items():
                store.add_provisioning_key(ProvisioningKeyRow(parts.id, parts.prefix, parts.sha256, account, now))
        words = {"kind": "question", "words": "theirs"}
        asked = json.loads(self.ask("POST", f"/api/accounts/{OTHER}/requests", headers, words)[1])
        self.things = things(gateway, made) | {"credential": credential_row(1).id, "request_id": asked["request"]["id"]}
        link = LinkRow(b"theirs", LinkKind.INVITATION, now + 3600, OTHER, Role.MEMBER, "invited@x.org")
        self.people.add_link(link)
        self.things |= {"recipient_id": "rcp_theirs", "invitation": link.sha256.hex()}

    def log(self):
        """An entry in the other account's log, of the request that it made: the operator, who may, has deleted what there was."""
        with self.gateway.store() as store:
            if not store.log_recipients(OTHER):
                store.add_log_recipient(RecipientRow("rcp_theirs", OTHER, RECIPIENT, "theirs", time.time()))
            store.put_log_rule(OTHER, Layer.KEY, self.things["key"], LogRule(Keeps.NOTHING), time.time())
        writer = LogWriter(SqliteDriver(self.gateway.home), time.time, Sealer)
        one = kept(1, OTHER, decision=self.things["decision"], at=time.time() + 1, expires_at=time.time() + 3600)
        assert writer.hold(one.size)
        writer.put(one, one.size)
        writer.close()

    def export(self):
        """Have the other account ask for an archive: the gateway keeps the last ones alone."""
        headers = self.cookie(self.tokens["operator"]) | {"x-csrf-token": self.csrf["operator"]}
        self.things["export_id"] = json.loads(self.ask("POST", f"/api/accounts/{OTHER}/exports", headers)[1])["id"]

    def session(self, role, age=0.0):
        token, began = new_token(), time.time() - age
        self.people.add_session(SessionRow(sha256_of(token), f"per_{role}", began, began))
        return token

    def cookie(self, token):
        return {"cookie": f"anyapi-session={token}"}

    def ask(self, method, path, headers, body=None, host=None):
        """Status and body of one answer. `host` is sent as it is."""
        data = b"" if body is None else json.dumps(body).encode()
        for attempt in (1, 2):
            try:
                self.connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
                self.connection.putheader("Host", (self.host if host is None else host).encode())
                for name, value in {"content-length": str(len(data)), "content-type": "application/json", **headers}.items():
                    self.connection.putheader(name, value)
                self.connection.endheaders(data)
                answer = self.connection.getresponse()
                return answer.status, answer.read()
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError, http.client.CannotSendRequest):
                self.connection.close()
                if attempt == 2:
                    raise
        raise AssertionError

    @functools.cached_property
    def ended(self):
        tokens = {role: self.session(role) for role in ROLES[:-1]}
        for token in tokens.values():
            self.people.end_session(sha256_of(token))
        return tokens

    @functools.cached_property
    def too_old(self):
        return {role: self.session(role, LONGEST_SECONDS + 60) for role in ROLES[:-1]}

    def credential(self, cell):
        """What goes into the query and the headers."""
        token = self.tokens.get(cell.role, "")
        if cell.role != "nobody" and cell.route == "DELETE /api/session" and cell.form.startswith("cookie"):
            token = self.session(cell.role)  # it ends; its token for the page differs, too
            csrf = json.loads(self.ask("GET", "/api/session", self.cookie(token))[1])["signed_in"]["csrf"]
        else:
            csrf = self.csrf.get(cell.role, "")
        key = self.provisioning[cell.tenant].secret if cell.form.startswith("provisioning") else self.keys[cell.tenant]
        return {
            "cookie": ("", {**self.cookie(token), "x-csrf-token": csrf}),
            "cookie without token": ("", self.cookie(token)),
            "ended": ("", {**self.cookie(self.ended.get(cell.role)), "x-csrf-token": csrf}),
            "too old": ("", {**self.cookie(self.too_old.get(cell.role)), "x-csrf-token": csrf}),
            "session as bearer": ("", {"authorization": f"Bearer {token}", "x-csrf-token": csrf}),
            "session as x-api-key": ("", {"x-api-key": token, "x-csrf-token": csrf}),
            "session in query": (f"?anyapi-session={token}&session={token}&token={token}", {"x-csrf-token": csrf}),
            "none": ("", {}),
            "key as bearer": ("", {"authorization": f"Bearer {key}"}),
            "key as x-api-key": ("", {"x-api-key": key}),
            "key in query": (f"?api_key={key}&key={key}", {}),
            "key as cookie": ("", self.cookie(key)),
        }[cell.form.removeprefix("provisioning ")]

    def answer(self, cell, host, account=None, ids=()):
        query, headers = self.credential(cell)
        path = filled(cell.route, account or cell.tenant, dict(ids))
        if ids and cell.route in LISTED["queries"]:
            query = f"?{LISTED['queries'][cell.route].format(**self.things)}"
        return self.ask(cell.method, path + query, headers, LISTED["bodies"].get(cell.route) if ids else None, host)


def things(gateway, made):
    """One of each thing that accounts own, of the other account: by the name of its path parameter."""
    answer = gateway.chat({"Authorization": f"Bearer {made['secret']}"})
    assert answer.status == 200
    (row,) = gateway.usage(1)
    identity = made["key"]["id"]
    return {"person": "per_other", "key": identity, "subject": identity, "decision": answer.headers["x-anyapi-decision"], "at": row.at}


def filled(route, account, ids):
    path = route.partition(" ")[2]
    for name, value in {**LISTED["ids"]["plain"], **LISTED["ids"]["owned"], **ids, "account": account}.items():
        path = path.replace(f"{{{name}}}", value)
    assert "{" not in path, f"{route}: say what stands for {path[path.index('{') :]} in {FILE.name}, under [ids.plain] or [ids.owned]"
    return path


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with simulated(tmp_path_factory.mktemp("access") / "home", control=True) as (gateway, _):
        made = World(gateway)
        yield made
        made.connection.close()
        made.people.close()


def test_every_route_is_listed_with_the_permission_that_it_says():
    live = live_routes()
    missing = [f'"{route}" = "{permission}"' for route, permission in live.items() if route not in LISTED["routes"]]
    assert not missing, f"not in {FILE.name}: decide who may call these, then add under [routes]:\n" + "\n".join(missing)
    gone = [route for route in LISTED["routes"] if route not in live]
    assert not gone, f"no longer there: take out of {FILE.name}: {gone}"
    differ = {route: (LISTED["routes"][route], permission) for route, permission in live.items() if LISTED["routes"][route] != permission}
    assert not differ, f"listed, and what the app says: {differ}"
    assert set(LISTED["roles"]) == set(Permission), "[roles] says of every permission who has it"
    assert live_data_plane() == set(LISTED["data_plane"]), "[data_plane] lists what gateway/routes.py serves"
    named = {*live, *live.values()}
    for one in LISTED.get("exceptions", []):
        assert {one.get("route"), one.get("permission")} & named
        assert one["reason"]
        assert one["status"]
    unused = [route for route in (*LISTED["bodies"], *LISTED["queries"]) if route not in live]
    assert not unused


def all_hosts(_):
    return (*HEEDED_NOT, *REFUSED)


def some_hosts(number):
    refused = (REFUSED[number // 12 % len(REFUSED)],) if number % 12 == 0 else ()
    return (HEEDED_NOT[number % len(HEEDED_NOT)], *refused)


def wrong(world, cells, hosts):
    """What differs from the file, and how many questions were asked."""
    found, refusals, asked = [], {}, 0
    for number, cell in enumerate(cells):
        expected = cell.expected()
        for host in hosts(number):
            status, body = world.answer(cell, host)
            asked += 1
            if host in REFUSED:
                if status != 400:
                    found.append(f"{cell} Host {host[:40]!r}: {status}, not 400: {body[:160]!r}")
                continue
            fits = status == expected if expected else status < 500 and status not in {401, 403}
            if expected == 404:
                fits = fits and body == world.answer(cell, host, account=NOWHERE)[1]
            if expected == 401:
                fits = fits and body == refusals.setdefault(LISTED["routes"][cell.route] == Permission.PROVISION, body)
            if not fits:
                found.append(f"{cell} Host {str(host)[:40]!r}: {status}, not {expected or 'let through'}: {body[:160]!r}")
    return found, asked


def test_every_cell_is_as_the_file_says(world):
    cells = matrix()
    assert len(cells) == len(set(cells))
    found, asked = wrong(world, cells, all_hosts if LONG else some_hosts)
    print(f"{len(cells)} cells, {asked} questions, {len(found)} wrong")
    assert not found, "\n".join(found[:40])


@pytest.mark.parametrize(
    ("place", "changed"),
    [
        (("roles", "write_members"), ["operator", "owner", "admin"]),
        (("roles", "read"), ["operator", "owner", "admin", "member"]),
        (("routes", "GET /api/gateway/settings"), "read"),
        (("routes", "GET /api/accounts/{account}/keys"), "public"),
        (("routes", "GET /api/healthz"), "signed_in"),
        (("routes", "GET /api/v1/keys"), "signed_in"),
        (("routes", "GET /api/v1/keys"), "public"),
    ],
)
def test_a_difference_between_file_and_gateway_is_found(world, monkeypatch, place, changed):
    """The control: with a file that says otherwise of one thing, the same comparison finds cells that are wrong."""
    monkeypatch.setitem(LISTED[place[0]], place[1], changed)
    touched = [cell for cell in matrix() if place[1] in {cell.route, LISTED["routes"][cell.route]} and "session" not in cell.form]
    found, _ = wrong(world, touched[:60], lambda _: (None,))
    assert found


def test_another_accounts_thing_is_as_if_it_were_not_there(world):
    """Under one's own account, as its owner or its program: the id of a thing that another account has, and of none."""
    asked = 0
    world.export()
    world.log()
    for route, permission in live_routes().items():
        owned = [name for name in LISTED["ids"]["owned"] if f"{{{name}}}" in route]
        for name in owned:
            provision = permission == Permission.PROVISION
            cell = Cell(route, "nobody", OWN, PROVISIONER) if provision else Cell(route, "owner", OWN, "cookie")
            theirs, none = (
                world.answer(cell, None, ids={name: value}.items()) for value in (world.things[name], LISTED["ids"]["owned"][name])
            )
            refused = 404 if provision or "{account}" in route else 403  # what is the operator's, no owner reaches with any id
            assert theirs[0] == refused, f"{route}: {theirs}. If its body is wrong, give one in {FILE.name} under [bodies] or [queries]"
            assert theirs == none, route
            asked += 1
    assert asked >= 21
    with world.gateway.store() as store:
        (key,) = store.keys(OTHER)
        (credential,) = store.credentials(OTHER)
        assert [row.id for row in store.log_recipients(OTHER)] == ["rcp_theirs"]
        assert list(store.log_rules(OTHER).values()) == [LogRule(Keeps.NOTHING)]
    with SqlLogs(world.gateway.home) as logs:
        assert logs.log_entry(OTHER, world.things["decision"]) is not None
    assert (key.revoked_at, key.expires_at, key.disabled_at, key.name) == (None, None, None, "theirs")
    assert credential == credential_row(1, account=OTHER)
    assert [row.person for row, _ in world.people.members(OTHER)] == ["per_other"]
    token = world.cookie(world.session("other"))
    thread = json.loads(world.ask("GET", f"/api/accounts/{OTHER}/requests/{world.things['request_id']}", token)[1])
    assert (thread["request"]["status"], [said["words"] for said in thread["messages"]]) == ("open", ["theirs"])
    assert json.loads(world.ask("GET", f"/api/accounts/{OTHER}/exports/{world.things['export_id']}", token)[1])["state"] == "waiting"


def test_the_other_accounts_owner_reaches_the_very_same_things(world):
    """The control of the test above: the ids are real, and it is the account that makes them unreachable."""
    token = world.session("other")
    world.export()
    world.log()
    for path in (
        "keys",
        "members",
        "credentials",
        f"usage/rows/{world.things['decision']}?at={world.things['at']}",
        f"settings/key/{world.things['key']}",
        f"requests/{world.things['request_id']}",
        f"exports/{world.things['export_id']}",
        "logs/settings",
        f"logs/entries/{world.things['decision']}",
    ):
        status, body = world.ask("GET", f"/api/accounts/{OTHER}/{path}", world.cookie(token))
        assert status == 200
        assert any(str(thing).encode() in body for thing in world.things.values())
    bearer = {"authorization": f"Bearer {world.provisioning[OTHER].secret}"}
    status, body = world.ask("GET", f"/api/v1/keys/{world.things['key']}", bearer)
    assert status == 200
    assert world.things["key"].encode() in body
    assert world.ask("GET", f"/api/accounts/{OTHER}/exports/{world.things['export_id']}/archive", world.cookie(token))[0] == 200


DATA_FORMS = ("bearer", "x-api-key", "query", "cookie", "none", "revoked", "expired", "session", "provisioning")


def test_every_cell_of_the_data_plane_is_as_the_file_says(world):
    gateway, now = world.gateway, time.time()
    keys = {}
    with gateway.store() as store:
        for state in ("revoked", "expired"):
            keys[state], identity = make_key(gateway.home)
            if state == "revoked":
                store.revoke_key(identity, now)
            else:
                store.end_key(identity, now - 1)
    found = []
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)) as connection:
        for (route, need), form, prefix in itertools.product(LISTED["data_plane"].items(), DATA_FORMS, ("/v1/", "/api/v1/")):
            method, _, path = route.partition(" ")
            path = path.replace("{author}", "anthropic").replace("{slug}", "claude-3.5-sonnet").replace("/v1/", prefix, 1)
            headers = {
                "bearer": {"authorization": f"Bearer {gateway.key}"},
                "x-api-key": {"x-api-key": gateway.key},
                "cookie": {"cookie": f"api_key={gateway.key}; anyapi-session={gateway.key}"},
                "revoked": {"authorization": f"Bearer {keys['revoked']}"},
                "expired": {"x-api-key": keys["expired"]},
                "session": {"authorization": f"Bearer {world.tokens['owner']}", **world.cookie(world.tokens["owner"])},
                "provisioning": {"authorization": f"Bearer {world.provisioning[OWN].secret}"},
            }.get(form, {})
            query = f"?api_key={gateway.key}&key={gateway.key}" if form == "query" else ""
            connection.request(method, path + query, b"{}" if method == "POST" else None, headers | {"content-type": "application/json"})
            answer = connection.getresponse()
            body = answer.read()
            expected_401 = need == "key" and form not in {"bearer", "x-api-key"}
            if (answer.status == 401) != expected_401 or answer.status >= 500 or answer.status == 403:
                found.append((route, form, prefix, answer.status, body[:100]))
    assert not found, found


@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_time_of_a_404_does_not_tell_whether_an_account_is_there(world):
    cell, times = Cell("GET /api/accounts/{account}/keys", "owner", OTHER, "cookie"), {OTHER: [], NOWHERE: []}
    for number in range(6000):
        account = (OTHER, NOWHERE)[number * 7919 % 13 % 2]
        began = time.perf_counter_ns()
        status, _ = world.answer(cell, None, account=account)
        times[account].append(float(time.perf_counter_ns() - began))
        assert status == 404
    t = welch(cropped(times[OTHER]), cropped(times[NOWHERE]))
    print(f"{len(times[OTHER])} and {len(times[NOWHERE])} tries, t = {t:.2f}")
    assert abs(t) < 4.5
