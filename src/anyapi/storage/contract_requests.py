"""What a store must do for privacy requests; the rules of `storage/contract.py` hold: `StorageError` alone, times passed in, no clock.

The account is part of every statement: another account's request is one that does not exist.
"""

from typing import Protocol

from anyapi.domain.ids import AccountId
from anyapi.storage.request_rows import MessageRow, NoticeRow, RequestRow, RequestStatus


class RequestStore(Protocol):
    """Requests to the privacy team, their threads, and notices that wait to be sent."""

    def open_request(self, request: RequestRow, first: MessageRow) -> None:
        """Add a request with its first message, or neither; both MUST be durable on return. MUST raise if the account does not exist."""
        ...

    def request(self, account: AccountId, request: str) -> RequestRow | None:
        """Give one request of an account, or None."""
        ...

    def request_by_id(self, request: str) -> RequestRow | None:
        """Give one request of any account, or None; for the operator alone."""
        ...

    def requests(self, account: AccountId | None, limit: int = 200) -> list[RequestRow]:
        """Give the requests of one account, or of all: unfinished ones first, those soonest due before others, then newest first."""
        ...

    def messages(self, account: AccountId, request: str) -> list[MessageRow]:
        """Give the thread of a request, oldest first."""
        ...

    def add_message(self, message: MessageRow, status: RequestStatus, due_at: float | None = None) -> None:
        """Add a message and set the request's status, or neither. `due_at` replaces the day it is due where it is given.

        MUST raise if the account has no such request.
        """
        ...

    def set_request_status(self, account: AccountId, request: str, status: RequestStatus, at: float) -> bool:
        """Set a status; False, and nothing changed, if the account has no such request."""
        ...

    def purge_requests(self, finished_before: float, notices_before: float) -> int:
        """Delete finished requests with their threads that last changed before a time, and old notices; say how many requests went."""
        ...

    def add_notice(self, notice: NoticeRow) -> None:
        """Keep a notice until it is sent."""
        ...

    def unsent_notices(self, limit: int = 100) -> list[NoticeRow]:
        """Give notices that were not sent, oldest first."""
        ...

    def note_sent(self, notice: str, at: float) -> bool:
        """Note that a notice was sent, and say whether it was not before; the first time stays."""
        ...

    def note_unsent(self, notice: str) -> None:
        """Note that it was not sent after all: it waits again."""
        ...
