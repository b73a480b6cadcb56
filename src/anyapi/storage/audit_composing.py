"""Makes entries of what waits: gives each its reference, and has a request point to the ruling and the decision record it went by."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

import msgspec

from anyapi.audit.entries import Permitted, change_entry, decision_entry, own_entry, request_entry, ruling_of
from anyapi.audit.tree import leaf_hash
from anyapi.domain.decision import Decision
from anyapi.domain.requirement import RECORDED_CLASSES
from anyapi.domain.usage import UsageRow
from anyapi.errors import AuditError
from anyapi.storage.audit_log import NewEntry
from anyapi.storage.audit_names import LogIds
from anyapi.storage.decision_columns import from_columns

_MOST_KNOWN = 4096
_MOST_JUDGED = 16_384
"""Endpoints, permitted and denied, of the decisions that are kept alive for their rulings: 3 KB each, about."""
_GONE = frozenset({"account_deleted", "person_deleted"})
_UNTELLABLE = (AuditError, OverflowError, ValueError, msgspec.MsgspecError)
"""What an entry cannot be made of: a number beyond 64 bits, a text that is none, more than an entry may hold."""
_RECORDED = frozenset(each.value for each in RECORDED_CLASSES)


Request: TypeAlias = tuple[UsageRow, tuple[Decision, ...], str | None]
"""A request at its end, the decisions that it went by, the commitment to its body. A plain tuple: the event loop makes one every time."""


class Recorded(NamedTuple):
    """A decision record, in the order of the columns of its table."""

    decision: str
    at: float
    account: str
    key: str
    model: str
    requirement: str
    catalogue: str
    snapshot: int
    data_classes: str
    permitted: str
    denied: str


class Change(NamedTuple):
    """A change that a trigger noted."""

    id: str
    at: int
    kind: str
    body: str


class Own(NamedTuple):
    """Something of the gateway's own: a start, a gap."""

    kind: str
    at: int
    values: Mapping[str, str | int]


_Known: TypeAlias = tuple[tuple[Decision, ...], Permitted, int]
"""Decisions, what their ruling permits, and where it stands in the log."""
Item: TypeAlias = Request | Recorded | Change | Own
_FROM_TABLES = (Recorded, Change, Own)


class Composer:
    """Remembers which rulings stand in the log already, so that a request's entry needs no more than their place."""

    def __init__(self) -> None:
        """Nothing is known yet; `log_id` needs a connection."""
        self.log_id = LogIds()
        self._rulings: dict[int, _Known] = {}
        """By the identity of the decisions, which are kept alive by standing in it. The oldest goes first."""
        self._judged = 0
        """Endpoints of them all."""
        self._places: dict[bytes, int] = {}
        """By the entry's hash: equal rulings of another snapshot are not entered again."""
        self._recorded: dict[str, int] = {}
        self._ids: dict[tuple[str, str, str | None], tuple[str, str, str | None]] = {}
        """Random ids by account, key and app: those of most requests, at one look-up."""

    def forget(self) -> None:
        """Whether what was composed last got into the log is not known: rulings are entered again, names are looked up again."""
        self.let_go()
        self._places.clear()
        self._recorded.clear()
        self._forget_names()

    def let_go(self) -> None:
        """Keep no decision alive: those of a snapshot that is not in force any more take their memory with them."""
        self._rulings.clear()
        self._judged = 0

    def _forget_names(self) -> None:
        self._ids.clear()
        self.log_id.forget()

    def compose(self, items: Sequence[Item], size: int) -> tuple[list[NewEntry], int]:
        """The entries to be added to a log of so many, and how many items there are that no entry can hold."""
        rows: list[NewEntry] = []
        refused = 0
        for item in items:
            try:
                if not isinstance(item, _FROM_TABLES):  # nearly all are none
                    self._add_request(rows, item, size)
                elif isinstance(item, Recorded):
                    self._add_recorded(rows, item, size)
                elif isinstance(item, Change):
                    rows.append((f"c:{item.id}", self._change(item)))
                elif isinstance(item, Own):
                    rows.append((None, own_entry(item.kind, item.at, item.values)))
            except _UNTELLABLE:
                refused += 1
        return rows, refused

    def _add_request(self, rows: list[NewEntry], item: Request, size: int) -> None:
        row, decisions, commitment = item
        known = self._rulings.get(id(decisions))
        if known is None:
            known = self._add_ruling(rows, decisions, size)
        _, permitted, place = known
        app = row.app.name or row.app.id
        ids = self._ids.get((row.account, row.key, app))
        if ids is None:
            ids = self._find_ids(row.account, row.key, app)
        recorded = self._recorded.pop(row.decision, None) if self._recorded and row.data_class in _RECORDED else None
        rows.append((f"r:{row.decision}", request_entry(row, ids, place, permitted, recorded, commitment)))

    def _find_ids(self, account: str, key: str, app: str | None) -> tuple[str, str, str | None]:
        if len(self._ids) >= _MOST_KNOWN:
            self._ids.clear()
        log_id = self.log_id
        named = None if app is None else log_id("app", account, app)
        found = self._ids[account, key, app] = (log_id("account", account, account), log_id("key", account, key), named)
        return found

    def _add_ruling(self, rows: list[NewEntry], decisions: tuple[Decision, ...], size: int) -> "_Known":
        ruling = ruling_of(decisions)
        leaf = leaf_hash(ruling.entry)
        place = self._places.get(leaf)
        if place is None:
            if len(self._places) >= _MOST_KNOWN:
                self._places.clear()
            place = self._places[leaf] = size + len(rows)
            rows.append((None, ruling.entry))
        found = self._rulings[id(decisions)] = (decisions, ruling.permitted, place)
        self._judged += _judged(decisions)
        while self._judged > _MOST_JUDGED and len(self._rulings) > 1:
            self._judged -= _judged(self._rulings.pop(next(iter(self._rulings)))[0])
        return found

    def _add_recorded(self, rows: list[NewEntry], item: Recorded, size: int) -> None:
        """What waits in a table has to leave it: where all of it cannot be told, it is told that it was."""
        try:
            entry = decision_entry(from_columns(item), self.log_id)
        except _UNTELLABLE:
            entry = own_entry("decision", round(item.at * 1000), {"decision": item.decision})
        if len(self._recorded) >= _MOST_KNOWN:
            self._recorded.clear()
        self._recorded[item.decision] = size + len(rows)
        rows.append((f"d:{item.decision}", entry))

    def _change(self, item: Change) -> bytes:
        if item.kind in _GONE:
            self._forget_names()
        try:
            return change_entry(item.id, item.at, item.kind, item.body, self.log_id)
        except _UNTELLABLE:
            return own_entry(item.kind, item.at, {"id": item.id})


def _judged(decisions: tuple[Decision, ...]) -> int:
    """How many endpoints there are in decisions."""
    return sum(len(each.permitted) + len(each.denied) for each in decisions)
