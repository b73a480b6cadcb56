"""Makes the exposure ledger of what a store holds: usage rows, and the catalogues that were in force. Knows no HTTP and no command."""

from collections.abc import Iterator

from anyapi.control.adopting import kept
from anyapi.domain.catalogue import Catalogue
from anyapi.domain.exposure import Ledger
from anyapi.domain.ids import AccountId
from anyapi.domain.snapshot import PolicyContext
from anyapi.policy.exposure import FactsThen, Period, ledger
from anyapi.storage.contract import ExposureStore
from anyapi.storage.contract_review import CatalogueStore

_ALL = 1_000_000
"""Updates: every one that there is."""


def exposures(store: ExposureStore, catalogues: CatalogueStore, today: PolicyContext, account: AccountId | None, now: float) -> Ledger:
    """The ledger of one account, or of all, as it stands at `now` (Unix seconds). Raises `StorageError`.

    `today` is the context in force: its credentials, agreements and contradictions count for earlier days too, since no others are kept;
    an agreement only between its own dates.
    """
    periods = list(_periods(catalogues, today.catalogue))
    return ledger(store.recipients(account, [period.since for period in periods]), FactsThen(periods, today), now)


def _periods(store: CatalogueStore, today: Catalogue) -> Iterator[Period]:
    """Each catalogue that was in force, in the order of time."""
    known: dict[str, Catalogue | None] = {today.version: today}
    for update in reversed(store.updates(_ALL)):
        version = update.effective
        if version is not None:
            if version not in known:
                known[version] = kept(store, version)
            yield Period(update.at, known[version])
