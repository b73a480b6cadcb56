"""`anyapi serve`: the gateway with the providers that configuration and environment name.

INVARIANT: nothing heavy is imported here: the process may execute itself again first, and would import it twice.
"""

import importlib
import os
from pathlib import Path

import click

from anyapi import relaunch
from anyapi.config_early import wants_scrubbing


@click.command()
@click.option("--config", "path", type=click.Path(path_type=Path, dir_okay=False), help="Configuration file (default: anyapi.toml here).")
@click.option("--quiet", is_flag=True, help="Print only the address.")
def serve(path: Path | None, quiet: bool) -> None:
    """Run the gateway with real providers."""
    if wants_scrubbing(path, os.environ):
        relaunch.execute_again(os.environ)
    importlib.import_module("anyapi.cli.serving").serve_until_stopped(path, quiet=quiet)
