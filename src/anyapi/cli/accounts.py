"""`anyapi accounts`: list them, take along all that is held of one, delete one. Knows the store and a running server, no HTTP."""

import contextlib
import os
import time
from pathlib import Path

import click
import msgspec

from anyapi import __version__
from anyapi.cli.output import console, print_json, print_table
from anyapi.cli.spans import date_text
from anyapi.cli.stored import Confirmation, Place, confirm, finish, in_force_text, left_in_files, refuse_unknown, with_store
from anyapi.control import erasure
from anyapi.control.archive import Subject, archive
from anyapi.control.erasure import Line, Report
from anyapi.errors import StorageError
from anyapi.gateway.privacy import stored
from anyapi.storage.audit_writer import AuditWriter
from anyapi.storage.people_rows import ChangeRow
from anyapi.storage.rows import LONGEST_USAGE_DAYS, AccountRow
from anyapi.storage.sql_holdings import SqlHoldings
from anyapi.storage.sql_people import SqlPeople

_TOLD_EVERY = 0.5
"""Seconds between two lines of progress."""


@click.group()
def accounts() -> None:
    """List accounts, say how long usage rows are kept, take along all that is held of one, delete one."""


@accounts.command("list")
@with_store
def list_(place: Place) -> None:
    """List the accounts with the number of their keys."""
    closing = place.store.closing()
    rows = []
    for row in place.store.accounts():
        keys = [key for key in place.store.keys(row.id) if key.revoked_at is None]
        rows.append((row, len(keys), "being deleted" if row.id in closing else "active"))
    if place.as_json:
        shown = [
            {"id": row.id, "name": row.name, "created_at": row.created_at, "keys": keys, "usage_days": row.usage_days, "state": state}
            for row, keys, state in rows
        ]
        print_json({"accounts": shown})
        return
    print_table(
        ("id", "name", "created (UTC)", "keys", "state"),
        [(row.id, row.name, date_text(row.created_at), f"{keys:,}", state) for row, keys, state in rows],
    )


@accounts.command("usage-days")
@click.argument("account")
@click.option("--days", "kept", type=float, help="For so many days.")
@click.option("--default", "back", is_flag=True, help="As long as the operator's default says.")
@with_store
def usage_days(place: Place, account: str, kept: float | None, back: bool) -> None:
    """Say how long the usage rows of ACCOUNT are kept. A running gateway deletes older ones within ten minutes."""
    if (kept is None) is not back:
        raise click.UsageError("Say --days DAYS, or --default.")
    if kept is not None and not 0 < kept <= LONGEST_USAGE_DAYS:
        raise click.BadParameter(f"above 0, and at most {LONGEST_USAGE_DAYS:.0f}", param_hint="--days")
    row = _account(place, account)
    place.store.set_usage_days(row.id, kept)
    after = msgspec.json.encode({"days": kept}).decode()
    with SqlPeople(place.driver) as people:
        people.add_change(ChangeRow(place.now, row.id, "cli", "usage_days", row.id, "", after))
    if place.as_json:
        print_json({"account": row.id, "usage_days": kept})
    else:
        in_words = f"{place.config.usage_ttl_days:g} days, the default" if kept is None else f"{kept:g} days"
        click.echo(f"usage rows of {row.id} are kept for {in_words}")


@accounts.command()
@click.argument("account")
@click.option("--to", "target", type=click.Path(path_type=Path, dir_okay=False), help="File to write (default: anyapi-ACCOUNT.zip here).")
@with_store
def export(place: Place, account: str, target: Path | None) -> None:
    """Write all that is held of ACCOUNT into one ZIP archive: JSON and CSV, a README, SHA-256 sums. No secret is in it."""
    row = _account(place, account)
    path = target or Path(f"anyapi-{row.id}.zip")
    if path.exists():
        raise click.ClickException(f"{path} is there already: nothing was written. Name another file with --to.")
    subject = Subject(
        row, stored(place.config.usage_ttl_days, place.config.audit.unrecorded), place.config.privacy.contact, place.now, __version__
    )
    with SqlHoldings(place.driver) as holdings:
        total = sum(holdings.held(row.id).values())
        told = _Told("written", total)
        with SqlPeople(place.driver) as people:
            people.add_change(ChangeRow(place.now, row.id, "cli", "account_exported", row.id))
        _write(path, holdings, subject, told)
    if place.as_json:
        print_json({"account": row.id, "file": str(path), "rows": told.done, "bytes": path.stat().st_size})
    else:
        click.echo(f"{path}: {told.done:,} rows, {path.stat().st_size:,} bytes. README.md inside says what each file is.")


