"""Reading JSON one level at a time, what lies below staying text: an image, a tool's input or a schema passes without being built anew.

Every mistake is a `BadRequest` that names the field's path and the type expected, never the value, as in `reading`, which decodes whole.
"""

from typing import TypeAlias

import msgspec

from anyapi.errors import BadRequest
from anyapi.upstream.translate import reading

Fields: TypeAlias = dict[str, msgspec.Raw]

QUOTE, BRACE = b'"{'

_mapping = msgspec.json.Decoder(Fields).decode
_sequence = msgspec.json.Decoder(list[msgspec.Raw]).decode


def present(fields: Fields, name: str) -> msgspec.Raw | None:
    """The value of a field; None when it is absent or null."""
    raw = fields.get(name)
    return None if raw is None or (len(raw) == 4 and bytes(raw) == b"null") else raw


def is_object(text: msgspec.Raw) -> bool:
    """Whether a text is a whole JSON object."""
    try:
        return isinstance(msgspec.json.decode(text), dict)
    except (ValueError, RecursionError):
        return False


def is_text(raw: msgspec.Raw) -> bool:
    """Whether a value is a string."""
    return len(raw) > 0 and memoryview(raw)[0] == QUOTE


def mapping(raw: msgspec.Raw | bytes | None, field: str) -> Fields:
    """Take an object, its values as text. Of two equal keys the last one is kept."""
    try:
        if raw is not None:
            return _mapping(raw)
    except (ValueError, RecursionError):
        pass  # raised below, so that no traceback holds the text
    raise reading.wrong(field, "an object")


def sequence(raw: msgspec.Raw | None, field: str) -> list[msgspec.Raw]:
    """Take an array, its values as text."""
    try:
        if raw is not None:
            return _sequence(raw)
    except (ValueError, RecursionError):
        pass  # raised below, so that no traceback holds the text
    raise reading.wrong(field, "an array")


def text(raw: msgspec.Raw | None, field: str) -> str:
    """Take a string, decoded."""
    return reading.text(None if raw is None else reading.decode(raw, field), field)


def raw_text(raw: msgspec.Raw | None, field: str) -> msgspec.Raw:
    """Take a string, as it stands in the body."""
    if raw is None or not is_text(raw):
        raise reading.wrong(field, "a string")
    return raw


def raw_mapping(raw: msgspec.Raw | None, field: str) -> msgspec.Raw:
    """Take an object, as it stands in the body."""
    if raw is None or memoryview(raw)[0] != BRACE:
        raise reading.wrong(field, "an object")
    return raw


def flag(raw: msgspec.Raw | None, field: str) -> bool:
    """Take true or false; None is false."""
    return raw is not None and reading.flag(reading.decode(raw, field), field)


def kind_of(fields: Fields, where: str) -> str:
    """The `type` of an object. Raises `BadRequest`."""
    return text(fields.get("type"), f"{where}.type")


def joined(prefix: bytes, raw: msgspec.Raw) -> msgspec.Raw:
    """A string with something before it. `prefix` must need no escapes."""
    return msgspec.Raw(b'"' + prefix + bytes(memoryview(raw)[1:]))


def refuse_other_kind(where: str, known: str, why: str) -> BadRequest:
    """Say that the `type` at `where` is none of those that can be expressed."""
    return BadRequest(f"`{where}.type` must be {known}: {why}", f"{where}.type")
