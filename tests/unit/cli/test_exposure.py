"""`anyapi exposure`: who holds what, of rows that are really there."""

import csv
import datetime as dt
import io
import json
import time

import pytest
from tests.conformance.samples import DAY, usage_row

from anyapi.config import load_config
from anyapi.control.adopting import adopt
from anyapi.domain.call import App
from anyapi.simulator import DEFAULT_PROVIDERS, demo_config_toml
from anyapi.storage.rows import AccountRow
from anyapi.storage.sql_people import SqlPeople
from anyapi.storage.sql_review import SqlReview
from anyapi.storage.sqlite import SqliteStore
from anyapi.storage.usage_writer import UsageWriter

COMMAND = "exposure"
SENT = (
    ("sim-30d", "default", 1.0),
    ("sim-zero", "default", 1.0),
    ("sim-unknown", "default", 1.0),
    ("sim-free", "acme", 89.5),
)
"""Provider, account, and how many days ago."""


@pytest.fixture
def rows(bare, data_dir):
    """A gateway of the demo's providers was started a hundred days ago, and has sent a request to four of them."""
    now = time.time()
    ports = {spec.id: 40_000 + number for number, spec in enumerate(DEFAULT_PROVIDERS)}
    (bare / "anyapi.toml").write_text(demo_config_toml(ports))
    config = load_config(bare / "anyapi.toml", {"HOME": str(bare)}, dt.datetime.fromtimestamp(now, dt.UTC))
    with SqliteStore(data_dir) as store, SqlReview(data_dir) as review:
        store.add_account(AccountRow("acme", "Acme", 0.0))
        adopt(review, config.catalogue, config.base, now - 100 * DAY, 180.0)
    writer = UsageWriter(data_dir, time.time)
    for number, (name, account, days) in enumerate(SENT):
        endpoint = f"{name}/claude-3.5-sonnet"
        sent = {"provider": name, "endpoint": endpoint, "credential": name, "account": account, "at": now - days * DAY}
        writer.accept()
        writer.put(usage_row(number, app=App(name="shop"), **sent))
    writer.close()


def test_nothing_yet(run):
    assert "no provider was sent anything" in run().stdout


def test_who_holds_what_and_for_how_long_yet(run, rows):
    said = run().stdout
    lines = {line.split()[0]: line for line in said.splitlines() if line.startswith("sim-")}
    assert list(lines) == ["sim-unknown", "sim-30d", "sim-free", "sim-zero"]
    assert "unknown / until further notice" in lines["sim-unknown"]
    assert "29.0 d" in lines["sim-30d"]
    assert lines["sim-30d"].split()[1:4] == ["default", "shop", "key_1"], "else lines of two keys read the same"
    assert lines["sim-free"].split()[1] == "acme"
    assert "0.5 d" in lines["sim-free"]
    assert "nothing is kept" in lines["sim-zero"]
    assert "1 requests went where no end of retention is known" in said


def test_that_rows_have_expired_is_said_where_some_can_have(run, rows, data_dir):
    """It was said minutes after the first start."""
    said, expired = run().stdout, "usage rows are kept no longer"
    assert expired in said, "acme is there since 1970"
    assert expired in run("--account", "acme").stdout
    assert expired not in run("--account", "default").stdout, "it was made just now"
    assert json.loads(run("--account", "default", "--json").stdout)["expired_before"] is None
    found = json.loads(run("--account", "acme", "--json").stdout)
    assert found["expired_before"] == pytest.approx(time.time() - 90 * DAY, abs=60)


def test_where_every_row_has_expired_no_form_of_the_ledger_reads_as_if_nobody_held_anything(run, rows, data_dir):
    with SqliteStore(data_dir) as store:
        store.add_account(AccountRow("quiet", "Quiet", 0.0, usage_days=7.0))
    record = json.loads(run("--record", "--account", "quiet").stdout)
    before = dt.datetime.fromisoformat(record["expired_before"]).timestamp()
    assert (record["recipients"], record["covers_from"]) == ([], None)
    assert before == pytest.approx(time.time() - 7 * DAY, abs=60)
    assert json.loads(run("--record", "--account", "default").stdout)["expired_before"] is None
    assert "usage rows are kept no longer" in run("--account", "quiet").stdout
    assert "usage rows are kept no longer" in run("--account", "quiet", "--csv").stderr


def test_of_one_account(run, rows):
    found = json.loads(run("--account", "acme", "--json").stdout)
    assert [(one["provider"], one["training"], one["held"]) for one in found["entries"]] == [("sim-free", "by_default", True)]
    assert "There is no account of that id" in run("--account", "acne", code=1).output


def test_files_for_others(run, rows):
    lines = list(csv.DictReader(io.StringIO(run("--csv").stdout)))
    assert [(line["provider"], line["account"]) for line in lines][:1] == [("sim-unknown", "default")]
    record = json.loads(run("--record", "--account", "acme").stdout)
    assert (record["account"], record["account_name"]) == ("acme", "Acme")
    assert [one["provider"] for one in record["recipients"]] == ["sim-free"]
    assert json.loads(run("--record").stdout)["account"] == "default"


def test_what_was_taken_along_stands_in_the_history(run, rows, data_dir):
    for arguments in ((), ("--json",), ("--csv",), ("--record", "--account", "acme")):
        run(*arguments)
    with SqlPeople(data_dir) as people:
        found = {account: [(row.person, row.what) for row in people.changes(account, 1e12, 9)] for account in (None, "acme")}
    assert found == {account: [("cli", "exposure_exported")] for account in (None, "acme")}
