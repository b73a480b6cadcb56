"""`anyapi credentials`: providers' keys that accounts bring. The secret is read from standard input or a prompt, sealed, and shown nowhere.

Never takes a secret as an argument: those are seen by everybody on the machine, and stay in the shell's history.
"""

import os
import sys
from pathlib import Path

import click
import msgspec

from anyapi.cli.declaring import agreements_of, check_provider, with_declaration
from anyapi.cli.naming import with_name
from anyapi.cli.output import print_json, print_table
from anyapi.cli.spans import date_text
from anyapi.cli.stored import Place, confirm, finish, in_force_text, refuse_unknown, with_store
from anyapi.config import Config
from anyapi.config_root_keys import root_keys_of
from anyapi.crypto.sealed import CannotOpen
from anyapi.crypto.secret import Secret
from anyapi.domain.catalogue import Provider
from anyapi.domain.ids import AccountId, CredentialId
from anyapi.domain.snapshot import Tier
from anyapi.errors import BadRequest
from anyapi.own_credentials import new_id, sealed_anew, sealed_with, secret_of
from anyapi.storage.rows import DEFAULT_ACCOUNT, CredentialRow, Declared

_LONGEST_SECRET = 16_384
_EXISTING = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group()
def credentials() -> None:
    """Add, list, revoke and re-encrypt providers' keys that accounts bring."""


@credentials.command()
@click.option("--account", default=DEFAULT_ACCOUNT, show_default=True, help="Account that the key belongs to; it serves no other.")
@click.option("--provider", required=True, help="Provider that the key is for (`anyapi catalogue show` lists them).")
@click.option(
    "--tier", type=click.Choice([tier.value for tier in Tier]), default=Tier.UNDECLARED.value, show_default=True, help="What it pays for."
)
@with_name
@click.option("--agreement", type=_EXISTING, metavar="FILE", help="TOML file with the [[agreements]] that were signed for this very key.")
@with_declaration
@with_store
def add(place: Place, account: str, provider: str, tier: str, name: str, agreement: Path | None, declared: Declared) -> None:
    """Add a provider's key of an account. The key is read from standard input, or asked for.

    The account's requests use it before the operator's key of that provider; nobody else's requests ever do.
    """
    # Everything that can be wrong is checked before the secret is asked for.
    refuse_unknown(
        "account", account, (row.id for row in place.store.accounts()), " `anyapi keys create --account NAME --create` makes one."
    )
    found = check_provider(place.config, provider, declared)
    declared = msgspec.structs.replace(declared, agreements=agreements_of(agreement, found.id, place.config))
    keys = root_keys_of(place.config, os.environ)
    draft = CredentialRow(
        id=new_id(),
        account=AccountId(account),
        provider=found.id,
        tier=Tier(tier),
        name=name,
        declared=declared,
        key_id="",
        wrapped=b"",
        ciphertext=b"",
        version=0,
        created_at=place.now,
    )
    row = sealed_with(draft, _read_secret(found, declared, place.config), keys)
    place.store.add_credential(row)
    _tell(place, row, f"{row.id} is kept for account {row.account} at {found.name}, tier {row.tier.value}")


@credentials.command("list")
@click.option("--account", help="Only the credentials of this account.")
@with_store
def list_(place: Place, account: str | None) -> None:
    """List the credentials that accounts brought: never a secret, nor a part of one."""
    if account is not None:
        refuse_unknown("account", account, (known.id for known in place.store.accounts()))
    rows = place.store.credentials(None if account is None else AccountId(account))
    if place.as_json:
        print_json({"credentials": [_shown(row) for row in rows]})
        return
    columns = ("id", "account", "provider", "tier", "name", "created (UTC)", "state", "root key", "agreements")
    print_table(columns, map(_line, rows))


@credentials.command()
@click.argument("credential_id", metavar="ID")
@with_store
def revoke(place: Place, credential_id: str) -> None:
    """Revoke the credential of this id (own:...): it is used no more, and its sealed secret is deleted. It stays in lists."""
    row = place.store.revoke_credential(CredentialId(credential_id), place.now)
    if row is None:
        _refuse_missing(place, credential_id)
        return
    # Asked also for one that was revoked before: perhaps the server did not hear of it then.
    confirmation = confirm(place, "credentials")
    if place.as_json:
        print_json({**_shown(row), "confirmation": confirmation})
    else:
        click.echo(f"{row.id} is revoked since {date_text(row.disabled_at)} UTC; {in_force_text(confirmation)}")
    finish(confirmation)


