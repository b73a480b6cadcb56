"""`anyapi catalogue update`, `pending`, `accept`, `compile`: bring a catalogue into force, see what accounts have to accept of it."""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from anyapi.catalogue.canonical import encode
from anyapi.catalogue.diff import diff
from anyapi.catalogue.load import load_catalogue
from anyapi.catalogue.source import read_catalogue
from anyapi.catalogue.subjects import Record, Subject, read, records_of, renewal
from anyapi.catalogue.updating import check_signature, read_compiled
from anyapi.cli.output import print_json, print_table
from anyapi.cli.stored import Confirmation, Place, confirm, finish, in_force_text, with_store
from anyapi.config import catalogue_over, policy_context
from anyapi.control.installing import Installed, Origin, Permitted, install
from anyapi.control.notices import day_of
from anyapi.control.sentences import sentences, title
from anyapi.delivery.downloading import SIGNATURE, download
from anyapi.domain.catalogue import Catalogue
from anyapi.domain.ids import AccountId
from anyapi.policy.review import SOON_DAYS, expiring
from anyapi.policy.standing import DAY
from anyapi.storage.review_rows import HoldRow, UpdateRow, UpdateSource
from anyapi.storage.sql_review import SqlReview
from anyapi.upstream.dialer import Dialer

TELL_SECONDS = 60.0
"""How long the command waits for a running gateway to tell its accounts; it goes on without the command."""


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path, exists=True))
@click.option("--allow-older", is_flag=True, help="Also a catalogue that is older than the one in force, or was in force before.")
@click.option("--allow-addresses", is_flag=True, help="Also one that says that a known provider is reached elsewhere.")
@with_store
def update(place: Place, file: Path | None, allow_older: bool, allow_addresses: bool) -> None:
    """Put a newer catalogue into force: FILE (compiled, or a directory with YAML), or without FILE from catalogue.update_url.

    What comes from the URL must be signed by one of catalogue.public_keys. A file that has a signature beside it (FILE.sig) is checked too.
    """
    with _progress() as report:
        new = _downloaded(place, report) if file is None else _from_file(place, file)
    origin = Origin("the update" if file is None else file.name, UpdateSource.URL if file is None else UpdateSource.FILE, "cli", place.now)
    with SqlReview(place.driver) as store:
        done = install(
            store, new, load_catalogue(), origin, lambda base: catalogue_over(place.config, base), Permitted(allow_older, allow_addresses)
        )
        confirmation = Confirmation() if done.update is None else _taken(store, confirm(place, "catalogue"))
        told = _wait_until_told(store, done.update) if confirmation.snapshot is not None and _is_told(place) else None
    _report(place, new, done, confirmation, told)
    finish(confirmation)


def _taken(store: SqlReview, confirmation: Confirmation) -> Confirmation:
    """The same, with the problem if a gateway runs and left the catalogue: what was installed last was adopted by nobody."""
    newest = store.newest_update()
    if confirmation.snapshot is not None and newest is not None and newest.effective is None:
        return Confirmation(
            confirmation.snapshot, "the running gateway left it: it does not fit the configuration that it was started with"
        )
    return confirmation


def _downloaded(place: Place, report: Callable[[int], None]) -> Catalogue:
    updates = place.config.updates
    if updates.update_url is None:
        raise click.ClickException(
            "No FILE is named, and catalogue.update_url is not configured: there is nowhere to take a catalogue from."
        )
    data = download(updates.update_url, updates.public_keys, Dialer(place.config.networks.private_addresses).allows, report)
    return read_compiled(data, "the update")


