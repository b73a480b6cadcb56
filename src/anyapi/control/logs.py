"""Sealed prompt logs over the control API: who can read them, what is kept, the list, the ciphertext, deletion. Opens nothing.

What leaves here is metadata and ciphertext; an identity never comes in. Another account's entry does not exist.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Mapping

import msgspec
from litestar import delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.response import Stream

from anyapi.control.history import note
from anyapi.control.layers import chain_of
from anyapi.control.names import check_name
from anyapi.control.permissions import SignedIn
from anyapi.control.services import Services
from anyapi.control.threads import in_thread
from anyapi.control.tokens import new_id
from anyapi.domain.ids import AccountId, DecisionId, KeyId
from anyapi.domain.people import Permission
from anyapi.domain.prompt_log import LONGEST_DAYS, MOST_RECIPIENTS, Keeps, LogEntry, LogRule
from anyapi.domain.requirement import Layer
from anyapi.errors import BadRequest, NotFound
from anyapi.policy.log_rules import checked_rule
from anyapi.sealing.age import checked
from anyapi.storage.contract_logs import KeptSums, RecipientRow

READ, WRITE = {"permission": Permission.READ}, {"permission": Permission.WRITE_SETTINGS}
MOST = 200
LONGEST_NAME = 80
SEALED = "application/octet-stream"


class NewRecipient(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An age public key (`age1...`), and a name for it. The identity that belongs to it stays with its holder."""

    recipient: str
    name: str = ""

    def __repr__(self) -> str:
        """Nothing of it: somebody may have sent an identity by mistake."""
        return "<NewRecipient>"


class NewRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be kept, of which share of the requests, for how many days."""

    keeps: Keeps
    share: float = 1.0
    ttl_days: float = 30.0


class ShownRule(msgspec.Struct, frozen=True):
    """A rule and what it is for."""

    layer: Layer
    subject: str
    keeps: Keeps
    share: float
    ttl_days: float


class LogSettings(msgspec.Struct, frozen=True):
    """What an account opted into. Without a recipient nothing is kept, whatever the rules say."""

    recipients: list[RecipientRow]
    rules: list[ShownRule]
    kept: KeptSums
    most_recipients: int
    longest_days: float


class LogsSaved(msgspec.Struct, frozen=True):
    """The same after a change, and the snapshot version by which it holds on every worker."""

    settings: LogSettings
    snapshot: int


class LogPage(msgspec.Struct, frozen=True):
    """Entries, newest first."""

    entries: list[LogEntry]
    more: bool
    """Whether there are older ones: ask for those before the last of these."""


class LogsDeleted(msgspec.Struct, frozen=True):
    """How many entries went, and whether their bytes are gone from the store's files too."""

    deleted: int
    wiped: bool


@get("/api/accounts/{account:str}/logs/settings", opt=READ)
@in_thread
def log_settings(services: NamedDependency[Services], account: FromPath[AccountId]) -> LogSettings:
    """Who can read the account's prompt log, and what is kept."""
    return _settings(services, account)


@post("/api/accounts/{account:str}/logs/recipients", opt=WRITE)
async def add_log_recipient(
    services: NamedDependency[Services], signed_in: NamedDependency[SignedIn], account: FromPath[AccountId], data: JSONBody[NewRecipient]
) -> LogsSaved:
    """Seal to one more public key from now on. Entries of before stay closed to it."""
    check_name(data.name, LONGEST_NAME)

    def store() -> None:
        recipient = checked(data.recipient)
        known = services.store.log_recipients(account)
        if any(row.recipient == recipient for row in known):
            raise BadRequest("The log is sealed to this public key already.", "recipient")
        if len(known) >= MOST_RECIPIENTS:
            raise BadRequest(f"An account has at most {MOST_RECIPIENTS} recipients: remove one first.", "recipient")
        row = RecipientRow(new_id("rcp"), account, recipient, data.name.strip(), services.clock())
        services.store.add_log_recipient(row)
        note(services, signed_in, account, "log_recipient_added", row.id, after={"recipient": row.recipient, "name": row.name})

    await asyncio.to_thread(store)
    return await _saved(services, account)


