"""Finds what a receipt is made of in the store: the entries of an account's decision, their proofs, a checkpoint over them."""

import time
from collections.abc import Callable

import msgspec

from anyapi.audit.entries import announced_key
from anyapi.audit.notes import PublicKey, signer_of
from anyapi.audit.receipts import Proven, make_receipt
from anyapi.domain.ids import AccountId, DecisionId
from anyapi.domain.receipt import NoReceipt
from anyapi.errors import StorageError
from anyapi.storage.audit_reader import AuditReader
from anyapi.storage.driver import Driver

_FRESH_SECONDS = 10.0
"""How old a decision may be whose entry is perhaps on its way: an id states when it was made."""
_MADE_AT = slice(4, 15)
_LOOKS, _LOOK_SECONDS = 8, 0.05


class Receipts:
    """Makes receipts. Called in a thread: it reads the store, and may wait for the log to be signed."""

    def __init__(
        self,
        driver: Driver,
        flush: Callable[[], None],
        clock: Callable[[], float] = time.time,
        flush_usage: Callable[[], None] = lambda: None,
    ) -> None:
        """`flush` returns when everything that happened before stands in the log under a checkpoint, `flush_usage` when it has its rows."""
        self._driver, self._flush, self._clock, self._flush_usage = driver, flush, clock, flush_usage

    def __call__(self, account: AccountId, decision: DecisionId) -> bytes | NoReceipt:
        """The receipt of a decision of this account. That of another account is as unknown as one that never was. Raises `StorageError`."""
        with AuditReader(self._driver) as reader:
            found = self._entries(reader, account, decision)
            sealed = reader.newest()
            if self._is_fresh(decision) and not _covered(found, sealed):
                if self._driver.shared and not found:
                    self._wait_for_others(reader, decision)
                self._flush()
                found, sealed = self._entries(reader, account, decision), reader.newest()
            if not found:
                return self._why_none(reader, account, decision)
            if sealed is None or not _covered(found, sealed):
                raise StorageError("the audit log is not signed yet up to this entry: try again")
            size, note = sealed
            proven = [Proven(place, entry, reader.proof(place, size)) for place, entry in found]
            return make_receipt(decision, proven, note, _key_of(reader, note))

    def _why_none(self, reader: AuditReader, account: AccountId, decision: DecisionId) -> NoReceipt:
        """Only a usage row tells a request that is left out from one that never was."""
        if self._is_fresh(decision):
            self._flush_usage()
        return NoReceipt.NOT_RECORDED if reader.was_used(account, decision) else NoReceipt.UNKNOWN

    def _wait_for_others(self, reader: AuditReader, decision: DecisionId) -> None:
        """Wait a little for an entry that may be another worker's: each enters its own ten times a second."""
        for _ in range(_LOOKS):
            if reader.place(f"r:{decision}") is not None:
                break
            time.sleep(_LOOK_SECONDS)

    def _is_fresh(self, decision: DecisionId) -> bool:
        return -1.0 < self._clock() - int(decision[_MADE_AT], 16) / 1000 < _FRESH_SECONDS

    def _entries(self, reader: AuditReader, account: AccountId, decision: DecisionId) -> list[tuple[int, bytes]]:
        """The entries of a decision, if it is the account's: request, ruling, decision record; or the record alone."""
        mine = reader.log_id("account", account, account)
        record, request = reader.place(f"d:{decision}"), reader.place(f"r:{decision}")
        shown = request or record
        if mine is None or shown is None or _fields(shown[1]).get("account") != mine:
            return []
        if request is None:
            return [shown]
        fields = _fields(request[1])
        found = [request, _ruling(reader, fields.get("ruling"))]
        if record is not None and "recorded" in fields:
            found.append(record)
        return found


def _ruling(reader: AuditReader, place: object) -> tuple[int, bytes]:
    ruling = reader.entry(place) if isinstance(place, int) else None
    if ruling is None or not isinstance(place, int):
        raise StorageError("the audit log has a gap: `anyapi audit fsck` says where")
    return place, ruling


def _covered(found: list[tuple[int, bytes]], sealed: tuple[int, str] | None) -> bool:
    """Whether there are entries, and a checkpoint stands over all of them."""
    return bool(found) and sealed is not None and sealed[0] > max(place for place, _ in found)


def _fields(entry: bytes) -> dict[str, object]:
    try:
        return msgspec.json.decode(entry, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise StorageError("an entry of the audit log cannot be read: `anyapi audit fsck` says which") from None


def _key_of(reader: AuditReader, note: str) -> PublicKey:
    """The key that signed a note: one of those that the log announces."""
    key = signer_of(note, map(announced_key, reader.key_entries()))
    if key is None:
        raise StorageError("the checkpoint is signed with a key that the audit log does not name: `anyapi audit fsck` says more")
    return key