def _from_file(place: Place, file: Path) -> Catalogue:
    if file.is_dir():
        return read_catalogue(file)
    data, signature = file.read_bytes(), file.with_name(file.name + SIGNATURE)
    if signature.is_file() and place.config.updates.public_keys:
        check_signature(data, signature.read_bytes(), place.config.updates.public_keys, file.name)
    return read_compiled(data, file.name)


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[int], None]]:
    with Progress(TextColumn("downloading"), BarColumn(), DownloadColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("downloading", total=None)
        yield lambda so_far: bar.update(task, completed=so_far)


def _is_told(place: Place) -> bool:
    """Whether somebody may be there who tells accounts: the control plane, of this configuration or beside others' workers."""
    return place.config.control.enabled or place.config.database_url is not None


def _wait_until_told(store: SqlReview, row: UpdateRow | None) -> UpdateRow | None:
    """Show how the running gateway tells its accounts; it does so whether or not anybody waits."""
    until = time.monotonic() + TELL_SECONDS
    with Progress(
        TextColumn("telling accounts"), BarColumn(), TextColumn("{task.completed} of {task.total}"), console=Console(stderr=True)
    ) as bar:
        task = bar.add_task("telling", total=None)
        while row is not None and time.monotonic() < until:
            found = next((each for each in store.updates() if each.number == row.number), None)
            if found is None or found.told_at is not None:
                return found
            bar.update(task, completed=found.told, total=found.accounts)
            time.sleep(0.1)
    return None


def _report(place: Place, new: Catalogue, done: Installed, confirmation: Confirmation, told: UpdateRow | None) -> None:
    changes = () if done.update is None else diff(done.before, new)
    if place.as_json:
        number = None if done.update is None else done.update.number
        print_json({"version": new.version, "update": number, "changes": changes, "moved": done.moved, "confirmation": confirmation})
        return
    if done.update is None:
        click.echo(f"{new.version[:12]} of {new.compiled} is in force already")
        return
    click.echo(f"{done.before.version[:12]} -> {new.version[:12]}: {len(changes)} changes; {in_force_text(confirmation)}")
    if told is not None:
        click.echo(f"{told.accounts} accounts told")
    elif confirmation.snapshot is not None:
        click.echo("Accounts are told by the control plane, as soon as it runs.")
    if done.moved:
        click.echo(f"Reached otherwise from the next start on: {', '.join(done.moved)}")


@click.command()
@click.option("--account", help="Only of this account.")
@with_store
def pending(place: Place, account: str | None) -> None:
    """Show what accounts that review first have to accept, and records that expire within 30 days."""
    with SqlReview(place.driver) as store:
        rows = store.pending_holds(None if account is None else AccountId(account))
    context = policy_context(place.config, place.config.catalogue, frozenset())
    soon = expiring(context, place.now)
    records = records_of(place.config.catalogue)
    if place.as_json:
        waiting = [{"account": row.account, "subject": row.subject, "update": row.number, "changes": _words(records, row)} for row in rows]
        print_json({"pending": waiting, "expiring": soon})
        return
    if not rows:
        click.echo("no account has anything to accept")
    for row in rows:
        click.echo(f"{row.account}  {row.subject}  {title(row.subject, place.config.catalogue)}: {' '.join(_words(records, row))}")
    lines = (
        (each.provider, day_of(each.ends), f"{(each.ends - place.now) / DAY:.0f}" if each.ends > place.now else "expired") for each in soon
    )
    if soon:
        print_table(("provider", "good until", "days"), lines, f"expired, or about to be within {SOON_DAYS:.0f} days")


def _words(records: Mapping[Subject, Record], row: HoldRow) -> tuple[str, ...]:
    before, after = read(row.subject, row.before), records.get(row.subject)
    return sentences(before, after) or ("Only the date of its check changed.",) * renewal(before, after)


@click.command()
@click.argument("subjects", nargs=-1)
@click.option("--account", required=True, help="For which account.")
@click.option("--all", "everything", is_flag=True, help="Everything that is pending.")
@with_store
def accept(place: Place, subjects: tuple[str, ...], account: str, everything: bool) -> None:
    """Accept SUBJECTS (provider:ID or endpoint:ID, as `pending` shows them) for an account: they count for it from now on."""
    if bool(subjects) == everything:
        raise click.UsageError("Name SUBJECTS, or --all.")
    owner = AccountId(account)
    with SqlReview(place.driver) as store:
        known = {row.subject for row in store.pending_holds(owner)}
        for subject in subjects:
            if subject not in known:
                raise click.ClickException(f"{subject[:160]} is not pending for this account. `anyapi catalogue pending` shows what is.")
        newest = store.last_adopted()
        done = store.accept(owner, None if everything else subjects, 0 if newest is None else newest.number, by="cli", at=place.now)
    if done is None:
        raise click.ClickException("An update came in between: look at `anyapi catalogue pending` again.")
    confirmation = confirm(place, "catalogue")
    if place.as_json:
        print_json({"account": account, "accepted": done, "confirmation": confirmation})
    else:
        click.echo(f"{done} accepted for {account}; {in_force_text(confirmation)}")
    finish(confirmation)


@click.command("compile")
@click.argument("directory", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
def compile_(directory: Path, out: Path) -> None:
    """Compile the YAML of DIRECTORY to OUT, the form that `update` takes.

    To sign it: openssl pkeyutl -sign -rawin -inkey KEY -in OUT | base64 > OUT.sig
    """
    found = read_catalogue(directory)
    out.write_bytes(encode(found))
    click.echo(f"{out}: {found.version}")
