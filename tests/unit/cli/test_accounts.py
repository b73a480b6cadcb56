"""`anyapi accounts`, on a real store."""

import io
import json
import socket
import stat
import threading
import zipfile

import pytest
from click.testing import CliRunner
from tests.conformance.stores import Backend
from tests.conformance.whole_account import RECORDS, REQUESTS, fill

from anyapi.cli import main
from anyapi.storage.sql_holdings import SqlHoldings
from anyapi.storage.sql_people import SqlPeople

COMMAND = "accounts"


@pytest.fixture
def backend(data_dir):
    made = Backend(data_dir)
    fill(made, "CANARY")
    return made


def test_the_list(run, backend):
    shown = json.loads(run("list", "--json").stdout)["accounts"]
    assert [(row["id"], row["name"], row["keys"], row["state"]) for row in shown] == [
        ("CANARY", "CANARY name", 1, "active"),
        ("default", "Default account", 0, "active"),
    ]
    with backend.holdings() as holdings:
        holdings.begin_closing("CANARY", 1.0)
    assert "being deleted" in run("list").output


def test_how_long_usage_rows_are_kept(run, backend, data_dir):
    assert "kept for 7.5 days" in run("usage-days", "CANARY", "--days", "7.5").stdout
    listed = {row["id"]: row["usage_days"] for row in json.loads(run("list", "--json").stdout)["accounts"]}
    assert listed == {"CANARY": 7.5, "default": None}
    assert "90 days, the default" in run("usage-days", "CANARY", "--default").stdout
    with SqlPeople(data_dir) as people:
        found = [(row.person, row.what, row.after) for row in people.changes("CANARY", 1e12, 2)]
    assert found == [("cli", "usage_days", '{"days":null}'), ("cli", "usage_days", '{"days":7.5}')]
    for wrong in (["--days", "0"], ["--days", "nan"], ["--days", "-1"], ["--days", "1e9"], [], ["--days", "1", "--default"]):
        run("usage-days", "CANARY", *wrong, code=2)
    run("usage-days", "nobody", "--days", "7", code=1)


def test_an_archive_is_its_owners_alone_and_nothing_is_overwritten(run, backend, bare):
    run("export", "CANARY")
    path = bare / "anyapi-CANARY.zip"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    content = path.read_bytes()
    bundle = zipfile.ZipFile(io.BytesIO(content))
    assert bundle.testzip() is None
    assert bundle.read("usage.csv").count(b"\r\n") == REQUESTS + 1
    assert "there already" in run("export", "CANARY", code=1).output
    assert path.read_bytes() == content
    shown = json.loads(run("export", "CANARY", "--to", str(bare / "other.zip"), "--json").stdout)
    assert shown["bytes"] == (bare / "other.zip").stat().st_size


def test_an_archive_that_cannot_be_written_leaves_nothing(run, backend, bare):
    assert "cannot write" in run("export", "CANARY", "--to", str(bare / "nowhere" / "x.zip"), code=1).output
    assert "no account of that id" in run("export", "CANARI", code=1).output
    assert list(bare.glob("*.zip")) == []


def test_a_dry_run_changes_nothing(run, backend):
    report = json.loads(run("delete", "CANARY", "--dry-run", "--json").stdout)
    assert (report["done"], report["known_as"]) == (False, None)
    assert {line["record"]: line["rows"] for line in report["stays"]}["decision"] == RECORDS
    assert "append-only" in run("delete", "CANARY", "--dry-run").output
    with backend.holdings() as holdings:
        assert holdings.held("CANARY")["usage"] == REQUESTS


def test_deletion_asks_for_the_name_and_leaves_no_bytes(run, backend, data_dir):
    for typed in ("wrong\n", "\n\nCANARY\n"):
        refused = CliRunner().invoke(main, ["accounts", "delete", "CANARY", "--data-dir", str(data_dir)], input=typed)
        assert refused.exit_code == 1
        assert "nothing was deleted" in refused.output
    with backend.holdings() as holdings:
        assert holdings.held("CANARY")["usage"] == REQUESTS
    done = CliRunner().invoke(main, ["accounts", "delete", "CANARY", "--data-dir", str(data_dir)], input="CANARY name\n")
    assert done.exit_code == 0, done.output
    assert "Keep this report" in done.output
    assert "no server is running" in done.output
    assert [path.name for path in backend.files() if b"canary" in path.read_bytes().lower()] == []
    assert "no account of that id" in run("delete", "CANARY", code=1).output


def test_scripts_give_the_name(run, backend):
    assert "nothing was deleted" in run("delete", "CANARY", "--confirm", "CANARY", code=1).output
    report = json.loads(run("delete", "CANARY", "--confirm", "CANARY name", "--json").stdout)
    assert (report["done"], report["wiped"]) == (True, True)


def test_where_the_files_could_not_be_rewritten_it_is_said(run, backend, monkeypatch):
    monkeypatch.setattr(SqlHoldings, "wipe", lambda _: False)
    assert "sqlite3 anyapi.db VACUUM" in run("delete", "CANARY", "--confirm", "CANARY name").output


def test_where_a_running_server_does_not_confirm_nothing_is_deleted_but_the_keys_end(run, backend, data_dir):
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(data_dir / "control.sock"))
        deaf.listen()
        threading.Thread(target=lambda: deaf.accept()[0].close(), daemon=True).start()
        told = run("delete", "CANARY", "--confirm", "CANARY name", code=3).output
    assert "nothing else was deleted" in told
    (data_dir / "control.sock").unlink()
    with backend.holdings() as holdings, backend.store(1.0) as store:
        assert holdings.held("CANARY")["usage"] == REQUESTS
        assert [key.revoked_at is not None for key in store.keys("CANARY")] == [True]
    run("delete", "CANARY", "--confirm", "CANARY name")


def test_the_default_account_is_refused_with_the_reason(run, backend):
    assert "made anew at every start" in run("delete", "default", "--confirm", "Default account", code=1).output
    assert "made anew at every start" in run("delete", "default", "--dry-run").output
