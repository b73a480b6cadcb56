"""Reading the log beside its writer: proofs, tiles, and what stands out of place."""

import pytest
from tests.conformance.samples import NOON, usage_row
from tests.unit.storage.audit_samples import decisions

from anyapi.audit.fsck import check
from anyapi.audit.notes import Checkpoint, SigningKey
from anyapi.audit.tree import leaf_hash, verify_inclusion
from anyapi.errors import StorageError
from anyapi.storage.audit_reader import AuditReader
from anyapi.storage.audit_tables import fetch_from
from anyapi.storage.audit_writer import AuditWriter
from anyapi.storage.connection import connect, database_path
from anyapi.storage.sqlite_driver import SqliteDriver

KEY = SigningKey("test/log", bytes(32))


@pytest.fixture
def reader(tmp_path, store):
    writer = AuditWriter(SqliteDriver(tmp_path), lambda: KEY, lambda: NOON)
    for number in range(600):
        writer.put(usage_row(number), decisions())
    writer.flush()
    with AuditReader(SqliteDriver(tmp_path)) as opened:
        yield opened
    writer.close()


def test_every_entry_has_a_proof(reader):
    size, note = reader.newest()
    root = Checkpoint.open(note, KEY.public).root
    assert size == reader.size()
    for position in (*range(0, size, 41), 255, 256, size - 1):
        assert verify_inclusion(position, size, leaf_hash(reader.entry(position)), reader.proof(position, size), root)
    assert reader.some_entries(3, 5) == [reader.entry(3), reader.entry(4)]
    assert len(reader.tile(0, 1, 256)) == 256 * 32
    assert len(list(reader.tiles())) == 2


def test_found_by_what_it_is_about(reader):
    position, entry = reader.place(f"r:{usage_row(77).decision}")
    assert reader.entry(position) == entry
    assert reader.place("r:nothing") is None
    assert reader.entry(10_000) is None
    assert reader.named("log_nothing") is None
    assert reader.log_id("account", "default", "default").startswith("log_")
    assert reader.log_id("account", "nobody", "nobody") is None


def test_one_moment_for_as_long_as_the_block_lasts(reader, store):
    with reader.at_rest():
        before = reader.size()
        reader_waiting = reader.waiting()
        store.add_account(type(store.accounts()[0])("later", "", NOON))
        assert reader.waiting() == reader_waiting
    assert reader.waiting() == 1
    reader.add_waiting(5, "audit_exported", {"entries": before})
    assert reader.waiting() == 2


def test_a_gap_is_said(tmp_path, reader):
    connection = connect(database_path(tmp_path))
    connection.executescript("DROP TRIGGER audit_tiles_no_delete; DELETE FROM audit_tiles WHERE number = 0;")
    with pytest.raises(StorageError, match="fsck"):
        fetch_from(connection, 0, 0, 256)
    with pytest.raises(StorageError, match="fsck"):
        reader.proof(0, reader.size())
    connection.close()


def test_what_is_not_text_is_read_all_the_same(tmp_path, reader):
    connection = connect(database_path(tmp_path))
    connection.executescript("DROP TRIGGER audit_entries_no_update; UPDATE audit_entries SET ref = CAST(x'ff' AS TEXT) WHERE position = 3;")
    connection.close()
    assert list(reader.entries())[3][1] == "\ufffd"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE audit_checkpoints SET note = CAST(note AS BLOB)", None),
        ("UPDATE audit_checkpoints SET note = x'ff'", "not a signed note"),
        ("UPDATE audit_tiles SET hashes = CAST(hashes AS TEXT)", None),
        ("UPDATE audit_tiles SET hashes = 5", "is not that of the entries"),
        ("UPDATE audit_tiles SET root = 1.5", "is not that of the entries"),
        ("UPDATE audit_entries SET entry = 5 WHERE position = 7", "entry 7 "),
        ("INSERT INTO audit_entries VALUES (-9223372036854775808, NULL, x'7b7d')", "dropped, doubled or moved"),
        ("INSERT INTO audit_tiles VALUES (-9223372036854775808, -9223372036854775808, x'', x'')", "is not that of the entries"),
    ],
)
def test_what_somebody_put_there_is_judged_by_its_bytes(tmp_path, reader, change, said):
    """SQLite keeps in a column what somebody puts there, of any type and at any place: a check finds it, and ends with no exception."""
    connection = connect(database_path(tmp_path))
    triggers = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'trigger' AND (name LIKE '%no_update' OR name LIKE '%no_replace')"
    ).fetchall()
    connection.executescript("".join(f"DROP TRIGGER {name};" for (name,) in triggers) + change)
    connection.close()
    problems = check(reader, KEY.public).problems
    assert problems == () if said is None else said in problems[0]
