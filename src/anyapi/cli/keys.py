"""`anyapi keys`: create, list and revoke API keys. A secret is printed once, here, and is kept nowhere."""

import click

from anyapi.cli.output import print_json, print_table
from anyapi.cli.rules import apply, assignments, summary
from anyapi.cli.spans import ahead, date_text
from anyapi.cli.stored import Place, confirm, finish, in_force_text, refuse_unknown, with_store
from anyapi.crypto.api_keys import generate
from anyapi.domain.ids import AccountId, KeyId, ProjectId
from anyapi.domain.requirement import Layer, Settings
from anyapi.storage.rows import DEFAULT_ACCOUNT, AccountRow, KeyRow, ProjectRow


@click.group()
def keys() -> None:
    """Create, list and revoke API keys."""


def _rule(field: str, value: str | None = None) -> dict[str, object]:
    """Give what makes an option stand for `field=value`, or for `field=` and what is typed."""
    if value is None:
        return {"callback": lambda _context, _option, text: "" if text is None else f"{field}={text}"}
    return {"is_flag": True, "flag_value": f"{field}={value}", "default": "", "type": str}


@keys.command()
@click.option("--account", default=DEFAULT_ACCOUNT, show_default=True, help="Account that the key belongs to.")
@click.option("--project", help="Project of that account.")
@click.option("--create", "make", is_flag=True, help="Make the account and the project where they do not exist.")
@click.option("--name", default="", help="A word for people, shown in lists.")
@click.option("--expires", metavar="SPAN|DATE", help="When the key stops working: 90d, 12h or 2027-01-31. Without it: never.")
@click.option("--data-class", metavar="CLASS", **_rule("data_class"), help="public, internal, confidential or regulated.")
@click.option("--retention-days", metavar="DAYS", **_rule("retention_days"), help="Longest retention; 0 is zero retention.")
@click.option("--no-training", **_rule("training_allowed", "false"), help="No provider that trains.")
@click.option("--set", "rules", multiple=True, metavar="FIELD=VALUE", help="Any other field of data_policy; may be repeated.")
@with_store
def create(place: Place, account: str, project: str | None, make: bool, **options: object) -> None:
    """Create an API key, with a data policy of its own if one is given, and show it once."""
