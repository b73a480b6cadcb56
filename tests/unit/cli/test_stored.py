"""Where commands find the store."""

import datetime as dt
import json

import pytest
from click.testing import CliRunner

from anyapi.cli import main
from anyapi.cli.stored import UNUSABLE, left_in_files
from anyapi.config import load_config
from anyapi.crypto.sealed import ClosedReason


def listed(*args):
    result = CliRunner().invoke(main, ["keys", "list", "--json", *args])
    assert result.exit_code == 0, result.output


def test_the_option_goes_before_environment_and_file(bare, monkeypatch):
    monkeypatch.setenv("ANYAPI_DATA_DIR", str(bare / "environment"))
    (bare / "anyapi.toml").write_text('[storage]\ndata_dir = "file"\n')
    listed("--data-dir", str(bare / "option"))
    assert sorted(path.name for path in bare.iterdir()) == ["anyapi.toml", "option"]
    listed()
    assert (bare / "environment" / "anyapi.db").is_file()
    monkeypatch.delenv("ANYAPI_DATA_DIR")
    listed()
    assert (bare / "file" / "anyapi.db").is_file()


def test_without_any_it_is_under_home(bare, monkeypatch):
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    listed()
    assert (bare / ".local" / "share" / "anyapi" / "anyapi.db").is_file()


def test_another_configuration(bare):
    (bare / "other.toml").write_text('[storage]\ndata_dir = "there"\n')
    listed("--config", "other.toml")
    assert (bare / "there" / "anyapi.db").is_file()


@pytest.mark.parametrize("command", [["keys", "list"], ["settings", "show"], ["usage"], ["credentials", "list"]])
def test_a_store_that_is_none_is_told_without_a_traceback(bare, command):
    (bare / "anyapi.db").write_bytes(b"these are not the rows you are looking for" * 100)
    result = CliRunner().invoke(main, [*command, "--data-dir", str(bare)])
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: could not open the database (SQLITE_NOTADB)")


def test_a_directory_that_is_a_file_is_said_to_be_one(bare):
    (bare / "data").write_text("x")
    result = CliRunner().invoke(main, ["keys", "list", "--data-dir", str(bare / "data" / "deeper")])
    assert (result.exit_code, "name a directory, not a file" in result.stderr) == (1, True)


def test_whoever_names_another_directory_than_the_gateways_is_told_that_nothing_was_there(bare):
    first, second = (CliRunner().invoke(main, ["keys", "list", "--json", "--data-dir", str(bare / "typo")]) for _ in range(2))
    assert f"There was no database in {bare / 'typo'}; a new one was made." in first.stderr
    assert json.loads(first.stdout) == json.loads(second.stdout) == {"keys": []}
    assert second.stderr == ""


def test_every_reason_for_a_closed_credential_has_words():
    assert {reason.value for reason in ClosedReason} <= set(UNUSABLE)


@pytest.mark.parametrize(
    ("environment", "said", "never"),
    [
        ({}, ("stop the gateway and run: sqlite3 anyapi.db VACUUM", "Backups"), "PostgreSQL"),
        ({"ANYAPI_DATABASE_URL": "postgresql://somebody@127.0.0.1/x"}, ("WAL, archives, replicas and dumps", "VACUUM FULL"), "sqlite3"),
    ],
)
def test_what_a_deletion_leaves_in_the_files_is_said_of_the_database_that_there_is(bare, environment, said, never):
    told = left_in_files(load_config(None, {"HOME": str(bare), **environment}, dt.datetime.now(dt.UTC), secrets=False))
    assert all(text in told for text in said)
    assert never not in told
