"""A change that is noted for the audit log waits until it is entered, and goes with the transaction that it is part of."""

import contextlib
import json
import time

from tests.conformance.stores import enter_changes

from anyapi.storage.audit_notes import note_for_audit
from anyapi.storage.audit_reader import AuditReader
from anyapi.storage.drivers import driver_for
from anyapi.storage.sqlite import SqliteStore


def test_a_note_is_part_of_its_transaction_and_says_when(tmp_path):
    SqliteStore(tmp_path).close()
    driver, before = driver_for(tmp_path), time.time_ns() // 1_000_000
    with contextlib.closing(driver.connect()) as connection:
        with contextlib.suppress(ValueError), driver.unit(connection, writes=True, several=True):
            note_for_audit(connection, "thing", {"account": "default", "takes_part": 1})
            raise ValueError
        with driver.unit(connection, writes=True, several=True):
            note_for_audit(connection, "thing", {"account": "default", "takes_part": 0})
            note_for_audit(connection, "other", {"recipient": "rcp_1", "account": "default"}, 5)
    enter_changes(driver)
    with AuditReader(driver) as reader:
        entries = [json.loads(entry) for _, _, entry in reader.entries()]
    other, thing = [each for each in entries if each["kind"] in {"thing", "other"}]
    assert (other["at"], thing["takes_part"]) == (5, 0)
    assert before <= thing["at"] <= time.time_ns() // 1_000_000
    assert "rcp_1" not in json.dumps(entries)
    assert "default" not in json.dumps([other, thing])