@credentials.command()
@click.argument("credential_id", metavar="ID")
@click.argument("file", required=False, type=_EXISTING)
@with_store
def agree(place: Place, credential_id: str, file: Path | None) -> None:
    """Replace what was signed for a credential by the [[agreements]] of FILE; without FILE nothing is in force any more."""
    before = place.store.credential(CredentialId(credential_id))
    if before is None:
        _refuse_missing(place, credential_id)
        return
    agreements = agreements_of(file, before.provider, place.config)
    row = place.store.change_credential(
        before.id, lambda now: msgspec.structs.replace(now, declared=msgspec.structs.replace(now.declared, agreements=agreements))
    )
    if row is not None:
        _tell(place, row, f"{row.id} stands on: {', '.join(one.id for one in agreements) or 'no agreement'}")


@credentials.command()
@with_store
def rotate(place: Place) -> None:
    """Seal every credential anew under the first root key. Run it after putting a new root key before the old one, and restarting."""
    keys = root_keys_of(place.config, os.environ)
    active = [row for row in place.store.credentials() if row.disabled_at is None]
    waiting = [row for row in active if row.key_id != keys.ids[0]]
    sealed, failed = [], []
    for row in waiting:
        try:
            place.store.change_credential(row.id, lambda now: sealed_anew(now, keys))
            sealed.append(row.id)
        except CannotOpen as error:
            failed.append(error)
    confirmation = confirm(place, "credentials", sealed)
    if place.as_json:
        counts = {"sealed": sealed, "already": len(active) - len(waiting), "failed": [problem.message for problem in failed]}
        print_json({"root_key": keys.ids[0], **counts, "confirmation": confirmation})
    else:
        click.echo(f"{len(sealed)} sealed anew under root key {keys.ids[0]}, {len(active) - len(waiting)} already were")
        click.echo(in_force_text(confirmation))
    for problem in failed:
        click.echo(problem.message, err=True)
    finish(confirmation)
    if failed:
        click.get_current_context().exit(1)


def _read_secret(provider: Provider, declared: Declared, config: Config) -> Secret:
    """The key, from a pipe or typed unseen; refused if it cannot be one. Raises `click.ClickException`."""
    piped = not sys.stdin.isatty()
    text = sys.stdin.read(_LONGEST_SECRET) if piped else str(click.prompt(f"Key of {provider.name}", hide_input=True, err=True))
    try:
        return secret_of(text.rstrip("\r\n"), provider, declared, config)
    except BadRequest as error:
        raise click.ClickException(f"{error.message} Give it on standard input: anyapi credentials add ... < key-file") from None


def _tell(place: Place, row: CredentialRow, words: str) -> None:
    """Have the change put into force and say what was done."""
    confirmation = confirm(place, "credentials", [row.id])
    if place.as_json:
        print_json({**_shown(row), "confirmation": confirmation})
    else:
        click.echo(f"{words}; {in_force_text(confirmation)}")
    finish(confirmation)


def _refuse_missing(place: Place, credential_id: str) -> None:
    known = (row.id for row in place.store.credentials())
    refuse_unknown("credential", credential_id, known, " `anyapi credentials list` shows the ids.")


def _line(row: CredentialRow) -> tuple[str, ...]:
    return (
        row.id,
        row.account,
        row.provider,
        row.tier.value,
        row.name or "-",
        date_text(row.created_at),
        "active" if row.disabled_at is None else f"revoked {date_text(row.disabled_at)}",
        row.key_id,
        ", ".join(one.id for one in row.declared.agreements) or "-",
    )


def _shown(row: CredentialRow) -> dict[str, object]:
    """What may be shown of a credential: neither the secret nor its seal."""
    return {
        "id": row.id,
        "account": row.account,
        "provider": row.provider,
        "tier": row.tier,
        "name": row.name,
        "declared": row.declared,
        "root_key": row.key_id,
        "version": row.version,
        "created_at": row.created_at,
        "disabled_at": row.disabled_at,
        "state": "active" if row.disabled_at is None else "revoked",
    }
