"""The audit log in a real store: what is entered, that nothing is lost or doubled, and that nobody can rewrite it in passing."""

import asyncio
import contextlib
import threading

import msgspec
import pytest
from tests.conformance.samples import NOON, credential_row, decision_record, key_row, usage_row
from tests.conformance.stores import BACKENDS
from tests.unit.storage.audit_samples import decisions

from anyapi.audit.fsck import check, problem_lines
from anyapi.audit.notes import Checkpoint, SigningKey, encode64
from anyapi.domain.people import PersonId
from anyapi.domain.requirement import Layer, Settings
from anyapi.errors import StorageError
from anyapi.storage.audit_log import AppendedLog
from anyapi.storage.audit_reader import AuditReader
from anyapi.storage.audit_writer import AuditWriter
from anyapi.storage.decision_writer import DecisionWriter
from anyapi.storage.driver import Conflict
from anyapi.storage.events import EventKind
from anyapi.storage.people_rows import ChangeRow, PersonRow
from anyapi.storage.review_rows import HoldRow, UpdateRow, UpdateSource
from anyapi.storage.rows import AccountRow, ProjectRow, ProvisioningKeyRow
from anyapi.storage.sqlite import SqliteStore
from anyapi.storage.sqlite_driver import SqliteDriver
from anyapi.storage.tenant import only

KEY = SigningKey("test/log", bytes(range(32)))


@pytest.fixture(params=BACKENDS, ids=lambda each: each.__name__)
def backend(request, tmp_path):
    with request.param(tmp_path / "data") as made:
        yield made


@pytest.fixture
def store(backend):
    with backend.store(NOON) as opened:
        yield opened


@pytest.fixture
def connection(backend, store):
    with contextlib.closing(backend.driver.connect(everybody=True)) as made:
        yield made


@pytest.fixture
def opened(backend, store, events):
    """Opens writers that are closed again."""
    writers = []

    def open_(**options):
        writers.append(AuditWriter(backend.driver, lambda: KEY, lambda: NOON, report=events.append, **options))
        return writers[-1]

    yield open_
    for writer in writers:
        writer.close()


def entries(backend, kind=None):
    with AuditReader(backend.driver) as reader:
        found = [(position, msgspec.json.decode(entry)) for position, _, entry in reader.entries()]
    return [entry if kind else (position, entry) for position, entry in found if kind in (None, entry["kind"])]


def whole(backend, saved=None):
    with AuditReader(backend.driver) as reader:
        checked = check(reader, KEY.public, saved)
    assert checked.problems == ()
    assert checked.size == checked.sealed
    return checked


def recorded(backend, *records):
    async def main():
        writer = DecisionWriter(backend.driver)
        await asyncio.gather(*(writer.record(record) for record in records))
        writer.close()

    asyncio.run(main())


def test_a_request_points_to_the_ruling_it_went_by(backend, opened):
    writer, given = opened(), decisions()
    for number in range(3):
        writer.put(usage_row(number, endpoint="a/one", credential="cred-a", provider="a"), given)
    writer.flush()
    (ruling,) = [position for position, entry in entries(backend) if entry["kind"] == "ruling"]
    requests = entries(backend, "request")
    assert [(entry["ruling"], entry["used"], entry["decision"]) for entry in requests] == [
        (ruling, 0, f"dec_{number:026d}") for number in range(3)
    ]
    assert requests[0]["cost"] == 250_000_000
    assert requests[0]["duration"] == 500_000
    whole(backend)


def test_nothing_says_who_it_was_but_the_names_apart(backend, store, opened):
    store.add_account(AccountRow("initech", "Initech", NOON))
    store.add_key(key_row(7, account="initech"))
    store.add_credential(credential_row(3, account="initech"))
    writer = opened()
    writer.put(usage_row(1, account="initech", key="key_7"), decisions())
    writer.flush()
    with AuditReader(backend.driver) as reader:
        text = b"\n".join(entry for _, _, entry in reader.entries())
        (request,) = entries(backend, "request")
        assert reader.named(request["account"]) == ("account", "initech", "initech")
        assert reader.named(request["key"]) == ("key", "initech", "key_7")
        assert reader.named(request["app"]) == ("app", "initech", "app")
    assert all(word not in text for word in (b"initech", b"Initech", b"key_7", b"own:", b"s:1", b'"app"' + b':"app"'))


