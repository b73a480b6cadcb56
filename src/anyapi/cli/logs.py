"""`anyapi logs`: sealed prompt logs. Who can read them, what is kept, a list of it; and reading, where somebody has the identity.

What is read is decrypted by this process and printed; nothing of it, and nothing of the identity, goes anywhere else.
"""

import functools
import itertools
from collections.abc import Callable, Iterator
from typing import BinaryIO, TextIO

import click
import msgspec

from anyapi.cli.output import print_json, print_table
from anyapi.cli.spans import date_text
from anyapi.cli.stored import Place, confirm, finish, in_force_text, left_in_files, refuse_unknown, with_store
from anyapi.control.tokens import new_id
from anyapi.domain.ids import AccountId, DecisionId, KeyId
from anyapi.domain.prompt_log import Keeps, LogEntry
from anyapi.domain.requirement import Layer
from anyapi.policy.log_rules import checked_rule
from anyapi.sealing.age import checked, unseal
from anyapi.sealing.document import read as read_document
from anyapi.storage.contract_logs import RecipientRow
from anyapi.storage.people_rows import ChangeRow
from anyapi.storage.rows import DEFAULT_ACCOUNT
from anyapi.storage.sql_logs import SqlLogs
from anyapi.storage.sql_people import SqlPeople

_NEWEST = (1e18, "")

account_option = click.option("--account", default=DEFAULT_ACCOUNT, show_default=True, help="The account of this id.")


@click.group()
def logs() -> None:
    """Sealed prompt logs: opted into by account, project or key, and readable by their recipients alone."""


