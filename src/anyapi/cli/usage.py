"""`anyapi usage`: totals of what was used. Reads rows of metadata; there is no content to show."""

from collections.abc import Iterable

import click

from anyapi.cli.output import print_json, print_table
from anyapi.cli.spans import ago, date_text
from anyapi.cli.stored import Place, refuse_unknown, with_store
from anyapi.domain.ids import AccountId
from anyapi.storage.rows import RESERVED_ACCOUNTS, UsageGroup, UsageTotal

_COLUMNS = ("requests", "succeeded", "prompt tokens", "completion tokens", "cached", "cost ($)", "no price", "not measured")


@click.command()
@click.option("--by", type=click.Choice([group.value for group in UsageGroup]), default=UsageGroup.DAY.value, show_default=True)
@click.option("--since", default="30d", show_default=True, metavar="SPAN|DATE", help="From when: 7d, 12h, 2026-11-01 (UTC).")
@click.option("--until", metavar="SPAN|DATE", help="Until when, exclusive. Without it: now.")
@click.option("--account", help="Only this account.")
@with_store
def usage(place: Place, by: str, since: str, until: str | None, account: str | None) -> None:
    """Total the requests, tokens and cost by day, hour, model, provider, key, account, outcome, host, evidence or app."""
    if account is not None:
        # Usage outlives what it names, so this is checked against both.
        refuse_unknown("account", account, [*(row.id for row in place.store.accounts()), *RESERVED_ACCOUNTS])
    start = ago(since, place.now)
    # A row written in this very second belongs to "now".
    end = place.now + 1.0 if until is None else _after(start, ago(until, place.now))
    totals = place.store.usage_totals(UsageGroup(by), start, end, None if account is None else AccountId(account))
    if place.as_json:
        print_json({"by": by, "since": start, "until": end, "totals": totals})
        return
    if not totals:
        click.echo(f"no requests since {date_text(start)} UTC")
        return
    print_table((by, *_COLUMNS), map(_row, totals), f"since {date_text(start)} UTC")
    for line in _remarks(totals):
        click.echo(line)


def _after(start: float, end: float) -> float:
    if end <= start:
        raise click.BadParameter("must lie after --since", param_hint="--until")
    return end


def _remarks(totals: list[UsageTotal]) -> Iterable[str]:
    """What the table alone does not make plain."""
    unknown = sum(total.unmeasured for total in totals)
    if unknown:
        yield f"{unknown:,} rows hold estimated or unknown token counts"
    contradicted = sum(total.contradicted for total in totals)
    if contradicted:
        yield f"{contradicted:,} answers stated otherwise than was promised: see `anyapi usage --by evidence` and `anyapi evidence list`"


def _row(total: UsageTotal) -> tuple[str, ...]:
    return (
        total.label,
        f"{total.requests:,}",
        f"{total.succeeded:,}",
        f"{total.prompt_tokens:,}",
        f"{total.completion_tokens:,}",
        f"{total.cached_tokens:,}",
        f"{total.cost:.4f}",
        f"{total.unpriced:,}",
        f"{total.unmeasured:,}",
    )
