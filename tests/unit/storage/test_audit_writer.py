"""The audit log in a real store: what is entered, that nothing is lost or doubled, and that nobody can rewrite it in passing."""

import asyncio
import sqlite3
import threading

import msgspec
import pytest
from tests.conformance.samples import NOON, credential_row, decision_record, key_row, usage_row
from tests.unit.storage.audit_samples import decisions

from anyapi.audit.fsck import check
from anyapi.audit.notes import SigningKey
from anyapi.domain.requirement import Layer, Settings
from anyapi.errors import StorageError
from anyapi.storage.audit_log import AppendedLog
from anyapi.storage.audit_reader import AuditReader
from anyapi.storage.audit_writer import AuditWriter
from anyapi.storage.connection import connect, database_path
from anyapi.storage.decision_writer import DecisionWriter
from anyapi.storage.events import EventKind
from anyapi.storage.rows import AccountRow

KEY = SigningKey("test/log", bytes(range(32)))


@pytest.fixture
def opened(tmp_path, store, events):
    """Opens writers that are closed again."""
    writers = []

    def open_(**options):
        writers.append(AuditWriter(tmp_path, lambda: KEY, lambda: NOON, report=events.append, **options))
        return writers[-1]

    yield open_
    for writer in writers:
        writer.close()


def entries(tmp_path, kind=None):
    with AuditReader(database_path(tmp_path)) as reader:
        found = [(position, msgspec.json.decode(entry)) for position, _, entry in reader.entries()]
    return [entry if kind else (position, entry) for position, entry in found if kind in (None, entry["kind"])]


def whole(tmp_path, saved=None):
    with AuditReader(database_path(tmp_path)) as reader:
        checked = check(reader, KEY.public, saved)
    assert checked.problems == ()
    assert checked.size == checked.sealed
    return checked


def recorded(tmp_path, *records):
    async def main():
        writer = DecisionWriter(tmp_path)
        await asyncio.gather(*(writer.record(record) for record in records))
        writer.close()

    asyncio.run(main())


def test_a_request_points_to_the_ruling_it_went_by(tmp_path, opened):
    writer, given = opened(), decisions()
    for number in range(3):
        writer.put(usage_row(number, endpoint="a/one", credential="cred-a", provider="a"), given)
    writer.flush()
    (ruling,) = [position for position, entry in entries(tmp_path) if entry["kind"] == "ruling"]
    requests = entries(tmp_path, "request")
    assert [(entry["ruling"], entry["used"], entry["decision"]) for entry in requests] == [
        (ruling, 0, f"dec_{number:026d}") for number in range(3)
    ]
    assert requests[0]["cost"] == 250_000_000
    assert requests[0]["duration"] == 500_000
    whole(tmp_path)


def test_nothing_says_who_it_was_but_the_names_apart(tmp_path, store, opened):
    store.add_account(AccountRow("initech", "Initech", NOON))
    store.add_key(key_row(7, account="initech"))
    store.add_credential(credential_row(3, account="initech"))
    writer = opened()
    writer.put(usage_row(1, account="initech", key="key_7"), decisions())
    writer.flush()
    with AuditReader(database_path(tmp_path)) as reader:
        text = b"\n".join(entry for _, _, entry in reader.entries())
        (request,) = entries(tmp_path, "request")
        assert reader.named(request["account"]) == ("account", "initech", "initech")
        assert reader.named(request["key"]) == ("key", "initech", "key_7")
        assert reader.named(request["app"]) == ("app", "initech", "app")
    assert all(word not in text for word in (b"initech", b"Initech", b"key_7", b"own:", b"s:1", b'"app"' + b':"app"'))


def test_the_names_die_with_the_account_and_the_log_stays_whole(tmp_path, store, opened):
    store.add_account(AccountRow("initech", "Initech", NOON))
    writer = opened()
    writer.put(usage_row(1, account="initech"), decisions())
    writer.flush()
    saved = whole(tmp_path).newest
    connection = connect(database_path(tmp_path))
    connection.execute("DELETE FROM accounts WHERE id = 'initech'")
    writer.flush()
    (request,) = entries(tmp_path, "request")
    (gone,) = entries(tmp_path, "account_deleted")
    assert gone["log_id"] == request["account"]
    assert connection.execute("SELECT count(*) FROM audit_names WHERE account = 'initech'").fetchone() == (0,)
    # Somebody who takes the id over later is somebody else.
    writer.put(usage_row(2, account="initech"), decisions())
    writer.flush()
    assert connection.execute("SELECT count(*) FROM audit_names WHERE account = 'initech'").fetchone() == (0,), (
        "nothing is kept of it again"
    )
    store.add_account(AccountRow("initech", "Other", NOON))
    writer.put(usage_row(3, account="initech"), decisions())
    writer.flush()
    assert len({entry["account"] for entry in entries(tmp_path, "request")}) >= 2
    whole(tmp_path, saved)
    connection.close()


