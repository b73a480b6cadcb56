"""The command line as a whole: commands are known by name, imported when called, and errors of ours are sentences."""

import errno
import importlib
import os
import subprocess
import sys
import types

import click
import pytest
from click.testing import CliRunner

from anyapi import __version__, cli
from anyapi.catalogue.load import PACKAGED
from anyapi.cli import COMMANDS, main
from anyapi.errors import ConfigError


def invoke(*arguments):
    return CliRunner().invoke(main, list(arguments))


def test_help_lists_every_command_without_importing_one():
    code = "import sys\nfrom click.testing import CliRunner\nfrom anyapi.cli import main\nresult = CliRunner().invoke(main, ['--help'])\nprint(result.output)\nprint(sorted(name for name in sys.modules if name.startswith('anyapi')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip().endswith("['anyapi', 'anyapi.cli', 'anyapi.errors', 'anyapi.hygiene']")
    for name, text in COMMANDS.items():
        assert f"  {name} " in done.stdout
        assert text.split()[0] in done.stdout


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_both_ways_to_ask_for_help(flag):
    assert invoke(flag).output == invoke("--help").output


def test_the_version():
    assert invoke("--version").output == f"anyapi {__version__}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_exists_and_is_the_one_of_its_name(name):
    command = main.get_command(click.Context(main), name)
    assert isinstance(command, click.Command)
    assert command.name == name
    assert command.help
    assert invoke(name, "--help").exit_code == 0


def test_what_is_no_command():
    result = invoke("nonsense")
    assert result.exit_code == 2
    assert "No such command" in result.output


def command_that(action):
    @click.command("keys")
    def keys():
        action()

    return types.SimpleNamespace(keys=keys)


def replace(monkeypatch, found):
    """Have the module of `keys` be `found`, or raise it."""

    def load(name):
        assert name == "anyapi.cli.keys"
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(importlib, "import_module", load)


def test_an_error_of_ours_is_a_sentence(monkeypatch):
    def fail():
        raise ConfigError("the port is taken", file="anyapi.toml", field="server.listen")

    replace(monkeypatch, command_that(fail))
    result = invoke("keys")
    assert (result.exit_code, result.output) == (1, "Error: anyapi.toml: server.listen: the port is taken\n")


def test_an_error_of_others_is_not_hidden(monkeypatch):
    def fail():
        raise ZeroDivisionError

    replace(monkeypatch, command_that(fail))
    assert isinstance(invoke("keys").exception, ZeroDivisionError)


def test_a_file_of_another_user_is_a_sentence_that_says_whom_to_be(monkeypatch):
    """Whoever forgets `sudo --user` meets this first."""

    def fail():
        raise PermissionError(errno.EACCES, "Permission denied", "/var/lib/anyapi/anyapi.db")

    replace(monkeypatch, command_that(fail))
    result = invoke("keys")
    assert result.exit_code == 1
    assert result.output.startswith("Error: /var/lib/anyapi/anyapi.db: Permission denied: run this as the user whom it belongs to")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["catalogue", "compile", str(PACKAGED), "nowhere/out.json"], "nowhere/out.json: No such file or directory"),
        (["catalogue", "check", "pipe"], "pipe: it is no regular file but a pipe"),
        (["demo", "--port", "70000"], "70000 is not in the range 0<=x<=65535"),
    ],
    ids=["a directory that is not there", "a pipe that nobody writes to", "no port"],
)
def test_what_is_mistyped_is_a_sentence(tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    result = invoke(*arguments)
    assert result.exit_code in {1, 2}
    assert said in result.output
    assert isinstance(result.exception, SystemExit)


def test_a_full_disk_is_a_sentence(tmp_path):
    """As `anyapi keys create > FILE` meets it: the key is made by then."""
    command = [sys.executable, "-m", "anyapi", "keys", "create", "--data-dir", str(tmp_path)]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=60, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("Error: not all was written (No space left on device): make room.")
    assert "Traceback" not in done.stderr


def test_a_command_that_is_not_installed_says_so(monkeypatch):
    replace(monkeypatch, ModuleNotFoundError("no", name="anyapi.cli.keys"))
    result = invoke("keys")
    assert (result.exit_code, "not part of this installation" in result.output) == (1, True)


def test_a_module_that_a_command_misses_is_not_taken_for_the_command(monkeypatch):
    replace(monkeypatch, ModuleNotFoundError("no", name="somethingelse"))
    assert isinstance(invoke("keys").exception, ModuleNotFoundError)


def test_a_module_without_its_command_is_a_bug(monkeypatch):
    replace(monkeypatch, types.SimpleNamespace(keys=lambda: None))
    assert isinstance(invoke("keys").exception, TypeError)


def test_the_commands_are_in_the_order_of_the_table():
    assert cli.main.list_commands(click.Context(main)) == list(COMMANDS)
