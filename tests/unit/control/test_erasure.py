"""What deleting an account says that it will do is what it does."""

import pytest
from tests.conformance.samples import NOON
from tests.conformance.stores import Backend
from tests.conformance.whole_account import RECORDS, REQUESTS, decision_id, fill

from anyapi.control import erasure
from anyapi.errors import PermissionDenied, StorageError
from anyapi.storage.rows import AccountRow

ACME = AccountRow("acme", "acme name", NOON)


@pytest.fixture
def holdings(tmp_path):
    backend = Backend(tmp_path)
    fill(backend, "acme")
    with backend.holdings() as opened:
        opened.backend = backend
        yield opened


def counts(lines):
    return {line.record: line.rows for line in lines if line.rows}


def test_the_plan_changes_nothing_and_gives_a_reason_for_each_line(holdings):
    held = holdings.held("acme")
    report = erasure.plan(holdings, ACME, NOON)
    assert holdings.held("acme") == held
    assert (report.done, report.refused, report.known_as) == (False, None, None)
    assert all(line.why for line in (*report.goes, *report.stays))
    assert counts(report.stays) == {"decision": RECORDS, "contradictions": 1, "people": 1, "audit_entries": 1}
    total = {record: counts(report.goes).get(record, 0) + counts(report.stays).get(record, 0) for record in held}
    assert total == held, "every row is in the report once"


def test_what_was_done_is_what_was_planned(holdings):
    planned = erasure.plan(holdings, ACME, NOON)
    erasure.close(holdings, "acme", NOON)
    told = []
    report = erasure.finish(holdings, erasure.erase(holdings, ACME, NOON, told.append))
    assert counts(report.goes) == {**counts(planned.goes), "closings": 1}
    assert counts(report.stays) == counts(planned.stays)
    assert (report.done, report.wiped, told) == (True, True, [REQUESTS])
    assert report.known_as.startswith("log_")
    with holdings.backend.store(NOON) as store:
        assert {store.decision(decision_id("acme", number)).account for number in range(RECORDS)} == {f"deleted:{report.known_as}"}


def test_the_default_account_stays_and_says_why(holdings):
    assert "made anew at every start" in erasure.plan(holdings, AccountRow("default", "Default account", NOON), NOON).refused
    with pytest.raises(PermissionDenied, match="made anew"):
        erasure.close(holdings, "default", NOON)


def test_an_account_whose_keys_still_work_is_not_erased(holdings):
    with pytest.raises(StorageError):
        erasure.erase(holdings, ACME, NOON)
