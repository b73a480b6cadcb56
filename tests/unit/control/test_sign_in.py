"""The two routes of a sign-in service, apart from a real one (tests/signin): without one, with one that is down, over TLS."""

import pytest
from tests.conformance.stores import postgresql, sqlite
from tests.signin.liar import CLIENT, SECRET, liar
from tests.unit.control.conftest import Control

from anyapi.control.oidc import OidcClient
from anyapi.crypto.secret import Secret
from anyapi.domain.people import Role
from anyapi.domain.sign_in import Joining, SignInService
from anyapi.storage.people_rows import LinkKind

BACK = "https://gateway.example/api/session/oidc/return"


@pytest.fixture
def service():
    with liar() as running:
        yield running


@pytest.fixture(params=[sqlite, pytest.param(postgresql, marks=pytest.mark.long)], ids=lambda backend: backend.__name__)
def make(request, tmp_path, service):
    """A control plane over TLS whose sign-in service is the lying one."""
    made = []
    with request.param(tmp_path) as backend:

        def build(*joining):
            client = OidcClient(SignInService("It", service.issuer, CLIENT, joining=joining), Secret(SECRET), BACK, lambda: made[0].now)
            made.append(Control(tmp_path, secure=True, oidc=client, driver=backend.driver))
            return made[0]

        yield build
        made[0].close()


def enter(control, service, browser=None):
    """Go there and come back; gives the browser and where it ends."""
    browser = browser or control.browser()
    there = browser.send("GET", "/api/session/oidc")
    _, given = service.agree(there.headers["location"], control.now)
    back = browser.send("GET", "/api/session/oidc/return?" + "&".join(f"{name}={value}" for name, value in given.items()))
    assert back.status_code == 303
    return browser, back


def test_without_a_service_there_is_no_such_way(control):
    for path in ("/api/session/oidc", "/api/session/oidc/return?code=x&state=y"):
        assert control.browser().get(path).status_code == 404
    assert control.browser().get("/api/session").json()["sign_in_service"] is None


def test_over_tls_the_cookies_are_bound_to_this_host(make, service):
    control = make()
    control.person("ada@x.org", Role.OWNER)
    browser = control.browser()
    flags = browser.send("GET", "/api/session/oidc").headers["set-cookie"]
    assert flags.startswith("__Host-anyapi-oidc=")
    for flag in ("HttpOnly", "Secure", "SameSite=lax", "Path=/", "Max-Age=600"):
        assert flag in flags
    assert "Domain" not in flags
    browser, back = enter(control, service)
    assert back.headers["location"] == "/"
    assert browser.cookies["__Host-anyapi-session"]
    assert browser.get("/api/session").json()["signed_in"]["email"] == "ada@x.org"


def test_a_service_that_is_down_says_so_on_the_sign_in_page(make, service):
    control = make()
    service.about["jwks_uri"] = 7
    assert control.browser().get("/api/session/oidc").headers["location"] == "/?problem=unavailable"


def test_a_rule_whose_account_is_not_there_brings_nobody_in(make, service):
    control = make(Joining("x.org", "nowhere", Role.MEMBER))
    control.person("first@y.org", Role.OWNER)
    assert enter(control, service)[1].headers["location"] == "/?problem=not_a_member"
    assert control.people.people_count() == 1


def test_a_name_from_there_is_cut_and_an_endless_address_refused(make, service):
    control = make(Joining("x.org", "default", Role.MEMBER))
    control.person("first@y.org", Role.OWNER)
    service.claims = {"name": "N" * 1000}
    enter(control, service)
    assert control.people.person_by_email("ada@x.org").name == "N" * 200
    service.claims = {"sub": "s2", "email": "a" * 200 + "@x.org"}
    assert enter(control, service)[1].headers["location"] == "/?problem=unverified"


def test_a_name_that_no_database_takes_whole_is_kept_without_those_characters(make, service):
    """PostgreSQL's texts hold no NUL, and UTF-8 no half of a pair."""
    control = make(Joining("x.org", "default", Role.MEMBER))
    control.person("first@y.org", Role.OWNER)
    service.claims = {"name": "A\0d\ud800a"}
    assert enter(control, service)[1].headers["location"] == "/"
    assert control.people.person_by_email("ada@x.org").name == "Ada"
    for claims, problem in (({"sub": "s\0"}, "failed"), ({"sub": "\ud800"}, "failed"), ({"sub": "s2", "email": "a\0@x.org"}, "unverified")):
        service.claims = claims
        assert enter(control, service)[1].headers["location"] == f"/?problem={problem}"
    assert control.people.people_count() == 2


def test_guessing_codes_is_slowed_down(make, service):
    control = make()
    control.person("ada@x.org", Role.OWNER)
    ends = []
    for _ in range(7):
        browser = control.browser()
        there = browser.send("GET", "/api/session/oidc")
        state = service.agree(there.headers["location"], control.now)[1]["state"]
        ends.append(browser.send("GET", f"/api/session/oidc/return?code=guess&state={state}").headers["location"])
    assert ends == ["/?problem=again"] * 5 + ["/?problem=slow"] * 2
    assert service.asked.count("/token") == 5


def test_a_new_member_has_no_password_to_sign_in_with(make, service):
    control = make(Joining("x.org", "default", Role.ADMIN))
    control.person("first@y.org", Role.OWNER)
    browser, _ = enter(control, service)
    browser.csrf = browser.get("/api/session").json()["signed_in"]["csrf"]
    for password in ("", "correct horse battery staple"):
        assert control.browser().sign_in("ada@x.org", password).status_code == 401
        assert browser.post("/api/session/password", {"current": password, "new": "another long password"}).status_code == 400


def test_of_two_windows_that_come_in_at_once_the_second_is_told_to_try_again(make, service, monkeypatch):
    control = make(Joining("x.org", "default", Role.MEMBER))
    control.person("first@y.org", Role.OWNER)
    _, back = enter(control, service)
    assert back.headers["location"] == "/"
    for name in ("person_by_identity", "person_by_email"):  # as the second found it, a moment before the first was written
        monkeypatch.setattr(type(control.people), name, lambda *_: None)
    _, back = enter(control, service)
    assert back.headers["location"] == "/?problem=again"
    assert control.people.people_count() == 2


def test_who_belongs_to_no_account_comes_in_to_take_an_invitation_while_there_is_one(make, service):
    control = make()
    control.person("first@y.org", Role.OWNER)
    control.person("ada@x.org")
    assert enter(control, service)[1].headers["location"] == "/?problem=not_a_member"
    token = control.link(LinkKind.INVITATION, "default", Role.MEMBER, "ada@x.org", seconds=60)
    browser, back = enter(control, service)
    assert back.headers["location"] == "/"
    me = browser.get("/api/session").json()["signed_in"]
    assert me["accounts"] == {}
    control.now += 60
    assert enter(control, service)[1].headers["location"] == "/?problem=not_a_member"
    control.now -= 60
    browser.csrf = me["csrf"]
    assert browser.post("/api/invitations", {"token": token}).json()["accounts"] == {"default": "member"}
    control.now += 60
    assert enter(control, service)[1].headers["location"] == "/"
