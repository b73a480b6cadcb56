"""Makes the exposure ledger of what a store holds: usage rows, and the catalogues that were in force. Knows no HTTP and no command."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import msgspec

from anyapi.control.adopting import kept
from anyapi.domain.catalogue import Catalogue
from anyapi.domain.exposure import Ledger
from anyapi.domain.ids import AccountId
from anyapi.domain.snapshot import PolicyContext
from anyapi.policy.exposure import FactsThen, Period, ledger
from anyapi.policy.standing import DAY
from anyapi.storage.contract import ExposureStore, KeyStore
from anyapi.storage.contract_review import CatalogueStore
from anyapi.storage.rows import DEFAULT_USAGE_DAYS, AccountRow

_ALL = 1_000_000
"""Updates: every one that there is."""


class LedgerStore(ExposureStore, KeyStore, Protocol):
    """What a ledger is made of, besides catalogues: who was sent what, and since when who is there."""


def exposures(
    store: LedgerStore,
    catalogues: CatalogueStore,
    today: PolicyContext,
    account: AccountId | None,
    now: float,
    default_days: float = DEFAULT_USAGE_DAYS,
) -> Ledger:
    """The ledger of one account, or of all, as it stands at `now` (Unix seconds). Raises `StorageError`.

    `default_days`: for so long the rows of accounts are kept that say nothing of it.

    `today` is the context in force: its credentials, agreements and contradictions count for earlier days too, since no others are kept;
    an agreement only between its own dates.
    """
    periods = list(_periods(catalogues, today.catalogue))
    found = ledger(store.recipients(account, [period.since for period in periods]), FactsThen(periods, today), now)
    return msgspec.structs.replace(found, expired_before=_expired_before(store.accounts(), account, now, default_days))


def _expired_before(accounts: Sequence[AccountRow], account: AccountId | None, now: float, default_days: float) -> float | None:
    """From when on all rows are kept, if anybody was there before. Rows of accounts that are gone are kept as by default."""
    whose = [row for row in accounts if account in {None, row.id}]
    if not whose:
        whose = [msgspec.structs.replace(min(accounts, key=lambda row: row.created_at), usage_days=None)]
    ends = [(row.created_at, now - DAY * (default_days if row.usage_days is None else row.usage_days)) for row in whose]
    return max((end for created_at, end in ends if created_at < end), default=None)


def _periods(store: CatalogueStore, today: Catalogue) -> Iterator[Period]:
    """Each catalogue that was in force, in the order of time."""
    known: dict[str, Catalogue | None] = {today.version: today}
    for update in reversed(store.updates(_ALL)):
        version = update.effective
        if version is not None:
            if version not in known:
                known[version] = kept(store, version)
            yield Period(update.at, known[version])
