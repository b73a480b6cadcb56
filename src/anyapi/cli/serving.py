"""The second half of `anyapi serve`, imported once memory is scrubbed: read the configuration, prepare the store, serve."""

import datetime as dt
import os
from pathlib import Path

import click

from anyapi.bootstrap import run
from anyapi.cli.installed import installed_base
from anyapi.cli.people import first_run_link
from anyapi.cli.welcome import start_lines
from anyapi.config import load_config, not_served_yet
from anyapi.domain.snapshot import Snapshot
from anyapi.storage.connection import database_path
from anyapi.storage.schema import prepare
from anyapi.upstream.adapters import SERVED_PROTOCOLS

PLAIN = (
    "Warning: this is plain HTTP and other machines can reach it: API keys and prompts cross the network readable. "
    "Set [server.tls], or listen on 127.0.0.1 behind a proxy that does TLS."
)


def serve_until_stopped(path: Path | None, *, quiet: bool) -> None:
    """Serve until SIGTERM or SIGINT; `quiet` prints only the address. Raises `ConfigError` or `StorageError` when it cannot start."""
    config = load_config(path, os.environ, dt.datetime.now(dt.UTC), base_of=installed_base)
    prepare(database_path(config.data_dir))

    def ready(snapshot: Snapshot, address: str) -> None:
        click.echo(f"AnyAPI is at {address}")
        if config.server.tls is None and not config.server.listen.is_local:
            click.echo(PLAIN, err=True)
        if not quiet:
            for line in start_lines(snapshot, config.notices, not_served_yet(config, SERVED_PROTOCOLS)):
                click.echo(line)

    def control_ready(address: str, first_run: bool) -> None:
        if quiet:
            return
        click.echo(f"Dashboard and control API: {address}")
        if first_run:
            click.echo(
                f"  Nobody is known yet. This link makes the first person, once, until tomorrow: {first_run_link(config.data_dir, address)}"
            )

    run(config, ready, control_ready)