def test_the_names_die_with_the_account_and_the_log_stays_whole(backend, store, opened, connection):
    store.add_account(AccountRow("initech", "Initech", NOON))
    writer = opened()
    writer.put(usage_row(1, account="initech"), decisions())
    writer.flush()
    saved = whole(backend).newest
    connection.execute("DELETE FROM accounts WHERE id = 'initech'")
    writer.flush()
    (request,) = entries(backend, "request")
    (gone,) = entries(backend, "account_deleted")
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
    assert len({entry["account"] for entry in entries(backend, "request")}) >= 2
    whole(backend, saved)


def test_a_decision_record_moves_into_the_log_and_can_still_be_read(backend, store, opened, connection):
    recorded(backend, decision_record(1), decision_record(2))
    assert store.decision_count() == 2
    writer = opened()
    writer.put(usage_row(1, data_class="confidential"), decisions())
    writer.flush()
    assert connection.execute("SELECT count(*) FROM decision_records").fetchone() == (0,)
    assert store.decision(decision_record(1).decision) is not None
    assert store.decision_count() == 2
    place = dict((entry.get("decision"), position) for position, entry in entries(backend) if entry["kind"] == "decision")
    (request,) = entries(backend, "request")
    assert request["recorded"] == place[decision_record(1).decision]
    with pytest.raises(StorageError, match="taken"):
        recorded(backend, decision_record(1))


def test_a_record_of_a_known_account_comes_back_as_it_was(backend, store, opened):
    store.add_key(key_row(1))
    recorded(backend, decision_record(1))
    opened().flush()
    assert store.decision(decision_record(1).decision) == decision_record(1)


def test_every_change_is_entered_whoever_makes_it(backend, store, opened, connection):
    store.add_key(key_row(1), Settings(retention_days=30.0))
    store.change_settings(Layer.KEY, "key_1", lambda _: Settings(retention_days=0.5), NOON)
    store.revoke_key("key_1", NOON)
    store.add_credential(credential_row(1))
    store.revoke_credential(credential_row(1).id, NOON)
    connection.execute("UPDATE settings SET body = '{\"retention_days\":90.0}' WHERE subject = 'key_1'")  # somebody with a shell
    connection.execute("INSERT INTO people VALUES ('person_1', 'ada@example.com', 'Ada', NULL, TRUE, 0, NULL)")
    connection.execute("INSERT INTO changes VALUES (1.0, 'default', 'person_1', 'member_invited', 'bob@example.com', '', '')")
    opened().flush()
    kinds = [entry["kind"] for _, entry in entries(backend)]
    expected = ["key_added", "settings", "settings", "key_revoked", "credential_added", "credential_revoked", "settings"]
    assert kinds == ["key", "account_added", *expected, "person_added", "action"]
    settings = entries(backend, "settings")
    assert [entry.get("after") for entry in settings] == ['{"retention_days":30.0}', '{"retention_days":0.5}', '{"retention_days":90.0}']
    assert settings[-1]["before"] == '{"retention_days":0.5}'
    assert len({entry["key"] for entry in settings}) == 1
    with AuditReader(backend.driver) as reader:
        text = b"".join(entry for _, _, entry in reader.entries())
    assert b"example.com" not in text
    assert b"Ada" not in text
    whole(backend)


def test_limits_rotation_and_keys_for_programs_are_entered_and_a_new_name_is_not(backend, store, opened):
    store.add_key(key_row(1))
    store.change_key("key_1", lambda row: msgspec.structs.replace(row, name="other"))
    store.change_key("key_1", lambda row: msgspec.structs.replace(row, spend_cap=0.5, requests_per_minute=60))
    store.change_key("key_1", lambda row: msgspec.structs.replace(row, disabled_at=NOON))
    store.change_key("key_1", lambda row: msgspec.structs.replace(row, disabled_at=None))
    store.replace_key("key_1", key_row(2), NOON + 3600)
    program = ProvisioningKeyRow("prv_1", "anyapi_pk_x", b"x" * 32, "default", NOON, "billing")
    store.add_provisioning_key(program)
    with backend.people() as people:
        people.add_change(ChangeRow(NOON, "default", "prv_1", "key_made", "key_3"))
        people.add_change(ChangeRow(NOON, "default", "cli", "account_exported", "default"))
    store.revoke_provisioning_key("default", "prv_1", NOON)
    opened().flush()
    found = [entry for _, entry in entries(backend)][2:]
    kinds = ["key_added", "key_limits", "key_able", "key_able", "key_added", "key_ends", "provisioning_key_added", "action", "action"]
    assert [entry["kind"] for entry in found] == [*kinds, "provisioning_key_revoked"]
    added, limits, disabled, enabled, replacing = found[:5]
    assert (limits["spend_cap"], limits["period"], limits["requests_per_minute"]) == ("0.5", "total", 60)
    assert (disabled["disabled"], enabled.get("disabled")) == (round(NOON * 1000), None)
    assert (replacing["lineage"], replacing["spend_cap"], replacing["disabled"] if "disabled" in replacing else None) == (
        added["key"],
        "0.5",
        None,
    )
    assert (found[7]["provisioning"], found[8]["by"]) == (found[6]["provisioning"], "cli")
    assert "by" not in found[7]
    whole(backend)


