"""The audit log in a browser: what was changed, by whom, word for word as it is hashed; requests too; and the checkpoint to keep."""

import json

import pytest
from playwright.sync_api import expect
from tests.dashboard.test_ranking import join, leave
from tests.integration.lab import until

from anyapi.storage.audit_reader import AuditReader
from anyapi.storage.drivers import driver_for


@pytest.fixture(scope="module")
def changed(owned):
    """Somebody changed something, a request was answered, and both are entered."""
    with owned.page(storage_state=owned.session) as page:
        page.goto(f"{owned.url}/a/default/privacy")
        leave(page)
        join(page)
    answer = owned.gateway.chat(data_policy=None)
    with AuditReader(driver_for(owned.gateway.home)) as log:
        until(lambda: log.waiting() == 0 and log.place(f"r:{answer.headers['x-anyapi-decision']}"), "all is entered")
        until(lambda: (log.newest() or (0, ""))[0] == log.size(), "all is signed")
    return owned, answer.headers["x-anyapi-decision"]


def test_a_change_stands_there_with_who_made_it_and_its_bytes(changed):
    owned, _ = changed
    with owned.page(storage_state=owned.session) as page:
        page.goto(f"{owned.url}/a/default/audit")
        row = page.get_by_role("row").filter(has_text="Part in the ranking of models changed").first
        expect(row).to_contain_text("takes part: 1")
        position = row.get_by_role("cell").first.inner_text()
        row.get_by_text("Word for word").click()
        shown = row.locator("pre").inner_text()
        with AuditReader(driver_for(owned.gateway.home)) as log:
            assert shown.encode() == log.entry(int(position))
        expect(
            page.get_by_role("row").filter(has_text="Changed whether the account takes part in the ranking of models").first
        ).to_contain_text("person: Ada Lovelace")
        expect(page.get_by_role("row").filter(has_text="Request:")).to_have_count(0)


def test_requests_lead_to_their_receipt(changed):
    owned, decision = changed
    with owned.page(storage_state=owned.session) as page:
        page.goto(f"{owned.url}/a/default/audit")
        page.get_by_text("Requests too").click()
        link = page.locator(f"a[href$='/activity/{decision}']")
        expect(link).to_have_text("Request: answered")
        link.click()
        expect(page.get_by_text("Receipt").first).to_be_visible()


def test_the_checkpoint_is_saved_as_it_was_signed(changed, tmp_path):
    owned, _ = changed
    with owned.page(storage_state=owned.session) as page:
        page.goto(f"{owned.url}/a/default/audit")
        with page.expect_download() as saved:
            page.get_by_role("link", name="Save the checkpoint").click()
        saved.value.save_as(tmp_path / "checkpoint")
    note = (tmp_path / "checkpoint").read_text()
    with AuditReader(driver_for(owned.gateway.home)) as log:
        assert note in dict(log.checkpoints()).values()
        assert saved.value.suggested_filename == f"anyapi-checkpoint-{note.splitlines()[1]}.txt"


def test_an_answer_that_fails_says_so_and_nothing_else_is_shown(changed):
    owned, _ = changed
    with owned.page(storage_state=owned.session) as page:
        refused = {"error": {"message": "The store cannot take or give this now.", "type": "overloaded", "metadata": {}}}
        page.route("**/api/accounts/default/audit*", lambda route: route.fulfill(status=503, body=json.dumps(refused)))
        page.goto(f"{owned.url}/a/default/audit")
        expect(page.get_by_text("The store cannot take or give this now.")).to_be_visible(timeout=20_000)
        expect(page.get_by_role("table")).to_have_count(0)
