"""`anyapi people first-run`: a link for whoever may run commands here, until somebody is known."""

import re

import pytest
from click.testing import CliRunner

from anyapi.cli import main
from anyapi.control.tokens import sha256_of
from anyapi.storage.people_rows import LinkKind, PersonRow
from anyapi.storage.sql_people import SqlPeople


@pytest.fixture
def run(tmp_path):
    file = tmp_path / "anyapi.toml"
    file.write_text(f'[storage]\ndata_dir = "{tmp_path}/data"\n\n[control]\npublic_url = "https://anyapi.example.org"\n')
    return lambda *more: CliRunner().invoke(main, ["people", "first-run", "--config", str(file), *more])


def test_it_prints_a_link_that_works_and_ends_those_before(run, tmp_path):
    first, second = (re.fullmatch(r"https://anyapi\.example\.org/join#(\S+)\n", run().output)[1] for _ in range(2))
    with SqlPeople(tmp_path / "data") as people:
        assert people.link(sha256_of(first), 0.0) is None
        assert people.link(sha256_of(second), 0.0).kind is LinkKind.FIRST_RUN


def test_it_goes_into_the_data_directory_that_is_named(run, tmp_path):
    """A unit that sets ANYAPI_DATA_DIR leaves the file without one: a link written elsewhere would open nothing."""
    link = run("--data-dir", str(tmp_path / "other")).output.strip()
    with SqlPeople(tmp_path / "other") as people:
        assert people.link(sha256_of(link.partition("#")[2]), 0.0).kind is LinkKind.FIRST_RUN
    assert not (tmp_path / "data").exists()


def test_once_somebody_is_known_it_refuses(run, tmp_path):
    with SqlPeople(tmp_path / "data") as people:
        people.add_person(PersonRow("per_1", "a@x.org", "A", None, operator=True, created_at=0.0))
    refused = run()
    assert refused.exit_code == 1
    assert "ask an owner" in refused.output
