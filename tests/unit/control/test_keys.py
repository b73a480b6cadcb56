"""API keys over the control API: made, rotated, revoked, in force when the call returns."""

import msgspec
import pytest
from tests.conformance.samples import usage_row

from anyapi.crypto.api_keys import digest
from anyapi.domain.ids import AccountId
from anyapi.storage.rows import ProjectRow
from anyapi.storage.usage_writer import UsageWriter

KEYS = "/api/accounts/default/keys"


@pytest.fixture
def owner(staffed):
    return staffed.browser("owner@x.org")


def test_a_key_works_when_the_call_returns(staffed, owner):
    made = owner.post(KEYS, {"name": "laptop", "expires_days": 2, "data_policy": {"retention_days": 0}}).json()
    principal = staffed.snapshot.principals[digest(made["secret"].encode())]
    assert principal.key == made["key"]["id"]
    assert principal.requirement.retention_days == 0
    assert principal.expires_at == staffed.now + 2 * 86400
    assert made["snapshot"] == staffed.snapshot.version
    assert made["key"]["data_policy"] == {"retention_days": 0.0}


def test_the_secret_is_shown_once_and_the_hash_never(staffed, owner):
    made = owner.post(KEYS, {"name": "laptop"}).json()
    listed = owner.get(KEYS).text
    assert made["secret"] not in listed
    assert "sha256" not in listed
    assert made["key"]["prefix"] in listed
    stored = staffed.stored()
    assert made["secret"].encode() not in stored


@pytest.mark.parametrize(
    "wrong",
    [
        {"expires_days": 0},
        {"expires_days": -1},
        {"expires_days": 1e9},
        {"name": "x" * 101},
        {"project": "nowhere"},
        {"data_policy": {"retention_days": -1}},
        {"data_policy": {"nonsense": 1}},
        {"data_policy": {"retention_days": None}},
    ],
)
def test_a_wrong_key_makes_nothing(staffed, owner, wrong):
    before = len(staffed.store.keys())
    assert owner.post(KEYS, {"name": "k", **wrong}).status_code == 400
    assert len(staffed.store.keys()) == before


def test_a_key_cannot_be_put_into_another_accounts_project(staffed, owner):
    staffed.store.add_project(ProjectRow("theirs", AccountId("other"), "Theirs", staffed.now))
    assert owner.post(KEYS, {"project": "theirs"}).status_code == 400


def test_a_revoked_key_is_gone_when_the_call_returns(staffed, owner):
    made = owner.post(KEYS, {}).json()
    revoked = owner.send("DELETE", f"{KEYS}/{made['key']['id']}").json()
    assert revoked["key"]["state"] == "revoked"
    assert digest(made["secret"].encode()) not in staffed.snapshot.principals
    again = owner.send("DELETE", f"{KEYS}/{made['key']['id']}").json()
    assert again["key"]["revoked_at"] == revoked["key"]["revoked_at"]
    assert [change["what"] for change in owner.get("/api/accounts/default/changes").json()] == ["key_revoked", "key_made"]


def test_a_rotated_key_works_beside_the_new_one_until_the_overlap_ends(staffed, owner):
    old = owner.post(KEYS, {"name": "app", "data_policy": {"paid_only": True}}).json()
    new = owner.post(f"{KEYS}/{old['key']['id']}/rotation", {"overlap": 600}).json()
    principals = staffed.snapshot.principals
    assert principals[digest(old["secret"].encode())].expires_at == staffed.now + 600
    fresh = principals[digest(new["secret"].encode())]
    assert fresh.expires_at is None
    assert fresh.requirement.paid_only is True
    assert new["key"]["name"] == "app"


def test_a_rotation_never_lengthens_a_keys_life(staffed, owner):
    old = owner.post(KEYS, {"expires_days": 0.001}).json()
    owner.post(f"{KEYS}/{old['key']['id']}/rotation", {"overlap": 86400})
    assert staffed.snapshot.principals[digest(old["secret"].encode())].expires_at == old["key"]["expires_at"]


@pytest.mark.parametrize("overlap", [-1, 30 * 86400 + 1])
def test_an_overlap_has_bounds(owner, overlap):
    old = owner.post(KEYS, {}).json()
    refused = owner.post(f"{KEYS}/{old['key']['id']}/rotation", {"overlap": overlap})
    assert (refused.status_code, "2592000 seconds (30 days)" in refused.text) == (400, True)


