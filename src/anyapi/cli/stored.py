"""What commands that read or change the store share: where it is, opening it, and having a running server take a change."""

import datetime as dt
import functools
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import click
import msgspec

from anyapi.cli.installed import installed_base
from anyapi.cli.progress import told_progress
from anyapi.config import Config, load_config
from anyapi.config_sections import known_names
from anyapi.control.channel import SOCKET_NAME, NotConfirmed, ask_reload
from anyapi.crypto.secret import Secret
from anyapi.domain.catalogue import Catalogue
from anyapi.errors import StorageError
from anyapi.policy.nearest import nearest
from anyapi.policy.parse import Known
from anyapi.storage.connection import DATABASE_NAME
from anyapi.storage.driver import Driver
from anyapi.storage.drivers import driver_for, in_force_everywhere
from anyapi.storage.sql_store import SqlStore

P = ParamSpec("P")
T = TypeVar("T")
UNUSABLE = {
    "no_root_key": "it has other root keys: give it the one that this command used",
    "damaged": "the sealed secret does not open",
    "not_served": "the provider's protocol is not served yet",
    "secret_unusable": "the secret is not of the form that the provider takes, or asks for tokens at an address that is not allowed",
    "address_unusable": "the provider's address lacks a variable, or its network is not allowed there",
    "provider_unknown": "the provider is not in its catalogue",
}
"""Why a server cannot use a stored credential, in words."""
_LEFT_IN_SQLITE = (
    "What was deleted may still lie in the files of the database, which are in use, or too large to be rewritten while a gateway serves. "
    "To be rid of it, stop the gateway and run: sqlite3 anyapi.db VACUUM. Backups keep what they hold."
)
_LEFT_IN_POSTGRES = (
    "PostgreSQL overwrites nothing: what was deleted stays in its files until VACUUM and new rows take the room, and in its WAL, archives, "
    "replicas and dumps for as long as you keep those. VACUUM FULL writes tables anew without it, but frees their old blocks unwiped."
)
NOT_CONFIRMED = 3
"""Exit code: the store was changed, but a running server did not say that the change is in force."""


class Place(msgspec.Struct, frozen=True):
    """The store that a command works on, and how it was asked to answer."""

    config: Config
    driver: Driver
    """For stores of other things than `store` has."""
    store: SqlStore
    as_json: bool
    now: float
    """Unix seconds."""

    @property
    def known(self) -> Known:
        """Names that settings may use."""
        return known_names(self.config.catalogue)


class Confirmation(msgspec.Struct, frozen=True):
    """What a running server said to a change. Neither field: none runs; the change is read at the next start."""

    snapshot: int | None = None
    problem: str | None = None


def with_store(command: Callable[Concatenate[Place, P], T]) -> Callable[..., T]:
    """Give a command the options --config, --data-dir and --json, and an open store as its first argument."""
    return _with_store(command, make=True)


def with_store_that_is_there(command: Callable[Concatenate[Place, P], T]) -> Callable[..., T]:
    """The same for a command that says something of what is there: in a mistyped directory it makes no database, and says so."""
    return _with_store(command, make=False)


def _with_store(command: Callable[Concatenate[Place, P], T], *, make: bool) -> Callable[..., T]:
    @click.option(
        "--config", "config_file", type=click.Path(path_type=Path, dir_okay=False), help="Configuration (default: anyapi.toml here)."
    )
    @click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Where keys, settings and usage are stored.")
    @click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
    @functools.wraps(command)
    def run(config_file: Path | None, data_dir: Path | None, as_json: bool, *args: P.args, **kwargs: P.kwargs) -> T:
        config = configured(config_file, data_dir)
        missing = has_no_database(config)
        if missing and not make:
            raise click.ClickException(f"There is no database in {config.data_dir}, and none was made. --data-dir names the gateway's.")
        driver = driver_for(config.data_dir, config.database_url)
        driver.prepare(told_progress)
        if missing:
            tell_of_new_database(config)
        with SqlStore(driver, time.time) as store:
            return command(Place(config, driver, store, as_json, time.time()), *args, **kwargs)

    return run


def configured(path: Path | None, data_dir: Path | None) -> Config:
    """What a command goes by: the configuration without its secrets, whose database is the one in `data_dir` where that is given."""

    def base_of(place: Path, url: Secret | None, packaged: Catalogue) -> Catalogue:
        return installed_base(data_dir or place, url, packaged)

    config = load_config(path, os.environ, dt.datetime.now(dt.UTC), secrets=False, base_of=base_of)
    return config if data_dir is None else msgspec.structs.replace(config, data_dir=data_dir)


def has_no_database(config: Config) -> bool:
    """Whether there is none yet where this configuration has its SQLite file."""
    return config.database_url is None and not (config.data_dir / DATABASE_NAME).exists()


def tell_of_new_database(config: Config) -> None:
    """Say that one was made, on standard error: the directory may be mistyped."""
    click.echo(f"There was no database in {config.data_dir}; a new one was made. If a gateway has another: --data-dir names it.", err=True)


def confirm(place: Place, changed: str, used: Iterable[str] = ()) -> Confirmation:
    """Have a running server put a committed change into force, and wait for it. `changed`: `keys`, `settings`, `credentials` or `evidence`.

    `used`: ids of stored credentials that are to be in use then; it is a problem if the server cannot use one of them.
    """
    if place.config.database_url is not None:
        return _confirm_everywhere(place.config.database_url)
    try:
        in_force = ask_reload(place.config.data_dir / SOCKET_NAME, changed)
    except NotConfirmed as error:
        return Confirmation(problem=error.message)
    if in_force is None:
        return Confirmation()
    codes = sorted({in_force.unusable[name] for name in used if name in in_force.unusable})
    problem = f"the running server cannot use it ({'; '.join(UNUSABLE.get(code, code) for code in codes)})" if codes else None
    return Confirmation(in_force.version, problem)


def _confirm_everywhere(url: Secret) -> Confirmation:
    """On PostgreSQL the change itself is the signal; what is left is to wait until every worker goes by it, or has stopped."""
    try:
        version, workers = in_force_everywhere(url)
    except StorageError as error:
        return Confirmation(problem=error.message)
    return Confirmation(version if workers else None)


def finish(confirmation: Confirmation) -> None:
    """End a command that changed the store, after its output: exit with 3 if the change may not be in force."""
    if confirmation.problem is not None:
        click.echo(
            f"Changed in the store, but {confirmation.problem}. Restart the server, or repeat the command, to be sure that it is in force.",
            err=True,
        )
        click.get_current_context().exit(NOT_CONFIRMED)


def in_force_text(confirmation: Confirmation) -> str:
    """Say when the change holds."""
    if confirmation.problem is not None:
        return "not confirmed"
    if confirmation.snapshot is None:
        return "no server is running: in force from the next start"
    return f"in force (snapshot {confirmation.snapshot})"


def left_in_files(config: Config) -> str:
    """Say where what was deleted may still lie after a deletion that did not wipe it, and what to do."""
    return _LEFT_IN_SQLITE if config.database_url is None else _LEFT_IN_POSTGRES


def refuse_unknown(what: str, name: str, known: Iterable[str], hint: str = "") -> None:
    """Raise `click.ClickException` with near names if `name` is not one of `known`."""
    names = list(known)
    if name not in names:
        near = nearest(name, names)
        close = f" Close to it: {', '.join(near)}." if near else ""
        raise click.ClickException(f"There is no {what} of that id.{close}{hint}")
