"""`/api/v1/keys`: a program manages the API keys of its account, and nothing else."""

import datetime as dt

import msgspec
import pytest
from tests.conformance.samples import usage_row

from anyapi.crypto.api_keys import PROVISIONING_PREFIX, digest, generate
from anyapi.storage.rows import KeyRow, ProvisioningKeyRow
from anyapi.storage.sql_store import SqlStore
from anyapi.storage.tenant import tenant
from anyapi.storage.usage_writer import UsageWriter

KEYS = "/api/v1/keys"


class Program:
    """Calls with a provisioning key and nothing else."""

    def __init__(self, control, secret):
        self.client, self.secret = control.browser().client, secret

    def __call__(self, method, path="", json=None):
        headers = {} if self.secret is None else {"authorization": f"Bearer {self.secret}"}
        return self.client.request(method, KEYS + path, json=json, headers=headers)


def provisioned(control, account="default"):
    parts = generate(PROVISIONING_PREFIX)
    control.store.add_provisioning_key(ProvisioningKeyRow(parts.id, parts.prefix, parts.sha256, account, control.now, "terraform"))
    return parts


@pytest.fixture
def program(staffed):
    return Program(staffed, provisioned(staffed).secret)


def in_force(staffed, secret):
    return staffed.snapshot.principals.get(digest(secret.encode()))


def test_a_key_from_its_making_to_its_end(staffed, program):
    made = program("POST", json={"name": "Customer 7", "limit": 10, "limit_reset": "monthly", "requests_per_minute": 30})
    assert made.status_code == 201
    secret, data = made.json()["key"], made.json()["data"]
    limits = in_force(staffed, secret).limits
    assert (limits.spend_cap, limits.period, limits.requests_per_minute) == (10.0, "month", 30)
    assert data["label"] == secret[:14] + "..."
    assert (data["limit"], data["limit_remaining"], data["limit_reset"], data["usage"]) == (10.0, 10.0, "monthly", 0.0)
    one = f"/{data['hash']}"
    assert program("GET", one).json() == {"data": data}
    assert program("GET").json() == {"data": [data]}

    changed = program("PATCH", one, {"limit": 20}).json()["data"]
    assert (changed["limit"], changed["limit_reset"], changed["name"], changed["requests_per_minute"]) == (
        20.0,
        "monthly",
        "Customer 7",
        30,
    )
    assert in_force(staffed, secret).limits.spend_cap == 20.0

    assert program("PATCH", one, {"disabled": True}).json()["data"]["disabled"] is True
    assert in_force(staffed, secret) is None
    assert program("GET").json() == {"data": []}
    assert [row["hash"] for row in program("GET", "?include_disabled=true").json()["data"]] == [data["hash"]]
    program("PATCH", one, {"disabled": False, "limit": None, "limit_reset": None, "requests_per_minute": None, "name": "free"})
    assert in_force(staffed, secret).limits is None

    assert program("DELETE", one).json() == {"deleted": True}
    assert in_force(staffed, secret) is None
    assert [program(method, one, body).status_code for method, body in (("GET", None), ("PATCH", {}), ("DELETE", None))] == [404] * 3
    assert staffed.store.key(data["hash"]).revoked_at == staffed.now
    changes = staffed.people.changes("default", staffed.now + 1)
    assert [change.what for change in changes] == ["key_revoked", "key_changed", "key_changed", "key_changed", "key_made"]
    assert {change.person[:5] for change in changes} == {"prov_"}
    assert secret not in program("GET", "?include_disabled=true").text


def test_expiry(staffed, program):
    ends = dt.datetime.fromtimestamp(staffed.now + 3600, dt.UTC)
    made = program("POST", json={"name": "short", "expires_at": ends.isoformat().replace("+00:00", "Z")}).json()
    assert in_force(staffed, made["key"]).expires_at == staffed.now + 3600
    assert dt.datetime.fromisoformat(made["data"]["expires_at"]) == ends
    assert program("POST", json={"name": "late", "expires_at": "2001-01-01T00:00:00Z"}).status_code == 400


def test_what_was_spent(staffed, program, tmp_path):
    key = program("POST", json={"name": "k", "limit": 1, "limit_reset": "daily"}).json()["data"]["hash"]
    sink = UsageWriter(tmp_path, staffed.clock, driver=staffed.driver)
    for number, age in enumerate([0, 86400, 40 * 86400]):
        sink.put(usage_row(number, key=key, cost=0.25, at=staffed.now - age))
    sink.close()
    data = program("GET", f"/{key}").json()["data"]
    assert (data["usage"], data["usage_monthly"], data["usage_weekly"], data["usage_daily"]) == (0.75, 0.5, 0.5, 0.25)
    assert data["limit_remaining"] == 0.75