def test_a_decision_record_moves_into_the_log_and_can_still_be_read(tmp_path, store, opened):
    recorded(tmp_path, decision_record(1), decision_record(2))
    assert store.decision_count() == 2
    writer = opened()
    writer.put(usage_row(1, data_class="confidential"), decisions())
    writer.flush()
    connection = connect(database_path(tmp_path))
    assert connection.execute("SELECT count(*) FROM decision_records").fetchone() == (0,)
    assert store.decision(decision_record(1).decision) is not None
    assert store.decision_count() == 2
    place = dict((entry.get("decision"), position) for position, entry in entries(tmp_path) if entry["kind"] == "decision")
    (request,) = entries(tmp_path, "request")
    assert request["recorded"] == place[decision_record(1).decision]
    with pytest.raises(StorageError, match="taken"):
        recorded(tmp_path, decision_record(1))
    connection.close()


def test_a_record_of_a_known_account_comes_back_as_it_was(tmp_path, store, opened):
    store.add_key(key_row(1))
    recorded(tmp_path, decision_record(1))
    opened().flush()
    assert store.decision(decision_record(1).decision) == decision_record(1)


def test_every_change_is_entered_whoever_makes_it(tmp_path, store, opened):
    store.add_key(key_row(1), Settings(retention_days=30.0))
    store.change_settings(Layer.KEY, "key_1", lambda _: Settings(retention_days=0.5), NOON)
    store.revoke_key("key_1", NOON)
    store.add_credential(credential_row(1))
    store.revoke_credential(credential_row(1).id, NOON)
    connection = connect(database_path(tmp_path))
    connection.execute("UPDATE settings SET body = '{\"retention_days\":90.0}' WHERE subject = 'key_1'")  # somebody with a shell
    connection.execute("INSERT INTO people VALUES ('person_1', 'ada@example.com', 'Ada', NULL, 1, 0, NULL)")
    connection.execute("INSERT INTO changes VALUES (1.0, 'default', 'person_1', 'member_invited', 'bob@example.com', '', '')")
    connection.close()
    opened().flush()
    kinds = [entry["kind"] for _, entry in entries(tmp_path)]
    expected = ["key_added", "settings", "settings", "key_revoked", "credential_added", "credential_revoked", "settings"]
    assert kinds == ["key", "account_added", *expected, "person_added", "action"]
    settings = entries(tmp_path, "settings")
    assert [entry.get("after") for entry in settings] == ['{"retention_days":30.0}', '{"retention_days":0.5}', '{"retention_days":90.0}']
    assert settings[-1]["before"] == '{"retention_days":0.5}'
    assert len({entry["key"] for entry in settings}) == 1
    with AuditReader(database_path(tmp_path)) as reader:
        text = b"".join(entry for _, _, entry in reader.entries())
    assert b"example.com" not in text
    assert b"Ada" not in text
    whole(tmp_path)


def test_what_the_operator_leaves_out_is_left_out(tmp_path, opened):
    writer = opened(unrecorded=frozenset({"public", None}))
    for number, data_class in enumerate(("public", None, "internal", "confidential")):
        writer.put(usage_row(number, data_class=data_class), decisions())
    writer.flush()
    assert [entry["data_class"] for entry in entries(tmp_path, "request")] == ["internal", "confidential"]


def test_equal_rulings_are_entered_once_and_others_apart(tmp_path, opened):
    writer = opened()
    first, equal, other = decisions(), decisions(), decisions(catalogue="v2")
    for number, given in enumerate((first, equal, other, first)):
        writer.put(usage_row(number), given)
    writer.flush()
    assert len(entries(tmp_path, "ruling")) == 2
    assert [entry["ruling"] for entry in entries(tmp_path, "request")].count(entries(tmp_path, "request")[0]["ruling"]) == 3


def test_it_goes_on_where_it_was_and_signs_once_for_what_is_new(tmp_path, opened):
    for start in range(0, 900, 300):
        writer = opened()
        for number in range(start, start + 300):
            writer.put(usage_row(number), decisions())
        writer.close()
    assert len(entries(tmp_path, "request")) == 900
    checked = whole(tmp_path)
    opened().close()
    assert whole(tmp_path, checked.newest) == checked, "nothing new, nothing signed"


def test_tiles_that_a_killed_process_did_not_write_are_made_up_for(tmp_path, opened):
    writer = opened()
    for number in range(700):
        writer.put(usage_row(number), decisions())
    writer.close()
    connection = connect(database_path(tmp_path))
    connection.executescript("DROP TRIGGER audit_tiles_no_delete; DELETE FROM audit_tiles;")
    log = AppendedLog(connection)
    assert connection.execute("SELECT count(*) FROM audit_tiles").fetchone() == (2,)
    assert log.size > 700
    connection.close()
    whole(tmp_path)


