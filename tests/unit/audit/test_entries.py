"""Entries: their bytes are JSON with sorted keys and whole numbers, say what was decided, and name nobody."""

import json

import pytest
from tests.conformance.samples import NOON, decision_record, usage_row
from tests.unit.policy.samples import credential
from tests.unit.storage.audit_samples import decisions

from anyapi.audit import entries
from anyapi.audit.entries import (
    Keeps,
    RequestEntry,
    Ruling,
    change_entry,
    decision_entry,
    key_entry,
    own_entry,
    ref_of,
    request_entry,
    ruling_of,
)
from anyapi.audit.notes import SigningKey
from anyapi.domain.data_policy import Retention, RetentionKind
from anyapi.domain.requirement import DataClass, Layer, Settings
from anyapi.errors import AuditError
from anyapi.policy.merge import merge

KEY = SigningKey("test/log", bytes(32)).public
MS = round(NOON * 1000)


def log_id(kind, account, subject):
    return f"log_{kind}"


def canonical(entry):
    """An entry as any other JSON library writes it: sorted, without spaces, without fractions."""
    value = json.loads(entry, parse_float=lambda text: pytest.fail(f"a fraction: {text}"))
    assert json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() == entry
    return value


def everything():
    ruling = ruling_of(decisions())
    ids = ("log_a", "log_k", "log_app")
    yield ruling.entry
    yield request_entry(usage_row(1), ids, 5, ruling.permitted, None)
    for endpoint, credential_id in ruling.permitted:
        row = usage_row(1, streamed=True, evidence="agrees", host="a", endpoint=endpoint, credential=credential_id)
        yield request_entry(row, ids, 5, ruling.permitted, 4)
    yield request_entry(usage_row(1, sent_to=tuple(ruling.permitted)), ids, 5, ruling.permitted, None)
    yield request_entry(
        usage_row(1, cost=None, first_token=None, attempts=0, app=type(usage_row(1).app)()), ("a", "k", None), 0, ruling.permitted, None
    )
    yield decision_entry(decision_record(1), log_id)
    yield change_entry("00ff", 5, "settings", '{"layer":"key","subject":"key_1","account":"acme","after":"{\\"a\\":0.5}"}', log_id)
    yield own_entry("start", 5, {"version": "1", "catalogue": "\u00e4"})
    yield key_entry(KEY, 5)[1]


def test_all_entries_are_canonical():
    found = [canonical(entry) for entry in everything()]
    assert len(found) == 10
    assert all(isinstance(each["kind"], str) for each in found)


def test_the_fields_of_a_request_stand_in_order():
    assert list(RequestEntry.__struct_fields__) == sorted(RequestEntry.__struct_fields__)


def sent(ruling, used, **changes):
    """The entry of a request that `used` answered, an endpoint with its credential."""
    row = usage_row(0, duration=2.0, endpoint=used[0], credential=used[1], **changes)
    return canonical(request_entry(row, ("a", "k", None), 0, ruling.permitted, None))


def test_when_the_providers_copy_should_be_gone():
    ruling = ruling_of(decisions())
    until = {used[0]: sent(ruling, used)["copy_until"] for used in ruling.permitted}
    assert until == {"a/one": MS + 2000 + 30 * 86_400_000, "b/one": MS + 2000}
    assert "copy_until" not in sent(ruling, ("a/one", "cred-a"), attempts=0)


def test_after_a_failover_everybody_who_was_sent_it_counts():
    ruling = ruling_of(decisions())
    first, last = ("a/one", "cred-a"), ("b/one", "cred-b")
    places = [ruling.permitted[each].place for each in (first, last)]
    found = sent(ruling, last, sent_to=(first, first, last))
    assert (found["used"], found["sent"]) == (places[1], places)
    assert found["copy_until"] == MS + 2000 + 30 * 86_400_000, "not that of the one that answered, who keeps nothing"
    assert "sent" not in sent(ruling, last)


def test_what_reached_nobody_is_kept_by_nobody():
    found = sent(ruling_of(decisions()), ("a/one", "cred-a"), sent_to=())
    assert found["sent"] == []
    assert "copy_until" not in found


