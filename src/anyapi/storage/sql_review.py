"""Catalogue updates, holds and notifications, in either database (`contract_review.py`). Every method raises `StorageError` alone."""

import itertools
import zlib
from collections.abc import Callable, Mapping, Sequence

import msgspec

from anyapi.domain.ids import AccountId
from anyapi.errors import StorageError
from anyapi.storage import review_statements as statements
from anyapi.storage.database import Database, one_of, rows_of
from anyapi.storage.driver import Connection, Row, Value
from anyapi.storage.review_rows import DeliveryRow, HoldRow, NotificationRow, ReviewSettings, UpdateRow

_LARGEST_BODY = 64 * 1024 * 1024
_HOLDS_AT_ONCE = 500
"""Seven values each: well under the number that SQLite takes in one statement."""


class SqlReview(Database):
    """A connection of its own beside that of `SqlStore`."""

    def catalogue_body(self, version: str) -> bytes | None:
        """Give the canonical bytes of a version that is still kept, or None."""
        found = self._read("read the catalogue", statements.CATALOGUE, (version,))
        return _opened(found[0][0]) if found else None

    def install(self, update: UpdateRow, body: bytes) -> UpdateRow:
        """Add an update and its catalogue, and give it with its number."""
        with self._transaction("install the catalogue") as connection:
            numbered = msgspec.structs.replace(
                update, number=_number_after(_update(connection.execute(statements.NEWEST_UPDATE).fetchall()))
            )
            _keep(connection, str(update.base), body, update.at)
            connection.execute(statements.ADD_UPDATE, msgspec.structs.astuple(numbered))
        return numbered

    def newest_update(self) -> UpdateRow | None:
        """Give the last update, or None."""
        return _update(self._read("read the updates", statements.NEWEST_UPDATE))

    def last_adopted(self) -> UpdateRow | None:
        """Give the last update that a gateway took, or None."""
        return _update(self._read("read the updates", statements.LAST_ADOPTED))

    def updates(self, limit: int = 20) -> list[UpdateRow]:
        """Give the last updates, newest first."""
        return _updates(self._read("read the updates", statements.UPDATES, (limit,)))

    def untold_updates(self) -> list[UpdateRow]:
        """Give those that not every account was told of, oldest first."""
        return _updates(self._read("read the updates", statements.UNTOLD_UPDATES))

    def adopt(self, update: UpdateRow, bodies: Mapping[str, bytes], holds: Sequence[HoldRow]) -> bool:
        """Note what is in force and what accounts have to accept; False, and nothing changed, if somebody else was first."""
        with self._transaction("note the catalogue in force") as connection:
            last = _update(connection.execute(statements.LAST_ADOPTED).fetchall())
            if (None if last is None else last.effective) != update.previous:
                return False
            newest = _update(connection.execute(statements.NEWEST_UPDATE).fetchall())
            for version, body in bodies.items():
                _keep(connection, version, body, update.at)
            if newest is not None and newest.effective is None:
                number = newest.number
                connection.execute(statements.ADOPT, (update.effective, update.previous, update.changes, number))
            else:
                number = _number_after(newest)
                connection.execute(statements.ADD_UPDATE, msgspec.structs.astuple(msgspec.structs.replace(update, number=number)))
            rows = [msgspec.structs.astuple(msgspec.structs.replace(hold, number=number)) for hold in holds]
            for part in itertools.batched(rows, _HOLDS_AT_ONCE):
                self._driver.insert(connection, statements.insert_holds, part)
        return True

    def note_progress(self, number: int, accounts: int, told: int, told_at: float | None) -> None:
        """Note how many accounts were told; at the end, forget catalogues that nothing needs any more."""
        with self._transaction("note the progress of an update") as connection:
            connection.execute(statements.PROGRESS, (accounts, told, told_at, number))
            if told_at is not None:
                connection.execute(statements.DROP_CATALOGUES)

    def pending_holds(self, account: AccountId | None = None) -> list[HoldRow]:
        """Give what is pending, of one account or of all, in the order of the updates."""
        if account is None:
            return rows_of(HoldRow, self._read("read what is to be reviewed", statements.PENDING))
        return rows_of(HoldRow, self._read("read what is to be reviewed", statements.PENDING_OF_ACCOUNT, (account,)))

    def accepted_holds(self, account: AccountId, limit: int = 100) -> list[HoldRow]:
        """Give what was accepted, newest first."""
        return rows_of(HoldRow, self._read("read what was accepted", statements.ACCEPTED_OF_ACCOUNT, (account, limit)))

    def accept(self, account: AccountId, subjects: Sequence[str] | None, newest: int, *, by: str, at: float) -> int | None:
        """Accept these subjects (None: all) and say how many rows that were; None if an update came in between."""
        with self._transaction("accept the changes") as connection:
            last = _update(connection.execute(statements.LAST_ADOPTED).fetchall())
            if last is None or last.number != newest:
                return None
            if subjects is None:
                return connection.execute(statements.ACCEPT_ALL, (at, by, account)).rowcount
            return sum(connection.execute(statements.ACCEPT_ONE, (at, by, account, subject)).rowcount for subject in subjects)

    def review_settings(self, account: AccountId) -> ReviewSettings:
        """Give an account's settings; the defaults if none were put."""
        found = one_of(ReviewSettings, self._read("read how the account reviews", statements.SETTINGS, (account,)), strict=False)
        return found or ReviewSettings(account)

    def all_review_settings(self) -> list[ReviewSettings]:
        """Give all that were put."""
        return rows_of(ReviewSettings, self._read("read how accounts review", statements.ALL_SETTINGS), strict=False)

    def change_review_settings(
        self, account: AccountId, change: Callable[[ReviewSettings], ReviewSettings], *, by: str, at: float
    ) -> ReviewSettings:
        """Replace an account's settings; where `review_first` is off in them, what is pending is accepted with it."""
        with self._transaction("change how the account reviews") as connection:
            found = one_of(ReviewSettings, connection.execute(statements.SETTINGS, (account,)).fetchall(), strict=False)
            settings = change(found or ReviewSettings(account))
            connection.execute(statements.PUT_SETTINGS, msgspec.structs.astuple(settings))
            if not settings.review_first:
                connection.execute(statements.ACCEPT_ALL, (at, by, account))
        return settings

    def note_reminder(self, account: AccountId, at: float) -> None:
        """Note when an account was reminded last."""
        self._write("note the reminder", statements.NOTE_REMINDER, (at, account))

    def notify(self, notification: NotificationRow, deliveries: Sequence[DeliveryRow]) -> bool:
        """Add a notification and its deliveries; False if the account was told this before."""
        with self._transaction("add the notification") as connection:
            if not connection.execute(statements.ADD_NOTIFICATION, msgspec.structs.astuple(notification)).rowcount:
                return False
            for delivery in deliveries:
                connection.execute(statements.ADD_DELIVERY, msgspec.structs.astuple(delivery))
        return True

    def notifications(self, account: AccountId, before: float, limit: int = 50) -> list[NotificationRow]:
        """Give those before a time, newest first."""
        return rows_of(NotificationRow, self._read("read the notifications", statements.NOTIFICATIONS, (account, before, limit)))

    def notification(self, account: AccountId, notification: str) -> NotificationRow | None:
        """Give one of an account, or None."""
        found = self._read("read the notification", statements.ONE_NOTIFICATION, (account, notification))
        return one_of(NotificationRow, found)

    def seen_until(self, account: AccountId, person: str) -> float:
        """Say up to when a person has seen them."""
        found = self._read("read what was seen", statements.SEEN, (account, person))
        return msgspec.convert(found[0][0], float) if found else 0.0

    def see(self, account: AccountId, person: str, until: float) -> None:
        """Note that a person has seen them up to then; never goes back."""
        self._write("note what was seen", statements.SEE, (account, person, until))

    def unseen(self, account: AccountId, person: str) -> int:
        """Say how many came since."""
        (count,) = self._read("count the notifications", statements.UNSEEN, {"account": account, "person": person})[0]
        return msgspec.convert(count, int)

    def due_deliveries(self, now: float, limit: int = 50) -> list[DeliveryRow]:
        """Give those to try now, the longest waiting first."""
        return rows_of(DeliveryRow, self._read("read what is to be delivered", statements.DUE, (now, limit)))

    def deliveries(self, account: AccountId, limit: int = 20) -> list[DeliveryRow]:
        """Give the last of an account."""
        return rows_of(DeliveryRow, self._read("read the deliveries", statements.DELIVERIES, (account, limit)))

    def claim_delivery(self, delivery: DeliveryRow, until: float) -> bool:
        """Take a due one: nobody else gets it until then. False if somebody else was first."""
        values = (until, delivery.account, delivery.id, delivery.next_at)
        return self._write("take the delivery", statements.CLAIM_DELIVERY, values) > 0

    def note_delivery(self, delivery: DeliveryRow) -> None:
        """Replace attempts, next time, end and code."""
        values = (delivery.attempts, delivery.next_at, delivery.ended_at, delivery.code, delivery.account, delivery.id)
        self._write("note the delivery", statements.NOTE_DELIVERY, values)

    def purge_notifications(self, before: float) -> int:
        """Delete notifications and ended deliveries from before a time."""
        with self._transaction("delete old notifications") as connection:
            connection.execute(statements.PURGE_DELIVERIES, (before, before))
            return connection.execute(statements.PURGE_NOTIFICATIONS, (before,)).rowcount


def _updates(rows: list[Row]) -> list[UpdateRow]:
    return rows_of(UpdateRow, rows, strict=False)


def _update(rows: list[Row]) -> UpdateRow | None:
    return one_of(UpdateRow, rows, strict=False)


def _number_after(newest: UpdateRow | None) -> int:
    return 1 if newest is None else newest.number + 1


def _keep(connection: Connection, version: str, body: bytes, at: float) -> None:
    if connection.execute(statements.HAS_CATALOGUE, (version,)).fetchone() is None:
        connection.execute(statements.ADD_CATALOGUE, (version, zlib.compress(body, 6), at))


def _opened(body: Value) -> bytes:
    """What was compressed, whole and not beyond measure."""
    expander = zlib.decompressobj()
    try:
        found = expander.decompress(body if isinstance(body, bytes) else b"", _LARGEST_BODY)
    except zlib.error:
        raise StorageError("a stored catalogue cannot be read: install it again with `anyapi catalogue update`") from None
    if not expander.eof:
        raise StorageError("a stored catalogue cannot be read: install it again with `anyapi catalogue update`")
    return found