def test_a_revoked_key_cannot_be_rotated(owner):
    old = owner.post(KEYS, {}).json()
    owner.send("DELETE", f"{KEYS}/{old['key']['id']}")
    assert owner.post(f"{KEYS}/{old['key']['id']}/rotation", {}).status_code == 400


def test_a_key_of_another_account_is_not_there(staffed, owner):
    theirs = staffed.browser("stranger@x.org").post("/api/accounts/other/keys", {}).json()["key"]["id"]
    assert owner.send("DELETE", f"{KEYS}/{theirs}").status_code == 404
    assert owner.post(f"{KEYS}/{theirs}/rotation", {}).status_code == 404
    assert theirs not in owner.get(KEYS).text


# --- limits


def test_limits_are_in_force_when_the_call_returns_and_shown(staffed, owner):
    limits = {"spend_cap": 5.0, "period": "month", "requests_per_minute": 60}
    made = owner.post(KEYS, {"name": "app", "limits": limits}).json()
    found = staffed.snapshot.principals[digest(made["secret"].encode())].limits
    assert (found.lineage, found.spend_cap, found.period, found.requests_per_minute) == (made["key"]["id"], 5.0, "month", 60)
    assert made["key"]["limits"] == limits
    assert (made["key"]["left"], made["key"]["spent"]["total"]) == (5.0, 0.0)
    assert made["key"]["begins_anew_at"] == 1_796_083_200.0  # 2026-12-01


WRONG_LIMITS = (
    {"spend_cap": -0.01},
    {"spend_cap": 1e10},
    {"requests_per_minute": 0},
    {"requests_per_minute": 100_001},
    {"period": "year"},
    {"requests_per_minute": 1.5},
)


def test_limits_that_cannot_be_meant(staffed, owner):
    made = owner.post(KEYS, {}).json()["key"]
    for limits in WRONG_LIMITS:
        assert owner.post(KEYS, {"limits": limits}).status_code == 400, limits
        assert owner.send("PUT", f"{KEYS}/{made['id']}", {"name": "x", "limits": limits}).status_code == 400, limits
    assert [row["name"] for row in owner.get(KEYS).json()] == [""]


def test_a_key_is_changed(staffed, owner):
    made = owner.post(KEYS, {"name": "app", "limits": {"spend_cap": 5.0}}).json()
    one = f"{KEYS}/{made['key']['id']}"
    changed = owner.send("PUT", one, {"name": "web", "limits": {"requests_per_minute": 3}}).json()
    assert (changed["key"]["name"], changed["key"]["limits"]["spend_cap"], changed["key"]["left"]) == ("web", None, None)
    assert staffed.snapshot.principals[digest(made["secret"].encode())].limits.requests_per_minute == 3
    disabled = owner.send("PUT", one, {"name": "web", "limits": {}, "disabled": True}).json()
    assert disabled["key"]["state"] == "disabled"
    assert digest(made["secret"].encode()) not in staffed.snapshot.principals
    owner.send("PUT", one, {"name": "web", "limits": {}, "disabled": False})
    assert staffed.snapshot.principals[digest(made["secret"].encode())].limits is None
    first = owner.get("/api/accounts/default/changes").json()[2]
    assert (first["what"], first["before"]["limits"]["spend_cap"], first["after"]["limits"]["requests_per_minute"]) == (
        "key_changed",
        5.0,
        3,
    )


@pytest.mark.parametrize("change", [{"name": "web"}, {"limits": {"spend_cap": 9.0}}, {"name": "web", "limits": {"spend_cap": 9.0}}, {}])
def test_who_changes_a_key_does_not_enable_one_that_somebody_disabled_meanwhile(staffed, owner, change):
    made = owner.post(KEYS, {"name": "app", "limits": {"spend_cap": 5.0}}).json()
    one = f"{KEYS}/{made['key']['id']}"
    owner.send("PUT", one, {"disabled": True})
    key = owner.send("PUT", one, change).json()["key"]
    assert key["state"] == "disabled"
    assert digest(made["secret"].encode()) not in staffed.snapshot.principals
    assert (key["name"], key["limits"]["spend_cap"]) == (change.get("name", "app"), change.get("limits", {"spend_cap": 5.0})["spend_cap"])


