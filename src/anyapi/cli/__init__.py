"""The command line. Each module of this package is one command, imported only when it is called.

INVARIANT: importing this module imports click and nothing heavier, so that `anyapi serve` pays for what it runs alone, and a module
that is missing or broken fails its own command and no other.
"""

import errno
import importlib
import os

import click

from anyapi import hygiene
from anyapi.errors import AnyAPIError

COMMANDS = {
    "serve": "Run the gateway with real providers.",
    "control": "Run the control API and the dashboard alone, beside workers on one PostgreSQL.",
    "demo": "Run simulated providers and a gateway, and print what to try.",
    "explain": "Say which endpoints a data policy leaves for a model, and why not the others.",
    "catalogue": "Check, show, compare and update catalogues of providers and models.",
    "keys": "Create, list, limit, rotate and revoke API keys.",
    "provisioning": "Create, list and revoke keys that manage API keys.",
    "accounts": "List accounts, take along all that is held of one, delete one.",
    "credentials": "Add, list, revoke and re-encrypt providers' keys that accounts bring.",
    "settings": "Show and set the data policy of a layer.",
    "usage": "Show what was used.",
    "logs": "Sealed prompt logs: opt in, list, read with your identity, delete.",
    "exposure": "Show which provider holds what, until when.",
    "prove": "Search a gateway for what it must not keep, and print a signed report.",
    "people": "Let the first person into the dashboard.",
    "audit": "Check, export and sign the log of what was decided, done and changed.",
    "verify": "Verify a receipt, offline.",
    "evidence": "List and clear what providers stated against their promise.",
}
"""Name of each command and of its module; the module holds a click command of the same name."""
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What is said of a disk that takes no more of what a command prints, or writes to a file."""


class LazyGroup(click.Group):
    """Knows its commands by name and imports one when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """The names, in the order of help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the command's module; None for a name that is no command."""
        if cmd_name not in COMMANDS:
            return None
        module = f"{__name__}.{cmd_name}"
        try:
            command = getattr(importlib.import_module(module), cmd_name)
        except ModuleNotFoundError as error:
            if error.name != module:
                raise
            raise click.ClickException(f"`anyapi {cmd_name}` is not part of this installation") from error
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}.{cmd_name} must be a click command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands from the table, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; an error of ours is shown as its text, without a traceback, and exits with 1."""
        try:
            return super().invoke(ctx)
        except AnyAPIError as error:
            raise click.ClickException(error.message) from error
        except PermissionError as error:
            if error.filename is None:
                raise
            advice = "run this as the user whom it belongs to (`sudo --user=NAME`), or check its permissions"
            raise click.ClickException(f"{os.fsdecode(error.filename)}: {error.strerror}: {advice}") from error
        except OSError as error:
            told = _told(error)
            if told is None:
                raise
            raise click.ClickException(told) from error


def _told(error: OSError) -> str | None:
    """What stands in the way of a file, or of standard output; None of what is neither."""
    if isinstance(error.filename, str | bytes):
        return f"{os.fsdecode(error.filename)}: {error.strerror}"
    if error.errno in FULL:
        return f"not all was written ({error.strerror}): make room. What was changed before stays changed"
    return None


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="anyapi", prog_name="anyapi", message="%(prog)s %(version)s")
def main() -> None:
    """A gateway to AI model providers that sends a request only where its data policy allows."""


def run() -> None:
    """The program `anyapi`: a process that leaves no core dump and that nobody attaches to, whatever the command reads."""
    hygiene.forbid_dumps()
    main()
