"""The audit log in the dashboard: an account's own entries word for word, and the newest signed checkpoint over the whole log."""

import re

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from anyapi.audit.entries import announced_key
from anyapi.audit.notes import signer_of
from anyapi.control.history import names_of
from anyapi.control.services import Services
from anyapi.control.threads import in_thread
from anyapi.domain.ids import AccountId
from anyapi.domain.people import Permission
from anyapi.errors import NotFound
from anyapi.storage.audit_reader import AuditReader

PAGE, MOST = 50, 200
SCANNED = 200_000
"""Entries, of all accounts, that are looked through for one page."""
READ = {"permission": Permission.READ}
TEXT = "text/plain"
_LOG_ID = re.compile(rb'"(log_[0-9a-f]{24})"')


class NamedInLog(msgspec.Struct, frozen=True):
    """What a random id of the log stands for: a key, project, app, person, credential ... of the account. People have a name."""

    kind: str
    id: str
    name: str | None


class LoggedEntry(msgspec.Struct, frozen=True):
    """An entry; `at` in Unix seconds, `decision` of a request or a decision record. `entry` is the text whose bytes are hashed."""

    position: int
    kind: str
    at: float | None
    decision: str | None
    entry: str


class ShownAudit(msgspec.Struct, frozen=True):
    """A page of an account's entries, newest first, and what the log is now."""

    size: int
    """Entries in the log, of all accounts."""
    checkpoint: str | None
    """The newest signed note over the log; null where nothing is signed yet."""
    covered: int
    """How many entries it covers."""
    key: str | None
    """The key that signed it, as `anyapi audit fsck --key` and `anyapi verify --key` take it."""
    entries: tuple[LoggedEntry, ...]
    before: int | None
    """From where the next page goes on; null where all was looked through."""
    names: dict[str, NamedInLog]


class _Head(msgspec.Struct):
    kind: str = "unreadable"
    at: int | None = None
    decision: str | None = None


_decode = msgspec.json.Decoder(_Head).decode


@get("/api/accounts/{account:str}/audit", opt=READ)
@in_thread
def show_audit(
    services: NamedDependency[Services],
    account: FromPath[AccountId],
    before: FromQuery[int | None] = None,
    changes: FromQuery[bool] = False,  # noqa: FBT002 a query parameter
    limit: FromQuery[int] = PAGE,
) -> ShownAudit:
    """The account's entries in the audit log before a position, newest first: all of them, or its changes alone."""
    with services.audit() as log:
        size, covered, note, key = _signed(log)
        end = size if before is None else max(0, min(before, size))
        found, following = _page(log, account, end, max(1, min(limit, MOST)), changes=changes)
        names = _names(services, log, account, [entry for _, entry in found])
    entries = tuple(_shown(position, entry) for position, entry in found)
    return ShownAudit(size, note, covered, key, entries, following, names)


def _signed(log: AuditReader) -> tuple[int, int, str | None, str | None]:
    """How many entries there are, how many the newest checkpoint covers, its note, and the key that signed it."""
    size, newest = log.size(), log.newest()
    if newest is None:
        return size, 0, None, None
    covered, note = newest
    key = signer_of(note, map(announced_key, log.key_entries()))
    return size, covered, note, None if key is None else str(key)


def _page(log: AuditReader, account: AccountId, end: int, most: int, *, changes: bool) -> tuple[list[tuple[int, bytes]], int | None]:
    """The newest entries of an account before a position, and from where to go on; nothing of an account that no entry names yet."""
    log_id = log.log_id("account", account, account)
    if log_id is None:
        return [], None
    start = max(0, end - SCANNED)
    found = log.of_account(log_id, start, end, most, changes=changes)
    return found, (found[-1][0] if len(found) == most else start) or None


@get("/api/accounts/{account:str}/audit/checkpoint", opt=READ, media_type=TEXT)
@in_thread
def checkpoint(services: NamedDependency[Services], account: FromPath[AccountId]) -> Response[str]:  # noqa: ARG001 whose page asks
    """The newest signed checkpoint, to keep elsewhere: against it `anyapi audit fsck --checkpoint` tells whether the log was rewritten."""
    with services.audit() as log:
        newest = log.newest()
    if newest is None:
        raise NotFound("Nothing is signed yet: the log gets a checkpoint a second after its first entry.")
    size, note = newest
    return Response(note, media_type=TEXT, headers={"content-disposition": f'attachment; filename="anyapi-checkpoint-{size}.txt"'})


def _shown(position: int, entry: bytes) -> LoggedEntry:
    try:
        head = _decode(entry)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        head = _Head()  # somebody changed it: it is shown all the same
    return LoggedEntry(position, head.kind, None if head.at is None else head.at / 1000, head.decision, entry.decode(errors="replace"))


def _names(services: Services, log: AuditReader, account: AccountId, entries: list[bytes]) -> dict[str, NamedInLog]:
    """What the random ids in entries stand for, as long as that is known; of other accounts nothing."""
    ids = dict.fromkeys(found.decode() for entry in entries for found in _LOG_ID.findall(entry))
    known = {log_id: named for log_id in ids if (named := log.named(log_id)) is not None and named[1] in ("", account)}
    people = names_of(services, (subject for kind, _, subject in known.values() if kind == "person"))
    return {log_id: NamedInLog(kind, subject, people.get(subject)) for log_id, (kind, _, subject) in known.items()}
