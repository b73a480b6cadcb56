"""What deleting an account means, for the control API and the command alike: what goes, what must stay and why; then the steps of doing it.

The steps, each of which may be repeated after a crash: the account is closed (keys and credentials end, nothing new is accepted); who
runs this has that put into force; usage rows go in small batches, so that other accounts' rows can be written meanwhile; then everything
else goes in one transaction; then the files are rewritten without it. Knows no HTTP and no terminal.
"""

from collections.abc import Callable

import msgspec

from anyapi.control.tokens import random_name
from anyapi.domain.ids import AccountId
from anyapi.errors import PermissionDenied
from anyapi.storage.contract_holdings import DETACHED, Counts, HoldingStore
from anyapi.storage.holdings import HOLDINGS, HOURS, Fate
from anyapi.storage.people_rows import ChangeRow
from anyapi.storage.rows import DEFAULT_ACCOUNT, AccountRow

WHY_NOT_DEFAULT = (
    "The account `default` belongs to the gateway: it is made anew at every start, and commands without --account use it. "
    "Revoke its keys, remove its members and shorten usage.ttl_days instead."
)
ELSEWHERE = (
    "What the operator wrote into the configuration, such as agreements that name the account, is for the operator to remove.",
    "Backups that were made before still hold it.",
    "What providers keep, they keep as their data policies say; the gateway cannot reach it.",
    "Answers that were under way end under the name `deleted`, without account, key, project and app.",
)
_encode = msgspec.json.Encoder(order="deterministic").encode


class Line(msgspec.Struct, frozen=True):
    """The rows of one record, and why they go or stay."""

    record: str
    rows: int
    why: str


class Report(msgspec.Struct, frozen=True):
    """What a deletion would do, or did. The one that says what was done is kept by whoever asked: the gateway forgets it."""

    account: AccountId
    name: str
    at: float
    done: bool
    refused: str | None
    """Why this account cannot be deleted; None where it can be."""
    goes: list[Line]
    stays: list[Line]
    elsewhere: tuple[str, ...]
    known_as: str | None
    """By this random id the audit log names it; nobody else is told whose it was."""
    wiped: bool | None
    """Whether the files of the store were rewritten without what was deleted."""


def refusal(account: AccountId) -> str | None:
    """Why an account cannot be deleted, if so."""
    return WHY_NOT_DEFAULT if account == DEFAULT_ACCOUNT else None


def plan(store: HoldingStore, account: AccountRow, now: float) -> Report:
    """What would go and what would stay. Changes nothing."""
    return _report(account, now, store.held(account.id), store.going(account.id))


def close(store: HoldingStore, account: AccountId, now: float) -> None:
    """End its keys and credentials; the caller then has that put into force before anything else. Raises `PermissionDenied`."""
    why_not = refusal(account)
    if why_not is not None:
        raise PermissionDenied(why_not)
    store.begin_closing(account, now)


def erase(store: HoldingStore, account: AccountRow, now: float, progress: Callable[[int], None] = lambda _rows: None) -> Report:
    """Delete what is held of a closed account. `progress` hears how many usage rows went so far."""
    held, gone_usage, since = store.held(account.id), 0, 0.0
    known_as = store.logged_as(account.id) or random_name()
    # Before the rows, because their batches leave the sums alone; what is added meanwhile goes with the rest, after the last batch.
    early = {HOURS: store.delete_hours(account.id), **store.delete_logs(account.id)}
    while True:
        rows, since = store.delete_usage(account.id, since)
        if not rows:
            break
        gone_usage += rows
        progress(gone_usage)
    gone = {**store.delete_account(account.id, DETACHED + known_as)}
    early["usage"] = gone_usage
    gone |= {record: gone.get(record, 0) + rows for record, rows in early.items()}
    done = _report(account, now, {**held, **{record: gone[record] for record in early}}, gone)
    return msgspec.structs.replace(done, done=True, known_as=known_as)


def finish(store: HoldingStore, report: Report) -> Report:
    """After the deletion is in force: have the files rewritten."""
    return msgspec.structs.replace(report, wiped=store.wipe())


def change(report: Report, by: str) -> ChangeRow:
    """That an account was deleted stays with the gateway: when, by whom, how much; not which."""
    after = {one.record: one.rows for one in report.goes if one.rows}
    return ChangeRow(report.at, None, by, "account_deleted", report.known_as or "", "", _encode(after).decode())


def _report(account: AccountRow, now: float, held: Counts, going: Counts) -> Report:
    goes, stays = [], []
    for one in HOLDINGS:
        rows = going.get(one.record, 0)
        if one.fate is Fate.DELETED:
            goes.append(Line(one.record, rows, one.why))
            if held[one.record] > rows:
                stays.append(Line(one.record, held[one.record] - rows, "they belong to other accounts too, or run the gateway"))
        else:
            stays.append(Line(one.record, held[one.record], one.why))
    return Report(
        account.id,
        account.name,
        now,
        done=False,
        refused=refusal(account.id),
        goes=goes,
        stays=stays,
        elsewhere=ELSEWHERE,
        known_as=None,
        wiped=None,
    )
