"""The second half of `anyapi serve`, imported once memory is scrubbed: read the configuration, prepare the store, serve."""

import datetime as dt
import os
from collections.abc import Collection
from pathlib import Path

import click
import msgspec

from anyapi import hygiene
from anyapi.bootstrap import run
from anyapi.bootstrap_listening import ending_of
from anyapi.cli.installed import installed_base
from anyapi.cli.people import first_run_link
from anyapi.cli.progress import told_progress
from anyapi.cli.welcome import start_lines
from anyapi.cli.workers import more_workers
from anyapi.config import Config, load_config, not_served_yet
from anyapi.config_values import Metrics
from anyapi.domain.snapshot import Snapshot
from anyapi.errors import ConfigError, StorageError
from anyapi.storage.driver import Driver
from anyapi.storage.drivers import driver_for
from anyapi.upstream.adapters import SERVED_PROTOCOLS

PLAIN = (
    "Warning: this is plain HTTP and other machines can reach it: API keys and prompts cross the network readable. "
    "Set [server.tls], or listen on 127.0.0.1 behind a proxy that does TLS."
)


SWAPPED = (
    "Warning: this machine has swap, and what is in memory may be written to it. Keep the service out of it (MemorySwapMax=0, "
    "see deploy/systemd), or switch swap off."
)
BOTH = ("data", "control")
_LAST_PORT = 65_535


def serve_until_stopped(path: Path | None, *, quiet: bool, planes: Collection[str] = BOTH, workers: int = 1, number: int = 0) -> None:
    """Serve until SIGTERM or SIGINT; `quiet` prints only the address. Raises `ConfigError` or `StorageError` when it cannot start.

    `planes` of this process; `workers` is how many processes serve the data plane, this one among them; `number` is which of them it is.
    """
    config = _chosen(load_config(path, os.environ, dt.datetime.now(dt.UTC), base_of=installed_base), planes, workers, number)
    driver = driver_for(config.data_dir, config.database_url)
    driver.prepare(told_progress)

    def ready(snapshot: Snapshot, address: str) -> None:
        _say(f"AnyAPI is at {address}")
        if config.server.tls is None and not config.server.listen.is_local:
            _say(PLAIN, err=True)
        if not quiet:
            if hygiene.swap() is hygiene.Swap.POSSIBLE:
                _say(SWAPPED, err=True)
            for line in start_lines(snapshot, config.notices, not_served_yet(config, SERVED_PROTOCOLS), _described(config)):
                _say(line)

    def control_ready(address: str, first_run: bool) -> None:
        if quiet:
            return
        _say(f"Dashboard and control API: {address}")
        if first_run:
            _say(f"  Nobody is known yet. {_first_link(driver, address)}")

    if number == 0:  # the others of several have the same
        _warn_of_endings(config)
    with more_workers(workers - 1, path):
        run(config, ready, control_ready)


def _described(config: Config) -> tuple[str, ...]:
    """The providers that the operator's file has a section of."""
    sections = config.operator_records.get("providers")
    return tuple(sections) if isinstance(sections, dict) else ()


def _warn_of_endings(config: Config) -> None:
    for tls in (config.server.tls, config.control.tls):
        warning = None if tls is None else ending_of(tls.certificate, config.loaded_at)
        if warning is not None:
            _say(warning, err=True)


def _say(line: str, *, err: bool = False) -> None:
    """Print a line. Where nobody reads any more, nothing is printed from here on: a gateway does not end for that."""
    try:
        click.echo(line, err=err)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2 if err else 1)  # else what could not be written would fail again at the exit


def _first_link(driver: Driver, address: str) -> str:
    """How the first person comes in. Where the link cannot be stored now, requests are served all the same."""
    try:
        return f"This link makes the first person, once, until tomorrow: {first_run_link(driver, address)}"
    except StorageError as error:
        return f"A link for the first person could not be made: {error.message}. Then run: anyapi people first-run"


def _chosen(config: Config, planes: Collection[str], workers: int, number: int = 0) -> Config:
    """The configuration of a process with these planes. Raises `ConfigError` if several processes were to share an SQLite file."""
    if config.database_url is None and (workers > 1 or "data" not in planes):
        raise ConfigError("several processes need one PostgreSQL: set ANYAPI_DATABASE_URL", field="ANYAPI_DATABASE_URL")
    if workers > 1 and (config.server.listen.socket is not None or not config.server.listen.port):
        raise ConfigError("several workers share one port: listen on host:port, with a port that is not 0", field="server.listen")
    return msgspec.structs.replace(
        config,
        server=msgspec.structs.replace(config.server, enabled="data" in planes),
        control=msgspec.structs.replace(config.control, enabled="control" in planes and config.control.enabled),
        metrics=_metrics_of(config.metrics, workers, number),
    )


def _metrics_of(metrics: Metrics, workers: int, number: int) -> Metrics:
    """Each worker counts for itself and has a page of its own: the first where the configuration says, the others on the next ports."""
    listen = metrics.listen
    if listen is None or not listen.port:
        return metrics
    if listen.port + workers - 1 > _LAST_PORT:
        raise ConfigError("each worker takes a port from this one on, and there are not so many", field="metrics.listen")
    return Metrics(msgspec.structs.replace(listen, port=listen.port + number))
