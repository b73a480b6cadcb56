"""`anyapi serve`: the gateway with the providers that configuration and environment name.

INVARIANT: nothing heavy is imported here: the process may execute itself again first, and would import it twice.
"""

import importlib
import os
from pathlib import Path

import click

from anyapi import relaunch
from anyapi.cli.first_process import end_when_told
from anyapi.config_early import keep_data_dir, wants_scrubbing


@click.command()
@click.option("--config", "path", type=click.Path(path_type=Path, dir_okay=False), help="Configuration file (default: anyapi.toml here).")
@click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Where keys, settings and usage are stored.")
@click.option("--quiet", is_flag=True, help="Print only the address.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, help="Processes that share the port. More than one needs PostgreSQL.")
@click.option("--no-control", is_flag=True, help="Leave the control API and the dashboard to `anyapi control` or another worker.")
@click.option("--of-parent", type=int, hidden=True, help="The process that started this one, and that it ends with.")
@click.option("--number", type=click.IntRange(0, 63), default=0, hidden=True, help="Which of several workers this is.")
def serve(
    path: Path | None, data_dir: Path | None, quiet: bool, workers: int, no_control: bool, of_parent: int | None, number: int
) -> None:
    """Run the gateway with real providers."""
    end_when_told()
    keep_data_dir(data_dir, os.environ)
    if wants_scrubbing(path, os.environ):
        relaunch.execute_again(os.environ)
    if of_parent is not None:
        importlib.import_module("anyapi.cli.workers").end_with_parent(of_parent)
    planes = ("data",) if no_control else ("data", "control")
    importlib.import_module("anyapi.cli.serving").serve_until_stopped(path, quiet=quiet, planes=planes, workers=workers, number=number)
