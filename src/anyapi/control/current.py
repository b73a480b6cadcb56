"""The catalogue in force of one process: what it started with, or what was installed since. Asked whenever a snapshot is built."""

from collections.abc import Callable

import msgspec

from anyapi.catalogue.addresses import with_addresses_of
from anyapi.control.adopting import adopt, held, installed_since
from anyapi.domain.catalogue import Catalogue
from anyapi.domain.ids import AccountId
from anyapi.domain.snapshot import Past
from anyapi.errors import CatalogueError, ConfigError
from anyapi.storage.contract_review import ReviewStore
from anyapi.telemetry.log import Event, log


class InForce(msgspec.Struct, frozen=True):
    """A catalogue, and what accounts have not accepted of it."""

    catalogue: Catalogue
    held: dict[AccountId, tuple[Past, ...]]


class Current:
    """One for a process; not for use from two threads at once."""

    def __init__(
        self,
        store: ReviewStore,
        started: tuple[Catalogue, Catalogue],
        over: Callable[[Catalogue], Catalogue],
        clock: Callable[[], float],
        span_days: float,
    ) -> None:
        """`started` are the base and the catalogue that the configuration makes of it; `over` does the same to another base.

        `span_days`: for how long a record is good that does not say so itself.
        """
        self._span_days = span_days
        self._store, self._over, self._clock = store, over, clock
        self._base, self._started = started
        self._catalogue = self._started
        self._first = True

    def refresh(self) -> InForce:
        """Take what was installed since, note it, and give what holds now. Raises `StorageError`: nothing changes then.

        What cannot be taken (it does not fit the operator's records as they were at the start) is left, and what is in force stays: a key
        that is to be revoked must not wait for it. Providers are reached as they were at the start: a restart takes new addresses.
        """
        base, catalogue = self._base, self._catalogue
        try:
            installed = installed_since(self._store, base.version, first=self._first)
            if installed is not None:
                base, catalogue = installed, with_addresses_of(self._started, self._over(installed))
        except (CatalogueError, ConfigError) as error:
            log(Event.CATALOGUE_UNUSABLE, kind=type(error).__name__)
        else:
            # Only what changed here: two workers whose configurations differ would otherwise note theirs in turn, without end.
            if self._first or installed is not None:
                adopt(self._store, catalogue, base, self._clock(), self._span_days)
        found = held(self._store)
        self._base, self._catalogue, self._first = base, catalogue, False
        return InForce(catalogue, found)
