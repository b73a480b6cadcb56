"""The audit log as one process extends it on one connection: entries, full tiles, signed checkpoints. Knows no entry's meaning."""

import contextlib
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TypeAlias

from anyapi.audit.entries import key_entry
from anyapi.audit.notes import Checkpoint, PublicKey, SigningKey
from anyapi.audit.tiles import subtrees
from anyapi.audit.tree import leaf_hashes, range_root
from anyapi.storage import audit_statements as statements
from anyapi.storage.audit_tables import add_tile, entries_of, fetch_from, growing_of, number, size_of
from anyapi.storage.driver import Connection, Driver

NewEntry: TypeAlias = tuple[str | None, bytes]
"""Reference and bytes."""


class AppendedLog:
    """Appends and signs. INVARIANT: after an error it is read anew, because what of it was stored is not known.

    Every method raises the driver's own errors: work with it inside `Driver.translated`.
    """

    def __init__(self, driver: Driver, connection: Connection) -> None:
        """Read the right edge of the log on a connection that sees everybody's rows. Raises `StorageError` for a log with a gap."""
        self.driver, self.connection = driver, connection
        self._growing = growing_of(connection)
        newest = connection.execute(statements.CHECKPOINT).fetchone()
        self._sealed = -1 if newest is None else number(newest)
        self._announced = ""

    @property
    def size(self) -> int:
        """How many entries there are, as far as known here."""
        return self._growing.size

    @property
    def sealed(self) -> bool:
        """Whether a checkpoint stands over all of them."""
        return self._sealed == self.size

    def moved(self) -> bool:
        """Whether another process extended the log."""
        return size_of(self.connection) != self.size

    def goes_on_from(self, signed: Checkpoint) -> bool:
        """Whether what was signed is its beginning, as far as its tiles tell."""
        if signed.size > self.size:
            return False
        return range_root(0, signed.size, subtrees(partial(fetch_from, self.connection), signed.size)) == signed.root

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """For the block no worker of the same database extends the log, which is known here as it is."""
        with self.driver.alone(self.connection):
            if self.driver.shared:
                # What another worker entered, with the tiles that it filled.
                others = entries_of(self.connection, self.size, size_of(self.connection))
                self._growing.extend(leaf_hashes(entry for _, _, entry in others))
            yield

    def append(self, rows: Sequence[NewEntry]) -> None:
        """Add entries, all or none, in one statement. It is a `Conflict` if the place or a reference is taken."""
        values = [(place, *row) for place, row in enumerate(rows, self.size)]
        self.driver.insert(self.connection, statements.insert_entries, values)
        for tile in self._growing.extend(leaf_hashes([entry for _, entry in rows])):
            add_tile(self.connection, tile)

    def announce(self, key: PublicKey, at: int) -> None:
        """Enter which key signs from here on, unless the log says so already."""
        if self._announced == key.fingerprint:
            return
        ref, entry = key_entry(key, at)
        with self.alone():
            if self.connection.execute(statements.PLACE, (ref,)).fetchone() is None:
                self.append([(ref, entry)])
        self._announced = key.fingerprint

    def seal(self, key: SigningKey) -> Checkpoint:
        """Sign what the log is now, durably, and give it: who is shown a checkpoint may hold us to it."""
        if self.sealed and not self.driver.shared:
            return self._checkpoint(key)
        # The fsync of this commit covers everything before it.
        self.connection.execute(statements.DURABLE)
        try:
            with self.alone():
                newest, signed = self.connection.execute(statements.CHECKPOINT).fetchone(), self._checkpoint(key)
                if newest is None or number(newest) < self.size:
                    note = key.sign(str(signed))
                    self.connection.execute(statements.ADD_CHECKPOINT, (self.size, note))
        finally:
            self.connection.execute(statements.NOT_DURABLE)
        self._sealed = self.size
        return signed

    def _checkpoint(self, key: SigningKey) -> Checkpoint:
        return Checkpoint(key.public.name, self.size, self._growing.root())
