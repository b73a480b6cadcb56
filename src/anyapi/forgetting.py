"""Has the writers forget accounts that are being deleted: what they write from then on names none of them. Deletes nothing itself."""

from collections.abc import Sequence

from anyapi.domain.ids import AccountId
from anyapi.storage.contract import KeyStore
from anyapi.storage.contract_logs import Forgets


class Forgetting:
    """Which accounts the writers of this process have been told to forget, and whether what they held before that is written."""

    def __init__(self, sinks: Sequence[Forgets]) -> None:
        """`sinks` are the writers."""
        self._sinks = sinks
        self._gone: frozenset[AccountId] = frozenset()
        self._settled = self._gone

    def look(self, store: KeyStore) -> None:
        """Tell the writers, before a snapshot without these accounts is built. Raises `StorageError`.

        An account stays forgotten after it is deleted, for answers that are still under way, until there is another of its id.
        """
        closing = store.closing()
        gone = self._gone | closing
        if gone:
            gone -= frozenset(row.id for row in store.accounts()) - closing
        if gone != self._gone:
            self._gone = gone
            for sink in self._sinks:
                sink.forget(gone)

    def settle(self) -> None:
        """Wait until nothing that names such an account is on its way to the store; not on the event loop.

        To be called once a snapshot without them is in force, before anybody is told so. Raises `StorageError`, and then waits anew when
        it is called again.
        """
        gone = self._gone
        if self._settled != gone:
            for sink in self._sinks:
                sink.flush()
            self._settled = gone
