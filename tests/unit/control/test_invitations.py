"""Invitations: pending until the invited person takes them, seen and withdrawn meanwhile, and no oracle of who is known."""

import pytest
from tests.unit.control.conftest import PASSWORD

from anyapi.control.invitations import INVITATION_SECONDS, Taken
from anyapi.domain.people import Role
from anyapi.storage.people_rows import LinkKind

MEMBERS, PENDING = "/api/accounts/default/members", "/api/accounts/default/invitations"


@pytest.fixture
def owner(staffed):
    return staffed.browser("owner@x.org")


def invited(owner, email="stranger@x.org", role="auditor"):
    return owner.post(MEMBERS, {"email": email, "role": role})


def open_ones(browser):
    return [(one["email"], one["role"]) for one in browser.get(PENDING).json()]


def taken(browser, token):
    return browser.post("/api/invitations", {"token": token})


def test_an_unknown_address_gets_a_link_that_makes_its_bearer_a_member(staffed, owner):
    link = invited(owner, " New@x.org", "admin").json()["link"]
    browser = staffed.browser()
    assert browser.get(f"/api/links/{link}").json() == {
        "kind": LinkKind.INVITATION,
        "email": "new@x.org",
        "account": "default",
        "role": "admin",
    }
    joined = browser.post("/api/links", {"token": link, "name": "New", "email": "new@x.org", "password": PASSWORD}).json()
    assert joined["accounts"] == {"default": "admin"}
    assert joined["operator"] is False
    assert "New" in [row["name"] for row in owner.get(MEMBERS).json()]
    assert open_ones(owner) == []
    assert [(one["by_name"], one["what"]) for one in owner.get("/api/accounts/default/changes").json()] == [
        ("New", "invitation_taken"),
        ("Owner", "member_invited"),
    ]


def test_an_inviter_is_answered_alike_for_who_is_known_and_who_is_not(staffed, owner):
    answers = [invited(owner, email) for email in ("stranger@x.org", "nobody@x.org", "operator@x.org")]
    assert {answer.status_code for answer in answers} == {201}
    assert {tuple(answer.json()) for answer in answers} == {("link", "expires_at")}
    assert {answer.json()["expires_at"] for answer in answers} == {staffed.now + INVITATION_SECONDS}
    assert {len(answer.json()["link"]) for answer in answers} == {len(answers[0].json()["link"])}
    assert not any("Stranger" in text for text in (owner.get(PENDING).text, owner.get(MEMBERS).text))


def test_somebody_known_becomes_no_member_unasked(staffed, owner):
    link = invited(owner).json()["link"]
    stranger = staffed.browser("stranger@x.org")
    assert stranger.get("/api/accounts/default/keys").status_code == 404
    me = taken(stranger, link).json()
    assert (me["accounts"], me["may"]["default"]) == ({"other": "owner", "default": "auditor"}, ["read"])
    assert me["csrf"] == stranger.csrf
    assert stranger.get("/api/accounts/default/keys").status_code == 200
    assert taken(stranger, link).status_code == 400
    assert open_ones(owner) == []
    assert owner.get("/api/accounts/default/changes").json()[0]["what"] == "invitation_taken"


def test_an_invitation_is_taken_by_whom_it_is_for_alone(staffed, owner):
    link = invited(owner, role="owner").json()["link"]
    for email in ("member@x.org", "operator@x.org"):
        assert "another e-mail address" in taken(staffed.browser(email), link).json()["error"]["message"]
    assert taken(staffed.browser(), link).status_code == 401
    assert open_ones(owner) == [("stranger@x.org", "owner")], "and trying costs nobody the link"
    assert taken(staffed.browser("stranger@x.org"), link).status_code == 200


def test_other_links_are_no_invitations(staffed):
    first_run = staffed.link(email="stranger@x.org")
    for token in (first_run, "", "nonsense"):
        assert taken(staffed.browser("stranger@x.org"), token).status_code == 400
    assert staffed.people.person_by_email("stranger@x.org").operator is False


def test_members_are_not_invited_again_and_keep_their_role(staffed, owner):
    assert "member already" in invited(owner, "Owner@x.org", "member").json()["error"]["message"]
    link = staffed.link(LinkKind.INVITATION, "default", Role.MEMBER, "owner@x.org")
    assert "member of this account already" in taken(owner, link).json()["error"]["message"]
    assert owner.get("/api/session").json()["signed_in"]["accounts"] == {"default": "owner"}
    assert open_ones(owner) == [("owner@x.org", "member")]


def test_pending_invitations_are_listed_without_what_takes_them(staffed, owner):
    staffed.link(LinkKind.INVITATION, "other", Role.OWNER, "elsewhere@x.org")
    staffed.link()
    link = invited(owner, "new@x.org", "admin").json()["link"]
    again = invited(owner, "new@x.org", "member").json()["link"]
    listed = owner.get(PENDING)
    assert open_ones(owner) == open_ones(staffed.browser("admin@x.org")) == [("new@x.org", "member")]
    assert link not in listed.text
    assert again not in listed.text
    assert staffed.browser("member@x.org").get(PENDING).status_code == 403


def test_what_has_run_out_is_not_open_any_more(staffed, owner):
    link = invited(owner).json()["link"]
    staffed.now += INVITATION_SECONDS
    owner, stranger = staffed.browser("owner@x.org"), staffed.browser("stranger@x.org")
    assert open_ones(owner) == []
    assert taken(stranger, link).status_code == 400


def test_an_invitation_is_withdrawn_before_it_is_taken(staffed, owner):
    link = invited(owner).json()["link"]
    (pending,) = owner.get(PENDING).json()
    stranger = staffed.browser("stranger@x.org")
    assert stranger.send("DELETE", f"/api/accounts/other/invitations/{pending['id']}").status_code == 404, "it is no account of theirs"
    admin = staffed.browser("admin@x.org")
    assert admin.send("DELETE", f"{PENDING}/{pending['id']}").json() == {"withdrawn": True}
    assert admin.send("DELETE", f"{PENDING}/{pending['id']}").status_code == 404
    assert taken(stranger, link).status_code == 400
    assert staffed.browser().get(f"/api/links/{link}").status_code == 400
    latest = owner.get("/api/accounts/default/changes").json()[0]
    assert (latest["what"], latest["subject"], latest["before"]) == ("invitation_withdrawn", "stranger@x.org", {"role": "auditor"})


def test_an_invitation_is_for_an_address(owner):
    for wrong in ("nobody", "@x.org", "x@", "x" * 200 + "@x.org"):
        assert invited(owner, wrong).status_code == 400


def test_what_takes_it_is_not_printed():
    assert "secret" not in repr(Taken("secret"))
