"""Signing in through a real OpenID provider in a real browser."""

import re
import time
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect
from tests.dashboard.conftest import Place, Seen, chromium
from tests.signin.openid import SECRET, oidc_toml, provider
from tests.tools.gateway import running_gateway

from anyapi.domain.people import Role
from anyapi.storage.people_rows import MemberRow, PersonRow
from anyapi.storage.sql_people import SqlPeople


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A gateway with a provider and one member, and a browser; and the provider's address."""
    environment = {"ANYAPI_OIDC_CLIENT_SECRET": SECRET}
    with chromium() as browser, provider() as openid:
        with running_gateway(
            tmp_path_factory.mktemp("browser"), oidc_toml(openid.issuer), environment=environment, control=True
        ) as gateway:
            url = gateway.control_url()
            openid.serve(f"{url}/api/session/oidc/return")
            with SqlPeople(gateway.home) as people:
                people.add_person(PersonRow("per_ada", "ada@x.org", "Ada Lovelace", None, False, time.time()))
                people.put_member(MemberRow("default", "per_ada", Role.OWNER, time.time()))
            found = Place(gateway, url, browser, Seen())
            yield found, openid.issuer
            assert found.seen == Seen()


@pytest.fixture
def page(place):
    """Somebody is on their way through the sign-in service."""
    with place[0].page() as page:
        page.goto(place[0].url)
        page.get_by_role("link", name="Continue with Example").click()
        yield page


def test_a_person_goes_there_and_comes_back_signed_in(place, page):
    found, issuer = place
    page.get_by_label("Who").fill("ada@x.org")
    assert page.url.startswith(issuer)
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("heading", name="Activity").wait_for()
    assert urlsplit(page.url).path == "/a/default/activity"
    assert not urlsplit(page.url).query, "neither code nor state stays in the address"
    expect(page.get_by_role("link", name="Ada Lovelace")).to_be_visible()
    (cookie,) = [one for one in page.context.cookies(found.url) if one["name"].startswith("anyapi")]  # the provider is on the same host
    assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"]) == ("anyapi-session", True, "Lax")
    page.reload()
    page.get_by_role("heading", name="Activity").wait_for()
    assert page.evaluate("window.broken") == []


def test_whoever_may_not_enter_is_told_why(page):
    page.get_by_label("Who").fill("eve@x.org")
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_text("You are known there, but belong to no account here.")).to_be_visible()
    expect(page.get_by_role("heading", name=re.compile("Sign in"))).to_be_visible()
    assert page.evaluate("window.broken") == []
