"""`anyapi keys`: create, list, limit, rotate and revoke API keys. A secret is printed once, here, and is kept nowhere."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import click
import msgspec

from anyapi.cli.limiting import Limiting, limits_text, spent_by, spent_text, with_limits
from anyapi.cli.naming import with_name
from anyapi.cli.output import print_json, print_table
from anyapi.cli.rules import apply, summary
from anyapi.cli.spans import ahead, date_text
from anyapi.cli.stored import Place, confirm, finish, in_force_text, refuse_unknown, with_store
from anyapi.control.names import ID_FORM, is_id
from anyapi.control.rotation import LONGEST_OVERLAP
from anyapi.control.rotation import rotate as replace
from anyapi.crypto.api_keys import generate
from anyapi.domain.ids import AccountId, KeyId, ProjectId
from anyapi.domain.requirement import Layer, Settings
from anyapi.policy.as_fields import data_policy
from anyapi.storage.rows import DEFAULT_ACCOUNT, RESERVED_ACCOUNTS, AccountRow, KeyRow, ProjectRow


class _Owner(NamedTuple):
    """Whose a key is to be."""

    account: str
    project: str | None
    make: bool
    """Where they do not exist."""


@click.group()
def keys() -> None:
    """Create, list, limit, rotate and revoke API keys."""


def _with_rules(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of a data policy, as one tuple `rules` of `field=value`."""

    @click.option("--data-class", metavar="CLASS", help="public, internal, confidential or regulated.")
    @click.option("--retention-days", metavar="DAYS", help="Longest retention; 0 is zero retention.")
    @click.option("--no-training", is_flag=True, help="No provider that trains.")
    @click.option("--paid-only", is_flag=True, help="No free endpoint.")
    @click.option("--set", "more", multiple=True, metavar="FIELD=VALUE", help="Any field of data_policy; may be repeated.")
    @functools.wraps(command)
    def run(
        data_class: str | None, retention_days: str | None, no_training: bool, paid_only: bool, more: tuple[str, ...], **rest: object
    ) -> None:
        rules = [*more]
        if data_class is not None:
            rules.append(f"data_class={data_class}")
        if retention_days is not None:
            rules.append(f"retention_days={retention_days}")
        if no_training:
            rules.append("training_allowed=false")
        if paid_only:
            rules.append("paid_only=true")
        command(rules=tuple(rules), **rest)

    return run


