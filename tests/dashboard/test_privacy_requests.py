"""Asking the privacy team, taking an account along, deleting it: in a real browser, beside a running gateway."""

import json
import re
import zipfile

import pytest
from playwright.sync_api import expect
from tests.dashboard.test_every_page import AXE, BEGUN_IN, keep, open_at, serious, settled

from anyapi.crypto.api_keys import generate
from anyapi.storage.rows import AccountRow, KeyRow

ACCOUNT, NAME = "acme", "Acme Ltd"
EVE = "eve@example.org"
QUESTION = "Who has seen what I sent on Monday?"
ANSWER = "Nobody here: nothing of it was kept.\nSee the list of what is stored."


@pytest.fixture(scope="module")
def asked(owned):
    """A member asked something; the address of the thread."""
    with owned.page(storage_state=owned.session) as page:
        link = owned.invite(page, EVE, "member")
    with owned.page() as page:
        owned.join(page, link, "Eve", EVE)
        page.get_by_role("link", name="Privacy requests").click()
        expect(page.get_by_text("Nothing was asked yet")).to_be_visible()
        expect(page.get_by_text("Inbox of the privacy team")).to_have_count(0)
        page.get_by_role("combobox", name="What is it about?").click()
        page.get_by_role("option", name="Access or export").click()
        page.get_by_role("textbox", name="Your words").fill(QUESTION)
        page.get_by_role("button", name="Send it").click()
        expect(page.get_by_text(QUESTION)).to_be_visible()
        expect(page.get_by_text("Open", exact=True)).to_be_visible()
        expect(page.get_by_text("Answer as the privacy team")).to_have_count(0)
        page.goto(f"{owned.url}/a/default/stored")
        expect(page.get_by_text("An owner of the account can take all of it along")).to_be_visible()
        expect(page.get_by_role("button", name="Make the archive")).to_have_count(0)
        page.goto(f"{owned.url}/a/default/requests")
        page.get_by_role("link", name="Access or export").click()
        expect(page.get_by_role("heading", name="Where it stands")).to_be_visible()
        return page.url


def test_the_team_answers_and_the_member_reads_it(owned, asked):
    with owned.page() as page:
        owned.sign_in(page)
        page.get_by_role("link", name=re.compile("Privacy requests.*1 waiting")).click()
        page.get_by_role("region", name="Inbox").get_by_role("link", name="Access or export").click()
        page.get_by_role("textbox", name="The answer").fill(ANSWER)
        page.get_by_role("button", name="Send the answer").click()
        expect(page.get_by_text("Answered", exact=True).first).to_be_visible()
        expect(page.get_by_text("See the list of what is stored.")).to_be_visible()
    with owned.page() as page:
        owned.sign_in(page, EVE)
        expect(page.get_by_role("link", name=re.compile("Privacy requests.*1 answer"))).to_be_visible()
        page.goto(asked)
        expect(page.get_by_text("Privacy team", exact=True)).to_be_visible()
        expect(page.get_by_text("Nobody here: nothing of it was kept.")).to_be_visible()
        page.get_by_role("textbox", name="To the privacy team").fill("And on Tuesday?")
        page.get_by_role("button", name="Send", exact=True).click()
        expect(page.get_by_text("Open", exact=True)).to_be_visible()
        page.get_by_role("button", name="Close the request").click()
        expect(page.get_by_text("Closed", exact=True)).to_be_visible()


@pytest.mark.parametrize("scheme", BEGUN_IN)
def test_the_pages_are_usable_by_everybody(owned, asked, scheme):
    if not AXE.exists():
        pytest.skip("axe-core is not installed: it needs npm, then `make setup`")
    with owned.page(color_scheme=scheme, reduced_motion="reduce") as page:
        owned.sign_in(page)
        for path, url in (("requests", f"{owned.url}/a/default/requests"), ("thread", asked)):
            page.set_viewport_size({"width": 1280, "height": 900})
            page.goto(url)
            settled(page)
            assert serious(page) == []
            keep(page, f"{path}-filled")
            open_at(page, 360, 740)
            keep(page, f"{path}-filled")
        page.goto(f"{owned.url}/a/default/stored")
        page.get_by_role("button", name="What would be deleted?").click()
        expect(page.get_by_text("made anew at every start")).to_be_visible()
        expect(page.get_by_role("button", name="Delete it for good")).to_have_count(0)
        assert serious(page) == []


def test_an_owner_takes_the_account_along_and_deletes_it(owned, tmp_path):
    parts = generate()
    with owned.gateway.store() as store:
        store.add_account(AccountRow(ACCOUNT, NAME, 1.0))
        store.add_key(KeyRow(parts.id, parts.prefix, parts.sha256, ACCOUNT, 1.0, name="acme key"))
    with owned.page(accept_downloads=True) as page:
        owned.sign_in(page)
        page.goto(f"{owned.url}/a/default/keys")
        page.get_by_role("button", name="New key").first.click()  # has the gateway read the store anew
        page.get_by_role("button", name="Make the key").click()
        page.get_by_role("button", name="I have copied it").click()
        headers = {"Authorization": f"Bearer {parts.secret}"}
        assert owned.gateway.chat(headers).status == 200

        page.goto(f"{owned.url}/a/{ACCOUNT}/stored")
        with page.expect_download() as downloaded:
            page.get_by_role("button", name="Make the archive").click()
        downloaded.value.save_as(tmp_path / "acme.zip")
        expect(page.get_by_text("The archive is complete")).to_be_visible()
        written, counted = re.search(r"(\d+) of (\d+) rows \(100%\)", page.get_by_role("main").inner_text()).groups()
        assert written == counted, "what came while it ran is counted too"
        bundle = zipfile.ZipFile(tmp_path / "acme.zip")
        assert bundle.testzip() is None
        assert json.loads(bundle.read("keys.json"))[0]["name"] == "acme key"

        page.get_by_role("button", name="What would be deleted?").click()
        expect(page.get_by_role("region", name="Goes").get_by_role("row").filter(has_text="Keys")).to_be_visible()
        button = page.get_by_role("button", name="Delete it for good")
        page.get_by_label("Type the account's name to delete it").fill("acme")
        expect(button).to_be_disabled()
        if AXE.exists():
            assert serious(page) == []
        keep(page, "delete")
        page.get_by_label("Type the account's name to delete it").fill(NAME)
        with page.expect_download() as saved, page.expect_response(lambda answer: answer.request.method == "POST") as answered:
            button.click()
        assert answered.value.status == 200
        assert owned.gateway.chat(headers).status == 401
        saved.value.save_as(tmp_path / "report.json")
        report = json.loads((tmp_path / "report.json").read_text())
        assert (report["account"], report["done"], report["wiped"]) == (ACCOUNT, True, True)
        expect(page.get_by_role("heading", name="The account is gone")).to_be_visible()
        keep(page, "deleted")
        page.get_by_role("button", name="Done").click()
        page.get_by_role("heading", name="Activity").wait_for()
        assert ACCOUNT not in page.url


def test_nothing_is_cut_off_unseen_of_what_somebody_pasted(owned):
    with owned.page() as page:
        owned.sign_in(page)
        page.goto(f"{owned.url}/a/default/requests")
        words = page.get_by_role("textbox", name="Your words")
        words.focus()
        page.evaluate("document.execCommand('insertText', false, 'word '.repeat(900) + 'end')")
        expect(page.get_by_text("503 characters too many")).to_be_visible()
        page.get_by_role("button", name="Send it").click()
        expect(page.get_by_role("alert").filter(has_text="1 to 4000 characters")).to_be_visible()
        assert words.input_value().endswith("end")
