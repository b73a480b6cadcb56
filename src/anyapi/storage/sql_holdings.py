"""All that is held of an account, in either database: `storage/contract_holdings.py`. Every method raises `StorageError` alone."""

import math
import time
from collections.abc import Mapping

from anyapi.domain.ids import AccountId
from anyapi.errors import StorageError
from anyapi.storage import audit_statements, holdings
from anyapi.storage.contract_holdings import Counts
from anyapi.storage.database import Database
from anyapi.storage.holdings import HOLDINGS, Cell, Fate, Holding
from anyapi.storage.sql_logs import SqlLogs
from anyapi.storage.tenant import EVERYBODY, only
from anyapi.storage.usage_sums import add_missing, add_up

_WIPE_ATTEMPTS, _WIPE_PAUSE = 20, 0.1
LARGEST_REWRITTEN = 128 * 1024 * 1024
"""Bytes of a database that is rewritten while the gateway serves: it takes as much memory, and the write lock for some seconds."""


class SqlHoldings(Database):
    """A connection of its own beside that of `SqlStore`.

    What has to know whether people belong to other accounts too works for everybody, behind no wall; every condition names the account.
    """

    def held(self, account: AccountId) -> Counts:
        """Count the rows of each record that are the account's."""
        return self._counted(account, {one.record: holdings.count(one, one.mine) for one in HOLDINGS})

    def going(self, account: AccountId) -> Counts:
        """Count the rows of each record that would go, or be detached."""
        return self._counted(account, {one.record: holdings.count(one, one.gone) for one in HOLDINGS if one.fate is not Fate.KEPT})

    def _counted(self, account: AccountId, questions: Mapping[str, str]) -> Counts:
        with self._lock:
            add_up(self._driver, self._connection)  # deletion does it too, and then there may be more sums
        with only(EVERYBODY), self._reading("count what is held") as read:
            return {record: int(str(read(statement, {"account": account})[0][0])) for record, statement in questions.items()}

    def page(self, holding: Holding, account: AccountId, after: tuple[Cell, ...] = (), limit: int = 500) -> list[dict[str, Cell]]:
        """Give rows in the holding's order, every column by its name."""
        values: dict[str, Cell] = {"account": account, "limit": limit, **holdings.after(after)}
        doing = f"read {holding.record}"
        with only(EVERYBODY), self._lock, self._driver.translated(doing), self._driver.unit(self._connection, writes=False):
            cursor = self._connection.execute(holdings.page(holding, first=not after), values)
            names = [str(column[0]) for column in cursor.description]
            rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        for row in rows:
            row.pop("rowid", None)  # PostgreSQL has it as a column; it says nothing of the row
        return rows

    def logged_as(self, account: AccountId) -> str:
        """Give the account's random id in the audit log."""
        with only(EVERYBODY):
            found = self._read("read the audit log", audit_statements.NAME, ("account", account, account))
        return str(found[0][0]) if found else ""

    def begin_closing(self, account: AccountId, at: float) -> None:
        """Note that an account is being deleted; its keys and credentials end."""
        values: dict[str, Cell] = {"account": account, "at": at, "nothing": b""}
        with self._transaction("close the account") as connection:
            connection.execute(holdings.BEGIN_CLOSING, values)
            connection.execute(holdings.REVOKE_KEYS, values)
            connection.execute(holdings.REVOKE_PROVISIONING_KEYS, values)
            connection.execute(holdings.REVOKE_CREDENTIALS, values)

    def delete_hours(self, account: AccountId) -> int:
        """Delete the sums of an account's usage rows."""
        return self._write("delete the sums of the usage rows", holdings.DELETE_HOURS, {"account": account})

    def delete_usage(self, account: AccountId, since: float = 0.0, limit: int = 5000) -> tuple[int, float]:
        """Delete some of an account's usage rows from a time on."""
        values: dict[str, Cell] = {"account": account, "since": since, "limit": limit}
        ((until,),) = self._read("find the usage rows", holdings.USAGE_BATCH_END, values)
        if until is None:
            return 0, since
        with only(EVERYBODY), self._transaction("delete the usage rows") as connection:
            add_missing(connection)
            gone = connection.execute(holdings.DELETE_USAGE_BATCH, {"account": account, "since": since, "until": until}).rowcount
        return gone, float(until)

    def delete_logs(self, account: AccountId) -> Counts:
        """Delete all of an account's sealed entries, some at a time."""
        return SqlLogs(self).drop_logs(account, math.inf)

    def delete_account(self, account: AccountId, name: str) -> Counts:
        """Delete an account with all that is to go, and detach what outlives it."""
        gone: dict[str, int] = {}
        values = {"account": account, "name": name}
        with only(EVERYBODY), self._transaction("delete the account") as connection:
            if connection.execute(holdings.IS_CLOSING, values).fetchone() is None:
                raise StorageError("the account is not being closed: its keys have to end first")
            add_missing(connection)
            # Whom only this account knows: found while there are members, gone after them.
            people = [{"person": person} for (person,) in connection.execute(holdings.OWN_PEOPLE, values).fetchall()]
            for one in HOLDINGS:
                if one.fate is Fate.DETACHED:
                    gone[one.record] = connection.execute(holdings.DETACH, values).rowcount
                elif one.table == "people":
                    gone[one.record] = sum(connection.execute(holdings.DELETE_PERSON, person).rowcount for person in people)
                elif one.fate is Fate.DELETED:
                    gone[one.record] = connection.execute(holdings.delete(one), values).rowcount
        return gone

    def wipe(self) -> bool:
        """Rewrite the database without what was deleted, and empty the write-ahead log; False if it is too large for that, or in use.

        `secure_delete` alone is not enough: where SQLite moved rows between pages it left copies behind (0.2 % of the deleted names,
        measured), which only a rewritten file is free of. PostgreSQL's VACUUM overwrites nothing, so there it is always False.
        """
        size = self._driver.file_bytes()
        if size is None:
            return False
        rewritten = size <= LARGEST_REWRITTEN
        if rewritten:
            self._write("rewrite the database", "VACUUM", ())
        logs = SqlLogs(self)
        for _ in range(_WIPE_ATTEMPTS):
            if logs.wiped():
                return rewritten
            time.sleep(_WIPE_PAUSE)
        return False
