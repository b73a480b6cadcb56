"""`anyapi control`: the control API and the dashboard alone, beside workers on one PostgreSQL. Imports nothing heavy, as `serve`."""

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
@click.option("--quiet", is_flag=True, help="Print nothing.")
def control(path: Path | None, data_dir: Path | None, quiet: bool) -> None:
    """Run the control API and the dashboard without a data plane."""
    end_when_told()
    keep_data_dir(data_dir, os.environ)
    if wants_scrubbing(path, os.environ):
        relaunch.execute_again(os.environ)
    importlib.import_module("anyapi.cli.serving").serve_until_stopped(path, quiet=quiet, planes=("control",))
