"""The review of an account over the control API: who may, what is shown, what accepting does."""

import pytest
from tests.tools.catalogue_site import edited
from tests.unit.control.test_telling import ask, next_catalogue, update

from anyapi.domain.decision import ReasonCode

REVIEW = "/api/accounts/default/review"
ON = {"review_first": True, "remind_days": 30, "email": False}


@pytest.fixture
def waiting(staffed):
    ask(staffed, "default", retention_days=0.0)
    assert staffed.browser("owner@x.org").send("PUT", f"{REVIEW}/settings", ON).status_code == 200
    update(staffed)
    return staffed


def test_what_waits_says_what_changed_and_what_it_withholds(waiting):
    shown = waiting.browser("auditor@x.org").get(REVIEW).json()
    (row,) = shown["waiting"]
    assert (row["subject"], row["title"], row["renewal"]) == ("provider:cohere", "Cohere", False)
    assert row["changes"][0].startswith("It keeps nothing; before, ")
    assert row["withheld"]
    assert {name.partition("/")[0] for each in shown["withheld"].values() for name in each} == {"cohere"}
    assert sorted(row["withheld"]) == sorted(name for each in shown["withheld"].values() for name in each)
    assert shown["settings"]["review_first"] is True
    models = waiting.browser("auditor@x.org").get("/api/accounts/default/models").json()
    codes = {code for model in models for one in model["endpoints"] if one["id"] in row["withheld"] for code in one["reasons"]}
    assert ReasonCode.REVIEW_PENDING in codes


def test_only_owner_and_admin_accept(waiting):
    for who in ("member", "auditor"):
        browser = waiting.browser(f"{who}@x.org")
        for method, path, body in (
            ("POST", f"{REVIEW}/accept", {"update": browser.get(REVIEW).json()["update"]}),
            ("PUT", f"{REVIEW}/settings", ON),
            ("PUT", f"{REVIEW}/webhook", {"url": "https://a.example/"}),
            ("DELETE", f"{REVIEW}/webhook", None),
            ("POST", f"{REVIEW}/done", None),
        ):
            assert browser.send(method, path, body).status_code == 403, path


def test_another_accounts_review_is_not_found(waiting):
    stranger = waiting.browser("stranger@x.org")
    assert stranger.get(REVIEW).status_code == 404
    assert stranger.post(f"{REVIEW}/accept", {"update": 2}).status_code == 404
    assert stranger.get("/api/accounts/other/review").json()["waiting"] == []


def test_accepting_holds_at_once_and_is_written_down(waiting):
    admin = waiting.browser("admin@x.org")
    shown = admin.get(REVIEW).json()
    version = waiting.snapshot.version
    done = admin.post(f"{REVIEW}/accept", {"update": shown["update"], "subjects": ["provider:cohere"]}).json()
    assert done == {"accepted": 1, "snapshot": version + 1}
    after = admin.get(REVIEW).json()
    assert (after["waiting"], after["withheld"]) == ([], {})
    (row,) = after["accepted"]
    assert (row["subject"], row["by_name"], row["at"]) == ("provider:cohere", "Admin", waiting.now)
    changes = [(row["what"], row["by_name"]) for row in admin.get("/api/accounts/default/changes").json()]
    assert changes[0] == ("review_accepted", "Admin")


def test_nobody_accepts_what_they_have_not_seen(waiting):
    owner = waiting.browser("owner@x.org")
    seen = owner.get(REVIEW).json()["update"]
    update(waiting, edited(next_catalogue(waiting.config.base), 2))
    answer = owner.post(f"{REVIEW}/accept", {"update": seen})
    assert (answer.status_code, "since you looked" in answer.json()["error"]["message"]) == (400, True)
    assert len(owner.get(REVIEW).json()["waiting"]) == 1
    assert owner.post(f"{REVIEW}/accept", {"update": seen, "subjects": []}).status_code == 400


