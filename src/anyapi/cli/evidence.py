"""`anyapi evidence`: where a provider stated otherwise than was promised. Lists it, and clears what the operator has looked into.

Shows ids and codes; there is nothing else to show.
"""

import click

from anyapi.cli.output import print_json, print_table
from anyapi.cli.spans import date_text
from anyapi.cli.stored import Place, confirm, finish, in_force_text, refuse_unknown, with_store
from anyapi.domain.evidence import Contradiction
from anyapi.domain.ids import CredentialId, EndpointId


@click.group()
def evidence() -> None:
    """List and clear what providers stated against their promise."""


@evidence.command("list")
@click.option("--all", "every", is_flag=True, help="Also those that were cleared.")
@with_store
def list_(place: Place, every: bool) -> None:
    """List the promises that do not count because the provider stated otherwise."""
    rows = [row for row in place.store.contradictions() if every or row.cleared_at is None]
    if place.as_json:
        print_json({"contradictions": rows})
        return
    if not rows:
        click.echo("no provider has stated otherwise than was promised")
        return
    print_table(("endpoint", "credential", "code", "host", "first (UTC)", "decision", "state"), map(_line, rows))


@evidence.command()
@click.argument("endpoint")
@click.option("--credential", help="Only as it was used with this credential. Without it: with any.")
@with_store
def clear(place: Place, endpoint: str, credential: str | None) -> None:
    """Have what was promised of ENDPOINT count again. What its provider states from now on is held against it anew."""
    standing = [row for row in place.store.contradictions() if row.cleared_at is None]
    refuse_unknown("contradicted endpoint", endpoint, {row.endpoint for row in standing}, " `anyapi evidence list` shows them.")
    if credential is not None:
        used = {row.credential for row in standing if row.endpoint == endpoint}
        refuse_unknown("credential of that endpoint's contradictions", credential, used)
    name = None if credential is None else CredentialId(credential)
    count = place.store.clear_contradictions(EndpointId(endpoint), name, place.now)
    confirmation = confirm(place, "evidence")
    if place.as_json:
        print_json({"endpoint": endpoint, "credential": credential, "cleared": count, "confirmation": confirmation})
    else:
        click.echo(f"{count} cleared of {endpoint}; {in_force_text(confirmation)}")
    finish(confirmation)


def _line(row: Contradiction) -> tuple[str, ...]:
    return (
        row.endpoint,
        row.credential,
        row.code.value,
        row.host or "-",
        date_text(row.at),
        row.decision,
        "in force" if row.cleared_at is None else f"cleared {date_text(row.cleared_at)}",
    )
