"""An account's archive holds every column of every row that is the account's, and nothing of anybody else's."""

import csv
import hashlib
import io
import json
import re
import sqlite3
import tracemalloc
import zipfile

import msgspec
import pytest
from tests.conformance.samples import NOON, usage_row
from tests.conformance.stores import Backend
from tests.conformance.whole_account import REQUESTS, fill

from anyapi.control.archive import PAGE, Subject, archive, records
from anyapi.errors import StorageError
from anyapi.gateway.privacy import stored
from anyapi.storage.holdings import HOLDINGS, NOT_HELD
from anyapi.storage.rows import AccountRow

MINE, OTHERS = "CANARY-mine", "CANARY-others"
SUBJECT = Subject(AccountRow(MINE, "Mine", NOON), stored(90.0), "privacy@example.org", NOON, "1.2.3")


@pytest.fixture(scope="module")
def backend(tmp_path_factory):
    made = Backend(tmp_path_factory.mktemp("archive"))
    fill(made, MINE)
    fill(made, OTHERS)
    return made


def made(backend, subject=SUBJECT, progress=lambda record, done: None):
    with backend.holdings() as holdings:
        return b"".join(archive(holdings, subject, progress))


@pytest.fixture(scope="module")
def bundle(backend):
    return zipfile.ZipFile(io.BytesIO(made(backend)))


def rows_of(bundle, record):
    text = bundle.read(f"{record}.csv" if record == "usage" else f"{record}.json").decode()
    return list(csv.DictReader(io.StringIO(text))) if record == "usage" else json.loads(text)


def test_it_is_a_sound_zip_whose_manifest_sums_are_right(bundle):
    assert bundle.testzip() is None
    manifest = json.loads(bundle.read("manifest.json"))
    assert (manifest["format"], manifest["account"], manifest["made_by"]) == ("anyapi-account-archive/1", MINE, "AnyAPI 1.2.3")
    assert {one["path"] for one in manifest["files"]} | {"manifest.json"} == set(bundle.namelist())
    for one in manifest["files"]:
        content = bundle.read(one["path"])
        assert (one["sha256"], one["bytes"]) == (hashlib.sha256(content).hexdigest(), len(content))


def test_every_row_and_every_column_of_the_store_is_in_it_or_named_as_withheld(backend, bundle):
    """Held against the tables themselves, read with SQL of the test's own."""
    manifest = json.loads(bundle.read("manifest.json"))
    counts = {one["record"]: one["rows"] for one in manifest["files"] if one["record"]}
    database = sqlite3.connect(backend.directory / "anyapi.db")
    for one in HOLDINGS:
        columns = {row[1] for row in database.execute(f"PRAGMA table_info({one.table})")}
        rows = rows_of(bundle, one.record)
        withheld = set(manifest["withheld"].get(one.record, ()))
        assert all(set(row) | withheld == columns and not set(row) & withheld for row in rows), one.record
        assert len(rows) == counts[one.record]
        if "account" in columns:
            assert len(rows) == database.execute(f"SELECT count(*) FROM {one.table} WHERE account = ?", (MINE,)).fetchone()[0], one.record
    database.close()
    assert counts["usage"] == REQUESTS
    assert {record for record, rows in counts.items() if not rows} == {"closings"}


def test_nothing_of_another_account_and_no_secret_is_in_it(bundle):
    everything = b"".join(bundle.read(name) for name in bundle.namelist())
    assert OTHERS.encode() not in everything
    assert b"argon2id$" not in everything
    assert hashlib.sha256(MINE.encode()).hexdigest().encode() not in everything
    for sealed in (b"wrapped \x00", b"cipher \xff", b"wrapped \\u0000"):
        assert sealed not in everything
    assert b"sha256" in bundle.read("README.md"), "described"


def test_json_columns_are_json(bundle):
    assert rows_of(bundle, "decision")[0]["permitted"] == ["sim-zero/claude-3.5-sonnet"]
    assert {"training_allowed": False} in [row["body"] for row in rows_of(bundle, "settings")]
    assert rows_of(bundle, "changes")[0]["before"] is None
    assert rows_of(bundle, "credentials")[0]["declared"]["variables"] == {"resource": f"{MINE}-resource"}


def described(bundle, record):
    """The fields that the README describes of a file."""
    (part,) = [part for part in bundle.read("README.md").decode().split("\n## ") if part.startswith(f"{record}.")]
    return re.findall(r"^- `(\w+)`", part, re.MULTILINE)


def test_the_readme_says_what_each_field_is_for(bundle):
    text = bundle.read("README.md").decode()
    for entry in stored(90.0):
        for field in entry["fields"]:
            assert entry["record"] in NOT_HELD or f"`: {field['purpose']}" in text
    for one in HOLDINGS:
        named = described(bundle, one.record)
        assert all(set(row) <= set(named) for row in rows_of(bundle, one.record)), f"{one.record}: the names are those of the file"
    assert (set(described(bundle, "usage")), "milliseconds" in text) == (set(rows_of(bundle, "usage")[0]), True)
    assert "Kept: 90 days" in text
    assert "privacy@example.org" in text
    assert "None" not in text


def test_the_readme_says_how_long_this_account_has_its_usage_kept(backend):
    account = msgspec.structs.replace(SUBJECT.account, usage_days=7.5)
    text = zipfile.ZipFile(io.BytesIO(made(backend, msgspec.structs.replace(SUBJECT, account=account)))).read("README.md").decode()
    assert text.count("Kept: 7.5 days.") == 2, "the rows and their sums"
    assert "90 days" not in text


@pytest.mark.parametrize("inventory", [stored(90.0)[1:], [*stored(90.0), {"record": "notes", "fields": []}]])
def test_an_archive_that_would_not_be_whole_is_not_begun(backend, inventory):
    with backend.holdings() as holdings, pytest.raises(StorageError, match="usage|notes"):
        archive(holdings, Subject(SUBJECT.account, inventory, None, NOON, "1"), lambda record, done: None)
    assert len(records(stored(90.0))) == len(HOLDINGS)


def test_many_rows_take_no_more_memory_than_few(tmp_path):
    backend = Backend(tmp_path)
    fill(backend, MINE)
    sink, number = backend.usage_sink(NOON), 0

    def put(rows):
        nonlocal number
        for _ in range(rows):
            sink.put(usage_row(number, decision=f"dec_{number:026d}", account=MINE, at=NOON + number))
            number += 1
        sink.flush()

    def peak():
        seen = []
        tracemalloc.start()
        with backend.holdings() as holdings:
            for piece in archive(holdings, SUBJECT, lambda record, done: seen.append(done)):
                assert len(piece) < 1_000_000
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert seen == sorted(seen)
        assert seen[-1] >= number
        return most

    put(4 * PAGE)
    few = peak()
    put(16 * PAGE)
    assert peak() < 1.2 * few, "a page at a time, however many there are"
    sink.close()
