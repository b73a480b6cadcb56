"""What a store must do for sealed prompt logs; the rules of `storage/contract.py` hold. It is given ciphertext and cannot open it."""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from anyapi.domain.ids import AccountId, DecisionId, KeyId
from anyapi.domain.prompt_log import LogEntry, LogRule
from anyapi.domain.requirement import Layer


class RecipientRow(msgspec.Struct, frozen=True):
    """Somebody to whom an account has its log sealed. Times are Unix seconds."""

    id: str
    """`rcp_` and 20 characters."""
    account: AccountId
    recipient: str
    """Their public key."""
    name: str
    created_at: float


class KeptSums(msgspec.Struct, frozen=True):
    """How much is kept of an account."""

    entries: int
    bytes: int
    oldest_at: float | None


class LogRuleStore(Protocol):
    """What accounts opted into, and whom it is sealed to."""

    def log_rules(self, account: AccountId | None = None) -> Mapping[tuple[AccountId, Layer, str], LogRule]:
        """Give the rules of one account, or of all. MUST raise if one cannot be read: what is not understood may say less."""
        ...

    def put_log_rule(self, account: AccountId, layer: Layer, subject: str, rule: LogRule, at: float) -> None:
        """Put one; it MUST be durable on return. MUST raise if the subject is not the account's."""
        ...

    def drop_log_rule(self, account: AccountId, layer: Layer, subject: str) -> bool:
        """Take one back; False if there is none. MUST be durable on return."""
        ...

    def log_recipients(self, account: AccountId | None = None) -> list[RecipientRow]:
        """Give those of one account, or of all, oldest first."""
        ...

    def add_log_recipient(self, row: RecipientRow) -> None:
        """Add one; it MUST be durable on return. MUST raise if the account has it, or has as many as it may."""
        ...

    def drop_log_recipient(self, account: AccountId, recipient: str) -> bool:
        """Remove the one of an id; False if the account has none such. MUST be durable on return."""
        ...


class LogStore(Protocol):
    """Reading and deleting entries."""

    def log_entries(self, account: AccountId, before: tuple[float, str], limit: int, key: KeyId | None = None) -> list[LogEntry]:
        """Give entries of an account, newest first, beginning after one of this time and decision. Metadata alone."""
        ...

    def log_entry(self, account: AccountId, decision: DecisionId) -> LogEntry | None:
        """Give one, or None; one that is not stored whole is None."""
        ...

    def log_piece(self, account: AccountId, decision: DecisionId, number: int) -> bytes | None:
        """Give a piece of an entry's ciphertext, counted from 0; None behind the last one."""
        ...

    def kept_sums(self, account: AccountId) -> KeptSums:
        """Say how much is kept."""
        ...

    def delete_log(self, account: AccountId, decision: DecisionId) -> bool:
        """Delete one entry; False if the account has none of that id. MUST be durable on return."""
        ...

    def clear_logs(self, account: AccountId, until: float) -> int:
        """Delete all entries of requests up to an instant, those still on their way to the seal too; says how many. Durable on return.

        MUST hold the write lock briefly, however many there are.
        """
        ...

    def wiped(self) -> bool:
        """Whether the ciphertext of what was deleted is gone from every file of the store; MUST try to get it out first."""
        ...
