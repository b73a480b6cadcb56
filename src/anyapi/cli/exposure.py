"""`anyapi exposure`: which provider holds what class of data of which app, until when. Reads usage rows; there is no content to show."""

import datetime as dt
import os
from collections.abc import Iterable

import click
import msgspec

from anyapi import hygiene
from anyapi.cli.output import print_json, print_table
from anyapi.cli.spans import date_text
from anyapi.cli.stored import Place, refuse_unknown, with_store
from anyapi.config import Config, load_config, policy_context
from anyapi.control.exposures import exposures
from anyapi.control.processing_record import COLUMNS, UNTIL, About, record_of, rows_of
from anyapi.control.publish import contradicted, own_credentials
from anyapi.control.spreadsheet import written
from anyapi.domain.exposure import Exposure, Keeping, Ledger, RetentionClock
from anyapi.domain.ids import AccountId
from anyapi.domain.snapshot import PolicyContext
from anyapi.errors import ConfigError
from anyapi.policy.standing import DAY
from anyapi.storage.people_rows import ChangeRow
from anyapi.storage.rows import DEFAULT_ACCOUNT, RESERVED_ACCOUNTS
from anyapi.storage.sql_people import SqlPeople
from anyapi.storage.sql_review import SqlReview
from anyapi.upstream.adapters import SERVED_EMBEDDINGS, SERVED_PROTOCOLS


@click.command()
@click.option("--account", help="Only this account.")
@click.option("--csv", "as_csv", is_flag=True, help="Print every line as CSV.")
@click.option("--record", "as_record", is_flag=True, help="Print a record of processing (GDPR Art. 30) of one account as JSON.")
@with_store
def exposure(place: Place, account: str | None, as_csv: bool, as_record: bool) -> None:
    """Show which provider was sent what class of data of which app, and until when it may hold it."""
    whose = _whose(place, account, DEFAULT_ACCOUNT if as_record else None)
    config = _with_credentials(place)
    with SqlReview(place.driver) as review:
        found = exposures(place.store, review, _context(place, config), whose, place.now, place.config.usage_ttl_days)
    if as_csv or as_record:
        SqlPeople(place.store).add_change(ChangeRow(place.now, whose, "cli", "exposure_exported", whose or ""))
        _write(place, found, config, whose if as_record and not as_csv else None)
    elif place.as_json:
        print_json(found)
    else:
        _show(found)


def _whose(place: Place, account: str | None, otherwise: AccountId | None) -> AccountId | None:
    if account is None:
        return otherwise
    refuse_unknown("account", account, [*(row.id for row in place.store.accounts()), *RESERVED_ACCOUNTS])
    return AccountId(account)


def _write(place: Place, found: Ledger, config: Config, record_of_account: AccountId | None) -> None:
    """For others to keep: as a record of processing of an account, else as CSV."""
    if record_of_account is None:
        click.echo(written([COLUMNS, *rows_of(found.entries, config.catalogue)]), nl=False)
        for line in _remarks(found):
            click.echo(line, err=True)
    else:
        print_json(record_of(found, config.catalogue, _about(place, record_of_account)))


def _with_credentials(place: Place) -> Config:
    """The configuration with what policy knows of the operator's credentials; where they are not at hand, each counts as undeclared."""
    now = dt.datetime.fromtimestamp(place.now, dt.UTC)
    try:
        return load_config(place.config.file, os.environ, now, base_of=lambda *_: place.config.base)
    except ConfigError as error:
        click.echo(f"Without the providers' credentials, each counts as of an undeclared tier: {error.message}", err=True)
        return place.config


def _context(place: Place, config: Config) -> PolicyContext:
    context = policy_context(config, config.catalogue, SERVED_PROTOCOLS, SERVED_EMBEDDINGS)
    return msgspec.structs.replace(
        context,
        contradicted=contradicted(place.store.contradictions()),
        own_credentials=own_credentials(place.store.credentials()),
    )


def _about(place: Place, account: AccountId) -> About:
    name = next((row.name for row in place.store.accounts() if row.id == account), None)
    privacy, process = place.config.privacy, {"core_dumps": not hygiene.dumps_forbidden()}  # a server forbids them as this command does
    inventory = {"content_stored": False, "memory_scrubbing": {"on": place.config.scrub}, "process": process}
    return About(account, name or None, privacy.contact, privacy.policy_url, inventory)


def _show(found: Ledger) -> None:
    if found.since is None:
        click.echo("no provider was sent anything that a row is kept of")
    else:
        print_table(
            (
                "provider",
                "account",
                "app",
                "key",
                "data class",
                "endpoint",
                "requests",
                "last (UTC)",
                "held until (UTC)",
                "left",
                "training",
            ),
            [_line(one, found.at) for one in found.entries],
            f"what providers were sent since {date_text(found.since)} UTC",
        )
    for line in _remarks(found):
        click.echo(line)


def _line(one: Exposure, now: float) -> tuple[str, ...]:
    return (
        one.provider if one.host is None else f"{one.provider} ({one.host})",
        one.account,
        one.app or "-",
        one.key,
        one.data_class or "-",
        one.endpoint,
        f"{one.requests:,}",
        date_text(one.last_at),
        UNTIL[one.main.kept] if one.main.until is None else date_text(one.main.until),
        _left(one.main, now),
        one.training,
    )


def _left(clock: RetentionClock, now: float) -> str:
    """How long something is held yet."""
    if clock.until is None:
        return "-" if clock.kept is Keeping.NOTHING else "?"
    seconds = clock.until - now
    return "gone" if seconds <= 0 else f"{seconds / DAY:.1f} d"


def _remarks(found: Ledger) -> Iterable[str]:
    endless = sum(one.requests for one in found.entries if one.main.kept in {Keeping.UNKNOWN, Keeping.INDEFINITELY})
    if endless:
        yield f"{endless:,} requests went where no end of retention is known: take them as kept until further notice"
    flagged = max((one.flagged.until or 0.0 for one in found.entries if one.flagged is not None), default=0.0)
    if flagged > found.at:
        yield f"what a provider flagged as abuse it may hold longer than that, of these requests until {date_text(flagged)} UTC"
    if found.expired_before is not None:
        yield f"what was sent before {date_text(found.expired_before)} UTC is not in it: usage rows are kept no longer"
