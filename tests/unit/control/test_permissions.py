"""Who may call what: every route against every role, sessions that end, the page's token."""

import pytest
from litestar import Litestar, get
from tests.unit.control.conftest import Control

from anyapi.control.permissions import GATEWAY, IDLE_SECONDS, LONGEST_SECONDS, cookie_name, handlers, refuse_unguarded
from anyapi.domain.people import GRANTS, Permission, Role
from anyapi.errors import ConfigError

PUBLIC = {
    "GET /",
    "GET /api/healthz",
    "GET /api/openapi",
    "GET /api/openapi.json",
    "GET /api/openapi/openapi.json",
    "GET /api/openapi/{path:str}",
    "GET /api/privacy",
    "GET /api/rankings",
    "GET /api/session",
    "GET /api/session/oidc",
    "GET /api/session/oidc/return",
    "POST /api/session",
    "POST /api/links",
    "GET /api/links/{token:str}",
    "GET /{rest:path}",
}
SAMPLE = {
    "layer": "account",
    "subject": "default",
    "key": "key_none",
    "person": "per_none",
    "provider": "openai",
    "decision": "dec_none",
    "credential": "own:none",
    "request_id": "req_none",
    "export_id": "exp_none",
    "recipient_id": "rcp_none",
    "invitation": "none",
}


def routes(app):
    return [(name, handler) for name, handler in handlers(app) if not handler.opt.get("public")]


def address(path, account):
    filled = path
    for name, value in {**SAMPLE, "account": account}.items():
        filled = filled.replace(f"{{{name}:str}}", value)
    assert "{" not in filled
    return filled


def test_what_is_public_is_listed_here(control):
    names = {name.replace("GET/HEAD", "GET") for name, handler in handlers(control.app) if handler.opt.get("public")}
    assert names == PUBLIC


def test_an_app_with_a_route_that_says_nothing_refuses_to_start():
    @get("/api/forgotten", sync_to_thread=False)
    def forgotten() -> str:
        return ""

    with pytest.raises(ConfigError, match="/api/forgotten"):
        refuse_unguarded(Litestar([forgotten], openapi_config=None))


@pytest.mark.parametrize(
    ("path", "host"), [("/api/session", "127.0.0.1:99999"), ("/api/session?x=%ff", "h"), ("/api/links", "[::1]:70000")]
)
def test_an_address_that_is_none_is_a_bad_request_also_where_the_body_is_wrong(control, path, host):
    refused = control.browser().send("POST", path, {}, host=host)
    assert refused.status_code == 400
    assert refused.json()["error"]["type"] == "bad_request"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": ""}, 403),
        ({"content-type": "text/plain"}, 400),
        ({"content-type": "application/x-www-form-urlencoded"}, 400),
        ({"content-type": "multipart/form-data; boundary=application/json"}, 400),
        ({"content-type": ""}, 400),
        ({"sec-fetch-site": "same-origin", "content-type": "Application/JSON; charset=utf-8"}, 401),
        ({"sec-fetch-site": "none"}, 401),
        ({}, 401),
    ],
)
def test_a_page_of_another_site_may_not_even_try_to_sign_in(staffed, headers, status):
    """What reaches the password answers 401."""
    body = {"email": "owner@x.org", "password": "wrong wrong wrong"}
    assert staffed.browser().send("POST", "/api/session", body, **headers).status_code == status
    assert staffed.browser().send("GET", "/api/session", **{"sec-fetch-site": "cross-site"}).status_code == 200, "looking is no change"


def test_without_a_session_every_other_route_is_401(staffed):
    browser = staffed.browser()
    for name, _ in routes(staffed.app):
        method, path = name.split(" ")
        assert browser.send(method, address(path, "default")).status_code == 401, name


@pytest.mark.parametrize("role", list(Role))
def test_each_role_gets_what_it_was_granted_and_nothing_else(staffed, role):
    browser = staffed.browser(f"{role}@x.org")
    for name, handler in routes(staffed.app):
        method, path = name.split(" ")
        if path == "/api/session":
            continue  # would end the session
        permission = handler.opt["permission"]
        status = browser.send(method, address(path, "default")).status_code
        if permission is Permission.PROVISION:
            assert status == 401, name  # a session is no provisioning key, whoever it is of
        elif permission is Permission.SIGNED_IN or permission in GRANTS[role]:
            assert status not in {401, 403}, name
        else:
            assert status == 403, name


def test_another_account_is_as_if_it_were_not_there(staffed):
    browser = staffed.browser("stranger@x.org")
    for name, handler in routes(staffed.app):
        method, path = name.split(" ")
        if "{account:str}" not in path:
            continue
        for account in ("default", "nowhere"):
            assert browser.send(method, address(path, account)).status_code == 404, name
        assert handler.opt["permission"] not in GATEWAY


