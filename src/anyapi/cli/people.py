"""`anyapi people`: the way in to the dashboard, and out of it, for whoever may run commands on this machine."""

import time
from pathlib import Path

import click

from anyapi.cli.stored import configured, has_no_database, left_in_files, tell_of_new_database
from anyapi.config import Config
from anyapi.control.names import plain
from anyapi.control.passwords import hashed
from anyapi.control.tokens import new_token, sha256_of
from anyapi.errors import BadRequest
from anyapi.storage.driver import Driver
from anyapi.storage.drivers import driver_for
from anyapi.storage.people_rows import LinkKind, LinkRow
from anyapi.storage.sql_holdings import SqlHoldings
from anyapi.storage.sql_people import SqlPeople

FIRST_RUN_SECONDS = 86400.0
NOBODY = "Nobody has that e-mail address here: look at the members in the dashboard, or at --data-dir."


@click.group()
def people() -> None:
    """People who use the dashboard."""


_config = click.option(
    "--config", "path", type=click.Path(path_type=Path, dir_okay=False), help="Configuration (default: anyapi.toml here)."
)
_data_dir = click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Where keys, settings and usage are stored.")


@people.command("first-run")
@_config
@_data_dir
def first_run(path: Path | None, data_dir: Path | None) -> None:
    """Print a new one-time link that makes the first person. Earlier ones stop working."""
    config, driver = _store(path, data_dir)
    with SqlPeople(driver) as store:
        if store.people_count():
            raise click.ClickException(
                "Somebody is known already: ask an owner for an invitation. Who forgot a password: anyapi people password EMAIL"
            )
    tls = "https" if config.control.tls is not None else "http"
    click.echo(first_run_link(driver, config.control.public_url or f"{tls}://{config.control.listen}"))


@people.command()
@click.argument("email")
@_config
@_data_dir
def password(email: str, path: Path | None, data_dir: Path | None) -> None:
    """Give the person of EMAIL a new password, asked for here. Every session of theirs ends."""
    _, driver = _store(path, data_dir)
    with SqlPeople(driver) as store:
        person = store.person_by_email(email.strip().lower())
        if person is None:
            raise click.ClickException(NOBODY)
        try:
            made = hashed(click.prompt("New password", hide_input=True, confirmation_prompt=True))
        except BadRequest as error:
            raise click.ClickException(error.message) from None
        store.set_password(person.id, made)
    click.echo("The password is set, and every session of this person has ended.")


@people.command()
@click.argument("email")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_config
@_data_dir
def delete(email: str, path: Path | None, data_dir: Path | None, *, yes: bool) -> None:
    """Delete the person of EMAIL: name, address, password, sessions and invitations.

    They have to be removed from every account first. What they did stays in histories, under an id that leads to nobody then.
    """
    config, driver = _store(path, data_dir)
    with SqlPeople(driver) as store:
        person = store.person_by_email(email.strip().lower())
        if person is None:
            raise click.ClickException(NOBODY)
        if person.operator:
            raise click.ClickException("This person runs the gateway, and a gateway without anybody who does could not be administered.")
        if roles := store.roles(person.id):
            raise click.ClickException(f"A member of {', '.join(sorted(roles))}: an owner removes them there first (Members and projects).")
        if not yes:
            click.confirm(plain(f"Delete {person.name} <{person.email}>?"), abort=True)
        if not store.delete_person(person.id):
            raise click.ClickException("Not deleted: this person was made a member, or deleted, just now.")
    with SqlHoldings(driver) as holdings:
        wiped = holdings.wipe()
    click.echo("Deleted." if wiped else f"Deleted. {left_in_files(config)}")


def _store(path: Path | None, data_dir: Path | None) -> tuple[Config, Driver]:
    """The configuration, and the database that it or `data_dir` names."""
    config = configured(path, data_dir)
    missing = has_no_database(config)
    driver = driver_for(config.data_dir, config.database_url)
    if missing:
        tell_of_new_database(config)
    return config, driver


def first_run_link(driver: Driver, address: str) -> str:
    """A link that works once, for a day. The token stands behind the `#`, so that no server log gets it."""
    token = new_token()
    with SqlPeople(driver) as store:
        store.add_link(LinkRow(sha256_of(token), LinkKind.FIRST_RUN, time.time() + FIRST_RUN_SECONDS))
    return f"{address.rstrip('/')}/join#{token}"