def test_switching_review_first_off_accepts_and_says_who(waiting):
    owner = waiting.browser("owner@x.org")
    assert owner.send("PUT", f"{REVIEW}/settings", {**ON, "review_first": False}).json()["review_first"] is False
    after = owner.get(REVIEW).json()
    assert after["waiting"] == []
    assert after["accepted"][0]["by_name"] == "Owner"
    assert waiting.snapshot.context.held == {}


@pytest.mark.parametrize("wish", [{"remind_days": 90}, {"remind_days": None}, {"email": False}, {}])
def test_who_asks_for_a_reminder_does_not_switch_off_review_first_that_somebody_switched_on_meanwhile(waiting, wish):
    told = waiting.browser("owner@x.org").send("PUT", f"{REVIEW}/settings", wish).json()
    assert (told["review_first"], told["remind_days"]) == (True, wish.get("remind_days", 30.0))
    assert waiting.snapshot.context.held
    (row,) = waiting.browser("owner@x.org").get(REVIEW).json()["waiting"]
    assert row["subject"] == "provider:cohere"


def test_wishes_that_cannot_be_met(staffed):
    owner = staffed.browser("owner@x.org")
    for body, field in (
        ({**ON, "remind_days": 0}, "remind_days"),
        ({**ON, "remind_days": 1e9}, "remind_days"),
        ({**ON, "email": True}, "email"),
    ):
        answer = owner.send("PUT", f"{REVIEW}/settings", body)
        assert (answer.status_code, answer.json()["error"]["metadata"]["field"]) == (400, field)


def test_a_review_that_was_done_sets_the_clock(staffed):
    owner = staffed.browser("owner@x.org")
    assert owner.post(f"{REVIEW}/done").json()["reviewed_at"] == staffed.now
    assert owner.get(REVIEW).json()["settings"]["reviewed_at"] == staffed.now


def test_expiring_records_are_shown_thirty_days_ahead(staffed):
    assert staffed.browser("owner@x.org").get(REVIEW).json()["expiring"] == []
    staffed.now += 160 * 86400
    soon = staffed.browser("owner@x.org").get(REVIEW).json()["expiring"]
    assert {"provider": "openai", "name": "OpenAI", "day": "2027-05-23", "expired": False} in soon


FORBIDDEN = (
    "ftp://a/", "https://u:p@a.example/", "https://a.example/#x", "x", "", "http://10.0.0.1/", "http://[fd00::1]/", "http://169.254.169.254/",
)  # fmt: skip


def test_a_webhook_goes_only_where_it_may(staffed):
    owner = staffed.browser("owner@x.org")
    for url in FORBIDDEN:
        answer = owner.send("PUT", f"{REVIEW}/webhook", {"url": url})
        assert (answer.status_code, answer.json()["error"]["metadata"]["field"]) == (400, "url"), url
    assert staffed.review.review_settings("default").webhook_url is None


def test_a_webhooks_secret_is_shown_once_and_stored_sealed(staffed):
    owner = staffed.browser("owner@x.org")
    first = owner.send("PUT", f"{REVIEW}/webhook", {"url": "https://a.example/h"}).json()
    second = owner.send("PUT", f"{REVIEW}/webhook", {"url": "https://a.example/h"}).json()
    assert first["secret"].startswith("whsec_")
    assert first["secret"] != second["secret"]
    stored = staffed.stored()
    assert second["secret"].removeprefix("whsec_").encode() not in stored
    assert "whsec_" not in owner.get(REVIEW).text
    shown = {
        role: staffed.browser(f"{role}@x.org").get(REVIEW).json()["settings"]["webhook_url"]
        for role in ("owner", "admin", "member", "auditor")
    }
    assert shown == {"owner": "https://a.example/h", "admin": "https://a.example/h", "member": None, "auditor": None}
    assert staffed.review.review_settings("default").version == 2
    assert owner.send("DELETE", f"{REVIEW}/webhook").json()["webhook_url"] is None
