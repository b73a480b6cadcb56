"""What a store must do to give out and to delete all that is held of an account; the rules of `storage/contract.py` hold."""

from collections.abc import Mapping
from typing import Protocol, TypeAlias

from anyapi.domain.ids import AccountId
from anyapi.storage.holdings import Cell, Holding

Counts: TypeAlias = Mapping[str, int]
"""How many rows of each record of the inventory."""
DETACHED = "deleted:"
"""With this begins the name under which decision records outlive their account that the audit log has not taken yet."""


class HoldingStore(Protocol):
    """All that is held of an account, as `storage/holdings.py` lists it."""

    def held(self, account: AccountId) -> Counts:
        """Count the rows of each record that are the account's."""
        ...

    def going(self, account: AccountId) -> Counts:
        """Count the rows of each record that would go with the account, or be detached; those that stay are not counted."""
        ...

    def page(self, holding: Holding, account: AccountId, after: tuple[Cell, ...] = (), limit: int = 500) -> list[dict[str, Cell]]:
        """Give rows in the holding's order, every column by its name, beginning after the row of these order values.

        MUST hold no lock and no snapshot between two pages, however long the caller takes.
        """
        ...

    def logged_as(self, account: AccountId) -> str:
        """Give the account's random id in the audit log; empty if it has none."""
        ...

    def begin_closing(self, account: AccountId, at: float) -> None:
        """Note that an account is being deleted, revoke its keys and destroy its sealed credentials; all or nothing, durable on return.

        MUST be idempotent. MUST raise if the account does not exist.
        """
        ...

    def delete_hours(self, account: AccountId) -> int:
        """Delete the sums of an account's usage rows and give how many; those of rows that come later go in `delete_account`."""
        ...

    def delete_usage(self, account: AccountId, since: float = 0.0, limit: int = 5000) -> tuple[int, float]:
        """Delete some of an account's usage rows from a time on, about `limit`; give how many, and from when to go on.

        MUST hold the write lock briefly: requests of other accounts are being written. 0 means that none is left from there on.
        """
        ...

    def delete_logs(self, account: AccountId) -> Counts:
        """Delete an account's sealed entries and give how many rows of each record; those that come later go in `delete_account`.

        MUST hold the write lock briefly, however many there are.
        """
        ...

    def delete_account(self, account: AccountId, name: str) -> Counts:
        """Delete an account with all that is to go, detach what outlives it under `name`; in one transaction, durable on return.

        Gives the rows of each record. MUST raise, and change nothing, if the account does not exist or is not being closed. MUST see the
        members of all accounts while it does so, behind whatever wall there is: people who belong to another account too MUST stay.
        """
        ...

    def wipe(self) -> bool:
        """Have what was deleted overwritten in every file of the store.

        False if somebody still reads an older state (ask again), or if it cannot be had of this store at all.
        """
        ...
