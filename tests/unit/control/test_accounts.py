"""Accounts, projects and members over the control API."""

import pytest

from anyapi.domain.people import Role

MEMBERS = "/api/accounts/default/members"


@pytest.fixture
def owner(staffed):
    return staffed.browser("owner@x.org")


def person_id(staffed, email):
    return staffed.people.person_by_email(email).id


def test_people_see_their_own_accounts_and_operators_all(staffed, owner):
    assert [row["id"] for row in owner.get("/api/accounts").json()] == ["default"]
    assert [row["id"] for row in staffed.browser("operator@x.org").get("/api/accounts").json()] == ["default", "other"]


def test_an_operator_makes_an_account_and_owns_it(staffed, owner):
    operator = staffed.browser("operator@x.org")
    assert operator.post("/api/accounts", {"id": "acme", "name": "Acme"}).json()["name"] == "Acme"
    assert staffed.people.roles(person_id(staffed, "operator@x.org")) == {"acme": Role.OWNER}
    assert operator.post("/api/accounts", {"id": "acme", "name": "Again"}).status_code == 400
    assert owner.post("/api/accounts", {"id": "mine", "name": "Mine"}).status_code == 403


@pytest.mark.parametrize(
    "wrong", [{"id": ""}, {"id": "a b"}, {"id": "é"}, {"id": ".."}, {"id": "x" * 65}, {"name": " "}, {"name": "x" * 201}]
)
def test_ids_and_names_have_bounds(staffed, owner, wrong):
    assert owner.post("/api/accounts/default/projects", {"id": "p", "name": "P", **wrong}).status_code == 400
    assert staffed.store.projects() == []


def test_a_projects_id_is_its_own_everywhere(staffed, owner):
    assert owner.post("/api/accounts/default/projects", {"id": "p", "name": "P"}).status_code == 201
    stranger = staffed.browser("stranger@x.org")
    assert stranger.post("/api/accounts/other/projects", {"id": "p", "name": "P"}).status_code == 400
    assert stranger.get("/api/accounts/other/projects").json() == []
    assert [row["id"] for row in owner.get("/api/accounts/default/projects").json()] == ["p"]


def test_roles_change_and_end(staffed, owner):
    member = person_id(staffed, "member@x.org")
    assert owner.send("PUT", f"{MEMBERS}/{member}", {"role": "auditor"}).json()["role"] == "auditor"
    assert staffed.browser("member@x.org").post("/api/accounts/default/keys", {}).status_code == 403
    assert owner.send("DELETE", f"{MEMBERS}/{member}").json() == {"removed": True}
    assert owner.send("DELETE", f"{MEMBERS}/{member}").status_code == 404
    assert owner.send("PUT", f"{MEMBERS}/per_none", {"role": "admin"}).status_code == 404


def test_the_last_owner_stays_and_nobody_removes_themselves(staffed, owner):
    me = person_id(staffed, "owner@x.org")
    refused = owner.send("PUT", f"{MEMBERS}/{me}", {"role": "member"})
    assert (refused.status_code, refused.json()["error"]["type"]) == (409, "conflict")
    assert owner.send("DELETE", f"{MEMBERS}/{me}").status_code == 403
    assert staffed.browser("operator@x.org").send("DELETE", f"{MEMBERS}/{me}").status_code == 409


def test_members_show_no_hash(owner):
    assert "argon2" not in owner.get(MEMBERS).text


def test_an_account_says_how_long_its_usage_rows_are_kept(staffed, owner):
    path = "/api/accounts/default/usage/days"
    assert owner.send("PUT", path, {"days": 7.5}).json()["usage_days"] == 7.5
    assert [row["usage_days"] for row in owner.get("/api/accounts").json()] == [7.5]
    assert owner.send("PUT", path, {"days": None}).json()["usage_days"] is None
    for wrong in ({"days": 0}, {"days": -1}, {"days": 3651}, {"days": "seven"}, {}):
        assert owner.send("PUT", path, wrong).status_code == 400
    assert staffed.browser("member@x.org").send("PUT", path, {"days": 1}).status_code == 403
    assert [(one["before"], one["after"]) for one in owner.get("/api/accounts/default/changes").json()] == [
        ({"days": 7.5}, {"days": None}),
        ({"days": None}, {"days": 7.5}),
    ]
