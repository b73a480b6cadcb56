"""Notices: what is to be told waits in the store, as ids and codes."""

import json

from anyapi.control.notify import NoticeKind, notify


def test_each_step_of_a_request_leaves_a_notice_for_the_right_side(staffed):
    member, team = staffed.browser("member@x.org"), staffed.browser("operator@x.org")
    request = member.post("/api/accounts/default/requests", {"kind": "objection", "words": "no more"}).json()["request"]["id"]
    staffed.now += 1
    member.post(f"/api/accounts/default/requests/{request}/messages", {"words": "please"})
    staffed.now += 1
    team.post(f"/api/gateway/requests/{request}/replies", {"status": "answered", "words": "done"})
    notices = staffed.requests.unsent_notices()
    assert [row.kind for row in notices] == ["request_opened", "request_message"]
    assert {row.account for row in notices} == {"default"}
    assert json.loads(notices[-1].facts) == {"kind": "objection", "request": request}
    (told,) = member.get("/api/accounts/default/notifications").json()["rows"]
    assert (told["kind"], told["headline"]) == ("request", "The privacy team answered a request")
    assert told["detail"] == {"type": "request", "request": request, "kind": "objection", "status": "answered"}
    assert "done" not in str(told)
    staffed.now += 1
    team.post(f"/api/gateway/requests/{request}/replies", {"status": "in_progress"})
    assert len(member.get("/api/accounts/default/notifications").json()["rows"]) == 2


def test_a_notice_that_was_sent_waits_no_more(staffed):
    notify(staffed.services, "default", NoticeKind.REQUEST_OPENED, {"request": "req_1"})
    (row,) = staffed.requests.unsent_notices()
    staffed.requests.note_sent(row.id, staffed.now)
    assert staffed.requests.unsent_notices() == []