@delete("/api/accounts/{account:str}/logs/recipients/{recipient_id:str}", opt=WRITE, status_code=200)
async def remove_log_recipient(
    services: NamedDependency[Services], signed_in: NamedDependency[SignedIn], account: FromPath[AccountId], recipient_id: FromPath[str]
) -> LogsSaved:
    """Seal nothing to it any more. What was sealed to it stays readable to whoever holds its identity and has a copy."""

    def store() -> None:
        if not services.store.drop_log_recipient(account, recipient_id):
            raise NotFound("The account has no such recipient.")
        note(services, signed_in, account, "log_recipient_removed", recipient_id)

    await asyncio.to_thread(store)
    return await _saved(services, account)


@put("/api/accounts/{account:str}/logs/rules/{layer:str}/{subject:str}", opt=WRITE)
async def put_log_rule(
    services: NamedDependency[Services],
    signed_in: NamedDependency[SignedIn],
    account: FromPath[AccountId],
    layer: FromPath[Layer],
    subject: FromPath[str],
    data: JSONBody[NewRule],
) -> LogsSaved:
    """Opt in for the account, a project or a key, or leave one out (`nothing`). The nearest rule holds."""

    def store() -> None:
        rule = checked_rule(data.keeps, data.share, data.ttl_days)
        _check_subject(services, account, layer, subject)
        if rule.keeps is not Keeps.NOTHING and not services.store.log_recipients(account):
            raise BadRequest("Nobody could read what is kept: add a recipient first.", "recipients")
        before = services.store.log_rules(account).get((account, layer, subject))
        services.store.put_log_rule(account, layer, subject, rule, services.clock())
        note(services, signed_in, account, "log_rule", f"{layer} {subject}", before=before, after=rule)

    await asyncio.to_thread(store)
    return await _saved(services, account)


@delete("/api/accounts/{account:str}/logs/rules/{layer:str}/{subject:str}", opt=WRITE, status_code=200)
async def drop_log_rule(
    services: NamedDependency[Services],
    signed_in: NamedDependency[SignedIn],
    account: FromPath[AccountId],
    layer: FromPath[Layer],
    subject: FromPath[str],
) -> LogsSaved:
    """Take a rule back: the one above it holds, or none. What was kept stays until it expires or is deleted."""

    def store() -> None:
        _check_subject(services, account, layer, subject)
        before = services.store.log_rules(account).get((account, layer, subject))
        if not services.store.drop_log_rule(account, layer, subject):
            raise NotFound("There is no such rule.")
        note(services, signed_in, account, "log_rule", f"{layer} {subject}", before=before)

    await asyncio.to_thread(store)
    return await _saved(services, account)


@post("/api/accounts/{account:str}/logs/off", opt=WRITE, status_code=200)
async def switch_logs_off(
    services: NamedDependency[Services], signed_in: NamedDependency[SignedIn], account: FromPath[AccountId]
) -> LogsSaved:
    """Keep nothing from now on, of no project and no key: every rule goes. In force on every worker when this returns."""

    def store() -> None:
        rules = services.store.log_rules(account)
        for _, layer, subject in rules:
            services.store.drop_log_rule(account, layer, subject)
        note(services, signed_in, account, "logs_off", account, before=_shown(rules))

    await asyncio.to_thread(store)
    return await _saved(services, account)


@get("/api/accounts/{account:str}/logs", opt=READ)
@in_thread
def list_logs(
    services: NamedDependency[Services],
    account: FromPath[AccountId],
    before: FromQuery[float | None] = None,
    before_decision: FromQuery[str] = "",
    key: FromQuery[str | None] = None,
    limit: FromQuery[int] = 50,
) -> LogPage:
    """What was kept, newest first: metadata alone. `before` and `before_decision` are the last entry's `at` and `decision`."""
    most = max(1, min(limit, MOST))
    after = (services.clock() + 1e9 if before is None else before, before_decision)
    found = services.logs.log_entries(account, after, most + 1, None if key is None else KeyId(key))
    now = services.clock()
    return LogPage([entry for entry in found[:most] if entry.expires_at > now], more=len(found) > most)


