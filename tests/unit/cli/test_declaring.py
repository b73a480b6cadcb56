"""What is declared about a credential: options to values, providers and agreement files checked."""

import datetime as dt

import click
import pytest
from click.testing import CliRunner

from anyapi.cli.declaring import agreements_of, check_provider, with_declaration
from anyapi.config import load_config
from anyapi.storage.rows import Declared


@pytest.fixture
def config(bare):
    return load_config(None, {"HOME": str(bare)}, dt.datetime(2026, 11, 24, tzinfo=dt.UTC))


def declared(*args):
    seen = []

    @click.command()
    @with_declaration
    def command(declared):
        seen.append(declared)

    result = CliRunner().invoke(command, list(args))
    return seen[0] if seen else result.output


def test_nothing_declared():
    assert declared() == Declared()


def test_options_become_values():
    assert declared("--region", "eu", "--account-state", "a", "--account-state", "b", "--term", "t", "--variable", "x=1-a") == Declared(
        region="eu", account_states=frozenset({"a", "b"}), terms=frozenset({"t"}), variables={"x": "1-a"}
    )


@pytest.mark.parametrize(
    ("args", "option"),
    [
        (("--region", "Europe"), "--region"),
        (("--caller-region", "1"), "--caller-region"),
        (("--account-state", "A B"), "--account-state"),
        (("--term", ""), "--term"),
        (("--variable", "x"), "--variable"),
        (("--variable", "X=1"), "--variable"),
        (("--variable", "x=a.b"), "--variable"),
    ],
)
def test_a_wrong_form_names_its_option(args, option):
    assert f"Invalid value for {option}" in declared(*args)


def test_a_provider_that_may_be_used(config):
    assert check_provider(config, "openai", Declared()).id == "openai"
    assert check_provider(config, "azure", Declared(variables={"resource": "acme"})).id == "azure"


@pytest.mark.parametrize(
    ("name", "variables", "why"),
    [
        ("nobody", {}, "no provider of that id"),
        ("ollama", {}, "takes no key"),
        ("azure", {}, "--variable"),
        ("azure", {"resource": "a", "zone": "b"}, "no variable zone; known: "),
        ("openai", {"zone": "b"}, "it has none"),
    ],
)
def test_a_provider_that_may_not(config, name, variables, why):
    with pytest.raises(click.ClickException, match=why):
        check_provider(config, name, Declared(variables=variables))


def test_no_file_no_agreement(config):
    assert agreements_of(None, "openai", config) == ()
