import importlib
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from anyapi import cli
from anyapi.cli import COMMANDS, main
from anyapi.errors import ConfigError


def test_help_lists_every_command_without_importing_any():
    code = """
import sys
from click.testing import CliRunner
from anyapi.cli import COMMANDS, main
result = CliRunner().invoke(main, ["--help"])
assert result.exit_code == 0
assert all(name in result.output for name in COMMANDS)
loaded = {name for name in sys.modules if name.startswith("anyapi.cli.")}
heavy = {"yaml", "rich", "sqlalchemy", "uvloop", "alembic"} & set(sys.modules)
assert not loaded and not heavy, (loaded, heavy)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize("name", ["catalogue", "explain"])
def test_a_command_has_its_own_module(name):
    assert isinstance(main.get_command(click.Context(main), name), click.Command)


def test_an_unknown_command_is_a_usage_error():
    result = CliRunner().invoke(main, ["expalin"])
    assert result.exit_code == 2
    assert "No such command" in result.output


def test_a_missing_module_fails_its_own_command_only(monkeypatch):
    monkeypatch.setitem(COMMANDS, "ghost", "Not there.")
    result = CliRunner().invoke(main, ["ghost"])
    assert (result.exit_code, "not part of this installation" in result.output) == (1, True)
    assert CliRunner().invoke(main, ["catalogue", "--help"]).exit_code == 0


def test_an_error_of_ours_is_its_text_without_a_traceback(monkeypatch):
    @click.command()
    def broken():
        raise ConfigError("wrong", file="anyapi.toml", field="server.listen")

    module = type(sys)("anyapi.cli.broken")
    module.broken = broken
    monkeypatch.setitem(sys.modules, "anyapi.cli.broken", module)
    monkeypatch.setitem(COMMANDS, "broken", "Broken.")
    result = CliRunner().invoke(main, ["broken"])
    assert (result.exit_code, result.output) == (1, "Error: anyapi.toml: server.listen: wrong\n")


def test_a_module_without_its_command_is_a_bug(monkeypatch):
    module = type(sys)("anyapi.cli.hollow")
    module.hollow = 3
    monkeypatch.setitem(sys.modules, "anyapi.cli.hollow", module)
    monkeypatch.setitem(COMMANDS, "hollow", "Hollow.")
    with pytest.raises(TypeError):
        main.get_command(click.Context(main), "hollow")


def test_the_entry_point_is_the_group():
    assert importlib.import_module("anyapi.cli") is cli
    assert isinstance(main, click.Group)
