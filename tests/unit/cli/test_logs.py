"""`anyapi logs`: who can read it, what is kept, listing, reading and deleting. Over a gateway: tests/integration/test_sealed_logs.py."""

import json

import pyrage
import pytest
from tests.conformance.samples import NOON, kept, key_row

from anyapi.domain.prompt_log import Keeps, LogRule
from anyapi.domain.requirement import Layer
from anyapi.sealing.sealer import Sealer
from anyapi.storage.log_writer import LogWriter
from anyapi.storage.rows import AccountRow, ProjectRow
from anyapi.storage.sql_logs import SqlLogs
from anyapi.storage.sql_people import SqlPeople
from anyapi.storage.sqlite import SqliteStore
from anyapi.storage.sqlite_driver import SqliteDriver

COMMAND = "logs"
FAR = 1e11
"""An expiry that no run of the tests reaches."""
IDENTITY, OTHER = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
RECIPIENT = str(IDENTITY.to_public())
DECISION = f"dec_{1:026d}"


@pytest.fixture
def store(data_dir):
    with SqliteStore(data_dir) as opened:
        opened.add_account(AccountRow("acme", "Acme", 0.0))
        opened.add_project(ProjectRow("web", "acme", "Web", 0.0))
        opened.add_key(key_row(1, account="acme", project="web"))
        yield opened


@pytest.fixture
def entries(store, data_dir):
    """Three entries of `acme`, the second a large one."""
    writer = LogWriter(SqliteDriver(data_dir), lambda: NOON, Sealer)
    for number in range(3):
        prompt = json.dumps({"asks": number, "x": "y" * (300_000 if number == 1 else 1)}).encode()
        one = kept(number, "acme", prompt, recipients=(RECIPIENT,), key=f"key_{number}", expires_at=FAR)
        writer.hold(one.size)
        writer.put(one, one.size)
    writer.close()


@pytest.fixture
def identity(bare):
    (bare / "mine").write_text(f"# created\n{IDENTITY}\n")
    return str(bare / "mine")


def test_at_first_nobody_can_read_and_nothing_is_kept(run, store):
    said = run("show").output
    assert "Nobody can read a log" in said
    assert "`anyapi logs on` opts in" in said
    assert "0 entries" in said


def test_opting_in_and_out(run, store):
    assert "nobody could read it" in run("on", "--account", "acme").output
    run("add-recipient", RECIPIENT, "--account", "acme", "--name", "Ann")
    assert "nobody" not in run("on", "--account", "acme", "--project", "web", "--keeps", "prompts", "--share", "0.5", "--days", "2").output
    run("on", "--account", "acme", "--key", "key_1", "--keeps", "nothing")
    assert store.log_rules("acme") == {
        ("acme", Layer.ACCOUNT, "acme"): LogRule(Keeps.BOTH),
        ("acme", Layer.PROJECT, "web"): LogRule(Keeps.PROMPTS, 0.5, 2.0),
        ("acme", Layer.KEY, "key_1"): LogRule(Keeps.NOTHING),
    }
    shown = json.loads(run("show", "--account", "acme", "--json").output)
    assert [row["recipient"] for row in shown["recipients"]] == [RECIPIENT]
    assert len(shown["rules"]) == 3
    table = run("show", "--account", "acme").output
    assert all(word in table for word in ("Ann", "prompts", "50%", "2 d"))
    for words in (("--project", "web"), ("--key", "key_1"), ()):
        run("off", "--account", "acme", *words)
    assert store.log_rules() == {}
    assert "no rule" in run("off", "--account", "acme", code=1).output
    (row,) = store.log_recipients("acme")
    run("remove-recipient", row.id, "--account", "acme")
    assert store.log_recipients() == []
    changes = SqlPeople(store).changes("acme", 1e18, 50)
    assert {row.person for row in changes} == {"cli"}
    assert len(changes) == 8
    assert RECIPIENT in changes[-2].after


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("on", "--project", "web", "--key", "key_1"), "not both"),
        (("on", "--account", "nobody"), "no account"),
        (("on", "--account", "default", "--project", "web"), "no project"),
        (("on", "--share", "0"), "share"),
        (("on", "--days", "9999"), "ttl_days"),
        (("add-recipient", "age1nonsense"), "public key"),
        (("add-recipient", str(IDENTITY)), "must stay with you"),
        (("remove-recipient", "rcp_none"), "no recipient"),
        (("delete",), "name entries, or --all"),
        (("read", "--identity", "-"), "name an entry, or a --file"),
    ],
)
def test_what_cannot_be_is_said(run, store, words, said):
    code = 2 if said in {"not both", "name entries, or --all", "name an entry, or a --file"} else 1
    assert said in run(*words, code=code).output


