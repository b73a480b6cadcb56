"""API keys over the control API: made, rotated, revoked, in force when the call returns."""

import pytest

from anyapi.crypto.api_keys import digest
from anyapi.domain.ids import AccountId
from anyapi.storage.rows import ProjectRow

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
    assert owner.post(f"{KEYS}/{old['key']['id']}/rotation", {"overlap": overlap}).status_code == 400


def test_a_revoked_key_cannot_be_rotated(owner):
    old = owner.post(KEYS, {}).json()
    owner.send("DELETE", f"{KEYS}/{old['key']['id']}")
    assert owner.post(f"{KEYS}/{old['key']['id']}/rotation", {}).status_code == 400


def test_a_key_of_another_account_is_not_there(staffed, owner):
    theirs = staffed.browser("stranger@x.org").post("/api/accounts/other/keys", {}).json()["key"]["id"]
    assert owner.send("DELETE", f"{KEYS}/{theirs}").status_code == 404
    assert owner.post(f"{KEYS}/{theirs}/rotation", {}).status_code == 404
    assert theirs not in owner.get(KEYS).text
