"""Takes the catalogue that is to be in force, and notes for accounts that review first what they have to accept before it counts for them.

Reads and writes the store whenever a snapshot is built. Tells nobody: `telling` does, afterwards and elsewhere.
INVARIANT: what an account has to accept is in the store before the first snapshot with the new catalogue.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from anyapi.catalogue.canonical import encode
from anyapi.catalogue.diff import diff
from anyapi.catalogue.load import decode
from anyapi.catalogue.subjects import ENDPOINT, PROVIDER, Record, Subject, loosened, read, renewal, written
from anyapi.domain.catalogue import Catalogue, Endpoint, Provider
from anyapi.domain.ids import AccountId, EndpointId, ProviderId
from anyapi.domain.snapshot import Past
from anyapi.errors import CatalogueError, StorageError
from anyapi.policy.loosening import later
from anyapi.storage.contract_review import CatalogueStore, HoldStore, ReviewStore
from anyapi.storage.review_rows import HoldRow, UpdateRow, UpdateSource

MOST_PASTS = 16
"""So many earlier states are judged for an account; beyond, everything that is to be accepted is denied outright."""


def base_of(store: CatalogueStore, packaged: Catalogue) -> Catalogue:
    """The base to start with: what was installed last, unless the product has brought a newer one since. Raises `StorageError`."""
    newest = store.newest_update()
    if newest is None or newest.base is None or newest.base == packaged.version:
        return packaged
    found = kept(store, newest.base)
    if found is None:
        return packaged
    chosen = newest.pinned or newest.effective is None
    return found if chosen or found.compiled >= packaged.compiled else packaged


def installed_since(store: CatalogueStore, base: str, *, first: bool) -> Catalogue | None:
    """A base that was installed in place of `base` (a version); None if there is none. Raises `StorageError`, `CatalogueError`.

    `first`: nothing was published yet. Then what was in force before this start counts no longer, and what nobody took yet does.
    """
    newest = store.newest_update()
    if newest is None or newest.base in (None, base) or (first and newest.effective is not None):
        return None
    found = kept(store, str(newest.base))
    if found is None:
        raise CatalogueError("the catalogue that was installed last cannot be read: install it again", file="the store")
    return found


def adopt(store: ReviewStore, effective: Catalogue, base: Catalogue, now: float, span_days: float) -> None:
    """Note that `effective`, made of `base`, is in force from `now` on; nothing to do if it was. Raises `StorageError`.

    `span_days`: for how long a record is good that does not say so itself.
    """
    for _ in range(3):
        last, newest = store.last_adopted(), store.newest_update()
        if last is None:
            row = _row(effective, base, now, newest)
            done = store.adopt(msgspec.structs.replace(row, told_at=now), _bodies(effective, base), ())
        elif last.effective == effective.version and newest == last:
            return
        else:
            previous = kept(store, str(last.effective))
            row = msgspec.structs.replace(
                _row(effective, base, now, newest), previous=last.effective, changes=_changes(previous, effective)
            )
            done = store.adopt(row, _bodies(effective, base), _holds(store, (previous, effective), now, span_days))
        if done:
            return
    raise StorageError("could not note the catalogue in force: another process keeps changing it")


def _row(effective: Catalogue, base: Catalogue, now: float, newest: UpdateRow | None) -> UpdateRow:
    pinned = newest is not None and newest.pinned and newest.base == base.version
    return UpdateRow(0, now, "", UpdateSource.START, base.version, pinned, effective.version, changes="[]")


def _bodies(*catalogues: Catalogue) -> dict[str, bytes]:
    return {each.version: encode(each) for each in catalogues}


def kept(store: CatalogueStore, version: str) -> Catalogue | None:
    """A catalogue of the store; None if it is gone or of a form that this release does not read."""
    body = store.catalogue_body(version)
    if body is None:
        return None
    try:
        return decode(body, "the store")
    except CatalogueError:
        return None


def _changes(previous: Catalogue | None, effective: Catalogue) -> str:
    return "[]" if previous is None else msgspec.json.encode(diff(previous, effective)).decode()


def _holds(store: HoldStore, change: tuple[Catalogue | None, Catalogue], now: float, span_days: float) -> list[HoldRow]:
    """What each account that reviews first has to accept. If the catalogue before cannot be read, that is all of it."""
    accounts = [each.account for each in store.all_review_settings() if each.review_first]
    if not accounts:
        return []
    previous, effective = change
    before = previous or Catalogue("", effective.compiled, {}, {})
    changed = [(subject, record, written(record)) for subject, record in loosened(before, effective, now, span_days)]
    pending = _by_account(store.pending_holds())
    return [
        HoldRow(account, subject, 0, text, now)
        for account in accounts
        for subject, record, text in changed
        if not _covered(subject, record, pending.get(account, ()))
    ]


def _covered(subject: Subject, record: Record | None, pending: Iterable[HoldRow]) -> bool:
    """Whether an earlier state that is still to be accepted says the same and ends no later: then it denies at least as much."""
    return any(_denies_as_much(read(subject, row.before), record) for row in pending if row.subject == subject)


def _denies_as_much(earlier: Record | None, record: Record | None) -> bool:
    if earlier is None:
        return True  # it was not there: that denies everything
    if not isinstance(earlier, Provider) or not isinstance(record, Provider) or not renewal(earlier, record):
        return earlier == record
    return not later(record.provenance, earlier.provenance)


def _by_account(rows: Iterable[HoldRow]) -> dict[AccountId, list[HoldRow]]:
    found: dict[AccountId, list[HoldRow]] = {}
    for row in rows:
        found.setdefault(row.account, []).append(row)
    return found


def held(store: HoldStore) -> dict[AccountId, tuple[Past, ...]]:
    """What the snapshot holds against each account that has something to accept. Raises `StorageError`."""
    found: dict[AccountId, tuple[Past, ...]] = {}
    # Accounts that have accepted the same share one value: mostly all of them.
    shared: dict[tuple[tuple[Subject, int, str | None], ...], tuple[Past, ...]] = {}
    for account, rows in _by_account(store.pending_holds()).items():
        key = tuple((row.subject, row.number, row.before) for row in rows)
        if key not in shared:
            shared[key] = pasts(rows)
        found[account] = shared[key]
    return found


def pasts(rows: Sequence[HoldRow]) -> tuple[Past, ...]:
    """The states that the catalogue had before each update of which something is pending, as far as they differ from today's.

    A record stood before update n as the first pending row from n on says; without one it stands as now, or was accepted.
    """
    numbers = sorted({row.number for row in rows})
    found: list[Past] = []
    for number in numbers:
        first: dict[Subject, HoldRow] = {}
        for row in sorted(rows, key=lambda row: row.number):
            if row.number >= number:
                first.setdefault(row.subject, row)
        past = _past({subject: read(subject, row.before) for subject, row in first.items()})
        if past not in found:
            found.append(past)
    if len(found) <= MOST_PASTS:
        return tuple(found)
    return (_past({row.subject: None for row in rows}),)


def _past(records: Mapping[Subject, Record | None]) -> Past:
    providers: dict[ProviderId, Provider | None] = {}
    endpoints: dict[EndpointId, Endpoint | None] = {}
    for subject, record in records.items():
        if subject.startswith(PROVIDER):
            providers[ProviderId(subject.removeprefix(PROVIDER))] = record if isinstance(record, Provider) else None
        else:
            endpoints[EndpointId(subject.removeprefix(ENDPOINT))] = record if isinstance(record, Endpoint) else None
    return Past(providers, endpoints)
