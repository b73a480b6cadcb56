"""`anyapi audit` on a real store: a check that finds what was done to it, exports, and the change of keys."""

import csv
import datetime as dt
import io
import json
import stat

import pytest
from click.testing import CliRunner
from tests.conformance.samples import NOON, usage_row
from tests.unit.storage.audit_samples import decisions

from anyapi.audit.notes import Checkpoint, PublicKey
from anyapi.audit.tree import EMPTY_ROOT
from anyapi.cli import main
from anyapi.cli.audit import FOUND
from anyapi.crypto.log_keys import LogKeys, make_key, read_key
from anyapi.storage.audit_writer import AuditWriter
from anyapi.storage.connection import connect, database_path
from anyapi.storage.sqlite import SqliteStore

COMMAND = "audit"


@pytest.fixture
def fill(data_dir):
    """Enters so many requests into the log, as a server would."""

    def fill_it(first, count, **more):
        with SqliteStore(data_dir, lambda: NOON):
            make_key(data_dir / "audit.key")
            writer = AuditWriter(data_dir, LogKeys(data_dir / "audit.key"), lambda: NOON)
            for number in range(first, first + count):
                writer.put(usage_row(number, **more), decisions())
            writer.close()

    return fill_it


def damage(data_dir, *statements):
    connection = connect(database_path(data_dir))
    connection.executescript(";".join(["DROP TRIGGER audit_entries_no_update", "DROP TRIGGER audit_entries_no_delete", *statements]))
    connection.close()


def test_a_mistyped_directory_is_refused_and_nothing_made_there(run, data_dir):
    for command in (["fsck"], ["checkpoint"], ["export"], ["rotate"]):
        assert f"There is no database in {data_dir}, and none was made" in run(*command, code=1).stderr
    assert not data_dir.exists()


def test_nothing_yet(run, data_dir):
    SqliteStore(data_dir, lambda: NOON).close()
    nothing = run("fsck", code=1)
    assert "0 entries, signed up to 0: nothing to check" in nothing.stdout
    assert "so nothing was checked" in nothing.stderr, "a job that looks at the wrong directory must not be told that all is well"
    assert json.loads(run("fsck", "--json", code=1).stdout)["entries"] == 0
    run("checkpoint", code=1)
    run("export", "--format", "tiles", "tiles", code=1)


def test_a_whole_log_and_a_changed_one(run, fill, data_dir, bare):
    fill(0, 300)
    saved = bare / "saved"
    saved.write_text(run("checkpoint").stdout)
    fill(300, 50)
    assert "whole" in run("fsck", "--checkpoint", str(saved)).stdout
    answer = json.loads(run("fsck", "--json").stdout)
    assert answer["problems"] == []
    assert answer["entries"] == answer["sealed"] == 354  # a writer that was opened again enters the ruling again
    damage(data_dir, "UPDATE audit_entries SET entry = replace(entry, 'success', 'failure') WHERE position = 77")
    result = run("fsck", "--checkpoint", str(saved), code=FOUND)
    assert "NOT WHOLE" in result.stdout
    assert "the saved checkpoint: its root is not that of the first 303 entries" in result.stderr


def test_an_older_copy_is_found_by_the_saved_checkpoint_alone(run, fill, data_dir, bare):
    fill(0, 20)
    connection = connect(database_path(data_dir))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.close()
    copy = database_path(data_dir).read_bytes()
    fill(20, 5)
    saved = bare / "saved"
    saved.write_text(run("checkpoint").stdout)
    for path in data_dir.glob("anyapi.db*"):
        path.unlink()
    database_path(data_dir).write_bytes(copy)
    run("fsck")
    assert "the end of the log is missing" in run("fsck", "--checkpoint", str(saved), code=FOUND).stderr


def test_the_key_is_shown_and_another_one_is_refused(run, fill, data_dir):
    fill(0, 3)
    public = PublicKey.parse(run("key").stdout.strip())
    assert json.loads(run("key", "--json").stdout) == {"key": str(public), "fingerprint": public.fingerprint}
    run("fsck", "--key", str(public))
    other = PublicKey(public.name, bytes(32))
    assert "not the log's" in run("fsck", "--key", str(other), code=FOUND).stderr
    run("fsck", "--key", "nonsense", code=2)
    (data_dir / "audit.key").unlink()
    assert "shows damage but no forgery" in run("fsck").stderr


def test_a_key_is_made_in_a_new_file_alone(tmp_path):
    file = tmp_path / "audit.key"
    made = CliRunner().invoke(main, [COMMAND, "make-key", str(file)])
    key = file.read_text()
    again = CliRunner().invoke(main, [COMMAND, "make-key", str(file)])
    assert (made.exit_code, made.stdout.strip()) == (0, str(read_key(file).public))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert again.exit_code == 1
    assert "is there already" in again.stderr
    assert file.read_text() == key


