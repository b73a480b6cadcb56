"""Requests to the privacy team over the control API: asked, answered, told apart by account and role."""

import msgspec
import pytest
from tests.unit.control.test_delivering import ways

from anyapi.control.attending import attend_once
from anyapi.control.privacy_requests import MOST_MESSAGES, MOST_UNFINISHED
from anyapi.control.request_mail import Later
from anyapi.storage.request_rows import KEPT_DAYS, LONGEST_WORDS, MessageRow

PATH = "/api/accounts/default/requests"
DAY = 86400.0
ASK = {"kind": "access", "words": "What do you hold of me?"}


@pytest.fixture
def member(staffed):
    return staffed.browser("member@x.org")


@pytest.fixture
def team(staffed):
    return staffed.browser("operator@x.org")


def test_a_request_is_answered_in_its_thread(staffed, member, team):
    asked = member.post(PATH, ASK)
    assert asked.status_code == 201
    request = asked.json()["request"]
    assert (request["status"], request["kind"], request["person_name"], request["overdue"]) == ("open", "access", "Member", False)
    assert request["due_at"] - request["opened_at"] == 30 * DAY
    assert [one["id"] for one in team.get("/api/gateway/requests").json()] == [request["id"]]
    staffed.now += 60
    answer = team.post(f"/api/gateway/requests/{request['id']}/replies", {"status": "answered", "words": "Nothing but this."})
    assert answer.json()["request"]["status"] == "answered"
    shown = member.get(f"{PATH}/{request['id']}").json()
    assert [(one["by"], one["from_team"], one["words"]) for one in shown["messages"]] == [
        ("Member", False, ASK["words"]),
        ("Privacy team", True, "Nothing but this."),
    ]
    assert shown["request"]["changed_at"] == staffed.now


def test_writing_again_opens_a_finished_request_and_it_is_due_anew(staffed, member, team):
    request = member.post(PATH, ASK).json()["request"]
    assert member.post(f"{PATH}/{request['id']}/messages", {"words": "also this"}).json()["request"]["due_at"] == request["due_at"]
    assert member.post(f"{PATH}/{request['id']}/closing").json()["request"]["status"] == "closed"
    staffed.now += 3600
    again = member.post(f"{PATH}/{request['id']}/messages", {"words": "not yet"}).json()["request"]
    assert (again["status"], again["due_at"]) == ("open", staffed.now + 30 * DAY)
    assert (
        team.post(f"/api/gateway/requests/{request['id']}/replies", {"status": "in_progress"}).json()["request"]["status"] == "in_progress"
    )


def test_the_page_says_whom_it_reaches_and_what_is_late(staffed, member):
    member.post(PATH, ASK)
    staffed.now += 31 * DAY
    member = staffed.browser("member@x.org")
    page = member.get(PATH).json()
    assert (page["contact"], page["answer_days"], page["kept_days"]) == (None, 30.0, KEPT_DAYS)
    assert [one["overdue"] for one in page["requests"]] == [True]


def test_another_account_and_another_role(staffed, member):
    request = member.post(PATH, ASK).json()["request"]["id"]
    stranger = staffed.browser("stranger@x.org")
    assert stranger.get(f"{PATH}/{request}").status_code == 404
    assert stranger.get(f"/api/accounts/other/requests/{request}").status_code == 404
    assert stranger.post(f"/api/accounts/other/requests/{request}/messages", {"words": "x"}).status_code == 404
    assert stranger.post(f"/api/accounts/other/requests/{request}/closing").status_code == 404
    assert stranger.get("/api/accounts/other/requests").json()["requests"] == []
    assert stranger.get("/api/gateway/requests").status_code == 403
    auditor = staffed.browser("auditor@x.org")
    assert auditor.get(f"{PATH}/{request}").status_code == 200
    assert auditor.post(PATH, ASK).status_code == 403
    assert auditor.post(f"{PATH}/{request}/messages", {"words": "x"}).status_code == 403
    for browser in (auditor, member, staffed.browser("owner@x.org")):
        assert browser.post(f"/api/gateway/requests/{request}/replies", {"status": "closed"}).status_code == 403


