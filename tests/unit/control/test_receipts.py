"""Receipts over the control API: the bytes that verify, for the account's own people alone."""

import json

import pytest
from tests.conformance.samples import usage_row
from tests.conformance.stores import enter_changes
from tests.unit.control.conftest import LOG_KEY
from tests.unit.storage.audit_samples import decisions

from anyapi.audit.notes import PublicKey
from anyapi.audit.receipts import verify_receipt
from anyapi.domain.people import Role
from anyapi.storage.audit_writer import AuditWriter

DECISION = f"dec_{1:026x}"
PATH = "/api/accounts/default/receipts"


@pytest.fixture
def entered(staffed):
    writer = AuditWriter(staffed.driver, lambda: LOG_KEY, staffed.clock)
    writer.put(usage_row(1, decision=DECISION, account="default"), decisions())
    writer.flush()
    writer.close()


def test_it_is_the_receipt_byte_for_byte(staffed, entered):
    answer = staffed.browser("auditor@x.org").get(f"{PATH}/{DECISION}")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == f'attachment; filename="receipt-{DECISION}.json"'
    verify_receipt(answer.content, PublicKey.parse(str(LOG_KEY.public)))
    assert json.loads(answer.content)["decision"] == DECISION


@pytest.mark.parametrize("decision", [f"dec_{2:026x}", "dec_1", "x" * 30])
def test_what_is_not_there_is_a_404(staffed, entered, decision):
    assert staffed.browser("owner@x.org").get(f"{PATH}/{decision}").status_code == 404


def test_another_accounts_is_a_404(staffed, entered):
    staffed.store.add_account(type(staffed.store.accounts()[0])("acme", "Acme", staffed.now))
    staffed.person("boss@x.org", Role.OWNER, "acme")
    boss = staffed.browser("boss@x.org")
    assert boss.get(f"{PATH}/{DECISION}").status_code == 404
    assert boss.get(f"/api/accounts/acme/receipts/{DECISION}").status_code == 404


def test_what_is_used_and_not_recorded_says_so(staffed):
    writer = staffed.backend.usage_sink(staffed.now)
    writer.accept()
    writer.put(usage_row(3, decision=f"dec_{3:026x}", account="default"))
    writer.close()
    enter_changes(staffed.driver)
    refused = staffed.browser("owner@x.org").get(f"{PATH}/dec_{3:026x}")
    assert (refused.status_code, refused.json()["error"]["type"]) == (404, "not_recorded")
