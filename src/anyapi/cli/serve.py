"""`anyapi serve`: the gateway with the providers that configuration and environment name."""

import datetime as dt
import os
from pathlib import Path

import click

from anyapi import scrubbing
from anyapi.bootstrap import SERVED_PROTOCOLS, run
from anyapi.cli.welcome import start_lines
from anyapi.config import load_config, not_served_yet
from anyapi.domain.snapshot import Snapshot
from anyapi.storage.connection import database_path
from anyapi.storage.schema import prepare


@click.command()
@click.option("--config", "path", type=click.Path(path_type=Path, dir_okay=False), help="Configuration file (default: anyapi.toml here).")
@click.option("--quiet", is_flag=True, help="Print only the address.")
def serve(path: Path | None, quiet: bool) -> None:
    """Run the gateway with real providers."""
    config = load_config(path, os.environ, dt.datetime.now(dt.UTC))
    prepare(database_path(config.data_dir))
    if config.scrub:
        scrubbing.execute_again(os.environ)

    def ready(snapshot: Snapshot, address: str) -> None:
        click.echo(f"AnyAPI is at {address}")
        if not quiet:
            for line in start_lines(snapshot, config.notices, not_served_yet(config, SERVED_PROTOCOLS)):
                click.echo(line)

    run(config, ready)