def test_an_action_says_what_it_was_done_to_by_ids_that_can_be_forgotten(backend, store, opened):
    """Of two people who make keys at once nobody could tell who made which."""
    store.add_key(key_row(1))
    store.add_project(ProjectRow("app", "default", "App", NOON))
    store.add_credential(credential_row(1))
    person = PersonRow(PersonId("person_1"), "ada@x.org", "Ada", None, operator=False, created_at=NOON)
    with backend.people() as people:
        people.add_person(person)
        for what, subject in [
            ("key_made", "key_1"),
            ("settings", "key key_1"),
            ("log_rule", "project app"),
            ("project_added", "app"),
            ("agreements", credential_row(1).id),
            ("member_changed", "person_1"),
            ("log_recipient_removed", "reader_1"),
            ("account_exported", "app"),
            ("member_invited", "bob@example.com"),
            ("key_made", "key_2"),
        ]:
            people.add_change(ChangeRow(NOON, "default", "cli", what, subject))
    opened().flush()
    (key,), (project,) = entries(backend, "key_added"), entries(backend, "project_added")
    (credential,), (added,) = entries(backend, "credential_added"), entries(backend, "person_added")
    told = [
        {name: entry[name] for name in entry.keys() - {"account", "at", "by", "id", "kind", "what"}} for entry in entries(backend, "action")
    ]
    reader = told[6].get("recipient", "")
    assert told == [
        {"key": key["key"]},
        {"key": key["key"]},
        {"project": project["project"]},
        {"project": project["project"]},
        {"credential": credential["credential"]},
        {"member": added["person"]},
        {"recipient": reader},
        {},
        {},
        {},
    ]
    assert reader.startswith("log_")
    whole(backend)


def test_what_the_operator_installs_and_an_account_accepts_is_entered(backend, store, opened):
    with backend.review() as review:
        update = UpdateRow(0, NOON, "cli", UpdateSource.FILE, "base1", pinned=True, effective="eff1", previous=None)
        assert review.adopt(update, {"eff1": b"x", "base1": b"y"}, [HoldRow("default", "provider:a", 0, None, NOON)])
        review.change_review_settings("default", lambda row: msgspec.structs.replace(row, review_first=True), by="cli", at=NOON)
        review.change_review_settings("default", lambda row: msgspec.structs.replace(row, remind_days=3.0), by="cli", at=NOON)
        review.accept("default", None, review.last_adopted().number, by="cli", at=NOON)
    opened().flush()
    (installed,) = entries(backend, "catalogue")
    assert (installed["base"], installed["effective"], installed["pinned"], installed["by"]) == ("base1", "eff1", 1, "cli")
    assert [entry["review_first"] for entry in entries(backend, "review")] == [1]
    (accepted,) = entries(backend, "hold_accepted")
    assert (accepted["record"], accepted["by"], accepted["number"]) == ("provider:a", "cli", installed["number"])


