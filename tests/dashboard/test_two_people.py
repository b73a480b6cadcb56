"""Two people at once, and what somebody called things in as many letters as they may: in a real browser, beside a running gateway."""

import re

import httpx2
import pytest
from playwright.sync_api import expect
from tests.tools.control_page import PASSWORD

LONG = "W" * 100


def _open(owned, page, name, heading):
    page.goto(f"{owned.url}/a/default/{name}")
    page.get_by_role("heading", name=heading).wait_for()


def _switch(page, name):
    page.get_by_role("switch", name=name).click(force=True)


def _saved(page):
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved, and in force.")).to_be_visible()


def _enter(page, email):
    page.get_by_label("E-mail address").fill(email)
    page.get_by_role("textbox", name="Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Activity").wait_for()


def _asked(page):
    return page.evaluate("fetch('/api/accounts/default/settings/account/default').then((answer) => answer.json())")["data_policy"]


def test_who_saves_privacy_settings_does_not_undo_what_somebody_else_tightened_meanwhile(owned):
    with owned.page(storage_state=owned.session) as mine, owned.page(storage_state=owned.session) as theirs:
        for page in (mine, theirs):
            _open(owned, page, "privacy", "What the account asks")
        _switch(theirs, "Nobody may train on what we send")
        _saved(theirs)
        _switch(mine, "No human may read it")
        mine.get_by_role("button", name="Save", exact=True).click()
        expect(mine.get_by_text("Somebody changed these settings while you did")).to_be_visible()
        expect(mine.get_by_role("button", name="Save", exact=True)).to_be_disabled()
        assert _asked(mine) == {"training_allowed": False}
        mine.get_by_role("button", name="Discard").click()
        expect(mine.get_by_role("switch", name="Nobody may train on what we send")).to_be_checked()
        expect(mine.get_by_text("Somebody changed these settings while you did")).to_have_count(0)
        _switch(mine, "No human may read it")
        _saved(mine)
        assert _asked(mine) == {"training_allowed": False, "human_review_allowed": False}
        for name in ("No human may read it", "Nobody may train on what we send"):
            _switch(mine, name)
        _saved(mine)


def test_what_is_not_saved_is_asked_about_before_it_is_lost(owned):
    with owned.page(storage_state=owned.session) as page:
        asked, answers = [], []

        def answer(dialog):
            asked.append(dialog.type)
            dialog.accept() if answers.pop(0) else dialog.dismiss()

        page.on("dialog", answer)
        _open(owned, page, "privacy", "What the account asks")
        _switch(page, "Paid tiers alone")
        answers[:] = [False, True]
        page.get_by_role("link", name="API keys").first.click()
        expect(page.get_by_role("switch", name="Paid tiers alone")).to_be_checked()
        page.get_by_role("link", name="API keys").first.click()
        page.get_by_role("heading", name="API keys", level=1).wait_for()
        page.go_back()
        expect(page.get_by_role("switch", name="Paid tiers alone")).not_to_be_checked()
        page.get_by_role("link", name="API keys").first.click()  # nothing is lost by that
        page.get_by_role("heading", name="API keys", level=1).wait_for()
        assert asked == ["confirm", "confirm"]


def test_who_changes_a_limit_does_not_enable_a_key_that_somebody_disabled_meanwhile(owned):
    with owned.page(storage_state=owned.session) as mine, owned.page(storage_state=owned.session) as theirs:
        for page in (mine, theirs):
            page.goto(f"{owned.url}/a/default/keys")
            page.get_by_role("button", name=re.compile("^(Limits|Change)")).first.click()
            page.get_by_role("dialog").wait_for()
        _switch(theirs.get_by_role("dialog"), "Disabled")
        theirs.get_by_role("button", name="Save", exact=True).click()
        expect(theirs.get_by_role("region", name="API keys").get_by_text("disabled", exact=True)).to_be_visible()
        mine.get_by_label("Requests a minute").fill("500")
        mine.get_by_role("button", name="Save", exact=True).click()
        expect(mine.get_by_role("region", name="API keys").get_by_text("500 requests a minute")).to_be_visible()
        expect(mine.get_by_role("region", name="API keys").get_by_text("disabled", exact=True)).to_be_visible()
        mine.get_by_role("button", name=re.compile("^(Limits|Change)")).first.click()
        _switch(mine.get_by_role("dialog"), "Disabled")
        mine.get_by_role("button", name="Save", exact=True).click()
        expect(mine.get_by_role("region", name="API keys").get_by_text("active", exact=True)).to_be_visible()