def test_the_list_is_metadata(run, entries):
    found = json.loads(run("list", "--account", "acme", "--json").output)
    assert [entry["decision"][-1] for entry in found] == ["2", "1", "0"]
    assert "asks" not in json.dumps(found)
    assert len(json.loads(run("list", "--account", "acme", "--key", "key_1", "--limit", "5", "--json").output)) == 1
    assert DECISION in run("list", "--account", "acme").output
    assert "Nothing was kept" in run("list").output


def test_reading_needs_the_identity(run, entries, store, identity, bare):
    shown = json.loads(run("read", DECISION, "--account", "acme", "--identity", identity).output)
    assert (shown["prompt"]["asks"], shown["response"]) == (1, {"r": 1})
    (bare / "other").write_text(str(OTHER))
    wrong = run("read", DECISION, "--account", "acme", "--identity", str(bare / "other"), code=1).output
    assert "does not open" in wrong
    assert "asks" not in wrong
    assert "no such entry" in run("read", DECISION, "--identity", identity, code=1).output
    with SqlLogs(store) as logs:
        small = f"dec_{2:026d}"
        (bare / "entry.age").write_bytes(logs.log_piece("acme", small, 0))
    assert json.loads(run("read", "--file", str(bare / "entry.age"), "--identity", identity).output)["prompt"]["asks"] == 2


def test_an_entry_with_half_of_a_character_is_read(run, store, data_dir, identity):
    writer = LogWriter(SqliteDriver(data_dir), lambda: NOON, Sealer)
    one = kept(1, "acme", response=(rb'{"content":"x\ud83d y"}',), recipients=(RECIPIENT,), expires_at=FAR)
    writer.hold(one.size)
    writer.put(one, one.size)
    writer.close()
    shown = json.loads(run("read", DECISION, "--account", "acme", "--identity", identity).output)
    assert shown["response"] == {"content": "x\ufffd y"}


def test_what_is_no_entry_is_a_plain_error(run, identity, bare):
    (bare / "other.age").write_bytes(pyrage.encrypt(b"secret words", [IDENTITY.to_public()]))
    said = run("read", "--file", str(bare / "other.age"), "--identity", identity, code=1).output
    assert "not an entry of a prompt log" in said
    assert "secret" not in said
    assert "Traceback" not in said


def test_an_entry_that_was_exchanged_is_noticed(run, entries, store, identity):
    with store._transaction("exchange entries") as connection:
        ids = {0: f"dec_{0:026d}", 2: f"dec_{2:026d}"}
        pieces = {
            number: connection.execute("SELECT piece FROM sealed_pieces WHERE entry = ?", (ids[number],)).fetchone()[0] for number in ids
        }
        connection.execute("UPDATE sealed_pieces SET piece = ? WHERE entry = ?", (pieces[0], ids[2]))
    assert "exchanged" in run("read", f"dec_{2:026d}", "--account", "acme", "--identity", identity, code=1).output


def test_where_the_write_ahead_log_could_not_be_emptied_it_is_said(run, entries, monkeypatch):
    monkeypatch.setattr(SqlLogs, "wiped", lambda _: False)
    assert "sqlite3 anyapi.db VACUUM" in run("delete", "--all", "--account", "acme").output


def test_deleting(run, entries):
    assert json.loads(run("delete", DECISION, "dec_none", "--account", "acme", "--json").output) == {"deleted": 1, "wiped": True}
    assert "2 entries deleted" in run("delete", "--all", "--account", "acme").output
    assert json.loads(run("list", "--account", "acme", "--json").output) == []
