"""What a store must do for the ranking of models; the rules of `storage/contract.py` hold.

INVARIANT: no method takes both an account and anything that was counted, and no row says when it was written.
"""

from typing import Protocol

from anyapi.domain.ids import AccountId, ModelId
from anyapi.domain.ranking import Release


class RankingStore(Protocol):
    """Releases, the ledger of what they cost, and accounts that take no part."""

    def left_out(self) -> frozenset[AccountId]:
        """Give the accounts that take no part, and those that are being deleted."""
        ...

    def takes_part(self, account: AccountId) -> bool:
        """Say whether an account takes part; MUST be True if nothing was put."""
        ...

    def take_part(self, account: AccountId, *, part: bool) -> None:
        """Have an account take part, or not; MUST be durable on return and idempotent. MUST raise if the account does not exist.

        A change MUST stand in the audit log: it is noted in the same transaction.
        """
        ...

    def spend(self, week: str, epsilon: float, delta: float) -> bool:
        """Note in the ledger that a week is released; MUST be durable on return. MUST return False for a week that is noted already.

        MUST be called before the noise is drawn. No note is ever changed or deleted; the store itself refuses it.
        """
        ...

    def add_release(self, release: Release) -> None:
        """Add a release; MUST be durable on return. MUST raise for a week that the ledger does not have, or that has one already."""
        ...

    def answered(self, since: float, until: float) -> dict[ModelId, tuple[int, int]]:
        """Give, over all accounts, how many requests of each model went to a provider with `since <= at < until`, and how many succeeded.

        Those whose client left count for neither.
        """
        ...

    def releases(self, limit: int = 52) -> tuple[Release, ...]:
        """Give the last releases, newest first."""
        ...
