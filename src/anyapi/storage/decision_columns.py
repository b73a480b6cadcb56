"""A decision record as the columns of its table, in the order of `DECISION_COLUMNS`, and back."""

from collections.abc import Sequence

import msgspec

from anyapi.domain.usage import DecisionRecord
from anyapi.storage.driver import Value
from anyapi.storage.statements import DECISION_COLUMNS

_LISTS = ("data_classes", "permitted", "denied")


def to_columns(record: DecisionRecord) -> tuple[str | float, ...]:
    """Give the values of a record; lists as JSON."""
    return (
        record.decision,
        record.at,
        record.account,
        record.key,
        record.model,
        record.requirement,
        record.catalogue,
        record.snapshot,
        msgspec.json.encode(record.data_classes).decode(),
        msgspec.json.encode(record.permitted).decode(),
        msgspec.json.encode(record.denied).decode(),
    )


def from_columns(values: Sequence[Value]) -> DecisionRecord:
    """Build the record again. Raises `MsgspecError` for what is none."""
    named: dict[str, object] = dict(zip(DECISION_COLUMNS, values, strict=True))
    return msgspec.convert({**named, **{name: msgspec.json.decode(str(named[name])) for name in _LISTS}}, DecisionRecord)