def _with_owner(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say whose a key is, as one `owner`."""

    @click.option("--account", default=DEFAULT_ACCOUNT, show_default=True, help="Account that the key belongs to.")
    @click.option("--project", help="Project of that account.")
    @click.option("--create", "make", is_flag=True, help="Make the account and the project where they do not exist.")
    @functools.wraps(command)
    def run(account: str, project: str | None, make: bool, **rest: object) -> None:
        command(owner=_Owner(account, project, make), **rest)

    return run


@keys.command()
@_with_owner
@with_name
@click.option("--expires", metavar="SPAN|DATE", help="When the key stops working: 90d, 12h, 2027-01-31 (UTC). Without it: never.")
@with_limits
@_with_rules
@with_store
def create(place: Place, owner: _Owner, name: str, expires: str | None, limits: Limiting, rules: tuple[str, ...]) -> None:
    """Create an API key, with limits and a data policy of its own if they are given, and show it once."""
    # Everything that can be wrong is checked before anything is stored.
    settings = apply(Settings(), rules, place.known)
    expires_at = None if expires is None else ahead(expires, place.now)
    parts = generate()
    row = limits.of(KeyRow(parts.id, parts.prefix, parts.sha256, DEFAULT_ACCOUNT, place.now, None, name, expires_at))
    account = _account(place, owner.account, make=owner.make)
    project = None if owner.project is None else _project(place, account, owner.project, make=owner.make)
    row = msgspec.structs.replace(row, account=account, project=project)
    place.store.add_key(row, settings)
    confirmation = confirm(place, "keys")
    if place.as_json:
        print_json({**_shown(row, settings, place.now), "api_key": parts.secret, "confirmation": confirmation})
    else:
        _print_created(parts.secret, row, settings)
        click.echo(in_force_text(confirmation), err=True)
    finish(confirmation)


@keys.command("list")
@click.option("--account", help="Only the keys of this account.")
@with_store
def list_(place: Place, account: str | None) -> None:
    """List API keys: never the keys themselves, only their first characters."""
    if account is not None:
        refuse_unknown("account", account, (known.id for known in place.store.accounts()))
    stored = place.store.all_settings()
    rows = place.store.keys(None if account is None else AccountId(account))
    spent = spent_by(place, {row.account for row in rows})
    shown = [{**_shown(row, stored.get((Layer.KEY, row.id), Settings()), place.now), "spent": spent.get(row.id)} for row in rows]
    if place.as_json:
        print_json({"keys": shown})
        return
    columns = ("id", "key", "account", "project", "name", "created (UTC)", "expires", "state", "spent", "limits", "asks for itself")
    table = [
        (
            row.id,
            f"{row.prefix}...",
            row.account,
            row.project or "-",
            row.name or "-",
            date_text(row.created_at),
            date_text(row.expires_at),
            _state(row, place.now),
            spent_text(row, spent.get(row.id)),
            limits_text(row),
            summary(stored.get((Layer.KEY, row.id), Settings())),
        )
        for row in rows
    ]
    print_table(columns, table)


@keys.command()
@click.argument("key_id", metavar="ID")
@with_limits
@with_store
def limit(place: Place, key_id: str, limits: Limiting) -> None:
    """Set the limits of an API key, and of those it shares them with after a rotation. What is not named stays; `none` takes one away."""
    _changed(place, key_id, limits.of)


@keys.command()
@click.argument("key_id", metavar="ID")
@with_store
def disable(place: Place, key_id: str) -> None:
    """Refuse an API key until `anyapi keys enable` takes that back."""
    _changed(place, key_id, lambda row: msgspec.structs.replace(row, disabled_at=row.disabled_at or place.now))


@keys.command()
@click.argument("key_id", metavar="ID")
@with_store
def enable(place: Place, key_id: str) -> None:
    """Take an API key again that was disabled."""
    _changed(place, key_id, lambda row: msgspec.structs.replace(row, disabled_at=None))


@keys.command()
@click.argument("key_id", metavar="ID")
@click.option(
    "--overlap", default="1d", show_default=True, metavar="SPAN|DATE", help="How long the old key goes on working; 0: not at all."
)
@with_store
def rotate(place: Place, key_id: str, overlap: str) -> None:
    """Make a key in the place of this one, with the same settings and limits, and show it once. The old one ends after the overlap."""
    seconds = 0.0 if overlap == "0" else ahead(overlap, place.now) - place.now
    if seconds > LONGEST_OVERLAP:
        raise click.BadParameter(f"may be {LONGEST_OVERLAP / 86400:g} days", param_hint="--overlap")
    old = _one(place, key_id)
    row, secret = replace(place.store, old, place.now, seconds)
    settings, ends_at = place.store.settings(Layer.KEY, row.id), _one(place, key_id).expires_at
    confirmation = confirm(place, "keys")
    if place.as_json:
        print_json({**_shown(row, settings, place.now), "api_key": secret, "replaces": old.id, "confirmation": confirmation})
    else:
        _print_created(secret, row, settings)
        click.echo(f"{old.id} works until {date_text(ends_at)} UTC; {in_force_text(confirmation)}", err=True)
    finish(confirmation)


@keys.command()
@click.argument("key_id", metavar="ID")
@with_store
def revoke(place: Place, key_id: str) -> None:
    """Revoke the API key of this id (key_...): from now on it is refused. It stays in lists."""
    row = place.store.revoke_key(KeyId(key_id), place.now) or _one(place, key_id)
    # Asked also for a key that was revoked before: perhaps the server did not hear of it then.
    confirmation = confirm(place, "keys")
    if place.as_json:
        print_json({"id": row.id, "revoked_at": row.revoked_at, "confirmation": confirmation})
    else:
        click.echo(f"{row.id} is revoked since {date_text(row.revoked_at)} UTC; {in_force_text(confirmation)}")
    finish(confirmation)


def _one(place: Place, key_id: str) -> KeyRow:
    """The key of an id. Raises `click.ClickException` with near ones."""
    known = {row.id: row for row in place.store.keys(None)}
    refuse_unknown("key", key_id, known, " `anyapi keys list` shows the ids.")
    return known[KeyId(key_id)]


def _changed(place: Place, key_id: str, change: Callable[[KeyRow], KeyRow]) -> None:
    """Change a key, say how it is then, and have a running server go by it."""
    row = place.store.change_key(KeyId(key_id), change) or _one(place, key_id)
    confirmation = confirm(place, "keys")
    if place.as_json:
        print_json({**_shown(row, place.store.settings(Layer.KEY, row.id), place.now), "confirmation": confirmation})
    else:
        click.echo(f"{row.id} is {_state(row, place.now)}, its limits: {limits_text(row)}; {in_force_text(confirmation)}")
    finish(confirmation)


def _account(place: Place, account: str, *, make: bool) -> AccountId:
    known = {row.id for row in place.store.accounts()}
    if account not in known:
        if not make:
            refuse_unknown("account", account, known, " Add --create to make it.")
        if account in RESERVED_ACCOUNTS:
            raise click.BadParameter("has a meaning of its own in usage rows: choose another", param_hint="--account")
        place.store.add_account(AccountRow(AccountId(_new_id(account, "--account")), account, place.now))
    return AccountId(account)


def _project(place: Place, account: AccountId, project: str, *, make: bool) -> ProjectId:
    owners = {row.id: row.account for row in place.store.projects()}
    owner = owners.get(ProjectId(project))
    if owner is None:
        if not make:
            refuse_unknown("project", project, (name for name, of in owners.items() if of == account), " Add --create to make it.")
        place.store.add_project(ProjectRow(ProjectId(_new_id(project, "--project")), account, project, place.now))
    elif owner != account:
        raise click.ClickException("That project belongs to another account: project ids are unique over all accounts.")
    return ProjectId(project)


def _new_id(name: str, option: str) -> str:
    if not is_id(name):
        raise click.BadParameter(f"must have {ID_FORM}", param_hint=option)
    return name


def _state(row: KeyRow, now: float) -> str:
    return row.state(now) if row.revoked_at is None else f"revoked {date_text(row.revoked_at)}"


def _shown(row: KeyRow, settings: Settings, now: float) -> dict[str, object]:
    """Give what may be shown of a key: not its hash, which is what the gateway recognises it by."""
    return {
        "id": row.id,
        "prefix": row.prefix,
        "account": row.account,
        "project": row.project,
        "name": row.name,
        "created_at": row.created_at,
        "expires_at": row.expires_at,
        "revoked_at": row.revoked_at,
        "state": row.state(now),
        "spend_cap": row.spend_cap,
        "period": row.period,
        "requests_per_minute": row.requests_per_minute,
        "lineage": row.lineage,
        "data_policy": data_policy(settings),
    }


def _print_created(secret: str, row: KeyRow, settings: Settings) -> None:
    """Print the key alone on standard output, so that a script can take it; all else goes beside."""
    click.echo(secret)
    click.echo(
        f"This is shown once: keep it now. Its id is {row.id}, account {row.account}, expires {date_text(row.expires_at)}.", err=True
    )
    click.echo(f"It asks for itself: {summary(settings)}; its limits: {limits_text(row)}", err=True)
