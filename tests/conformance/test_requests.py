"""The contract of privacy requests, MUST by MUST, against every implementation."""

import pytest
from tests.conformance.samples import DAY, NOON

from anyapi.errors import StorageError
from anyapi.storage.request_rows import MessageRow, NoticeRow, RequestKind, RequestRow, RequestStatus
from anyapi.storage.sql_requests import SqlRequests


@pytest.fixture
def requests(acme):
    with acme.requests() as opened:
        yield opened


def asked(number, account="acme", status=RequestStatus.OPEN, **fields):
    values = {"id": f"req_{number}", "account": account, "person": "per_1", "kind": RequestKind.ACCESS, "status": status}
    return RequestRow(**{**values, "opened_at": NOON + number, "due_at": NOON + DAY, "changed_at": NOON + number, **fields})


def message(number, request, account="acme", *, from_team=False, words="please"):
    return MessageRow(f"msg_{number}", account, request, "per_1", from_team=from_team, at=NOON + number, words=words)


def test_a_request_comes_back_with_its_thread(requests):
    requests.open_request(asked(1), message(1, "req_1", words="one\ntwo é"))
    requests.add_message(message(2, "req_1", from_team=True), RequestStatus.ANSWERED)
    assert requests.request("acme", "req_1") == asked(1, status=RequestStatus.ANSWERED, changed_at=NOON + 2)
    assert requests.messages("acme", "req_1") == [message(1, "req_1", words="one\ntwo é"), message(2, "req_1", from_team=True)]
    requests.add_message(message(3, "req_1"), RequestStatus.OPEN, NOON + 5 * DAY)
    assert requests.request_by_id("req_1").due_at == NOON + 5 * DAY


def test_another_accounts_request_does_not_exist(requests):
    requests.open_request(asked(1), message(1, "req_1"))
    assert requests.request("default", "req_1") is None
    assert requests.messages("default", "req_1") == []
    assert requests.set_request_status("default", "req_1", RequestStatus.CLOSED, NOON) is False
    with pytest.raises(StorageError):
        requests.add_message(message(2, "req_1", account="default"), RequestStatus.CLOSED)
    assert requests.request("acme", "req_1") == asked(1)
    assert len(requests.messages("acme", "req_1")) == 1
    assert requests.request_by_id("req_none") is None


def test_both_or_neither(requests):
    with pytest.raises(StorageError):
        requests.open_request(asked(1, account="nowhere"), message(1, "req_1", account="nowhere"))
    requests.open_request(asked(1), message(1, "req_1"))
    with pytest.raises(StorageError):
        requests.open_request(asked(2), message(1, "req_2"))
    assert [row.id for row in requests.requests(None)] == ["req_1"]


def test_those_that_wait_longest_come_first(requests):
    for number, status, due in ((1, "closed", 1), (2, "open", 9), (3, "in_progress", 5), (4, "answered", 2)):
        row = asked(number, "default" if number == 3 else "acme", RequestStatus(status), due_at=NOON + due)
        requests.open_request(row, message(number, row.id, row.account))
    assert [row.id for row in requests.requests(None)] == ["req_3", "req_2", "req_4", "req_1"]
    assert [row.id for row in requests.requests("acme")] == ["req_2", "req_4", "req_1"]
    assert [row.id for row in requests.requests("acme", 1)] == ["req_2"]


def test_what_was_finished_long_ago_goes_with_its_thread_and_nothing_else(requests):
    for number, status in enumerate(RequestStatus):
        row = asked(number, status=status, changed_at=NOON)
        requests.open_request(row, message(number, row.id))
    requests.open_request(asked(9, status=RequestStatus.CLOSED, changed_at=NOON + 1), message(9, "req_9"))
    assert requests.purge_requests(NOON + 1, 0.0) == 2
    assert [row.id for row in requests.requests("acme")] == ["req_1", "req_0", "req_9"]
    assert requests.messages("acme", "req_2") == []
    assert len(requests.messages("acme", "req_9")) == 1


def test_notices_wait_until_they_are_sent(requests):
    for number in (2, 1):
        requests.add_notice(NoticeRow(f"ntc_{number}", "acme", NOON + number, "request_opened", '{"request":"req_1"}'))
    assert [row.id for row in requests.unsent_notices()] == ["ntc_1", "ntc_2"]
    assert [row.id for row in requests.unsent_notices(1)] == ["ntc_1"]
    assert [requests.note_sent(f"ntc_{name}", NOON + 3) for name in (1, 1, "none")] == [True, False, False]
    requests.note_unsent("ntc_1")
    assert len(requests.unsent_notices()) == 2
    assert requests.note_sent("ntc_1", NOON + 3)
    assert [row.id for row in requests.unsent_notices()] == ["ntc_2"]
    requests.purge_requests(0.0, NOON + 3)
    assert requests.unsent_notices() == []


def test_stores_may_share_a_connection_which_the_first_closes(acme):
    with acme.people() as people:
        with SqlRequests(people) as requests:
            requests.open_request(asked(1), message(1, "req_1"))
            assert requests._connection is people._connection
        assert people.people_count() == 0
        assert SqlRequests(people).request("acme", "req_1") == asked(1)


def test_a_message_prints_without_its_words():
    assert "secret" not in repr(message(1, "req_1", words="secret"))
