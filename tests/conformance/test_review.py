"""The contract of catalogue updates, holds and notifications, MUST by MUST, against every implementation."""

import threading

import msgspec
import pytest
from tests.conformance.samples import NOON

from anyapi.errors import StorageError
from anyapi.storage.review_rows import Channel, DeliveryRow, HoldRow, NotificationRow, ReviewSettings, UpdateRow, UpdateSource

START = UpdateRow(0, NOON, "", UpdateSource.START, "base", pinned=False, effective="one")


@pytest.fixture
def store(acme):
    with acme.review() as opened:
        yield opened


def adopt(store, effective, previous, holds=(), **fields):
    row = msgspec.structs.replace(START, effective=effective, previous=previous, **fields)
    return store.adopt(row, {effective: effective.encode(), "base": b"base"}, holds)


def hold(subject="provider:a", account="acme", before='{"id":"a"}', **fields):
    return HoldRow(account, subject, 0, before, NOON, **fields)


def test_a_new_store_knows_no_update(store):
    assert store.newest_update() is store.last_adopted() is store.catalogue_body("one") is None
    assert store.updates() == store.untold_updates() == store.pending_holds() == []


def test_an_installed_catalogue_waits_to_be_adopted(store):
    assert adopt(store, "one", None)
    installed = store.install(UpdateRow(99, NOON + 1, "per_1", UpdateSource.FILE, "two", pinned=True), b"body of two")
    assert installed.number == 2
    assert store.newest_update() == installed
    assert store.catalogue_body("two") == b"body of two"
    assert store.last_adopted().effective == "one"
    assert adopt(store, "two+", "one", changes="[1]")
    last = store.last_adopted()
    assert (last.number, last.person, last.base, last.pinned, last.effective, last.previous, last.changes) == (
        2, "per_1", "two", True, "two+", "one", "[1]",
    )  # fmt: skip
    assert [row.number for row in store.updates()] == [2, 1]


