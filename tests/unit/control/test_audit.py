"""The audit log over the control API: an account's own entries as they are hashed, its names, the signed checkpoint; nobody else's."""

import json

import pytest
from tests.conformance.samples import usage_row
from tests.unit.control.conftest import LOG_KEY
from tests.unit.storage.audit_samples import decisions

from anyapi.audit.notes import Checkpoint, PublicKey
from anyapi.control import audit
from anyapi.domain.people import Role
from anyapi.storage.audit_reader import AuditReader
from anyapi.storage.audit_writer import AuditWriter

DEFAULT, ACME = "/api/accounts/default/audit", "/api/accounts/acme/audit"
DECISION = f"dec_{1:026x}"


def enter(control, *rows):
    """Requests, and what was changed meanwhile, under a checkpoint."""
    writer = AuditWriter(control.driver, lambda: LOG_KEY, control.clock)
    for row in rows:
        writer.put(row, decisions())
    writer.flush()
    writer.close()


@pytest.fixture
def entered(staffed):
    staffed.store.add_account(type(staffed.store.accounts()[0])("acme", "Acme", staffed.now))
    staffed.person("boss@x.org", Role.OWNER, "acme")
    enter(staffed, usage_row(1, decision=DECISION, account="default"), usage_row(2, decision=f"dec_{2:026x}", account="acme"))
    return staffed


def read(control, path=DEFAULT, who="auditor@x.org"):
    answer = control.browser(who).get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def walked(control, query=""):
    """All pages, one after the other."""
    found, page = [], read(control, f"{DEFAULT}?limit=3{query}")
    while True:
        found += page["entries"]
        if page["before"] is None:
            return found
        page = read(control, f"{DEFAULT}?limit=3{query}&before={page['before']}")


def test_entries_are_the_bytes_that_the_log_holds_newest_first(entered):
    found = read(entered)
    with AuditReader(entered.driver) as log:
        assert found["size"] == log.size()
        assert [entry["entry"].encode() for entry in found["entries"]] == [log.entry(entry["position"]) for entry in found["entries"]]
    places = [entry["position"] for entry in found["entries"]]
    assert places == sorted(places, reverse=True)
    (request,) = [entry for entry in found["entries"] if entry["kind"] == "request"]
    said = json.loads(request["entry"])
    assert (request["decision"], request["at"]) == (DECISION, said["at"] / 1000)


def test_an_account_sees_its_own_and_nothing_of_another(entered):
    ours, theirs = read(entered), read(entered, ACME, "boss@x.org")
    assert theirs["entries"]
    assert not {entry["position"] for entry in ours["entries"]} & {entry["position"] for entry in theirs["entries"]}
    assert "acme" not in json.dumps(ours)
    assert {named["id"] for named in theirs["names"].values() if named["kind"] == "account"} == {"acme"}
    assert entered.browser("boss@x.org").get(DEFAULT).status_code == 404
    assert entered.browser("boss@x.org").get(f"{DEFAULT}/checkpoint").status_code == 404


def test_pages_come_to_all_entries_each_once(entered):
    whole = read(entered, f"{DEFAULT}?limit=200")
    assert len(whole["entries"]) > 3
    assert walked(entered) == whole["entries"]


def test_a_page_looks_through_a_bounded_number_and_says_where_to_go_on(entered, monkeypatch):
    whole = read(entered, f"{DEFAULT}?limit=200")["entries"]
    monkeypatch.setattr(audit, "SCANNED", 1)
    assert read(entered)["before"] == read(entered)["size"] - 1
    assert walked(entered) == whole


def test_changes_alone(entered):
    everything, changes = walked(entered), walked(entered, "&changes=true")
    assert changes == [entry for entry in everything if entry["kind"] not in ("request", "decision")]
    assert 0 < len(changes) < len(everything)


@pytest.mark.parametrize("before", ["0", "-5", str(-(2**70))])
def test_before_the_beginning_there_is_nothing(entered, before):
    found = read(entered, f"{DEFAULT}?before={before}")
    assert (found["entries"], found["before"]) == ([], None)


def test_behind_the_end_stands_the_newest(entered):
    assert read(entered, f"{DEFAULT}?before={2**70}")["entries"] == read(entered)["entries"]


def test_random_ids_have_their_names(entered):
    found = read(entered)
    names = {(named["kind"], named["name"] or named["id"]) for named in found["names"].values()}
    assert {("account", "default"), ("key", "key_1"), ("person", "Auditor")} <= names
    assert all(log_id in json.dumps([entry["entry"] for entry in found["entries"]]) for log_id in found["names"])


def test_the_checkpoint_is_the_signed_note(entered):
    found = read(entered)
    key = PublicKey.parse(found["key"])
    assert key.fingerprint == LOG_KEY.public.fingerprint
    assert Checkpoint.open(found["checkpoint"], key).size == found["covered"] == found["size"]
    answer = entered.browser("auditor@x.org").get(f"{DEFAULT}/checkpoint")
    assert (answer.status_code, answer.text) == (200, found["checkpoint"])
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["content-disposition"] == f'attachment; filename="anyapi-checkpoint-{found["size"]}.txt"'


def test_before_anything_is_entered_it_says_so(staffed):
    found = read(staffed)
    assert (found["size"], found["checkpoint"], found["covered"], found["key"], found["entries"], found["before"]) == (
        0,
        None,
        0,
        None,
        [],
        None,
    )
    assert staffed.browser("owner@x.org").get(f"{DEFAULT}/checkpoint").status_code == 404


def test_an_entry_that_somebody_changed_is_shown_as_it_is(entered):
    if entered.driver.shared:
        pytest.skip("changed by hand on SQLite: on PostgreSQL what is shown is made by the same code")
    place = read(entered)["entries"][0]["position"]
    with AuditReader(entered.driver) as log:
        whole = log.entry(place)
        log._connection.execute("DROP TRIGGER audit_entries_no_update")
        log._connection.execute("UPDATE audit_entries SET entry = ? WHERE position = ?", (whole[:41] + b"\xff", place))
    shown = read(entered)["entries"][0]
    assert (shown["position"], shown["kind"], shown["at"]) == (place, "unreadable", None)
    assert shown["entry"].endswith("\ufffd")
