"""Joining by a one-time link, signing in and out, changing a password."""

import pytest
from tests.unit.control.conftest import PASSWORD

from anyapi.domain.people import Role
from anyapi.storage.people_rows import LinkKind

JOIN = {"name": "Ada", "email": "Ada@X.org", "password": PASSWORD}


def test_the_first_person_becomes_operator_and_owner(control):
    browser, token = control.browser(), control.link()
    assert browser.get("/api/session").json() == {
        "signed_in": None,
        "first_run": True,
        "data_plane_url": "http://127.0.0.1:8080",
        "sign_in_service": None,
    }
    assert browser.get(f"/api/links/{token}").json()["kind"] == "first_run"
    me = browser.post("/api/links", {"token": token, **JOIN}).json()
    assert (me["name"], me["email"], me["operator"], me["accounts"]) == ("Ada", "ada@x.org", True, {"default": "owner"})
    assert set(me["may"]["default"]) == {"read", "write_keys", "write_members", "write_requests", "write_settings"}
    shown = browser.get("/api/session").json()
    assert shown["signed_in"] == me
    assert shown["first_run"] is False


def test_a_link_works_once(control):
    browser, token = control.browser(), control.link(LinkKind.INVITATION, "default", Role.AUDITOR, "ada@x.org")
    first = browser.post("/api/links", {"token": token, **JOIN})
    assert first.json()["accounts"] == {"default": "auditor"}
    assert first.json()["may"] == {"default": ["read"]}
    assert browser.post("/api/links", {"token": token, **JOIN, "email": "second@x.org"}).status_code == 400
    assert browser.get(f"/api/links/{token}").status_code == 400


def test_a_first_run_link_is_worth_nothing_once_somebody_is_known(control):
    token = control.link()
    control.person("first@x.org", Role.OWNER)
    assert control.browser().post("/api/links", {"token": token, **JOIN}).status_code == 400
    assert control.people.person_by_email("ada@x.org") is None


@pytest.mark.parametrize(
    "wrong",
    [{"password": "too short"}, {"email": "nobody"}, {"email": "@x.org"}, {"name": " "}, {"name": "x" * 201}, {"password": "x" * 257}],
)
def test_what_is_wrong_with_a_form_does_not_cost_the_link(control, wrong):
    token = control.link()
    refused = control.browser().post("/api/links", {"token": token, **JOIN, **wrong})
    assert refused.status_code == 400
    assert PASSWORD not in refused.text
    assert control.browser().post("/api/links", {"token": token, **JOIN}).status_code == 200


def test_a_link_runs_out(control):
    token = control.link(seconds=60)
    control.now += 61
    assert control.browser().post("/api/links", {"token": token, **JOIN}).status_code == 400


def test_a_known_address_cannot_join_again(staffed):
    token = staffed.link(LinkKind.INVITATION, "default", Role.OWNER, "owner@x.org")
    refused = staffed.browser().post("/api/links", {"token": token, **JOIN, "email": "OWNER@x.org"})
    assert refused.status_code == 400
    assert "is known already" in refused.json()["error"]["message"]
    short = [
        {"token": staffed.link(LinkKind.INVITATION, "other", Role.MEMBER, email), **JOIN, "email": email, "password": "short"}
        for email in ("owner@x.org", "no@x.org")
    ]
    answers = [staffed.browser().post("/api/links", one) for one in short]
    assert answers[0].content == answers[1].content, "who holds a link and does not use it up learns nothing"


def test_an_invitation_is_for_the_address_that_was_invited(staffed):
    token = staffed.link(LinkKind.INVITATION, "other", Role.MEMBER, "mallory@x.org")
    joined = staffed.browser().post("/api/links", {"token": token, **JOIN, "email": "victim@x.org"})
    assert (joined.status_code, joined.json()["error"]["metadata"]) == (400, {"field": "email"})
    assert staffed.people.person_by_email("victim@x.org") is None
    invited = staffed.browser("owner@x.org").post("/api/accounts/default/members", {"email": "victim@x.org", "role": "admin"})
    assert invited.status_code == 201
    assert staffed.browser().post("/api/links", {"token": token, **JOIN, "email": " Mallory@X.org "}).status_code == 200


def test_without_a_link_nobody_learns_who_is_known(staffed):
    answers = [staffed.browser().post("/api/links", {"token": "x", **JOIN, "email": email}) for email in ("owner@x.org", "nobody@x.org")]
    assert answers[0].content == answers[1].content


def test_wrong_passwords_and_unknown_people_are_refused_alike(staffed):
    browser = staffed.browser()
    answers = [browser.sign_in("owner@x.org", "wrong wrong wrong"), browser.sign_in("nobody@x.org", "wrong wrong wrong")]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert answers[0].json() == answers[1].json()
    assert browser.get("/api/accounts").status_code == 401


def test_guessing_is_slowed_down_and_the_right_password_waits_too(staffed):
    browser = staffed.browser()
    for _ in range(5):
        assert browser.sign_in("owner@x.org", "wrong wrong wrong").status_code == 401
    slowed = browser.sign_in("owner@x.org")
    assert slowed.status_code == 429
    assert int(slowed.headers["retry-after"]) >= 1
    staffed.now += 3
    assert browser.sign_in("owner@x.org").status_code == 200


def test_signing_in_again_ends_the_session_before(staffed):
    browser = staffed.browser("owner@x.org")
    old = dict(browser.cookies)
    browser.sign_in("owner@x.org")
    assert browser.cookies != old
    other = staffed.browser()
    other.cookies = old
    assert other.get("/api/accounts").status_code == 401
    assert browser.get("/api/accounts").status_code == 200


def test_signing_out_ends_the_session_in_the_store(staffed):
    browser, elsewhere = staffed.browser("owner@x.org"), staffed.browser("owner@x.org")
    kept = dict(browser.cookies)
    assert browser.send("DELETE", "/api/session").json() == {"ended": 1}
    browser.cookies = kept
    assert browser.get("/api/accounts").status_code == 401
    assert elsewhere.get("/api/accounts").status_code == 200


def test_signing_out_everywhere_ends_them_all(staffed):
    browsers = [staffed.browser("owner@x.org") for _ in range(3)]
    assert browsers[0].send("DELETE", "/api/session?everywhere=true").json() == {"ended": 3}
    assert [browser.get("/api/accounts").status_code for browser in browsers] == [401, 401, 401]


def test_a_new_password_ends_every_other_session(staffed):
    browser, elsewhere = staffed.browser("owner@x.org"), staffed.browser("owner@x.org")
    new = "another long password"
    assert browser.post("/api/session/password", {"current": "wrong wrong wrong", "new": new}).status_code == 400
    assert browser.post("/api/session/password", {"current": PASSWORD, "new": "short"}).status_code == 400
    changed = browser.post("/api/session/password", {"current": PASSWORD, "new": new})
    assert changed.status_code == 200
    browser.csrf = changed.json()["csrf"]
    assert browser.get("/api/accounts").status_code == 200
    assert elsewhere.get("/api/accounts").status_code == 401
    assert staffed.browser().sign_in("owner@x.org").status_code == 401
    assert staffed.browser().sign_in("owner@x.org", new).status_code == 200


def test_neither_token_nor_password_is_in_the_store(staffed):
    browser = staffed.browser("owner@x.org")
    token = staffed.link(LinkKind.INVITATION, "default", Role.MEMBER, "new@x.org")
    stored = staffed.stored()
    for secret in (*browser.cookies.values(), token, PASSWORD, browser.csrf):
        assert secret.encode() not in stored