def test_what_is_no_checkpoint_is_refused(run, fill, bare):
    fill(0, 1)
    (bare / "saved").write_text("nonsense")
    assert "not a checkpoint" in run("fsck", "--checkpoint", str(bare / "saved"), code=2).stderr


def test_exports(run, fill, data_dir, bare):
    fill(0, 300)
    lines = [json.loads(line) for line in run("export").stdout.splitlines()]
    assert [line["position"] for line in lines] == list(range(303))
    request = next(line for line in lines if line["kind"] == "request")
    assert request["account"].startswith("log_")
    named = [json.loads(line) for line in run("export", "--names").stdout.splitlines()]
    assert next(line for line in named if line["kind"] == "request")["account"] == "default"
    run("export", "--format", "csv", "log.csv")
    rows = list(csv.DictReader(io.StringIO((bare / "log.csv").read_text())))
    assert len(rows) == 303
    assert json.loads(rows[-1]["entry"])["decision"] == rows[-1]["decision"] == usage_row(299).decision
    at = dt.datetime.fromisoformat(rows[-1]["at"])
    assert at.timestamp() * 1000 == json.loads(rows[-1]["entry"])["at"], "as a date, the milliseconds stand in the entry"
    fill(300, 0)
    exported = [json.loads(line) for line in run("export").stdout.splitlines() if "audit_exported" in line]
    assert [(line["format"], line["names"], line["entries"]) for line in exported] == [
        ("jsonl", 0, 303),
        ("jsonl", 1, 303),
        ("csv", 0, 303),
    ]


def test_no_field_is_taken_for_a_formula_by_a_spreadsheet(run, fill):
    fill(0, 1, model="=1+1")
    rows = list(csv.DictReader(io.StringIO(run("export", "--format", "csv", "--names").stdout)))
    assert [row["model"] for row in rows if row["kind"] == "request"] == ["'=1+1"]


def test_tiles_are_those_of_the_checkpoint(run, fill, bare):
    fill(0, 300)
    run("export", "--format", "tiles", "tiles")
    fill(300, 300)
    run("export", "--format", "tiles", "tiles")
    run("export", "--format", "tiles", code=1)
    files = sorted(str(path.relative_to(bare / "tiles")) for path in (bare / "tiles").rglob("*") if path.is_file())
    assert "tile/0/000" in files
    assert "tile/entries/001" in files
    checkpoint = Checkpoint.parse((bare / "tiles/checkpoint").read_text().rpartition("\n\n")[0] + "\n")
    assert checkpoint.size > 600
    assert checkpoint.root != EMPTY_ROOT
    partial = checkpoint.size % 256
    assert (bare / f"tiles/tile/0/002.p/{partial}").stat().st_size == partial * 32
    assert (bare / "tiles/tile/1/000.p/2").stat().st_size == 64


def test_a_new_key_takes_over(run, fill, data_dir):
    fill(0, 10)
    before = run("checkpoint").stdout
    old = read_key(data_dir / "audit.key").public
    answer = json.loads(run("rotate", "--json").stdout)
    new = read_key(data_dir / "audit.key").public
    assert (answer["old"], answer["new"]) == (str(old), str(new))
    assert stat.S_IMODE((data_dir / "audit.key").stat().st_mode) == 0o600
    assert f" {new.name} " in run("checkpoint").stdout
    (data_dir.parent / "before").write_text(before)
    assert ": whole" in run("fsck", "--checkpoint", str(data_dir.parent / "before")).stdout, "before anything else is entered"
    assert "not the log's" in run("fsck", "--key", str(old), code=FOUND).stderr
    fill(10, 10)
    assert "whole" in run("fsck", "--checkpoint", str(data_dir.parent / "before")).stdout


@pytest.mark.parametrize("another", ["no log", "another log"])
def test_a_key_is_not_replaced_for_a_log_that_it_has_not_signed(run, fill, data_dir, another):
    """Whoever forgets to name the database replaced the key of the running gateway's log, which it lost, for a log that is not there."""
    SqliteStore(data_dir, lambda: NOON).close()
    if another == "another log":
        fill(0, 10)
        (data_dir / "audit.key").unlink()
    make_key(data_dir / "audit.key")
    before = (data_dir / "audit.key").read_bytes()
    assert "nothing was changed" in run("rotate", code=1).stderr
    assert (data_dir / "audit.key").read_bytes() == before
