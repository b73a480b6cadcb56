"""`anyapi settings`: show, set and unset, layer by layer."""

import json

import pytest
from tests.conformance.samples import key_row

from anyapi.domain.requirement import Layer, Settings
from anyapi.storage.rows import AccountRow, ProjectRow
from anyapi.storage.sqlite import SqliteStore

COMMAND = "settings"


@pytest.fixture
def store(data_dir):
    with SqliteStore(data_dir) as opened:
        opened.add_account(AccountRow("acme", "Acme", 0.0))
        opened.add_project(ProjectRow("web", "acme", "Web", 0.0))
        opened.add_key(key_row(1, account="acme", project="web"))
        yield opened


WAYS = [
    (["--layer", "gateway"], Layer.GATEWAY, ""),
    ([], Layer.GATEWAY, ""),
    (["--layer", "account", "--id", "acme"], Layer.ACCOUNT, "acme"),
    (["--account", "acme"], Layer.ACCOUNT, "acme"),
    (["--layer", "project", "--id", "web"], Layer.PROJECT, "web"),
    (["--project", "web"], Layer.PROJECT, "web"),
    (["--layer", "key", "--id", "key_1"], Layer.KEY, "key_1"),
    (["--key", "key_1"], Layer.KEY, "key_1"),
]


@pytest.mark.parametrize(("way", "layer", "subject"), WAYS)
def test_set_and_unset_at_every_layer(run, store, way, layer, subject):
    run("set", *way, "training_allowed=false", "retention_days=30")
    assert store.all_settings() == {(layer, subject): Settings(training_allowed=False, retention_days=30.0)}
    run("set", *way, "retention_days=7", "paid_only=true")
    assert store.settings(layer, subject) == Settings(training_allowed=False, retention_days=7.0, paid_only=True)
    run("unset", *way, "training_allowed", "retention_days")
    assert store.settings(layer, subject) == Settings(paid_only=True)


def test_every_field_can_be_set_shown_and_taken_back(run, store):
    fields = {
        "data_class": "confidential",
        "training_allowed": "false",
        "retention_days": "0.5",
        "paid_only": "true",
        "certifications": "iso27001,soc2",
        "regions": "de,eu",
        "providers.only": "groq,openai",
        "providers.ignore": "xai",
        "human_review_allowed": "false",
        "min_confidence": "primary",
        "flagged_copies": "counted",
    }
    run("set", *[f"{field}={text}" for field, text in fields.items()])
    shown = json.loads(run("show", "--json").stdout)
    assert shown["settings"] == {
        "data_class": "confidential",
        "training_allowed": False,
        "retention_days": 0.5,
        "paid_only": True,
        "certifications": ["iso27001", "soc2"],
        "regions": ["de", "eu"],
        "providers": {"only": ["groq", "openai"], "ignore": ["xai"]},
        "human_review_allowed": False,
        "min_confidence": "primary",
        "flagged_copies": "counted",
    }
    text = run("show").stdout
    assert all(field in text and value in text for field, value in fields.items())
    run("unset", *fields)
    assert store.all_settings() == {(Layer.GATEWAY, ""): Settings()}
    assert "nothing is asked" in run("show").stdout


def test_show_meets_the_layers_above_and_says_who_holds_what(run, store, bare):
    (bare / "anyapi.toml").write_text("[policy]\nhuman_review_allowed = false\n")
    run("set", "paid_only=true")
    run("set", "--account", "acme", "retention_days=10")
    run("set", "--project", "web", "retention_days=20", "training_allowed=false")
    run("set", "--key", "key_1", "data_class=internal")
    shown = json.loads(run("show", "--key", "key_1", "--json").stdout)
    assert shown["settings"] == {"data_class": "internal"}
    assert shown["in_force"] == {
        "training_allowed": False,
        "retention_days": 10.0,
        "paid_only": True,
        "human_review_allowed": False,
        "data_class": "internal",
    }
    assert shown["held_by"] == {
        "training_allowed": ["key", "project"],
        "retention_days": ["account"],
        "paid_only": ["gateway"],
        "human_review_allowed": ["gateway"],
        "data_class": ["key"],
    }
    project = json.loads(run("show", "--project", "web", "--json").stdout)
    assert project["in_force"]["retention_days"] == 10.0
    assert "data_class" not in project["in_force"]
    account = run("show", "--account", "acme").stdout
    assert "training_allowed" not in account
    assert "10" in account


@pytest.mark.parametrize(
    ("args", "told", "code"),
    [
        (["retention_days=x"], "`retention_days` must be a number", 1),
        (["training_allowed=no"], "`training_allowed` must be `true` or `false`", 1),
        (["regions=eu,,de"], "`regions", 1),
        (["certifications=soc-x"], "`certifications[0]`", 1),
        (["traning_allowed=false"], "Did you mean `training_allowed`", 1),
        (["certifications_must_be_named=true"], "There is no such field", 1),
        (["more_classes=public"], "There is no such field", 1),
        (["retention_days"], "`retention_days` needs a value", 1),
        ([], "Missing argument", 2),
        (["--account", "acm", "paid_only=true"], "Close to it: acme", 1),
        (["--project", "x", "paid_only=true"], "There is no project", 1),
        (["--key", "key_2", "paid_only=true"], "anyapi keys list", 1),
        (["--layer", "account", "paid_only=true"], "needs --id", 2),
        (["--layer", "gateway", "--id", "acme", "paid_only=true"], "gateway takes none", 2),
        (["--layer", "request", "--id", "x", "paid_only=true"], "request", 2),
        (["--id", "acme", "paid_only=true"], "--id needs --layer", 2),
        (["--account", "acme", "--key", "key_1", "paid_only=true"], "name one layer", 2),
    ],
)
def test_what_is_wrong_is_named_and_nothing_changes(run, store, args, told, code):
    assert told in run("set", *args, code=code).stderr
    assert store.all_settings() == {}


def test_of_several_fields_one_wrong_changes_none(run, store):
    run("set", "paid_only=true", "retention_days=x", code=1)
    assert store.all_settings() == {}


def test_a_value_never_comes_back_in_an_error(run, store):
    for field in ("retention_days", "regions", "data_class", "certifications", "providers.only", "canaryfield"):
        assert "zz-canary" not in run("set", f"{field}=zz-canary", code=1).stderr


def test_unset_of_a_field_that_there_is_not(run, store):
    assert "Did you mean `paid_only`?" in run("unset", "paid", code=1).stderr
