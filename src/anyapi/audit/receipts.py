"""Receipts: entries of the log with the proofs that they stand in it under a signed checkpoint. Made here, and verified.

A receipt is JSON in one form only: sorted keys, no spaces, whole numbers, so that every byte of it is an entry's, the signature's, or
fixed. Its entries are the request's, the ruling's that it went by, and the decision record's where there is one; or that alone, for a
request whose process ended before it did.
"""

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from anyapi.audit.notes import Checkpoint, PublicKey, decode64, encode64
from anyapi.audit.tree import leaf_hash, verify_inclusion
from anyapi.errors import AuditError

TYPE = "anyapi-receipt-v1"
LARGEST = 1024 * 1024
_FIELDS = {"checkpoint", "decision", "entries", "key", "type"}
_NOTHING: dict[str, object] = {}
_sorted = msgspec.json.Encoder(order="sorted").encode


class Proven(NamedTuple):
    """An entry with its place in the log and the proof of that."""

    place: int
    entry: bytes
    proof: Sequence[bytes]


class Receipt(NamedTuple):
    """A receipt that was verified: what is in it, and whose word it is."""

    decision: str
    request: dict[str, object]
    """Empty where the request's end was not recorded."""
    ruling: dict[str, object]
    record: dict[str, object]
    """Empty where there was no decision record."""
    checkpoint: Checkpoint
    key: PublicKey


def make_receipt(decision: str, entries: Sequence[Proven], note: str, key: PublicKey) -> bytes:
    """The receipt over these entries and a checkpoint's note, which `key` signed."""
    shown = [{"entry": msgspec.Raw(each.entry), "index": each.place, "proof": [encode64(one) for one in each.proof]} for each in entries]
    return _sorted({"checkpoint": note, "decision": decision, "entries": shown, "key": str(key), "type": TYPE})


def verify_receipt(text: bytes, key: PublicKey | None = None) -> Receipt:
    """Verify a receipt, with the key that it must be signed by, or with the key that stands in it. Raises `AuditError` that says why not.

    A newline at its end is allowed. Without `key` it is proven that the receipt is one piece, not whose it is.
    """
    value = _read(text)
    if value.keys() != _FIELDS or value["type"] != TYPE:
        raise AuditError("not a receipt of this form")
    named = PublicKey.parse(_text(value["key"]))
    if str(named) != value["key"]:
        raise AuditError("the key of the receipt is not in the one form that it has")
    if key is not None and str(named) != str(key):
        raise AuditError("the receipt is signed with another key than the one given")
    checkpoint = Checkpoint.open(_text(value["checkpoint"]), named)
    found = [_entry(each, checkpoint) for each in _list(value["entries"])]
    return _told(_text(value["decision"]), found, checkpoint, named)


def _read(text: bytes) -> dict[str, object]:
    """The JSON of a receipt, if it is written in the one form there is."""
    body = text.removesuffix(b"\n")
    if len(body) > LARGEST:
        raise AuditError("too large for a receipt")
    try:
        value = json.loads(body.decode(), parse_float=_refuse, parse_constant=_refuse)
        again = _written(value)
    except (ValueError, RecursionError):
        raise AuditError("not JSON, or not in the one form that a receipt has") from None
    if again != body or not isinstance(value, dict):
        raise AuditError("not in the one form that a receipt has: it was changed or written anew")
    return value


def _written(value: object) -> bytes:
    """The one form that a receipt and its entries have."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _refuse(_text: str) -> float:
    raise ValueError("a receipt holds whole numbers only")


def _entry(value: object, checkpoint: Checkpoint) -> tuple[int, dict[str, object]]:
    """Place and fields of an entry that is proven to stand in the log."""
    if not isinstance(value, dict) or value.keys() != {"entry", "index", "proof"}:
        raise AuditError("not an entry with its proof")
    index, entry = value["index"], value["entry"]
    if type(index) is not int or not isinstance(entry, dict) or not isinstance(entry.get("kind"), str):
        raise AuditError("not an entry with its proof")
    proof = [decode64(_text(one)) for one in _list(value["proof"])]
    if not verify_inclusion(index, checkpoint.size, leaf_hash(_written(entry)), proof, checkpoint.root):
        raise AuditError("an entry is not proven to stand in the log: it was changed, or belongs elsewhere")
    return index, entry


def _told(decision: str, found: list[tuple[int, dict[str, object]]], checkpoint: Checkpoint, key: PublicKey) -> Receipt:
    """The entries by what they are; each must be the one that the others point to, and none may be missing."""
    told = {entry.get("kind"): (place, entry) for place, entry in found}
    if not found or [each for _, each in found] != [told[kind][1] for kind in _expected(told) if kind in told]:
        raise AuditError("a receipt has a request's entry, its ruling's, and that of its decision record if there is one")
    request, ruling, record = (told.get(kind, (0, _NOTHING))[1] for kind in ("request", "ruling", "decision"))
    _check_pointers(decision, request, record, [told.get(kind, (None,))[0] for kind in ("ruling", "decision")])
    return Receipt(decision, request, ruling, record, checkpoint, key)


def _check_pointers(decision: str, request: dict[str, object], record: dict[str, object], places: list[int | None]) -> None:
    """The entries are about this decision, and the request points to the places where its ruling and its record stand."""
    if any(entry.get("decision") != decision for entry in (request, record) if entry):
        raise AuditError("the entries are about another decision than the receipt says")
    if request and [request.get("ruling"), request.get("recorded")] != places:
        raise AuditError("the entries of the receipt do not belong together")


def _expected(told: Mapping[object, object]) -> tuple[str, ...]:
    """The kinds of entries that there have to be, in their order."""
    return ("request", "ruling", "decision") if "request" in told else ("decision",)


def used_endpoint(receipt: Receipt) -> dict[str, object]:
    """The permitted endpoint that answered last, with the facts that it was permitted on; empty where none was asked."""
    return _endpoint(receipt, receipt.request.get("used"))


def earlier_endpoints(receipt: Receipt) -> list[dict[str, object]]:
    """Where the request was written to besides, before a failover."""
    sent = receipt.request.get("sent")
    found = [_endpoint(receipt, place) for place in sent if place != receipt.request.get("used")] if isinstance(sent, list) else []
    return [each for each in found if each]


def _endpoint(receipt: Receipt, place: object) -> dict[str, object]:
    permitted = receipt.ruling.get("permitted")
    if not isinstance(permitted, list) or type(place) is not int or not 0 <= place < len(permitted):
        return {}
    found = permitted[place]
    return found if isinstance(found, dict) else {}


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise AuditError("a text of the receipt is none")
    return value


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise AuditError("a list of the receipt is none")
    return value