def test_a_key_of_another_account_is_not_changed(staffed, owner):
    theirs = staffed.browser("stranger@x.org").post("/api/accounts/other/keys", {}).json()["key"]["id"]
    assert owner.send("PUT", f"{KEYS}/{theirs}", {"name": "mine", "limits": {}}).status_code == 404


def test_what_keys_spent_is_shown(staffed, owner, tmp_path):
    made = owner.post(KEYS, {"limits": {"spend_cap": 1.0, "period": "day"}}).json()["key"]
    sink = UsageWriter(tmp_path, staffed.clock, driver=staffed.driver)
    for number, age in enumerate([0, 86400, 40 * 86400]):
        sink.put(usage_row(number, key=made["id"], cost=0.25, at=staffed.now - age))
    sink.close()
    shown = owner.get(KEYS).json()[0]
    assert shown["spent"] == {"total": 0.75, "month": 0.5, "week": 0.5, "day": 0.25}
    assert shown["left"] == 0.75
    staffed.publisher.build()
    assert owner.send("PUT", f"{KEYS}/{made['id']}", {"name": "", "limits": {"spend_cap": 1.0}}).json()["key"]["left"] == 0.25
    (principal,) = staffed.snapshot.principals.values()
    assert (principal.limits.spent, principal.limits.since) == (0.75, 0)


# --- rotation


def test_a_rotated_key_and_its_successor_share_limits_and_what_was_spent(staffed, owner):
    old = owner.post(KEYS, {"limits": {"spend_cap": 5.0}}).json()["key"]
    new = owner.post(f"{KEYS}/{old['id']}/rotation", {}).json()["key"]
    assert new["lineage"] == old["lineage"] == old["id"]
    owner.send("PUT", f"{KEYS}/{new['id']}", {"name": "", "limits": {"spend_cap": 7.0}})
    assert [row["limits"]["spend_cap"] for row in owner.get(KEYS).json()] == [7.0, 7.0]
    assert {each.limits.lineage for each in staffed.snapshot.principals.values()} == {old["id"]}


def test_only_the_newest_of_a_chain_is_rotated(owner):
    old = owner.post(KEYS, {}).json()["key"]
    owner.post(f"{KEYS}/{old['id']}/rotation", {})
    again = owner.post(f"{KEYS}/{old['id']}/rotation", {})
    assert again.status_code == 400
    assert "rotated before" in again.json()["error"]["message"]
    assert len(owner.get(KEYS).json()) == 2


def test_a_key_that_ends_is_followed_by_one_that_ends(staffed, owner):
    old = owner.post(KEYS, {"expires_days": 10}).json()["key"]
    staffed.now += 3600
    new = owner.post(f"{KEYS}/{old['id']}/rotation", {}).json()["key"]
    assert new["expires_at"] == pytest.approx(staffed.now + 10 * 86400)


def test_an_account_has_an_end_of_keys_and_is_told_what_to_do(staffed, owner):
    staffed.services = msgspec.structs.replace(staffed.services, keys_per_account=2)
    staffed.app.state.services = staffed.services
    first, second = (owner.post(KEYS, {}).json()["key"]["id"] for _ in range(2))
    version = staffed.snapshot.version
    refused = owner.post(KEYS, {"data_policy": {"retention_days": 0}})
    assert (refused.status_code, refused.json()["error"]["type"]) == (409, "conflict")
    assert "revoke those that nobody needs" in refused.json()["error"]["message"]
    assert owner.post(f"{KEYS}/{first}/rotation", {"overlap": 60}).status_code == 409
    assert owner.post(f"{KEYS}/{first}/rotation", {"overlap": 0}).status_code == 201
    assert staffed.snapshot.version == version + 1
    assert owner.send("DELETE", f"{KEYS}/{second}").status_code == 200
    assert owner.post(KEYS, {}).status_code == 201
    assert owner.get("/api/accounts/default/changes").json()[0]["what"] == "key_made"
    assert staffed.browser("stranger@x.org").post("/api/accounts/other/keys", {}).status_code == 201


def test_a_key_that_ended_long_ago_is_in_no_snapshot(staffed, owner):
    secret = owner.post(KEYS, {"expires_days": 1}).json()["secret"]
    for days, there in ((2, True), (5.9, True), (0.2, False)):
        staffed.now += days * 86400
        assert (digest(secret.encode()) in staffed.publisher.build().principals) is there