def test_of_two_that_adopt_at_once_one_is_first(store):
    adopt(store, "one", None)
    done = []
    threads = [threading.Thread(target=lambda name=name: done.append(adopt(store, name, "one", [hold()]))) for name in ("two", "three")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [False, True]
    assert len(store.updates()) == 2
    assert [row.number for row in store.pending_holds()] == [2]
    assert adopt(store, "four", None) is False


def test_holds_come_with_the_update_or_not_at_all(store):
    adopt(store, "one", None)
    with pytest.raises(StorageError):
        adopt(store, "two", "one", [hold(), hold(account="nowhere")])
    assert store.last_adopted().effective == "one"
    assert store.pending_holds() == []
    assert adopt(store, "two", "one", [hold(), hold("endpoint:a/m", before=None)])
    assert [(row.subject, row.number, row.before) for row in store.pending_holds("acme")] == [
        ("endpoint:a/m", 2, None),
        ("provider:a", 2, '{"id":"a"}'),
    ]
    assert store.pending_holds("default") == []


def test_bodies_are_kept_while_somebody_needs_them(store):
    adopt(store, "one", None)
    adopt(store, "two", "one")
    adopt(store, "three", "two")
    store.note_progress(1, 1, 1, NOON)
    assert [row.number for row in store.untold_updates()] == [2, 3]
    store.note_progress(2, 2, 1, None)
    assert (store.updates()[1].accounts, store.updates()[1].told) == (2, 1)
    assert store.catalogue_body("one") == b"one"
    store.note_progress(2, 2, 2, NOON)
    assert store.catalogue_body("one") is None
    store.note_progress(3, 2, 2, NOON)
    assert [store.catalogue_body(name) for name in ("two", "three", "base")] == [None, b"three", b"base"]
    assert store.untold_updates() == []


def test_what_is_accepted_is_what_was_looked_at(store):
    adopt(store, "one", None)
    adopt(store, "two", "one", [hold(), hold("provider:b")])
    assert store.accept("acme", ["provider:a"], 1, by="per_1", at=NOON) is None
    assert store.accept("default", ["provider:a"], 2, by="per_1", at=NOON) == 0
    assert store.accept("acme", ["provider:a", "provider:z"], 2, by="per_1", at=NOON + 5) == 1
    assert store.accept("acme", ["provider:a"], 2, by="per_2", at=NOON + 9) == 0
    (row,) = store.accepted_holds("acme")
    assert (row.subject, row.accepted_by, row.accepted_at) == ("provider:a", "per_1", NOON + 5)
    adopt(store, "three", "two", [hold()])
    assert store.accept("acme", None, 3, by="per_1", at=NOON + 6) == 2
    assert store.pending_holds() == []
    assert store.accepted_holds("default") == []


def test_settings_are_changed_atomically_and_switching_off_accepts(store):
    assert store.review_settings("acme") == ReviewSettings("acme")
    on = ReviewSettings("acme", True, 90.0, True, "https://a.example/h", "k", b"w", b"c", 3, NOON, NOON + 1)
    assert store.change_review_settings("acme", lambda before: on, by="per_1", at=NOON) == on
    assert store.review_settings("acme") == on
    assert store.all_review_settings() == [on]
    adopt(store, "one", None)
    adopt(store, "two", "one", [hold()])
    with pytest.raises(ZeroDivisionError):
        store.change_review_settings("acme", lambda before: 1 / 0, by="per_1", at=NOON)
    with pytest.raises(StorageError):
        store.change_review_settings("nowhere", lambda before: before, by="per_1", at=NOON)
    assert len(store.pending_holds("acme")) == 1
    store.change_review_settings("acme", lambda before: msgspec.structs.replace(before, review_first=False), by="per_9", at=NOON + 7)
    assert store.pending_holds("acme") == []
    assert store.accepted_holds("acme")[0].accepted_by == "per_9"
    store.note_reminder("acme", NOON + 8)
    assert store.review_settings("acme").reminded_at == NOON + 8
    assert "a.example" not in repr(on)


def notification(number=1, account="acme", **fields):
    values = {"id": f"ntc_{account}_{number}", "account": account, "at": NOON + number, "kind": "catalogue", "subject": str(number)}
    return NotificationRow(**{**values, "body": "{}", **fields})


def delivery(number=1, account="acme", **fields):
    return DeliveryRow(f"dlv_{number}", account, f"ntc_{account}_1", Channel.EMAIL, "per_1", NOON + number, **fields)


def test_nothing_is_told_twice(store):
    assert store.notify(notification(), [delivery()])
    assert store.notify(notification(1, id="ntc_other"), [delivery(2)]) is False
    assert store.notify(notification(1, account="default"), [])
    assert [row.id for row in store.notifications("acme", NOON + 9)] == ["ntc_acme_1"]
    assert [row.id for row in store.due_deliveries(NOON + 9)] == ["dlv_1"]
    with pytest.raises(StorageError):
        store.notify(notification(2), [delivery(3), delivery(3)])
    assert len(store.notifications("acme", NOON + 9)) == 1


def test_what_a_person_has_seen_is_theirs(store):
    for number in range(1, 4):
        store.notify(notification(number), [])
    assert [row.subject for row in store.notifications("acme", NOON + 3, limit=1)] == ["2"]
    assert store.notification("acme", "ntc_acme_2") == notification(2)
    assert store.notification("default", "ntc_acme_2") is None
    assert (store.unseen("acme", "per_1"), store.seen_until("acme", "per_1")) == (3, 0.0)
    store.see("acme", "per_1", NOON + 2)
    store.see("acme", "per_1", NOON + 1)
    assert (store.unseen("acme", "per_1"), store.unseen("acme", "per_2"), store.seen_until("acme", "per_1")) == (1, 3, NOON + 2)


def test_deliveries_are_due_until_they_end(store):
    store.notify(notification(), [delivery(1), delivery(2), delivery(300)])
    assert [row.id for row in store.due_deliveries(NOON + 2)] == ["dlv_1", "dlv_2"]
    assert [row.id for row in store.due_deliveries(NOON + 2, limit=1)] == ["dlv_1"]
    store.note_delivery(delivery(1, attempts=1, ended_at=NOON + 3, code="sent"))
    again = msgspec.structs.replace(delivery(2, attempts=2, code="timed_out"), next_at=NOON + 60)
    store.note_delivery(again)
    store.note_delivery(msgspec.structs.replace(delivery(300, code="x"), account="default"))
    assert store.due_deliveries(NOON + 59) == []
    assert store.due_deliveries(NOON + 60) == [again]
    assert {row.id: row.code for row in store.deliveries("acme")} == {"dlv_1": "sent", "dlv_2": "timed_out", "dlv_300": None}
    assert store.deliveries("default") == []


def test_a_delivery_is_taken_by_one(store):
    store.notify(notification(), [delivery(1), delivery(2)])
    first, second = store.due_deliveries(NOON + 9)
    taken = []
    threads = [threading.Thread(target=lambda: taken.append(store.claim_delivery(first, NOON + 60))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [False, False, False, True]
    assert store.due_deliveries(NOON + 59) == [second]
    (again,) = store.due_deliveries(NOON + 60)[1:]
    assert again == msgspec.structs.replace(first, next_at=NOON + 60)
    store.note_delivery(msgspec.structs.replace(again, ended_at=NOON + 61, code="sent"))
    assert store.claim_delivery(again, NOON + 99) is False


def test_many_holds_are_noted_at_once(store):
    adopt(store, "one", None)
    assert adopt(store, "two", "one", [hold(f"endpoint:{number:04}", before=None) for number in range(1201)])
    found = store.pending_holds("acme")
    assert [row.subject for row in found] == [f"endpoint:{number:04}" for number in range(1201)]
    assert {(row.number, row.before) for row in found} == {(2, None)}


def test_old_ones_go(store):
    store.notify(notification(1), [delivery(1)])
    store.notify(notification(2), [msgspec.structs.replace(delivery(2), notification="ntc_acme_2")])
    assert store.purge_notifications(NOON + 2) == 1
    assert [row.subject for row in store.notifications("acme", NOON + 9)] == ["2"]
    assert [row.id for row in store.deliveries("acme")] == ["dlv_2"]
