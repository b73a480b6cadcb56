"""Privacy requests in either database: the store of `storage/contract_requests.py`. Every method raises `StorageError` alone."""

import msgspec

from anyapi.domain.ids import AccountId
from anyapi.errors import StorageError
from anyapi.storage import request_statements as statements
from anyapi.storage.database import Database, one_of, rows_of
from anyapi.storage.request_rows import MessageRow, NoticeRow, RequestRow, RequestStatus


class SqlRequests(Database):
    """A connection of its own beside that of `SqlStore`."""

    def open_request(self, request: RequestRow, first: MessageRow) -> None:
        """Add a request with its first message."""
        with self._transaction("add the privacy request") as connection:
            connection.execute(statements.ADD_REQUEST, msgspec.structs.astuple(request))
            connection.execute(statements.ADD_MESSAGE, msgspec.structs.astuple(first))

    def request(self, account: AccountId, request: str) -> RequestRow | None:
        """Give one request of an account, or None."""
        found = self._read("read the privacy request", statements.ONE_REQUEST, (account, request))
        return one_of(RequestRow, found)

    def request_by_id(self, request: str) -> RequestRow | None:
        """Give one request of any account, or None."""
        return one_of(RequestRow, self._read("read the privacy request", statements.REQUEST_BY_ID, (request,)))

    def requests(self, account: AccountId | None, limit: int = 200) -> list[RequestRow]:
        """Give the requests of one account or of all, those that wait longest first."""
        if account is None:
            return rows_of(RequestRow, self._read("read the privacy requests", statements.REQUESTS, (limit,)))
        return rows_of(RequestRow, self._read("read the privacy requests", statements.REQUESTS_OF_ACCOUNT, (account, limit)))

    def messages(self, account: AccountId, request: str) -> list[MessageRow]:
        """Give the thread of a request, oldest first."""
        found = self._read("read the messages", statements.MESSAGES, (account, request))
        return rows_of(MessageRow, found, strict=False)

    def add_message(self, message: MessageRow, status: RequestStatus, due_at: float | None = None) -> None:
        """Add a message and set the status of its request."""
        with self._transaction("add the message") as connection:
            values = (status.value, message.at, due_at, message.account, message.request)
            if not connection.execute(statements.SET_STATUS, values).rowcount:
                raise StorageError("there is no such privacy request in this account")
            connection.execute(statements.ADD_MESSAGE, msgspec.structs.astuple(message))

    def set_request_status(self, account: AccountId, request: str, status: RequestStatus, at: float) -> bool:
        """Set a status; False if the account has no such request."""
        return self._write("set the status", statements.SET_STATUS, (status.value, at, None, account, request)) > 0

    def purge_requests(self, finished_before: float, notices_before: float) -> int:
        """Delete what was finished long ago, and old notices."""
        with self._transaction("delete old privacy requests") as connection:
            connection.execute(statements.PURGE_MESSAGES, (finished_before,))
            gone = connection.execute(statements.PURGE_REQUESTS, (finished_before,)).rowcount
            connection.execute(statements.PURGE_NOTICES, (notices_before,))
        return gone

    def add_notice(self, notice: NoticeRow) -> None:
        """Keep a notice until it is sent."""
        self._write("keep the notice", statements.ADD_NOTICE, msgspec.structs.astuple(notice))

    def unsent_notices(self, limit: int = 100) -> list[NoticeRow]:
        """Give notices that were not sent, oldest first."""
        return rows_of(NoticeRow, self._read("read the notices", statements.UNSENT_NOTICES, (limit,)))

    def note_sent(self, notice: str, at: float) -> bool:
        """Note that a notice was sent; False if it was before."""
        return self._write("note that the notice was sent", statements.NOTE_SENT, (at, notice)) > 0

    def note_unsent(self, notice: str) -> None:
        """Note that it waits again."""
        self._write("note that the notice was not sent", statements.NOTE_UNSENT, (notice,))