@get("/api/accounts/{account:str}/logs/entries/{decision:str}", opt=READ)
@in_thread
def show_log(services: NamedDependency[Services], account: FromPath[AccountId], decision: FromPath[DecisionId]) -> LogEntry:
    """One entry's metadata."""
    return _own(services, account, decision)


@get("/api/accounts/{account:str}/logs/entries/{decision:str}/sealed", opt=READ, media_type=SEALED)
@in_thread
def fetch_log(services: NamedDependency[Services], account: FromPath[AccountId], decision: FromPath[DecisionId]) -> Stream:
    """The entry as it is stored: an age file, which opens with the identity of one of its recipients."""
    entry = _own(services, account, decision)
    headers = {"content-disposition": f'attachment; filename="{entry.decision}.age"', "content-length": str(entry.bytes)}
    return Stream(_pieces(services, entry), media_type=SEALED, headers=headers)


@delete("/api/accounts/{account:str}/logs/entries/{decision:str}", opt=WRITE, status_code=200)
@in_thread
def delete_log(
    services: NamedDependency[Services],
    signed_in: NamedDependency[SignedIn],
    account: FromPath[AccountId],
    decision: FromPath[DecisionId],
) -> LogsDeleted:
    """Delete one entry, and have its bytes overwritten."""
    if not services.logs.delete_log(account, decision):
        raise NotFound("There is no such entry in this account's log.")
    note(services, signed_in, account, "logs_deleted", decision, after={"entries": 1})
    return LogsDeleted(1, services.logs.wiped())


@post("/api/accounts/{account:str}/logs/deletion", opt=WRITE, status_code=200)
@in_thread
def delete_logs(services: NamedDependency[Services], signed_in: NamedDependency[SignedIn], account: FromPath[AccountId]) -> LogsDeleted:
    """Delete all that was kept up to now, what is still being sealed too, and have its bytes overwritten."""
    gone = services.logs.clear_logs(account, services.clock())
    note(services, signed_in, account, "logs_deleted", account, after={"entries": gone})
    return LogsDeleted(gone, services.logs.wiped())


async def _saved(services: Services, account: AccountId) -> LogsSaved:
    version = await services.reload()
    return LogsSaved(await asyncio.to_thread(_settings, services, account), version)


def _settings(services: Services, account: AccountId) -> LogSettings:
    return LogSettings(
        recipients=services.store.log_recipients(account),
        rules=_shown(services.store.log_rules(account)),
        kept=services.logs.kept_sums(account),
        most_recipients=MOST_RECIPIENTS,
        longest_days=LONGEST_DAYS,
    )


def _shown(rules: Mapping[tuple[AccountId, Layer, str], LogRule]) -> list[ShownRule]:
    return [ShownRule(layer, subject, rule.keeps, rule.share, rule.ttl_days) for (_, layer, subject), rule in rules.items()]


def _check_subject(services: Services, account: AccountId, layer: Layer, subject: str) -> None:
    """Raise `NotFound` for what is not the account's to keep a log of."""
    if layer is Layer.GATEWAY or chain_of(services, layer, subject, account) is None:
        raise NotFound(f"There is no {layer} of that id in this account.")


def _own(services: Services, account: AccountId, decision: DecisionId) -> LogEntry:
    entry = services.logs.log_entry(account, decision)
    if entry is None or entry.expires_at <= services.clock():  # what has expired is deleted within a minute, and shown no more by now
        raise NotFound("There is no such entry in this account's log.")
    return entry


async def _pieces(services: Services, entry: LogEntry) -> AsyncIterator[bytes]:
    """The ciphertext, a piece at a time: a slow reader makes nothing pile up."""
    for number in itertools.count():
        piece = await asyncio.to_thread(services.logs.log_piece, entry.account, entry.decision, number)
        if piece is None:
            return
        yield piece
