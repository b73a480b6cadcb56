"""Sealed entries in either database: `LogStore` of `storage/contract_logs.py`. Every method raises `StorageError` alone."""

import msgspec

from anyapi.domain.ids import AccountId, DecisionId, KeyId
from anyapi.domain.prompt_log import LogEntry
from anyapi.storage import log_statements as statements
from anyapi.storage.contract_holdings import Counts
from anyapi.storage.contract_logs import KeptSums
from anyapi.storage.database import Database
from anyapi.storage.driver import Row, Value

BATCH = 200
"""Entries that are deleted in one transaction: some may be large."""


class SqlLogs(Database):
    """On a connection of its own, or on that of another store."""

    def log_entries(self, account: AccountId, before: tuple[float, str], limit: int, key: KeyId | None = None) -> list[LogEntry]:
        """Give entries of an account, newest first."""
        if key is None:
            found = self._read("read the log", statements.ENTRIES, (account, *before, limit))
        else:
            found = self._read("read the log", statements.ENTRIES_OF_KEY, (account, key, *before, limit))
        return [_entry(row) for row in found]

    def log_entry(self, account: AccountId, decision: DecisionId) -> LogEntry | None:
        """Give one entry, or None."""
        return next((_entry(row) for row in self._read("read the entry", statements.ENTRY, (account, decision))), None)

    def log_piece(self, account: AccountId, decision: DecisionId, number: int) -> bytes | None:
        """Give one piece of ciphertext, or None."""
        found = self._read("read the entry", statements.PIECE, (account, decision, number))
        return msgspec.convert(found[0][0], bytes) if found else None

    def kept_sums(self, account: AccountId) -> KeptSums:
        """Say how much is kept of an account."""
        ((entries, size, oldest),) = self._read("sum the log", statements.KEPT, (account,))
        return KeptSums(int(str(entries)), int(str(size)), None if oldest is None else float(str(oldest)))

    def delete_log(self, account: AccountId, decision: DecisionId) -> bool:
        """Delete one entry."""
        with self._transaction("delete the entry") as connection:
            connection.execute(statements.DROP_PIECES_OF_ENTRY, (account, decision))
            return connection.execute(statements.DROP_ENTRY, (account, decision)).rowcount > 0

    def clear_logs(self, account: AccountId, until: float) -> int:
        """Delete all entries up to an instant; nothing of before is added any more."""
        self._write("clear the log", statements.CLEAR, {"account": account, "until": until})
        return self.drop_logs(account, until)["sealed_logs"]

    def drop_logs(self, account: AccountId, until: float) -> Counts:
        """Delete all entries up to an instant, some at a time, and say how many rows of each record; others may be added yet."""
        values: dict[str, Value] = {"account": account, "until": until, "limit": BATCH}
        pieces = entries = 0
        while True:
            with self._transaction("clear the log") as connection:
                pieces += connection.execute(statements.DROP_CLEARED_PIECES, values).rowcount
                gone = connection.execute(statements.DROP_CLEARED, values).rowcount
            entries += gone
            if gone < BATCH:
                return {"sealed_logs": entries, "sealed_pieces": pieces}

    def wiped(self) -> bool:
        """Move the write-ahead log into the database and empty it. PostgreSQL overwrites nothing: there it is always False."""
        with self._lock, self._driver.translated("empty the write-ahead log"):
            return self._driver.empty_wal(self._connection, waits=True) is True


def _entry(row: Row) -> LogEntry:
    values: dict[str, object] = dict(zip(LogEntry.__struct_fields__, row, strict=True))
    return msgspec.convert({**values, "recipients": msgspec.json.decode(str(values["recipients"]))}, LogEntry)
