"""`anyapi provisioning`: keys with which a program manages the API keys of one account, over `/api/v1/keys` of the control plane.

They call no model. The control plane looks them up in the store at each call, so a change needs nobody's confirmation.
"""

import click
import msgspec

from anyapi.cli.naming import with_name
from anyapi.cli.output import print_json, print_table
from anyapi.cli.spans import date_text
from anyapi.cli.stored import Place, refuse_unknown, with_store
from anyapi.crypto.api_keys import PROVISIONING_PREFIX, generate
from anyapi.domain.ids import AccountId, KeyId
from anyapi.storage.rows import DEFAULT_ACCOUNT, ProvisioningKeyRow


@click.group()
def provisioning() -> None:
    """Create, list and revoke keys that manage API keys and call no model."""


@provisioning.command()
@click.option("--account", default=DEFAULT_ACCOUNT, show_default=True, help="Account whose keys it manages.")
@with_name
@with_store
def create(place: Place, account: str, name: str) -> None:
    """Create a provisioning key and show it once."""
    refuse_unknown("account", account, (known.id for known in place.store.accounts()))
    parts = generate(PROVISIONING_PREFIX)
    row = ProvisioningKeyRow(parts.id, parts.prefix, parts.sha256, AccountId(account), place.now, name)
    place.store.add_provisioning_key(row)
    if place.as_json:
        print_json({**_shown(row), "provisioning_key": parts.secret})
        return
    click.echo(parts.secret)
    click.echo(
        f"This is shown once: keep it now. Its id is {row.id}, account {row.account}. It works at once, on the control plane.", err=True
    )


@provisioning.command("list")
@click.option("--account", help="Only those of this account.")
@with_store
def list_(place: Place, account: str | None) -> None:
    """List provisioning keys: never the keys themselves, only their first characters."""
    accounts = [known.id for known in place.store.accounts()]
    if account is not None:
        refuse_unknown("account", account, accounts)
    rows = [row for each in accounts if account in (None, each) for row in place.store.provisioning_keys(each)]
    if place.as_json:
        print_json({"provisioning_keys": [_shown(row) for row in rows]})
        return
    columns = ("id", "key", "account", "name", "created (UTC)", "revoked (UTC)")
    shown = [
        (row.id, f"{row.prefix}...", row.account, row.name or "-", date_text(row.created_at), date_text(row.revoked_at)) for row in rows
    ]
    print_table(columns, shown)


@provisioning.command()
@click.argument("key_id", metavar="ID")
@with_store
def revoke(place: Place, key_id: str) -> None:
    """Revoke the provisioning key of this id (prov_...): from now on it is refused. The keys that it made stay."""
    known = {row.id: row for account in place.store.accounts() for row in place.store.provisioning_keys(account.id)}
    refuse_unknown("provisioning key", key_id, known, " `anyapi provisioning list` shows the ids.")
    row = known[KeyId(key_id)]
    place.store.revoke_provisioning_key(row.account, row.id, place.now)
    since = place.now if row.revoked_at is None else row.revoked_at
    if place.as_json:
        print_json({"id": row.id, "revoked_at": since})
    else:
        click.echo(f"{row.id} is revoked since {date_text(since)} UTC")


def _shown(row: ProvisioningKeyRow) -> dict[str, object]:
    """What may be shown: not its hash, which is what it is recognised by."""
    return {name: value for name, value in msgspec.structs.asdict(row).items() if name != "sha256"}
