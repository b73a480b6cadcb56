"""`anyapi people`: a link for whoever may run commands here, until somebody is known; a new password for who forgot it."""

import re

import pytest
from click.testing import CliRunner

from anyapi.cli import main
from anyapi.control.passwords import hashed, matches
from anyapi.control.tokens import sha256_of
from anyapi.domain.people import Role
from anyapi.storage.people_rows import LinkKind, MemberRow, PersonRow, SessionRow
from anyapi.storage.rows import AccountRow
from anyapi.storage.sql_holdings import SqlHoldings
from anyapi.storage.sql_people import SqlPeople
from anyapi.storage.sqlite import SqliteStore


@pytest.fixture
def run(tmp_path):
    file = tmp_path / "anyapi.toml"
    file.write_text(f'[storage]\ndata_dir = "{tmp_path}/data"\n\n[control]\npublic_url = "https://anyapi.example.org"\n')

    def run_it(*more, command="first-run", said=""):
        return CliRunner().invoke(main, ["people", command, "--config", str(file), *more], input=said)

    return run_it


def test_it_prints_a_link_that_works_and_ends_those_before(run, tmp_path):
    first, second = (re.fullmatch(r"https://anyapi\.example\.org/join#(\S+)\n", run().stdout)[1] for _ in range(2))
    with SqlPeople(tmp_path / "data") as people:
        assert people.link(sha256_of(first), 0.0) is None
        assert people.link(sha256_of(second), 0.0).kind is LinkKind.FIRST_RUN


def test_it_goes_into_the_data_directory_that_is_named(run, tmp_path):
    """A unit that sets ANYAPI_DATA_DIR leaves the file without one: a link written elsewhere would open nothing."""
    link = run("--data-dir", str(tmp_path / "other")).stdout.strip()
    with SqlPeople(tmp_path / "other") as people:
        assert people.link(sha256_of(link.partition("#")[2]), 0.0).kind is LinkKind.FIRST_RUN
    assert not (tmp_path / "data").exists()


def test_a_mistyped_directory_is_told(run, tmp_path):
    """The link opens nothing where the gateway is."""
    made, again = (run("--data-dir", str(tmp_path / "other")).stderr for _ in range(2))
    assert made == f"There was no database in {tmp_path / 'other'}; a new one was made. If a gateway has another: --data-dir names it.\n"
    assert again == ""


def test_once_somebody_is_known_it_refuses(run, tmp_path):
    with SqlPeople(tmp_path / "data") as people:
        people.add_person(PersonRow("per_1", "a@x.org", "A", None, operator=True, created_at=0.0))
    refused = run()
    assert refused.exit_code == 1
    assert "ask an owner" in refused.output


OLD, NEW = "the old password", "a quite new password"


@pytest.fixture
def known(tmp_path):
    """Somebody who is signed in."""
    with SqlPeople(tmp_path / "data") as people:
        people.add_person(PersonRow("per_1", "a@x.org", "A", hashed(OLD), operator=True, created_at=0.0))
        people.add_session(SessionRow(b"s" * 32, "per_1", 0.0, 0.0))
        yield people


def test_who_forgot_a_password_gets_a_new_one_and_is_signed_out(run, known):
    done = run("A@x.org", command="password", said=f"{NEW}\n{NEW}\n")
    assert done.exit_code == 0
    assert NEW not in done.output
    assert matches(known.person("per_1").password, NEW)
    assert known.session(b"s" * 32) is None


@pytest.mark.parametrize(
    ("email", "said", "why"),
    [
        ("b@x.org", f"{NEW}\n{NEW}\n", "Nobody has that"),
        ("a@x.org", "short\nshort\n", "12 to 256"),
        ("a@x.org", f"{NEW}\nother\n", "Aborted"),
    ],
    ids=["nobody", "too short", "not the same twice"],
)
def test_without_a_person_or_a_good_password_nothing_changes(run, known, email, said, why):
    refused = run(email, command="password", said=said)
    assert refused.exit_code == 1
    assert why in refused.output
    assert matches(known.person("per_1").password, OLD)
    assert known.session(b"s" * 32) is not None


@pytest.fixture
def removed(tmp_path):
    """Somebody who is no member any more."""
    with SqlPeople(tmp_path / "data") as people:
        people.add_person(PersonRow("per_9", "canary-gone@x.org", "Canary Gone", hashed(OLD), operator=False, created_at=0.0))
        people.add_session(SessionRow(b"g" * 32, "per_9", 0.0, 0.0))
        yield people


def test_who_is_deleted_is_in_no_file_any_more(run, removed, tmp_path):
    done = run("Canary-gone@x.org", command="delete", said="y\n")
    assert (done.exit_code, done.output.splitlines()[-1]) == (0, "Deleted.")
    assert removed.person("per_9") is removed.session(b"g" * 32) is None
    assert not [file.name for file in (tmp_path / "data").glob("anyapi.db*") if b"anary-gone" in file.read_bytes()]


def test_where_the_files_could_not_be_rewritten_it_is_said(run, removed, monkeypatch):
    monkeypatch.setattr(SqlHoldings, "wipe", lambda _: False)
    assert "sqlite3 anyapi.db VACUUM" in run("Canary-gone@x.org", "--yes", command="delete").output


@pytest.mark.parametrize(
    ("email", "said", "why"),
    [
        ("b@x.org", "", "Nobody has that"),
        ("a@x.org", "", "runs the gateway"),
        ("m@x.org", "", "A member of acme"),
        ("canary-gone@x.org", "n\n", "Aborted"),
    ],
    ids=["nobody", "operator", "member", "no"],
)
def test_who_is_needed_is_not_deleted(run, known, removed, tmp_path, email, said, why):
    removed.add_person(PersonRow("per_2", "m@x.org", "M", None, operator=False, created_at=0.0))
    with SqliteStore(tmp_path / "data") as store:
        store.add_account(AccountRow("acme", "Acme", 0.0))
    removed.put_member(MemberRow("acme", "per_2", Role.MEMBER, 0.0))
    refused = run(email, command="delete", said=said)
    assert refused.exit_code == 1
    assert why in refused.output
    assert removed.people_count() == 3
