"""`anyapi catalogue update`, `pending`, `accept`, `compile` without a server; with one: tests/integration/test_catalogue_update.py."""

import json
import shutil

import msgspec
import pytest
from tests.tools.catalogue_site import Keys, edited
from tests.unit.control.test_telling import next_catalogue

from anyapi.catalogue.canonical import encode
from anyapi.catalogue.load import PACKAGED, load_catalogue
from anyapi.catalogue.updating import read_compiled
from anyapi.cli.installed import installed_base
from anyapi.control.adopting import adopt
from anyapi.storage.sql_review import SqlReview
from anyapi.storage.sqlite import SqliteStore

COMMAND = "catalogue"


@pytest.fixture
def file(bare):
    path = bare / "next.json"
    path.write_bytes(encode(next_catalogue(load_catalogue())))
    return path


def test_a_file_is_installed_for_the_next_start(run, data_dir, file):
    said = run("update", str(file)).stdout
    assert "no server is running: in force from the next start" in said
    assert "changes;" in said
    assert installed_base(data_dir, None, load_catalogue()).version == next_catalogue(load_catalogue()).version
    assert "is in force already" in run("update", str(file)).stdout
    assert json.loads(run("update", str(file), "--json").stdout)["update"] is None


def test_what_is_refused_changes_nothing(run, data_dir, file):
    file.write_bytes(encode(edited(load_catalogue(), -1)))
    assert "older than the one in force" in run("update", str(file), code=1).output
    file.write_bytes(b"{}")
    assert "not a compiled catalogue" in run("update", str(file), code=1).output
    assert "catalogue.update_url is not configured" in run("update", code=1).output
    assert installed_base(data_dir, None, load_catalogue()).version == load_catalogue().version
    file.write_bytes(encode(edited(load_catalogue(), -1)))
    run("update", str(file), "--allow-older")
    assert installed_base(data_dir, None, load_catalogue()).version == edited(load_catalogue(), -1).version


def test_a_signature_beside_a_file_is_checked_where_there_are_keys(run, bare, file):
    keys = Keys(bare)
    (bare / "anyapi.toml").write_text(f'[catalogue]\npublic_keys = ["{keys.public}"]\n')
    beside = bare / "next.json.sig"
    beside.write_bytes(Keys(bare, "stranger").sign(file.read_bytes()))
    assert "signature is not by a key" in run("update", str(file), code=1).output
    beside.write_bytes(keys.sign(file.read_bytes()))
    assert "in force from the next start" in run("update", str(file)).stdout


def test_an_update_that_does_not_fit_the_operators_records_is_refused(run, bare, file):
    found = load_catalogue()
    (bare / "anyapi.toml").write_text('[[models]]\nid = "acme/one"\n[[models.endpoints]]\nprovider = "cohere"\nmodel = "one"\n')
    models = {
        name: msgspec.structs.replace(model, endpoints=tuple(one for one in model.endpoints if one.provider != "cohere"))
        for name, model in found.models.items()
    }
    left = {name: record for name, record in found.providers.items() if name != "cohere"}
    less = msgspec.structs.replace(edited(found), providers=left, models=models)
    file.write_bytes(encode(edited(less, 1)))
    assert "must be a provider of the catalogue" in run("update", str(file), code=1).output


def test_what_waits_is_listed_and_accepted_by_the_command_line(run, data_dir, file):
    with SqliteStore(data_dir), SqlReview(data_dir) as review:
        review.change_review_settings("default", lambda before: msgspec.structs.replace(before, review_first=True), by="", at=1.0)
        adopt(review, load_catalogue(), load_catalogue(), 1.0, 180.0)
        assert "no account has anything to accept" in run("pending").stdout
        run("update", str(file))
        found = next_catalogue(load_catalogue())
        adopt(review, found, found, 2.0, 180.0)
    said = run("pending").stdout
    assert "default  provider:cohere  Cohere: It keeps nothing; before, " in said
    (row,) = json.loads(run("pending", "--account", "default", "--json").stdout)["pending"]
    assert (row["subject"], row["update"]) == ("provider:cohere", 2)
    assert json.loads(run("pending", "--account", "other", "--json").stdout)["pending"] == []
    assert "is not pending" in run("accept", "provider:openai", "--account", "default", code=1).output
    run("accept", "--account", "default", code=2)
    run("accept", "provider:cohere", "--all", "--account", "default", code=2)
    assert "1 accepted for default" in run("accept", "provider:cohere", "--account", "default").stdout
    assert json.loads(run("accept", "--all", "--account", "default", "--json").stdout)["accepted"] == 0
    with SqlReview(data_dir) as review:
        assert [(row.subject, row.accepted_by) for row in review.accepted_holds("default")] == [("provider:cohere", "cli")]


def test_records_that_expire_soon_are_listed(run, bare):
    assert "good until" not in run("pending").stdout
    (bare / "anyapi.toml").write_text("[catalogue]\nspan_days = 10\n")
    found = json.loads(run("pending", "--json").stdout)["expiring"]
    assert {"openai", "cohere"} <= {row["provider"] for row in found}
    assert "expired, or about to be within 30 days" in run("pending").stdout


def test_yaml_compiles_to_what_update_takes(bare, tmp_path):
    from click.testing import CliRunner

    from anyapi.cli import main

    source = tmp_path / "source"
    source.mkdir()
    for name in ("providers.yaml", "models.yaml"):
        shutil.copy(PACKAGED / name, source)
    out = tmp_path / "out.json"
    result = CliRunner().invoke(main, ["catalogue", "compile", str(source), str(out)])
    assert result.exit_code == 0, result.output
    assert read_compiled(out.read_bytes(), "out.json").version == load_catalogue().version
    assert load_catalogue().version in result.output