def test_what_goes_with_its_account_is_told_by_one_entry(backend, store, opened, connection):
    store.add_account(AccountRow("initech", "Initech", NOON))
    store.add_key(key_row(1, account="initech"), Settings(retention_days=1.0))
    store.change_settings(Layer.ACCOUNT, "initech", lambda _: Settings(paid_only=True), NOON)
    writer = opened()
    writer.flush()
    with backend.holdings() as holdings:
        assert holdings.logged_as("nobody") == ""
        logged = holdings.logged_as("initech")
        holdings.begin_closing("initech", NOON)
        writer.flush()
        before = len(entries(backend))
        holdings.delete_account("initech", "deleted:x")
    assert b"initech" not in repr(connection.execute("SELECT * FROM audit_pending").fetchall()).encode()
    writer.flush()
    after = [entry for _, entry in entries(backend)]
    assert [entry["kind"] for entry in after[before - 2 :]] == ["account_closing", "key_revoked", "account_deleted"]
    assert {entry.get("account", entry.get("log_id")) for entry in after[before - 2 :]} == {logged}
    whole(backend)


def test_without_a_key_a_command_enters_what_waits_and_leaves_the_signing_to_the_server(backend, store, opened, connection):
    store.add_key(key_row(1))
    with contextlib.closing(AuditWriter(backend.driver, None, lambda: NOON)) as writer:
        writer.flush()
    assert connection.execute("SELECT count(*) FROM audit_pending").fetchone() == (0,)
    with AuditReader(backend.driver) as reader:
        assert (reader.size(), reader.newest()) == (2, None)
    opened().flush()
    whole(backend)


def test_what_the_operator_leaves_out_is_left_out(backend, opened):
    writer = opened(unrecorded=frozenset({"public", None}))
    for number, data_class in enumerate(("public", None, "internal", "confidential")):
        writer.put(usage_row(number, data_class=data_class), decisions())
    writer.flush()
    assert [entry["data_class"] for entry in entries(backend, "request")] == ["internal", "confidential"]


def test_equal_rulings_are_entered_once_and_others_apart(backend, opened):
    writer = opened()
    first, equal, other = decisions(), decisions(), decisions(catalogue="v2")
    for number, given in enumerate((first, equal, other, first)):
        writer.put(usage_row(number), given)
    writer.flush()
    assert len(entries(backend, "ruling")) == 2
    assert [entry["ruling"] for entry in entries(backend, "request")].count(entries(backend, "request")[0]["ruling"]) == 3


def test_decisions_of_an_older_snapshot_are_kept_alive_no_longer(backend, opened):
    writer = opened()
    writer.put(usage_row(0), decisions())
    writer.flush()
    assert writer._composer._rulings
    writer.outdate()
    newer = decisions(catalogue="v2")
    writer.put(usage_row(1), newer)
    writer.flush()
    assert [held for held, _, _ in writer._composer._rulings.values()] == [newer]


def test_it_goes_on_where_it_was_and_signs_once_for_what_is_new(backend, opened):
    for start in range(0, 900, 300):
        writer = opened()
        for number in range(start, start + 300):
            writer.put(usage_row(number), decisions())
        writer.close()
    assert len(entries(backend, "request")) == 900
    checked = whole(backend)
    opened().close()
    assert whole(backend, checked.newest) == checked, "nothing new, nothing signed"


def test_tiles_that_a_killed_process_did_not_write_are_made_up_for(backend, opened, connection):
    writer = opened()
    for number in range(700):
        writer.put(usage_row(number), decisions())
    writer.close()
    off = "ALTER TABLE audit_tiles DISABLE TRIGGER audit_tiles_no_delete"
    connection.execute(off if backend.url else "DROP TRIGGER audit_tiles_no_delete")
    connection.execute("DELETE FROM audit_tiles")
    if backend.url:  # the next test gets this database
        connection.execute(off.replace("DISABLE", "ENABLE"))
    log = AppendedLog(backend.driver, connection)
    assert connection.execute("SELECT count(*) FROM audit_tiles").fetchone() == (2,)
    assert log.size > 700
    whole(backend)


def test_two_processes_extend_one_log(backend, opened, events):
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
    assert len(entries(backend, "request")) == 800
    assert (one.state.lost, two.state.lost) == (0, 0)
    whole(backend)


def test_a_second_row_of_one_decision_is_ignored_and_counted(backend, opened):
    writer = opened()
    for number in (1, 1, 2):
        writer.put(usage_row(number), decisions())
    writer.flush()
    assert len(entries(backend, "request")) == 2
    assert writer.state.duplicates == 1
    whole(backend)