def test_who_asks_for_a_reminder_does_not_switch_off_review_first_that_somebody_switched_on_meanwhile(owned):
    with owned.page(storage_state=owned.session) as mine, owned.page(storage_state=owned.session) as theirs:
        for page in (mine, theirs):
            _open(owned, page, "review", "How you review")
        _switch(theirs, "Review first")
        theirs.get_by_role("button", name="Save", exact=True).click()
        expect(theirs.get_by_text("Saved.")).to_be_visible()
        mine.get_by_label("Remind of a review every so many days").fill("30")
        mine.get_by_role("button", name="Save", exact=True).click()
        expect(mine.get_by_text("Saved.")).to_be_visible()
        for page in (mine, theirs):
            page.reload()
            expect(page.get_by_role("switch", name="Review first")).to_be_checked()
            expect(page.get_by_label("Remind of a review every so many days")).to_have_value("30")
        _switch(mine, "Review first")
        expect(mine.get_by_text("Switching it off accepts everything that waits")).to_be_visible()
        mine.get_by_role("button", name="Save", exact=True).click()
        expect(mine.get_by_text("Saved.")).to_be_visible()
        expect(mine.get_by_role("switch", name="Review first")).not_to_be_checked()


def test_a_page_goes_on_after_its_person_signed_in_again_on_another_and_not_after_somebody_else_did(owned):
    with owned.page(storage_state=owned.session) as page:
        link = owned.invite(page, "mallory@example.org", "admin")
    ours = owned.session
    with owned.page() as page:
        owned.join(page, link, "Mallory", "mallory@example.org")
    owned.session = ours
    with owned.page() as page:
        owned.sign_in(page)
        _open(owned, page, "privacy", "What the account asks")
        for email, said in (
            (owned.email, "Saved, and in force."),
            ("mallory@example.org", "Somebody else has signed in with this browser."),
        ):
            other = page.context.new_page()
            other.goto(f"{owned.url}/a/default/me")
            other.get_by_role("button", name="Sign out", exact=True).click()
            _enter(other, email)
            _switch(page, "Paid tiers alone")
            page.get_by_role("button", name="Save", exact=True).click()
            expect(page.get_by_text(said)).to_be_visible()
            other.close()
        assert _asked(page) == {"paid_only": True}
    with owned.page() as page:
        owned.sign_in(page)
        page.goto(f"{owned.url}/a/default/privacy")
        _switch(page, "Paid tiers alone")
        _saved(page)


@pytest.fixture(scope="module")
def long_named(owned):
    """A key, an app and a request by them whose names are as long as may be and have no space."""
    with owned.page(storage_state=owned.session) as page:
        page.goto(f"{owned.url}/a/default/keys")
        page.get_by_role("button", name="New key").click()
        page.get_by_role("dialog").get_by_label("Name").fill(LONG)
        page.get_by_role("button", name="Make the key").click()
        secret = page.get_by_label("the secret", exact=True).inner_text().strip()
    body = {"model": "anthropic/claude-3.5-sonnet", "messages": [{"role": "user", "content": "Hello"}]}
    headers = {"authorization": f"Bearer {secret}", "x-anyapi-app-id": "a" * 128, "x-anyapi-app-name": "b" * 128}
    assert httpx2.post(f"{owned.gateway.url}/v1/chat/completions", json=body, headers=headers).status_code == 200
    return owned


@pytest.mark.parametrize("path", ["activity?by=app", "activity?by=key", "exposure", "keys"])
@pytest.mark.parametrize("width", [1440, 360])
def test_a_long_name_pushes_no_column_out_of_sight(long_named, path, width):
    with long_named.page(storage_state=long_named.session, viewport={"width": width, "height": 900}) as page:
        page.goto(f"{long_named.url}/a/default/{path}")
        expect(page.get_by_text(re.compile("W{100}|b{128}")).first).to_be_visible()
        cut = page.locator(".scroll").evaluate_all(
            "(all) => all.filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.ariaLabel)"
        )
        assert cut == []


def test_somebody_with_a_long_name_makes_a_key_pair(owned):
    with owned.page(storage_state=owned.session) as page:
        link = owned.invite(page, "zoe@example.org", "admin")
    ours = owned.session
    with owned.page() as page:
        owned.join(page, link, "Zoe " * 40, "zoe@example.org")
        page.goto(f"{owned.url}/a/default/logs")
        page.get_by_role("button", name="Make a key pair").click()
        page.get_by_label("I have kept the identity in a safe place").check()
        page.get_by_role("button", name="Add its public key").click()
        expect(page.get_by_role("region", name="Public keys").get_by_text("Zoe Zoe")).to_be_visible()
    owned.session = ours