WRONG = (
    {},
    {"name": "x" * 101},
    {"name": "k", "limit": -1},
    {"name": "k", "limit_reset": "yearly"},
    {"name": "k", "requests_per_minute": 0},
    {"name": "k", "limits": 10},
)


def test_a_wrong_key_makes_nothing(staffed, program):
    for wrong in WRONG:
        assert program("POST", json=wrong).status_code == 400, wrong
    assert staffed.store.keys() == []


def test_a_limit_is_called_what_it_is_called_here(program):
    error = program("POST", json={"name": "k", "limit": -1}).json()["error"]
    assert error["metadata"] == {"field": "limit"}
    assert error["message"].startswith("limit must be")


def test_pages_of_a_hundred(staffed, program):
    for number in range(130):
        staffed.store.add_key(KeyRow(f"key_{number:03d}", "p", number.to_bytes(32, "big"), "default", float(number)))
    first, second = program("GET").json()["data"], program("GET", "?offset=100").json()["data"]
    assert [row["hash"] for row in first + second] == [f"key_{number:03d}" for number in reversed(range(130))]
    assert program("GET", "?offset=-1").status_code == 400


def test_only_a_provisioning_key_in_force_may_come_in(staffed, program):
    parts = generate()
    staffed.store.add_key(KeyRow(parts.id, parts.prefix, parts.sha256, "default", staffed.now))
    revoked = provisioned(staffed)
    assert staffed.store.revoke_provisioning_key("default", revoked.id, staffed.now)
    unknown = generate(PROVISIONING_PREFIX).secret
    for secret in (None, "", parts.secret, revoked.secret, unknown, unknown[:-1], "anyapi_pk_ü"[:10]):
        for method, path in (("GET", ""), ("POST", ""), ("GET", "/key_1"), ("PATCH", "/key_1"), ("DELETE", "/key_1")):
            assert Program(staffed, secret)(method, path, {}).status_code == 401
    assert program("GET").status_code == 200


def test_a_provisioning_key_is_good_for_nothing_else(staffed, program):
    headers = {"authorization": f"Bearer {program.secret}"}
    for path in ("/api/accounts", "/api/accounts/default/keys", "/api/catalogue", "/api/gateway/changes"):
        assert program.client.get(path, headers=headers).status_code == 401
    assert digest(program.secret.encode()) is None
    assert not any(digest(program.secret.encode(), b"anyapi_pk_") == sha256 for sha256 in staffed.snapshot.principals)


def test_another_accounts_keys_are_not_there(staffed, program):
    theirs = Program(staffed, provisioned(staffed, "other").secret)
    key = theirs("POST", json={"name": "theirs"}).json()["data"]["hash"]
    assert program("GET").json() == {"data": []}
    for method, body in (("GET", None), ("PATCH", {"name": "mine"}), ("DELETE", None)):
        missing = program(method, "/key_none", body)
        assert (missing.status_code, missing.text) == (404, program(method, f"/{key}", body).text)
    assert theirs("GET", f"/{key}").json()["data"]["name"] == "theirs"


def test_its_statements_see_the_rows_of_its_account_alone(staffed, program, monkeypatch):
    seen, names = set(), ("add_key", "key", "change_key", "revoke_key", "spending")
    for name in names:

        def noted(self, *given, real=getattr(SqlStore, name), name=name, **named):
            seen.add((name, tenant()))
            return real(self, *given, **named)

        monkeypatch.setattr(SqlStore, name, noted)
    one = f"/{program('POST', json={'name': 'k'}).json()['data']['hash']}"
    for method, path, body in (("GET", "", None), ("GET", one, None), ("PATCH", one, {"name": "n"}), ("DELETE", one, None)):
        assert program(method, path, body).status_code == 200
    assert seen == {(name, "default") for name in names}


def test_a_program_is_told_when_the_account_has_as_many_as_it_may(staffed, program):
    staffed.services = msgspec.structs.replace(staffed.services, keys_per_account=1)
    staffed.app.state.services = staffed.services
    made = program("POST", json={"name": "one", "expires_at": "2026-11-27T13:00:00Z"})
    assert made.status_code == 201
    refused = program("POST", json={"name": "two"})
    assert (refused.status_code, refused.json()["error"]["type"]) == (409, "conflict")
    staffed.now += 3600
    assert program("POST", json={"name": "two"}).status_code == 201