def test_a_row_that_no_entry_can_hold_is_lost_alone(backend, opened, events):
    writer = opened()
    for number, changes in enumerate(({}, {"at": float("nan")}, {"model": "\ud800"}, {})):
        writer.put(usage_row(number, **changes), decisions())
    writer.flush()
    assert len(entries(backend, "request")) == 2
    assert writer.state.lost == 2
    assert [(event.writer, event.kind, event.code, event.count) for event in events] == [("audit", EventKind.LOST, "entry_not_storable", 2)]


def test_what_finds_no_room_is_a_gap_that_the_log_shows(backend, opened, events, connection):
    for statement in ("BEGIN", "LOCK TABLE audit_entries") if backend.url else ("BEGIN IMMEDIATE",):
        connection.execute(statement)
    writer = opened(limit=5)
    for number in range(2000):
        writer.put(usage_row(number), decisions())
    connection.execute("ROLLBACK")
    writer.flush()
    lost = sum(entry["lost"] for entry in entries(backend, "gap"))
    assert lost > 0
    assert lost + len(entries(backend, "request")) == 2000
    assert writer.state.lost == lost
    whole(backend)


def test_a_store_that_fails_is_said_and_what_waits_is_entered_later(backend, opened, events, connection):
    connection.execute("ALTER TABLE audit_entries RENAME TO away")
    writer = opened()
    for number in range(10):
        writer.put(usage_row(number), decisions())
    with pytest.raises(StorageError):
        writer.flush(0.3)
    assert writer.state.failing
    connection.execute("ALTER TABLE away RENAME TO audit_entries")
    writer.flush()
    assert not writer.state.failing
    assert len(entries(backend, "request")) == 10
    assert [event.kind for event in events] == [EventKind.FAILED, EventKind.RECOVERED]
    whole(backend)


def rolled_back(driver, to, change=""):
    """Somebody who can write the database cuts the log there, or changes an entry below, while it is being written."""
    with contextlib.closing(driver.connect(everybody=True)) as connection:
        triggers = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND (name LIKE 'audit_%_no_delete' OR name LIKE 'audit_%_no_update')"
        ).fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("DELETE FROM audit_entries WHERE position >= ?", (to,))
        connection.execute("DELETE FROM audit_checkpoints WHERE size > ?", (to,))
        if change:
            connection.execute(change)
        for _, statement in triggers:
            connection.execute(statement)


@pytest.mark.parametrize("change", ["", "UPDATE audit_entries SET entry = replace(entry, 'success', 'failure') WHERE position = 7"])
def test_a_log_that_was_cut_behind_its_writer_goes_on_and_says_so(tmp_path, events, change):
    with SqliteStore(tmp_path, lambda: NOON):
        writer = AuditWriter(SqliteDriver(tmp_path), lambda: KEY, lambda: NOON, report=events.append)
    for number in range(20):
        writer.put(usage_row(number), decisions())
    writer.flush()
    with AuditReader(writer.driver) as reader:
        size, note = reader.newest()
    rolled_back(writer.driver, 10, change)
    for number in range(20, 50):
        writer.put(usage_row(number), decisions())
    writer.flush()
    writer.close()
    with AuditReader(writer.driver) as reader:
        told = [msgspec.json.decode(entry) for _, _, entry in reader.entries() if b"log_replaced" in entry]
        checked = check(reader, KEY.public)
    assert any("found another log" in line for line in problem_lines(checked, None))
    signed = Checkpoint.open(note, KEY.public)
    assert told == [{"kind": "log_replaced", "at": round(NOON * 1000), "size": size, "root": encode64(signed.root)}]
    assert [(event.kind, event.code) for event in events] == [(EventKind.LOST, "log_replaced")]


def test_a_log_that_another_process_extended_was_not_replaced(tmp_path, events):
    with SqliteStore(tmp_path, lambda: NOON):
        writers = [AuditWriter(SqliteDriver(tmp_path), lambda: KEY, lambda: NOON, report=events.append) for _ in range(2)]
    for number in range(600):
        writers[number % 2].put(usage_row(number), decisions())
        if number % 100 < 2:
            writers[number % 2].flush()
    for writer in writers:
        writer.close()
    with AuditReader(writers[0].driver) as reader:
        assert not any(b"log_replaced" in entry for _, _, entry in reader.entries())
        assert check(reader, KEY.public).problems == ()
    assert events == []