def test_an_account_that_does_not_exist_is_not_there_for_the_operator_either(staffed):
    browser = staffed.browser("operator@x.org")
    for name, _ in routes(staffed.app):
        method, path = name.split(" ")
        if "{account:str}" in path:
            for account in ("nowhere", "%C2%80%0d%0ax:y"):
                assert browser.send(method, address(path, account), {}).status_code == 404, name


def test_options_is_answered_to_anybody_and_to_whoever_is_signed_in(staffed):
    for browser in (staffed.browser(), staffed.browser("owner@x.org")):
        answer = browser.send("OPTIONS", "/api/accounts/default/keys")
        assert answer.status_code == 204
        assert {"GET", "OPTIONS"} <= set(answer.headers["allow"].split(", "))
        assert not answer.content


def test_an_operator_may_do_everything(staffed):
    browser = staffed.browser("operator@x.org")
    for name, handler in routes(staffed.app):
        method, path = name.split(" ")
        if path != "/api/session" and handler.opt["permission"] is not Permission.PROVISION:
            assert browser.send(method, address(path, "default")).status_code not in {401, 403}, name


def test_no_role_is_granted_what_belongs_to_the_gateway():
    assert not any((GATEWAY | {Permission.PROVISION}) & granted for granted in GRANTS.values())
    assert set(GRANTS) == set(Role)


def test_a_change_needs_the_pages_token_and_a_look_does_not(staffed):
    browser = staffed.browser("owner@x.org")
    body = {"id": "p", "name": "P"}
    for wrong in ("", "0" * 64, staffed.browser("admin@x.org").csrf):
        assert browser.send("POST", "/api/accounts/default/projects", body, **{"x-csrf-token": wrong}).status_code == 403
    assert staffed.store.projects() == []
    assert browser.post("/api/accounts/default/projects", body).status_code == 201


@pytest.mark.parametrize(("passed", "step"), [(IDLE_SECONDS, IDLE_SECONDS + 1), (LONGEST_SECONDS, 3600.0)])
def test_sessions_end_when_idle_and_when_old(staffed, passed, step):
    browser, began = staffed.browser("owner@x.org"), staffed.now
    while staffed.now + step <= began + passed:
        staffed.now += step
        assert browser.get("/api/accounts").status_code == 200
    staffed.now = began + passed + 1 if step > passed else staffed.now + step
    assert browser.get("/api/accounts").status_code == 401


def test_a_session_that_ended_does_not_begin_again_when_the_clock_is_put_back(staffed):
    browser = staffed.browser("owner@x.org")
    staffed.now += IDLE_SECONDS + 1
    assert browser.get("/api/accounts").status_code == 401
    staffed.now -= IDLE_SECONDS
    assert browser.get("/api/accounts").status_code == 401


def test_a_session_of_a_clock_that_was_ahead_lasts_no_longer_than_others(staffed):
    staffed.now += 1e8
    browser = staffed.browser("owner@x.org")
    staffed.now -= 1e8
    assert browser.get("/api/accounts").status_code == 401


def test_a_person_who_is_shut_out_is_out_at_once(staffed):
    browser = staffed.browser("owner@x.org")
    with staffed.people._transaction("shut out") as connection:
        connection.execute("UPDATE people SET disabled_at = 1 WHERE email = 'owner@x.org'")
    assert browser.get("/api/accounts").status_code == 401
    assert browser.sign_in("owner@x.org").status_code == 401


def test_a_role_that_is_taken_away_is_gone_at_once(staffed):
    browser = staffed.browser("member@x.org")
    assert browser.get("/api/accounts/default/keys").status_code == 200
    staffed.people.remove_member("default", staffed.people.person_by_email("member@x.org").id)
    assert browser.get("/api/accounts/default/keys").status_code == 404


def test_cookies_are_bound_to_the_host_where_there_is_tls():
    assert cookie_name(secure=True).startswith("__Host-")
    assert not cookie_name(secure=False).startswith("__")


@pytest.mark.parametrize("secure", [False, True])
def test_the_cookie_says_what_a_browser_may_do_with_it(tmp_path, secure):
    plane = Control(tmp_path, secure=secure)
    plane.person("owner@x.org", Role.OWNER)
    cookie = plane.browser().sign_in("owner@x.org").headers["set-cookie"]
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
    assert ("Secure" in cookie.split("; ")) is secure
    assert cookie.startswith(f"{cookie_name(secure=secure)}=")
    plane.close()
