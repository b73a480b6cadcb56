"""The sealed log in a browser: opted into, read there with an identity that leaves it by no way, switched off, deleted."""

import json
import time

import pyrage
import pytest
from playwright.sync_api import expect

PROMPT = "the very secret question of this test"


@pytest.fixture(scope="module")
def page(owned):
    """Somebody's dashboard; whatever it sends is written down."""
    with owned.page(accept_downloads=True) as page:
        owned.sign_in(page)
        page.sent = []
        page.on("request", lambda request: page.sent.append(f"{request.url} {request.headers} {request.post_data or ''}"))
        yield page


def asked(owned):
    answer = owned.gateway.chat(messages=[{"role": "user", "content": PROMPT}])
    assert answer.status == 200
    return answer


def test_a_pair_is_made_here_and_the_public_key_alone_is_sent(owned, page):
    page.goto(f"{owned.url}/a/default/logs")
    page.get_by_text("Nobody yet, so nothing is kept").wait_for()
    page.get_by_text("Whoever runs the gateway could add a key too").wait_for()
    page.get_by_role("button", name="Make a key pair").click()
    dialog = page.get_by_role("dialog")
    page.identity = dialog.get_by_label("the identity", exact=True).inner_text().strip()
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Save it as a file").click()
    assert page.identity in download.value.path().read_text()
    expect(dialog.get_by_role("button", name="Add its public key")).to_be_disabled()
    dialog.get_by_label("I have kept the identity").check()
    dialog.get_by_role("button", name="Add its public key").click()
    recipient = str(pyrage.x25519.Identity.from_str(page.identity).to_public())
    page.get_by_role("cell", name=recipient).wait_for()
    page.get_by_text(f"public key: {recipient}").wait_for()  # the history names a reader by what it can be told by
    with owned.gateway.store() as store:
        assert [row.recipient for row in store.log_recipients("default")] == [recipient]


ASKED_AGAIN = 40_000
"""Milliseconds, two turns of the page's own: it asks every 15 s, and the seal is made after the answer is out."""


def test_nothing_is_kept_until_somebody_opts_in(owned, page):
    asked(owned)
    page.get_by_role("button", name="Start keeping").click()
    # "Saved, and in force" stands there already, of the key that was added: the rule itself is listed once it is in force.
    page.get_by_role("row", name="The whole account").wait_for()
    page.get_by_role("button", name="Stop keeping: The whole account").wait_for()
    page.get_by_role("button", name="Change the rule").wait_for()
    page.get_by_text("Nothing was kept").wait_for()
    page.answer = asked(owned)
    expect(page.get_by_role("button", name=f"Read {page.answer.headers['x-anyapi-decision']}")).to_be_visible(timeout=ASKED_AGAIN)
    assert page.get_by_role("button", name="Read dec_").count() == 1


def test_it_is_read_in_the_browser_and_the_identity_is_never_sent(owned, page):
    decision = page.answer.headers["x-anyapi-decision"]
    read = page.get_by_role("button", name=f"Read {decision}")
    expect(read).to_be_disabled()
    page.get_by_label("Your identity").fill(str(pyrage.x25519.Identity.generate()))
    read.click()
    page.get_by_text("does not open with that identity").wait_for()
    page.keyboard.press("Escape")
    page.get_by_label("Your identity").fill(page.identity)
    read.click()
    expect(page.get_by_label("the prompt", exact=True)).to_contain_text(PROMPT)
    said = page.answer.json()["choices"][0]["message"]["content"]
    expect(page.get_by_label("the response", exact=True)).to_contain_text(said)
    page.keyboard.press("Escape")
    everything = "\n".join(page.sent)
    assert "/logs/entries/" in everything, "what the page sends was watched"
    for secret in (page.identity, page.identity.lower(), PROMPT, said):
        assert secret not in everything
    kept = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    assert page.identity not in kept


def test_what_is_downloaded_opens_with_any_age(owned, page):
    decision = page.answer.headers["x-anyapi-decision"]
    with page.expect_download() as download:
        page.get_by_role("link", name=f"Download {decision}").click()
    identity = pyrage.x25519.Identity.from_str(page.identity)
    document = json.loads(pyrage.decrypt(download.value.path().read_bytes(), [identity]))
    assert document["response"] == page.answer.json()


def test_the_page_of_a_request_says_whether_it_is_in_the_log(owned, page):
    kept_out = owned.gateway.chat(messages=[{"role": "user", "content": PROMPT}], store=False)
    owned.gateway.usage(3)
    page.goto(f"{owned.url}/a/default/activity/{page.answer.headers['x-anyapi-decision']}")
    page.get_by_text("Its prompt and its answer are in your sealed log until").wait_for()
    page.goto(f"{owned.url}/a/default/activity/{kept_out.headers['x-anyapi-decision']}")
    page.get_by_text("Nothing of its prompt or answer is stored.").wait_for()
    page.goto(f"{owned.url}/a/default/logs")


def test_switching_off_and_deleting_are_a_click_and_a_word(owned, page):
    page.get_by_role("button", name="Switch it off").click()
    page.get_by_role("dialog").get_by_role("button", name="Switch it off").click()
    page.get_by_text("A prompt log is off until").wait_for()
    before = len(owned.gateway.usage())
    asked(owned)
    owned.gateway.usage(before + 1)
    time.sleep(0.3)
    page.get_by_role("button", name="Delete all of it").click()
    page.get_by_role("button", name="Delete for good").click()
    page.get_by_text("1 entry deleted, and the bytes are overwritten").wait_for()
    page.get_by_text("Nothing was kept").wait_for()
    page.get_by_text("deleted from the sealed log").wait_for()


def test_an_identity_pasted_as_a_public_key_stays_in_the_page(owned, page):
    page.get_by_role("button", name="Add a public key").click()
    mistaken = str(pyrage.x25519.Identity.generate())
    page.get_by_role("dialog").get_by_label("Public key").fill(mistaken)
    page.get_by_text("it must not leave your machine").wait_for()
    expect(page.get_by_role("button", name="Add it")).to_be_disabled()
    page.keyboard.press("Escape")
    assert mistaken not in "\n".join(page.sent)
