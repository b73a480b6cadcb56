"""What the command line calls something, the dashboard must take too: there a change of its limits sends its name along."""

import pytest
from click.testing import CliRunner

from anyapi.cli import main
from anyapi.control.names import LONGEST_NAME


@pytest.fixture
def create(bare):
    """Makes a key, or a provisioning key, of a name; gives the result."""
    return lambda command, name: CliRunner().invoke(main, [command, "create", "--name", name, "--data-dir", str(bare)])


@pytest.mark.parametrize("command", ["keys", "provisioning"])
@pytest.mark.parametrize("name", ["x" * (LONGEST_NAME + 1), "two\nlines", "\x1b[31mred"], ids=["long", "lines", "terminal"])
def test_what_is_no_name_is_refused_before_anything_is_made(create, bare, command, name):
    result = create(command, name)
    assert result.exit_code == 2
    assert "'--name': A name " in result.output
    assert "\x1b" not in result.output
    assert list(bare.iterdir()) == []


@pytest.mark.parametrize("command", ["keys", "provisioning"])
def test_the_longest_name_is_taken(create, command):
    assert create(command, "é" * LONGEST_NAME).exit_code == 0