@accounts.command()
@click.argument("account")
@click.option("--dry-run", is_flag=True, help="Only say what would go, and what must stay and why.")
@click.option("--confirm", "typed", metavar="NAME", help="The account's name, for scripts; without it you are asked to type it.")
@with_store
def delete(place: Place, account: str, dry_run: bool, typed: str | None) -> None:
    """Delete ACCOUNT with all that is held of it, once you have typed its name. There is no way back."""
    row = _account(place, account)
    with SqlHoldings(place.driver) as holdings:
        plan = erasure.plan(holdings, row, place.now)
        if dry_run:
            _show(place, plan)
            return
        if plan.refused is not None:
            raise click.ClickException(plan.refused)
        if typed is None:
            _print_report(place, plan)
            typed = str(click.prompt(f'This cannot be undone. Type the name of the account ("{row.name}") to delete it', err=True))
        if typed.strip() != row.name:
            raise click.ClickException("That is not the account's name: nothing was deleted.")
        _delete(place, holdings, row)


def _delete(place: Place, holdings: SqlHoldings, row: AccountRow) -> None:
    erasure.close(holdings, row.id, place.now)
    closed = confirm(place, "keys")
    if closed.problem is not None:
        # Requests with its keys may still be accepted: what they leave behind would outlive the account.
        click.echo("Its keys are revoked in the store; nothing else was deleted.", err=True)
        finish(closed)
    _enter_changes(place, closed)
    told = _Told("usage rows deleted", sum(line.rows for line in erasure.plan(holdings, row, place.now).goes if line.record == "usage"))
    report = erasure.erase(holdings, row, place.now, lambda done: told("usage", done))
    with SqlPeople(place.driver) as people:
        people.add_change(erasure.change(report, "cli"))
    confirmation = confirm(place, "keys")
    _enter_changes(place, confirmation)
    report = erasure.finish(holdings, report)
    _show(place, report)
    if not place.as_json:
        click.echo(in_force_text(confirmation), err=True)
    finish(confirmation)


def _enter_changes(place: Place, confirmation: Confirmation) -> None:
    """Where no server did it: have the audit log take the changes that wait, because they name the account."""
    if confirmation.snapshot is None:
        with contextlib.closing(AuditWriter(place.driver, None, time.time)) as writer:
            writer.flush()


class _Told:
    """Says how far something is, on standard error, now and then."""

    def __init__(self, what: str, total: int) -> None:
        self._what, self._total, self._at = what, total, time.monotonic()
        self.done = 0

    def __call__(self, record: str, done: int) -> None:
        self.done = done
        now = time.monotonic()
        if now - self._at >= _TOLD_EVERY:
            self._at = now
            share = min(100, 100 * done // max(1, self._total))
            click.echo(f"{done:,} of {self._total:,} {self._what} ({share} %), now {record}", err=True)


def _write(path: Path, holdings: SqlHoldings, subject: Subject, told: _Told) -> None:
    """The archive, for its owner's eyes alone (0600); a part of one is not left behind."""
    pieces = archive(holdings, subject, told)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise click.ClickException(f"cannot write {path}: {error.strerror}") from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            for piece in pieces:
                file.write(piece)
    except (OSError, StorageError) as error:
        path.unlink(missing_ok=True)
        why = error.strerror if isinstance(error, OSError) else error.message
        raise click.ClickException(f"the archive could not be written ({why}): {path} was removed") from None


def _account(place: Place, account: str) -> AccountRow:
    rows = {row.id: row for row in place.store.accounts()}
    refuse_unknown("account", account, rows, " `anyapi accounts list` shows them.")
    return next(row for name, row in rows.items() if name == account)


def _show(place: Place, report: Report) -> None:
    if place.as_json:
        print_json(report)
    else:
        _print_report(place, report)


def _print_report(place: Place, report: Report) -> None:
    verbs = ("Deleted", "Stayed") if report.done else ("Goes", "Stays")
    out = console()
    out.print(f"Account {report.account} ({report.name})" + (f": {report.refused}" if report.refused else ""))
    for title, lines in zip(verbs, (report.goes, report.stays), strict=True):
        print_table(("record", "rows", "why"), [_line(line) for line in lines if line.rows], f"\n{title}")
    out.print("\nElsewhere")
    for each in report.elsewhere:
        out.print(f"- {each}")
    if report.known_as is not None:
        out.print(f"\nThe audit log names it {report.known_as}. Keep this report: nobody else is told whose that was.")
    if report.wiped is False:
        out.print(f"\n{left_in_files(place.config)}")


def _line(line: Line) -> tuple[str, str, str]:
    return line.record, f"{line.rows:,}", line.why