def test_two_processes_extend_one_log(tmp_path, opened, events):
    one, two = opened(), opened()

    def fill(writer, first):
        for number in range(first, first + 400):
            writer.put(usage_row(number), decisions())
            if number % 50 == 0:
                writer.flush()
        writer.flush()

    threads = [threading.Thread(target=fill, args=each) for each in ((one, 0), (two, 1000))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(entries(tmp_path, "request")) == 800
    assert (one.state.lost, two.state.lost) == (0, 0)
    whole(tmp_path)


def test_a_second_row_of_one_decision_is_ignored_and_counted(tmp_path, opened):
    writer = opened()
    for number in (1, 1, 2):
        writer.put(usage_row(number), decisions())
    writer.flush()
    assert len(entries(tmp_path, "request")) == 2
    assert writer.state.duplicates == 1
    whole(tmp_path)


def test_a_row_that_no_entry_can_hold_is_lost_alone(tmp_path, opened, events):
    writer = opened()
    for number, changes in enumerate(({}, {"at": float("nan")}, {"model": "\ud800"}, {})):
        writer.put(usage_row(number, **changes), decisions())
    writer.flush()
    assert len(entries(tmp_path, "request")) == 2
    assert writer.state.lost == 2
    assert [(event.writer, event.kind, event.code, event.count) for event in events] == [("audit", EventKind.LOST, "entry_not_storable", 2)]


def test_what_finds_no_room_is_a_gap_that_the_log_shows(tmp_path, opened, events):
    connection = connect(database_path(tmp_path))
    connection.execute("BEGIN IMMEDIATE")
    writer = opened(limit=5)
    for number in range(2000):
        writer.put(usage_row(number), decisions())
    connection.execute("ROLLBACK")
    connection.close()
    writer.flush()
    lost = sum(entry["lost"] for entry in entries(tmp_path, "gap"))
    assert lost > 0
    assert lost + len(entries(tmp_path, "request")) == 2000
    assert writer.state.lost == lost
    whole(tmp_path)


def test_a_store_that_fails_is_said_and_what_waits_is_entered_later(tmp_path, opened, events):
    connection = connect(database_path(tmp_path))
    connection.execute("ALTER TABLE audit_entries RENAME TO away")
    writer = opened()
    for number in range(10):
        writer.put(usage_row(number), decisions())
    with pytest.raises(StorageError):
        writer.flush(0.3)
    assert writer.state.failing
    connection.execute("ALTER TABLE away RENAME TO audit_entries")
    connection.close()
    writer.flush()
    assert not writer.state.failing
    assert len(entries(tmp_path, "request")) == 10
    assert [event.kind for event in events] == [EventKind.FAILED, EventKind.RECOVERED]
    whole(tmp_path)


@pytest.mark.parametrize("table", ["audit_entries", "audit_tiles", "audit_checkpoints"])
def test_the_store_refuses_to_change_delete_and_replace(tmp_path, opened, table):
    writer = opened()
    for number in range(300):
        writer.put(usage_row(number), decisions())
    writer.flush()
    connection = connect(database_path(tmp_path))
    before = connection.execute(f"SELECT * FROM {table}").fetchall()
    assert before
    column = {"audit_entries": "entry", "audit_tiles": "root", "audit_checkpoints": "note"}[table]
    for statement in (
        f"UPDATE {table} SET {column} = 'x'",
        f"DELETE FROM {table}",
        f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}",
    ):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(statement)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute("INSERT INTO audit_entries VALUES (9999, NULL, x'00')")
    assert connection.execute(f"SELECT * FROM {table}").fetchall() == before
    connection.close()


def test_what_waits_cannot_be_taken_away_unentered(tmp_path, store):
    connection = connect(database_path(tmp_path))
    for statement in ("DELETE FROM audit_pending", "UPDATE audit_pending SET body = '{}'"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(statement)
    connection.close()


def test_who_flushes_finds_a_checkpoint_over_what_was_put_before(tmp_path, opened):
    """Of many at once each: a checkpoint that was made for somebody else a moment earlier does not do."""
    writer, given, uncovered = opened(), decisions(), []

    def put_and_look(first):
        with AuditReader(database_path(tmp_path)) as reader:
            for number in range(first, first + 40):
                writer.put(usage_row(number), given)
                writer.flush()
                place, _ = reader.place(f"r:{usage_row(number).decision}")
                if reader.newest()[0] <= place:
                    uncovered.append(number)

    threads = [threading.Thread(target=put_and_look, args=(first,)) for first in (0, 100, 200, 300)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert uncovered == []
    assert len(entries(tmp_path, "request")) == 160
    whole(tmp_path)


def test_nothing_is_taken_from_the_queue_while_the_tables_cannot_be_read(tmp_path, opened):
    connection = connect(database_path(tmp_path))
    connection.execute("ALTER TABLE audit_pending RENAME TO away")
    writer = opened()
    for number in range(10):
        writer.put(usage_row(number), decisions())
    with pytest.raises(StorageError):
        writer.flush(0.3)
    assert writer.state.waiting == 10
    connection.execute("ALTER TABLE away RENAME TO audit_pending")
    connection.close()
    writer.flush()
    assert len(entries(tmp_path, "request")) == 10
    whole(tmp_path)


def test_after_closing_nothing_is_taken(tmp_path, opened):
    writer = opened()
    writer.close()
    writer.close()
    writer.put(usage_row(1), decisions())
    assert writer.state.lost == 1
    writer.flush()
