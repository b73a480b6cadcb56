"""Signing in through a real OpenID provider in a real browser."""

import re
import time
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect, sync_playwright
from tests.dashboard.conftest import BUILT, CHROMIUM, WATCH
from tests.signin.openid import SECRET, oidc_toml, provider
from tests.tools.gateway import running_gateway

from anyapi.domain.people import Role
from anyapi.storage.people_rows import MemberRow, PersonRow
from anyapi.storage.sql_people import SqlPeople


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A gateway with a provider and one member; gives a page that has done nothing yet, and what broke."""
    if not CHROMIUM.exists():
        pytest.skip("needs Debian's chromium (apt-get install chromium)")
    if not BUILT.exists():
        pytest.skip("the dashboard is not built: it needs npm, then `make setup`")
    environment = {"ANYAPI_OIDC_CLIENT_SECRET": SECRET}
    with provider() as openid, sync_playwright() as playwright:
        with running_gateway(
            tmp_path_factory.mktemp("browser"), oidc_toml(openid.issuer), environment=environment, control=True
        ) as gateway:
            url = gateway.control_url()
            openid.serve(f"{url}/api/session/oidc/return")
            with SqlPeople(gateway.home) as people:
                people.add_person(PersonRow("per_ada", "ada@x.org", "Ada Lovelace", None, False, time.time()))
                people.put_member(MemberRow("default", "per_ada", Role.OWNER, time.time()))
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            yield url, openid.issuer, browser
            browser.close()


def begin(place):
    url, _, browser = place
    context = browser.new_context()
    context.set_default_timeout(15_000)
    context.add_init_script(WATCH)
    page = context.new_page()
    page.goto(url)
    page.get_by_role("link", name="Continue with Example").click()
    return page


def test_a_person_goes_there_and_comes_back_signed_in(place):
    url, issuer, _ = place
    page = begin(place)
    page.get_by_label("Who").fill("ada@x.org")
    assert page.url.startswith(issuer)
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("heading", name="Activity").wait_for()
    assert urlsplit(page.url).path == "/a/default/activity"
    assert not urlsplit(page.url).query, "neither code nor state stays in the address"
    expect(page.get_by_role("link", name="Ada Lovelace")).to_be_visible()
    (cookie,) = [one for one in page.context.cookies(url) if one["name"].startswith("anyapi")]  # the provider is on the same host
    assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"]) == ("anyapi-session", True, "Lax")
    page.reload()
    page.get_by_role("heading", name="Activity").wait_for()
    assert page.evaluate("window.broken") == []
    page.context.close()


def test_whoever_may_not_enter_is_told_why(place):
    page = begin(place)
    page.get_by_label("Who").fill("eve@x.org")
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_text("You are known there, but belong to no account here.")).to_be_visible()
    expect(page.get_by_role("heading", name=re.compile("Sign in"))).to_be_visible()
    assert page.evaluate("window.broken") == []
    page.context.close()