@pytest.mark.parametrize("unknown", ["no end", "not in the ruling"])
def test_no_end_known_of_one_is_none_known_of_all(unknown):
    days = Keeps(0, 30 * 86_400_000, 5)
    endless = {("b", "c"): Keeps(1, None, None)} if unknown == "no end" else {}
    ruling = Ruling(b"{}", {("a", "c"): days, **endless})
    found = sent(ruling, ("a", "c"), sent_to=(("b", "c"), ("a", "c")))
    assert found["copy_until"] is None
    assert found["flagged_until"] == (None if unknown == "no end" else MS + 2005)


@pytest.mark.parametrize(
    ("retention", "milliseconds"),
    [
        (Retention(RetentionKind.ZERO, None), 0),
        (Retention(RetentionKind.LIMITED, 0.5), 43_200_000),
        (Retention(RetentionKind.LIMITED, 0), 86_400_000),
        (Retention(RetentionKind.COMPLIANCE, 7), 604_800_000),
        (Retention(RetentionKind.COMPLIANCE, None), None),
        (Retention(RetentionKind.INDEFINITE, 3), None),
        (Retention(RetentionKind.UNKNOWN, None), None),
    ],
)
def test_how_long_a_copy_is_kept(retention, milliseconds):
    assert entries._kept(retention) == milliseconds


def test_a_ruling_says_who_is_permitted_on_what_facts_and_who_is_denied_why():
    merged = merge([(Layer.KEY, Settings(data_class=DataClass.CONFIDENTIAL))], {DataClass.CONFIDENTIAL: Settings(retention_days=0.0)})
    body = canonical(ruling_of(decisions(merged)).entry)
    assert body["requirement"] == merged.hash
    assert [(each["endpoint"], each["reasons"]) for each in body["denied"]] == [("a/one", ["retention_not_zero"])]
    (permitted,) = body["permitted"]
    assert (permitted["endpoint"], permitted["grade"], permitted["retention"]) == ("b/one", "declared", {"kind": "zero"})
    assert body["catalogue"] == "v1"


def test_an_accounts_own_credential_is_not_named():
    own = [credential("a", "own:0123456789abcdef", account="acme"), credential("b", "cred-b")]
    entry = ruling_of(decisions(credentials=own, account="acme")).entry
    assert b"0123456789abcdef" not in entry
    assert b'"credential":"own:"' in entry


def test_changes_name_nobody():
    body = '{"account":"acme","person":"person_1","key":"key_1","credential":"own:1","role":"owner","layer":"account","subject":"acme"}'
    found = canonical(change_entry("ff", 1, "member", body, log_id))
    assert found == {
        **{name: f"log_{name}" for name in ("account", "person", "key", "credential")},
        "at": 1,
        "id": "ff",
        "kind": "member",
        "layer": "account",
        "role": "owner",
    }
    assert canonical(change_entry("ff", 1, "settings", '{"layer":"gateway","subject":"","after":"{}"}', log_id)) == {
        "after": "{}",
        "at": 1,
        "id": "ff",
        "kind": "settings",
        "layer": "gateway",
    }
    assert canonical(change_entry("ff", 1, "contradiction", '{"credential":"env:XAI"}', log_id))["credential"] == "env:XAI"


def test_a_reference_is_made_of_what_an_entry_says():
    found = [ref_of(entry) for entry in everything()]
    request, decision = f"r:{usage_row(1).decision}", f"d:{decision_record(1).decision}"
    assert found == [None, request, request, request, request, request, decision, "c:00ff", None, f"k:{KEY.fingerprint}"]
    for entry in (b"", b"{}", b"[]", b'{"kind":1}', b"\xff", b'{"kind":"decision"}', b'{"kind":"key","key":"x"}', b'{"\xe5":1}'):
        with pytest.raises(AuditError):
            ref_of(entry)


def test_what_is_too_large_for_the_log_is_refused():
    with pytest.raises(AuditError, match="too large"):
        own_entry("start", 1, {"version": "x" * 70_000})
