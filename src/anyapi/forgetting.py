"""Has the writers forget accounts that are being deleted: what they write from then on names none of them. Deletes nothing itself."""

from collections.abc import Sequence
from typing import Protocol

from anyapi.domain.ids import AccountId
from anyapi.storage.contract import KeyStore


class Sink(Protocol):
    """A writer, as far as this goes: of usage rows, of decision records, of the audit log."""

    def forget(self, accounts: frozenset[AccountId]) -> None:
        """From now on write nothing that names these accounts. See `UsageSink`."""
        ...

    def flush(self) -> None:
        """Return when all that was taken before is written. Raises `StorageError`."""
        ...


class Forgetting:
    """Which accounts the writers of this process have been told to forget, and whether what they held before that is written."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        """`sinks` are the writers; one that takes what others wrote stands behind them."""
        self._sinks = sinks
        self._gone: frozenset[AccountId] = frozenset()
        self._closing = self._gone
        self._settled = self._gone, self._closing

    def look(self, store: KeyStore) -> None:
        """Tell the writers, before a snapshot without these accounts is built. Raises `StorageError`.

        An account stays forgotten after it is deleted, for answers that are still under way, until there is another of its id.
        """
        self._closing = closing = store.closing()
        gone = self._gone | closing
        if gone:
            gone -= frozenset(row.id for row in store.accounts()) - closing
        if gone != self._gone:
            self._gone = gone
            for sink in self._sinks:
                sink.forget(gone)

    def settle(self) -> None:
        """Wait until nothing that names such an account is on its way to the store; not on the event loop.

        To be called once a snapshot without them is in force, before anybody is told so: when an account is closed, and again when it is
        deleted, because what happened to it in between waits for the audit log. Raises `StorageError`, and then waits anew when
        it is called again.
        """
        state = self._gone, self._closing
        if self._settled != state:
            for sink in self._sinks:
                sink.flush()
            self._settled = state