def test_what_cannot_be_a_message_is_refused_without_repeating_it(staffed, member):
    for words in ("", "  \n ", "x" * (LONGEST_WORDS + 1), "a\x00b", "a\x1b[31m"):
        refused = member.post(PATH, {**ASK, "words": words})
        assert (refused.status_code, refused.json()["error"]["metadata"]) == (400, {"field": "words"})
        assert not words.strip() or words not in refused.text
    for body in ({"kind": "revenge", "words": "x"}, {"words": "x"}, {"kind": "access"}):
        assert member.post(PATH, body).status_code == 400
    assert staffed.requests.requests("default") == []
    assert member.post(PATH, {**ASK, "words": "é" * LONGEST_WORDS}).status_code == 201
    assert member.post(PATH, {**ASK, "words": "two\r\nlines\tand a tab"}).status_code == 201


def test_an_answer_needs_words_and_a_request(team, member):
    request = member.post(PATH, ASK).json()["request"]["id"]
    assert team.post(f"/api/gateway/requests/{request}/replies", {"status": "answered", "words": " "}).status_code == 400
    assert team.post("/api/gateway/requests/req_none/replies", {"status": "closed"}).status_code == 404


def test_an_account_cannot_fill_the_store(staffed, member, team):
    first = staffed.requests.request("default", member.post(PATH, ASK).json()["request"]["id"])
    for number in range(MOST_UNFINISHED - 1):
        row = msgspec.structs.replace(first, id=f"req_{number}")
        staffed.requests.open_request(row, MessageRow(f"m_{number}", "default", row.id, row.person, from_team=False, at=1.0, words="x"))
    refused = member.post(PATH, ASK)
    assert refused.status_code == 400
    for number in range(MOST_MESSAGES - 1):
        message = MessageRow(f"msg_{number}", "default", first.id, first.person, from_team=False, at=staffed.now, words="x")
        staffed.requests.add_message(message, first.status)
    assert member.post(f"{PATH}/{first.id}/messages", {"words": "one more"}).status_code == 400
    assert team.post(f"/api/gateway/requests/{first.id}/replies", {"status": "answered", "words": "no"}).status_code == 400
    assert team.post(f"/api/gateway/requests/{first.id}/replies", {"status": "closed"}).status_code == 201
    assert member.post(PATH, ASK).status_code == 201


def test_finished_requests_go_a_year_after_the_last_word(staffed, member):
    request = member.post(PATH, ASK).json()["request"]["id"]
    member.post(f"{PATH}/{request}/closing")
    staffed.now += KEPT_DAYS * DAY
    assert len(staffed.browser("member@x.org").get(PATH).json()["requests"]) == 1
    staffed.now += 1
    assert staffed.browser("operator@x.org").get("/api/gateway/requests").json() == []
    assert staffed.requests.messages("default", request) == []


def test_they_go_also_where_nobody_looks(staffed, member):
    request = member.post(PATH, ASK).json()["request"]["id"]
    member.post(f"{PATH}/{request}/closing")
    staffed.now += (KEPT_DAYS + 1) * DAY
    assert len(staffed.requests.requests("default")) == 1
    attend_once(staffed.services, ways(), float("-inf"), Later())
    assert staffed.requests.requests("default") == []


def test_who_answered_and_closed_is_in_the_history_with_id_and_status(staffed, member, team):
    request = member.post(PATH, ASK).json()["request"]["id"]
    replies = f"/api/gateway/requests/{request}/replies"
    assert team.post(replies, {"status": "in_progress"}).status_code == 201
    assert team.post(replies, {"status": "answered", "words": "Nothing but this."}).status_code == 201
    assert member.post(f"{PATH}/{request}/closing").status_code == 200
    assert member.post(f"{PATH}/req_other/closing").status_code == 404
    assert team.post(replies, {"status": "answered"}).status_code == 400
    changes = staffed.browser("owner@x.org").get("/api/accounts/default/changes").json()
    found = [(each["by_name"], each["what"], each["subject"], each["before"], each["after"]) for each in reversed(changes)]
    assert [each for each in found if each[1].startswith("request_")] == [
        ("Operator", "request_status", request, {"status": "open"}, {"status": "in_progress"}),
        ("Operator", "request_answered", request, {"status": "in_progress"}, {"status": "answered"}),
        ("Member", "request_closed", request, {"status": "answered"}, {"status": "closed"}),
    ]


def test_words_are_in_no_log_and_no_history(staffed, member, team, capsys):
    secret = "my colleague Eve Example"
    request = member.post(PATH, {**ASK, "words": secret}).json()["request"]["id"]
    team.post(f"/api/gateway/requests/{request}/replies", {"status": "answered", "words": secret})
    said = capsys.readouterr()
    assert secret not in said.out + said.err
    assert secret not in staffed.browser("owner@x.org").get("/api/accounts/default/changes").text
    assert secret not in repr(staffed.requests.unsent_notices())