def _with_layer(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that name what a rule is for, as `account`, `layer` and `subject`."""

    @account_option
    @click.option("--project", help="Only this project of the account.")
    @click.option("--key", help="Only this API key of the account (key_...).")
    @functools.wraps(command)
    def run(account: str, project: str | None, key: str | None, **rest: object) -> None:
        if project is not None and key is not None:
            raise click.UsageError("name a project or a key, not both")
        named = [(Layer.PROJECT, project), (Layer.KEY, key)]
        layer, subject = next(((layer, name) for layer, name in named if name is not None), (Layer.ACCOUNT, account))
        command(account=AccountId(account), layer=layer, subject=subject, **rest)

    return run


@logs.command()
@account_option
@with_store
def show(place: Place, account: str) -> None:
    """Show who can read the log of an account, and what is kept."""
    _refuse_missing(place, account)
    recipients, rules = place.store.log_recipients(AccountId(account)), place.store.log_rules(AccountId(account))
    with SqlLogs(place.driver) as opened:
        sums = opened.kept_sums(AccountId(account))
    if place.as_json:
        listed = [{"layer": layer, "subject": subject, "rule": rule} for (_, layer, subject), rule in rules.items()]
        print_json({"account": account, "recipients": recipients, "rules": listed, "kept": sums})
        return
    if not recipients:
        click.echo("Nobody can read a log of this account, so nothing is kept. `anyapi logs add-recipient age1...` adds a public key.")
    else:
        print_table(("id", "recipient", "name"), [(row.id, row.recipient, row.name) for row in recipients])
    rows = [
        (str(layer), subject, rule.keeps.value, f"{rule.share:.0%}", f"{rule.ttl_days:g} d") for (_, layer, subject), rule in rules.items()
    ]
    if rows:
        print_table(("layer", "id", "keeps", "share", "for"), rows)
    else:
        click.echo("Nothing is kept: `anyapi logs on` opts in.")
    click.echo(f"{sums.entries} entries, {sums.bytes:,} bytes sealed")


@logs.command("add-recipient")
@click.argument("recipient")
@click.option("--name", default="", help="Shown to people.")
@account_option
@with_store
def add_recipient(place: Place, account: str, recipient: str, name: str) -> None:
    """Have the log sealed to an age public key too (age1...). `age-keygen` makes one; its identity file stays with whoever reads."""
    _refuse_missing(place, account)
    row = RecipientRow(new_id("rcp"), AccountId(account), checked(recipient), name, place.now)
    place.store.add_log_recipient(row)
    _note(place, row.account, "log_recipient_added", row.id, {"recipient": row.recipient, "name": row.name})
    _changed(place, row, f"{row.id} reads what is kept from now on; entries of before stay closed to it")


@logs.command("remove-recipient")
@click.argument("recipient_id")
@account_option
@with_store
def remove_recipient(place: Place, account: str, recipient_id: str) -> None:
    """Seal nothing to a recipient any more. What was sealed to it stays readable to it; without any recipient nothing is kept."""
    refuse_unknown("recipient", recipient_id, (row.id for row in place.store.log_recipients(AccountId(account))))
    place.store.drop_log_recipient(AccountId(account), recipient_id)
    _note(place, AccountId(account), "log_recipient_removed", recipient_id)
    _changed(place, {"removed": recipient_id}, f"nothing is sealed to {recipient_id} any more")


@logs.command()
@_with_layer
@click.option("--keeps", type=click.Choice([each.value for each in Keeps]), default=Keeps.BOTH.value, show_default=True)
@click.option("--share", type=float, default=1.0, show_default=True, help="Of how many of the requests; 0.1 is about one in ten.")
@click.option("--days", type=float, default=30.0, show_default=True, help="After how many days it is deleted.")
@with_store
def on(place: Place, account: AccountId, layer: Layer, subject: str, keeps: str, share: float, days: float) -> None:
    """Opt in: keep what is asked, answered or both, sealed to the account's recipients. The nearest rule holds: key, project, account."""
    _refuse_missing(place, account)
    rule = checked_rule(keeps, share, days)
    place.store.put_log_rule(account, layer, subject, rule, place.now)
    _note(place, account, "log_rule", f"{layer} {subject}", rule)
    none = "" if place.store.log_recipients(account) else "; but nobody could read it, so nothing is kept until there is a recipient"
    _changed(place, rule, f"{layer} {subject} keeps {rule.keeps} of {rule.share:.0%} for {rule.ttl_days:g} days{none}")


@logs.command()
@_with_layer
@with_store
def off(place: Place, account: AccountId, layer: Layer, subject: str) -> None:
    """Take a rule back. What was kept stays until it expires or is deleted."""
    if not place.store.drop_log_rule(account, layer, subject):
        raise click.ClickException(f"There is no rule for {layer} {subject}.")
    _note(place, account, "log_rule", f"{layer} {subject}")
    _changed(place, {"off": subject}, f"{layer} {subject} has no rule of its own any more")


@logs.command("list")
@account_option
@click.option("--key", help="Only requests of this API key.")
@click.option("--limit", default=50, show_default=True, help="How many, the newest first.")
@with_store
def list_(place: Place, account: str, key: str | None, limit: int) -> None:
    """List what was kept: metadata alone, since the rest is sealed."""
    with SqlLogs(place.driver) as opened:
        found = opened.log_entries(AccountId(account), _NEWEST, limit, None if key is None else KeyId(key))
    entries = [entry for entry in found if entry.expires_at > place.now]
    if place.as_json:
        print_json(entries)
    elif not entries:
        click.echo("Nothing was kept of this account.")
    else:
        columns = ("decision", "at", "key", "model", "outcome", "keeps", "bytes", "until")
        print_table(columns, [_line(entry) for entry in entries])


@logs.command()
@click.argument("decision", required=False)
@click.option("--identity", type=click.File("r"), required=True, help="An age identity file (AGE-SECRET-KEY-1...); `-` reads it here.")
@click.option("--file", "file", type=click.File("rb"), help="A sealed entry that was downloaded, instead of one of this store.")
@account_option
@with_store
def read(place: Place, account: str, decision: str | None, identity: TextIO, file: BinaryIO | None) -> None:
    """Decrypt one entry, here, and print it as JSON. Do it where the identity belongs: on your own machine, with --file."""
    if (decision is None) == (file is None):
        raise click.UsageError("name an entry, or a --file")
    if file is not None:
        plain = unseal(iter(functools.partial(file.read, 65536), b""), identity.read())
    else:
        with SqlLogs(place.driver) as opened:
            entry = opened.log_entry(AccountId(account), DecisionId(str(decision)))
            if entry is None or entry.expires_at <= place.now:
                raise click.ClickException("There is no such entry in this account: `anyapi logs list` shows those that there are.")
            plain = unseal(_pieces(opened, entry), identity.read())
    try:
        document = read_document(plain)
    except ValueError as error:
        raise click.ClickException(f"It was opened, but {error}.") from None
    if decision is not None and document.decision != decision:
        raise click.ClickException("What was sealed is another request's entry: somebody exchanged them in the store.")
    print_json(document)


@logs.command()
@click.argument("decisions", nargs=-1)
@click.option("--all", "whole", is_flag=True, help="All that was kept of the account.")
@account_option
@with_store
def delete(place: Place, account: str, decisions: tuple[str, ...], whole: bool) -> None:
    """Delete entries, and have their bytes overwritten."""
    if bool(decisions) == whole:
        raise click.UsageError("name entries, or --all")
    _refuse_missing(place, account)
    with SqlLogs(place.driver) as opened:
        if whole:
            gone = opened.clear_logs(AccountId(account), place.now)
        else:
            gone = sum(opened.delete_log(AccountId(account), DecisionId(each)) for each in decisions)
        wiped = opened.wiped()
    _note(place, AccountId(account), "logs_deleted", account, {"entries": gone})
    if place.as_json:
        print_json({"deleted": gone, "wiped": wiped})
        return
    click.echo(f"{gone} entries deleted")
    if not wiped:
        click.echo(left_in_files(place.config))


def _note(place: Place, account: AccountId, what: str, subject: str, after: object = None) -> None:
    """Write the change into the account's history, from where it gets into the audit log."""
    text = "" if after is None else msgspec.json.encode(after, order="deterministic").decode()
    SqlPeople(place.store).add_change(ChangeRow(place.now, account, "cli", what, subject, "", text))


def _changed(place: Place, value: object, text: str) -> None:
    confirmation = confirm(place, "settings")
    if place.as_json:
        print_json({"changed": value, "confirmation": confirmation})
    else:
        click.echo(f"{text}; {in_force_text(confirmation)}")
    finish(confirmation)


def _pieces(opened: SqlLogs, entry: LogEntry) -> Iterator[bytes]:
    for number in itertools.count():
        piece = opened.log_piece(entry.account, entry.decision, number)
        if piece is None:
            return
        yield piece


def _line(entry: LogEntry) -> tuple[str, ...]:
    at, until = date_text(entry.at), date_text(entry.expires_at)
    return entry.decision, at, entry.key, entry.model, entry.outcome, entry.keeps.value, f"{entry.bytes:,}", until


def _refuse_missing(place: Place, account: str) -> None:
    refuse_unknown("account", account, (row.id for row in place.store.accounts()))
