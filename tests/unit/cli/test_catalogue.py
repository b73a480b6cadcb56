import json

import pytest
from click.testing import CliRunner
from tests.unit.catalogue.sample import sources, write

from anyapi.catalogue.compile import compile_catalogue
from anyapi.cli import main


def run(*args):
    return CliRunner().invoke(main, ["catalogue", *map(str, args)])


OWN = """
[providers.gpu]
kind = "local"
api = { base_url = "http://10.0.0.5:8000/v1", protocol = "openai-chat", auth = "none" }
[[models]]
id = "lab/own"
endpoints = [{ provider = "gpu", model = "own" }]
"""


@pytest.fixture(autouse=True)
def _bare(bare):
    """No configuration and no store of the machine that runs the tests."""


@pytest.fixture
def toml(tmp_path):
    path = tmp_path / "any api.toml"
    path.write_text(OWN)
    return path


def test_a_check_reads_the_files_that_hold_keys_and_a_comparison_does_not(toml):
    toml.write_text(OWN + '[[credentials]]\nid = "main"\nprovider = "openai"\nkey_file = "nowhere"\n')
    result = run("check", toml)
    assert result.exit_code == 1
    assert "credentials.main.key_file: cannot be read (No such file" in result.stderr
    assert run("diff", toml, toml).exit_code == 0


def test_the_shipped_catalogue_is_sound():
    result = run("check")
    assert result.exit_code == 0
    assert "69 providers, 157 models, 904 endpoints" in result.output


def test_every_error_of_every_file_is_printed(tmp_path, toml):
    providers, models = sources()
    providers["providers"][0]["kind"] = "x"
    models["models"][0]["endpoints"][0]["price"]["input"] = -1
    directory = write(tmp_path / "source", providers, models)
    toml.write_text(OWN.replace('"local"', '"cellar"'))
    result = run("check", directory, toml)
    assert result.exit_code == 1
    assert "providers.yaml: one: kind:" in result.stderr
    assert "models.yaml: maker/small: endpoints[0].price.input:" in result.stderr
    assert "providers.gpu.kind" in result.stderr
    problems = json.loads(run("check", "--json", directory, toml).output)["problems"]
    assert {(p["file"].rsplit("/", 1)[-1], p["record"], p["field"]) for p in problems} >= {
        ("providers.yaml", "one", "kind"),
        ("models.yaml", "maker/small", "endpoints[0].price.input"),
        ("any api.toml", None, "providers.gpu.kind"),
    }


def test_good_files_of_each_kind(tmp_path, toml):
    directory = write(tmp_path / "source", *sources())
    compile_catalogue(directory)
    result = run("check", directory, directory / "catalogue.json", toml)
    assert (result.exit_code, len(result.output.splitlines())) == (0, 3)


def test_a_single_file_is_checked_against_the_installation(tmp_path):
    directory = write(tmp_path / "source", *sources())
    result = run("check", directory / "models.yaml")
    assert result.exit_code == 1
    assert "must be a provider of the catalogue" in result.stderr
    assert run("check", directory / "providers.yaml").exit_code == 1


def test_show_a_provider_with_its_sources():
    result = run("show", "openai")
    assert result.exit_code == 0
    assert "zero retention approval" in result.output
    assert "https://developers.openai.com" in result.output
    shown = json.loads(run("show", "openai", "--json").output)
    assert shown["provider"]["id"] == "openai"
    assert {endpoint["provider"] for endpoint in shown["endpoints"]} == {"openai"}


def test_show_a_model_with_every_endpoint():
    shown = json.loads(run("show", "meta-llama/llama-3.3-70b-instruct", "--json").output)
    table = run("show", "meta-llama/llama-3.3-70b-instruct").output
    assert len(shown["endpoints"]) == 22
    assert all(endpoint["id"] in table for endpoint in shown["endpoints"])


def test_show_all_and_as_the_operator_extends_it(toml):
    assert "\nopenai " in run("show").output
    assert len(json.loads(run("show", "--json").output)["providers"]) == 69
    assert run("show", "gpu", "--config", toml).exit_code == 0
    assert run("show", "gpu").exit_code == 1


def test_show_reads_the_configuration_where_the_other_commands_do(toml, monkeypatch):
    monkeypatch.setenv("ANYAPI_CONFIG", str(toml))
    assert run("show", "gpu").exit_code == 0
    monkeypatch.delenv("ANYAPI_CONFIG")
    toml.rename("anyapi.toml")
    assert run("show", "gpu").exit_code == 0
    assert json.loads(run("show", "lab/own", "--json").output)["endpoints"][0]["provider"] == "gpu"


def test_a_misspelt_name_gets_near_ones():
    result = run("show", "opnai")
    assert result.exit_code == 1
    assert "openai" in result.output


def test_diff_of_the_catalogue_and_the_operators(tmp_path, toml):
    plain = tmp_path / "plain.toml"
    plain.write_text("")
    result = run("diff", plain, toml)
    assert result.exit_code == 0
    assert [line for line in result.output.splitlines()[1:]] == [
        "provider gpu added",
        "model lab/own added",
        "endpoint gpu/own added",
    ]
    changes = json.loads(run("diff", toml, plain, "--json").output)["changes"]
    assert changes[0] == {"kind": "provider_removed", "subject": "gpu"}
