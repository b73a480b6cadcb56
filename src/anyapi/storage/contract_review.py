"""What a store must do for reviews, beside `storage/contract.py`; the same rules hold: `StorageError` alone, times passed in, no clock."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from anyapi.domain.ids import AccountId
from anyapi.storage.review_rows import DeliveryRow, HoldRow, NotificationRow, ReviewSettings, UpdateRow


class CatalogueStore(Protocol):
    """Catalogues by version, and the updates that brought them into force."""

    def catalogue_body(self, version: str) -> bytes | None:
        """Give the canonical bytes of a version that is still kept, or None."""
        ...

    def install(self, update: UpdateRow, body: bytes) -> UpdateRow:
        """Add an update and its catalogue, and give it with its number, one more than the last's; both MUST be durable on return.

        `update.number` MUST be ignored. The body's version is `update.base`.
        """
        ...

    def newest_update(self) -> UpdateRow | None:
        """Give the last update, adopted or not; None in a new store."""
        ...

    def last_adopted(self) -> UpdateRow | None:
        """Give the last update that a gateway took, or None."""
        ...

    def updates(self, limit: int = 20) -> list[UpdateRow]:
        """Give the last updates, newest first."""
        ...

    def untold_updates(self) -> list[UpdateRow]:
        """Give those that were adopted and that not every account was told of, oldest first."""
        ...

    def adopt(self, update: UpdateRow, bodies: Mapping[str, bytes], holds: Sequence[HoldRow]) -> bool:
        """Note that `update.effective` is in force and what accounts have to accept; all or nothing, durable on return.

        `bodies` are the canonical bytes of the catalogues that the update names, by version; those that are there stay.

        `update.previous` MUST still be what was adopted last (None: nothing); else MUST change nothing and give False: somebody else was
        first. If the newest update is not adopted yet it is this one; else a new one MUST be added, numbered on. The number of the holds
        MUST be replaced by the update's.
        """
        ...

    def note_progress(self, number: int, accounts: int, told: int, told_at: float | None) -> None:
        """Note how many accounts were told of an update; with `told_at`, catalogues that nothing needs any more MUST be forgotten.

        What was in force since the oldest usage row that is kept is still needed.
        """
        ...


class HoldStore(Protocol):
    """What accounts that review first have not accepted yet, and what they have."""

    def pending_holds(self, account: AccountId | None = None) -> list[HoldRow]:
        """Give what is pending, of one account or of all, in the order of the updates. MUST raise if one cannot be read."""
        ...

    def accepted_holds(self, account: AccountId, limit: int = 100) -> list[HoldRow]:
        """Give what was accepted, newest first."""
        ...

    def accept(self, account: AccountId, subjects: Sequence[str] | None, newest: int, *, by: str, at: float) -> int | None:
        """Accept these subjects (None: all) and say how many rows that were; durable on return.

        MUST change nothing and give None if `newest` is not the number of the last adopted update: what was looked at is no longer what
        would be accepted.
        """
        ...

    def review_settings(self, account: AccountId) -> ReviewSettings:
        """Give an account's settings; the defaults if none were put."""
        ...

    def all_review_settings(self) -> list[ReviewSettings]:
        """Give all that were put."""
        ...

    def change_review_settings(
        self, account: AccountId, change: Callable[[ReviewSettings], ReviewSettings], *, by: str, at: float
    ) -> ReviewSettings:
        """Replace an account's settings by `change` of what they are, atomically, and give the new ones; durable on return.

        Where `review_first` is off in them, what is pending MUST be accepted with it, by the same person. What `change` raises is passed on
        and MUST leave everything as it was. MUST raise for an unknown account.
        """
        ...

    def note_reminder(self, account: AccountId, at: float) -> None:
        """Note when an account was reminded last."""
        ...


class NotificationStore(Protocol):
    """What accounts are told, and what is on its way to them."""

    def notify(self, notification: NotificationRow, deliveries: Sequence[DeliveryRow]) -> bool:
        """Add a notification and its deliveries, all or nothing.

        MUST change nothing and give False if the account was told this (kind and subject) before.
        """
        ...

    def notifications(self, account: AccountId, before: float, limit: int = 50) -> list[NotificationRow]:
        """Give those before a time, newest first."""
        ...

    def notification(self, account: AccountId, notification: str) -> NotificationRow | None:
        """Give one of an account, or None."""
        ...

    def seen_until(self, account: AccountId, person: str) -> float:
        """Say up to when a person has seen them; 0 for never."""
        ...

    def see(self, account: AccountId, person: str, until: float) -> None:
        """Note that a person has seen them up to then; MUST never go back."""
        ...

    def unseen(self, account: AccountId, person: str) -> int:
        """Say how many came since."""
        ...

    def due_deliveries(self, now: float, limit: int = 50) -> list[DeliveryRow]:
        """Give those to try now, the longest waiting first."""
        ...

    def deliveries(self, account: AccountId, limit: int = 20) -> list[DeliveryRow]:
        """Give the last of an account."""
        ...

    def claim_delivery(self, delivery: DeliveryRow, until: float) -> bool:
        """Put a due one off to `until`, durable on return; of several callers with the same row exactly one MUST get True.

        MUST change nothing and give False if its next time is another by now, or it has ended.
        """
        ...

    def note_delivery(self, delivery: DeliveryRow) -> None:
        """Replace attempts, next time, end and code."""
        ...

    def purge_notifications(self, before: float) -> int:
        """Delete notifications and ended deliveries from before a time, and say how many notifications went."""
        ...


class ReviewStore(CatalogueStore, HoldStore, NotificationStore, Protocol):
    """All of it."""
