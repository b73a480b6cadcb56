"""Deleting an account over the control API: planned, confirmed by its name, in force when the call returns."""

import hashlib

import pytest
from tests.conformance.whole_account import REQUESTS, fill

from anyapi.domain.people import Role

PATH = "/api/accounts/CANARY/deletion"


@pytest.fixture
def boss(staffed):
    fill(staffed.backend, "CANARY", at=staffed.now)
    staffed.person("boss@x.org", Role.OWNER, "CANARY")
    staffed.snapshot = staffed.publisher.build()
    return staffed.browser("boss@x.org")


def counts(lines):
    return {line["record"]: line["rows"] for line in lines if line["rows"]}


def test_a_plan_then_a_name_then_nothing_is_left(staffed, boss):
    assert hashlib.sha256(b"CANARY").digest() in staffed.snapshot.principals
    plan = boss.get(PATH).json()
    assert (plan["done"], plan["refused"], counts(plan["goes"])["usage"]) == (False, None, REQUESTS)
    for wrong in ("", "CANARY", "canary name"):
        assert boss.post(PATH, {"name": wrong}).status_code == 400
    assert hashlib.sha256(b"CANARY").digest() in staffed.publisher.build().principals

    deleted = boss.post(PATH, {"name": "CANARY name"}).json()
    assert (deleted["report"]["done"], deleted["report"]["wiped"]) == (True, not staffed.driver.shared)
    assert deleted["snapshot"] == staffed.snapshot.version
    assert "CANARY" not in {one.account for one in staffed.snapshot.principals.values()}
    assert counts(deleted["report"]["goes"])["usage"] == REQUESTS
    assert boss.get(PATH).status_code == 401, "whoever belonged to it alone is gone with it"
    operator = staffed.browser("operator@x.org")
    assert "CANARY" not in operator.get("/api/accounts").text
    assert operator.get(PATH).status_code == 404
    (trace,) = [one for one in operator.get("/api/gateway/changes").json() if one["what"] == "account_deleted"]
    assert trace["subject"] == deleted["report"]["known_as"]
    assert trace["after"]["usage"] == REQUESTS
    left = staffed.stored().lower()
    assert (b"canary" in left, b"boss@x.org" in left, b"operator@x.org" in left) == (False, False, True)


def test_who_may_not(staffed, boss):
    for email in ("stranger@x.org", "owner@x.org"):
        assert staffed.browser(email).post(PATH, {"name": "CANARY name"}).status_code == 404
    for role in (Role.ADMIN, Role.MEMBER, Role.AUDITOR):
        browser = staffed.browser(f"{role}@x.org")
        assert browser.get("/api/accounts/default/deletion").status_code == 403
        assert browser.post("/api/accounts/default/deletion", {"name": "Default account"}).status_code == 403
    assert staffed.holdings.held("CANARY")["usage"] == REQUESTS


def test_the_default_account_cannot_be_deleted_and_says_why(staffed):
    owner = staffed.browser("owner@x.org")
    assert "made anew at every start" in owner.get("/api/accounts/default/deletion").json()["refused"]
    refused = owner.post("/api/accounts/default/deletion", {"name": "Default account"})
    assert refused.status_code == 403
    assert "made anew at every start" in refused.json()["error"]["message"]
    assert staffed.store.closing() == frozenset()


def test_a_deletion_that_was_cut_short_can_be_repeated_and_meanwhile_nothing_is_served(staffed, boss):
    staffed.holdings.begin_closing("CANARY", staffed.now)
    with staffed.store._transaction("undo the revocation") as connection:
        connection.execute("UPDATE keys SET revoked_at = NULL WHERE account = 'CANARY'")
    assert "CANARY" not in {one.account for one in staffed.publisher.build().principals.values()}
    made = boss.post("/api/accounts/CANARY/keys", {"name": "it would be called active, and be refused"})
    assert (made.status_code, "is being deleted" in made.json()["error"]["message"]) == (409, True)
    assert boss.post(PATH, {"name": "CANARY name"}).json()["report"]["done"] is True


def test_ids_with_a_meaning_of_their_own_are_nobodys(staffed):
    operator = staffed.browser("operator@x.org")
    for name in ("deleted", "unknown"):
        assert operator.post("/api/accounts", {"id": name, "name": "x"}).status_code == 400