@pytest.mark.parametrize("table", ["audit_entries", "audit_tiles", "audit_checkpoints"])
def test_the_store_refuses_to_change_delete_and_replace(backend, opened, table, connection):
    writer = opened()
    for number in range(300):
        writer.put(usage_row(number), decisions())
    writer.flush()
    before = connection.execute(f"SELECT * FROM {table}").fetchall()
    assert before
    column = {"audit_entries": "entry", "audit_tiles": "root", "audit_checkpoints": "note"}[table]
    for statement in (
        f"UPDATE {table} SET {column} = 'x'",
        f"DELETE FROM {table}",
        f"TRUNCATE {table}" if backend.url else f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}",
    ):
        with pytest.raises(Conflict), backend.driver.translated("rewrite it"):
            connection.execute(statement)
    with pytest.raises(Conflict), backend.driver.translated("leave a gap"):
        connection.execute("INSERT INTO audit_entries (position, ref, entry) VALUES (?, NULL, ?)", (9999, b"x"))
    assert connection.execute(f"SELECT * FROM {table}").fetchall() == before


def test_what_waits_cannot_be_taken_away_unentered(backend, connection):
    assert connection.execute("SELECT count(*) FROM audit_pending").fetchone() == (1,)
    replaced = "INSERT OR REPLACE INTO audit_pending SELECT id, at, kind, '{}' FROM audit_pending"
    for statement in (
        "DELETE FROM audit_pending",
        "UPDATE audit_pending SET body = '{}'",
        "TRUNCATE audit_pending" if backend.url else replaced,
    ):
        with pytest.raises(Conflict), backend.driver.translated("take it away"):
            connection.execute(statement)


def test_an_account_adds_to_what_waits_and_sees_none_of_it(backend, store, connection):
    """PostgreSQL's second wall: what waits is of all accounts, and has the names of their things in it."""
    store.add_account(AccountRow("initech", "Initech", NOON))
    with only("initech"):
        store.add_key(key_row(1, account="initech"))
        with backend.driver.unit(connection, writes=False):
            seen = connection.execute("SELECT count(*) FROM audit_pending").fetchone()[0]
    assert connection.execute("SELECT count(*) FROM audit_pending WHERE kind = 'key_added'").fetchone() == (1,)
    assert seen == (0 if backend.url else 3)


def test_the_names_of_a_person_die_with_the_person_whoever_deletes_it(backend, store, connection, opened):
    """The person is no account's; the one who deletes it may work for one account alone."""
    connection.execute("INSERT INTO people VALUES ('person_1', 'ada@example.com', 'Ada', NULL, FALSE, 0, NULL)")
    writer = opened()
    writer.flush()
    (added,) = entries(backend, "person_added")
    assert connection.execute("SELECT log_id FROM audit_names WHERE kind = 'person'").fetchall() == [(added["person"],)]
    with only("default"), backend.driver.unit(connection, writes=True):
        connection.execute("DELETE FROM people WHERE id = 'person_1'")
    assert connection.execute("SELECT log_id FROM audit_names WHERE kind = 'person'").fetchall() == []
    writer.flush()
    (gone,) = entries(backend, "person_deleted")
    assert (gone["log_id"], added["operator"]) == (added["person"], 0)


def test_who_flushes_finds_a_checkpoint_over_what_was_put_before(backend, opened):
    """Of many at once each: a checkpoint that was made for somebody else a moment earlier does not do."""
    writer, given, uncovered = opened(), decisions(), []

    def put_and_look(first):
        with AuditReader(backend.driver) as reader:
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
    assert len(entries(backend, "request")) == 160
    whole(backend)


def test_nothing_is_taken_from_the_queue_while_the_tables_cannot_be_read(backend, opened, connection):
    connection.execute("ALTER TABLE audit_pending RENAME TO away")
    writer = opened()
    for number in range(10):
        writer.put(usage_row(number), decisions())
    with pytest.raises(StorageError):
        writer.flush(0.3)
    assert writer.state.waiting == 10
    connection.execute("ALTER TABLE away RENAME TO audit_pending")
    writer.flush()
    assert len(entries(backend, "request")) == 10
    whole(backend)


def test_after_closing_nothing_is_taken(backend, opened):
    writer = opened()
    writer.close()
    writer.close()
    writer.put(usage_row(1), decisions())
    assert writer.state.lost == 1
    writer.flush()
