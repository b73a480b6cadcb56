"""JSON taken in strictly: UTF-8, bounded depth, no key twice where a rule could depend on it. Values below the top stay raw.

The outer object is decoded once into raw fields. That no key was doubled is proved by what they would be written as, compact or with
`", "` and `": "`: only a body in which each key stands once comes out the same. Other spacing takes the slow way, which walks every key.
Source of the rules: RFC 8259 section 4 (names SHOULD be unique) made a MUST.
"""

import json

import msgspec

from anyapi.errors import BadRequest
from anyapi.gateway.formats.extent import LONG, MOST_FIELDS, refuse_many, refuse_many_fields, too_many_fields
from anyapi.gateway.formats.unreadable import unreadable
from anyapi.wire.utf8 import is_utf8

Fields = dict[str, msgspec.Raw]
TRUE, FALSE, NULL = b"true", b"false", b"null"
SMALL = 16 * 1024

_decode_fields = msgspec.json.Decoder(Fields).decode
_decode_any = msgspec.json.Decoder().decode


def outer_fields(body: bytes) -> Fields:
    """The top-level fields of a JSON object, values as raw JSON. Raises `BadRequest`; never says what the body holds."""
    if not body:
        raise BadRequest("The body is empty; a JSON object is needed.")
    if not is_utf8(body):  # msgspec does not look inside a raw value
        raise BadRequest("The body is not valid UTF-8.")
    try:
        if len(body) > LONG:
            refuse_many_fields(body)
        fields = _decode_fields(body)
    except RecursionError:
        raise BadRequest("The body nests too deep.") from None
    except msgspec.DecodeError:
        raise unreadable(body) from None
    if len(fields) > MOST_FIELDS:
        raise too_many_fields()
    if not is_plain(body, fields):
        unique_keys(body)
    return fields


def is_plain(body: bytes, fields: Fields) -> bool:
    """Whether the body is these very fields, written compact or with `", "` and `": "` between: then no key was doubled.

    Compact is known by its length: whatever else stands in an object (spaces, escapes in a key, a key once more) makes it longer. With
    spaces that proves nothing, since a doubled key could take their room: there the fields are written again.
    """
    if len(body) == 1 + 4 * len(fields) + len("".join(fields).encode()) + sum(map(len, fields.values())):
        return True
    if not body.endswith(b": ", 0, len(next(iter(fields), "")) + 5):
        return False
    parts: list[bytes | msgspec.Raw] = []
    for name, raw in fields.items():
        parts += (SPACED.get(name) or b', "%b": ' % name.encode(), raw)
    parts[0] = b"{" + parts[0][2:]
    parts.append(b"}")
    if len(body) < SMALL:
        return body == b"".join(parts)
    at = 0
    for part in parts:  # a large body is not copied for this
        if not body.startswith(part, at):
            return False
        at += len(part)
    return at == len(body)


COMMON = ("model", "messages", "stream", "stream_options", "temperature", "top_p", "max_tokens", "max_completion_tokens", "tools", "user")
SPACED = {name: b', "%b": ' % name.encode() for name in COMMON}
"""Common keys as they stand after a value. Fixed: a memo of what callers write would keep their text."""


def unique_keys(body: bytes) -> None:
    """Walk all keys; raises `BadRequest` when one stands twice in the outer object."""

    def outermost(pairs: list[tuple[str, object]]) -> int:
        return len(pairs) - len({key for key, _ in pairs})  # the last call is the outer object's

    if _walk(body, outermost, "body"):
        raise BadRequest("A key stands twice in the body. Which one counts would be a guess, so neither does.")


def policy_value(raw: msgspec.Raw, field: str) -> object:
    """Decode a policy field. Raises `BadRequest` naming the field, also for a key that stands twice at any depth of it."""

    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise BadRequest(f"A key stands twice inside {field}.", field)
        return found

    return _walk(bytes(raw), unique, field)


def flag(fields: Fields, name: str) -> bool:
    """A field that is true or false; null, as its absence, is false. Raises `BadRequest` naming it."""
    raw = bytes(fields.get(name, NULL))
    if raw not in (TRUE, FALSE, NULL):
        raise BadRequest(f"{name} must be true or false.", name)
    return raw == TRUE


def holds_twice(raw: msgspec.Raw) -> bool:
    """Whether a key stands twice in it at any depth, or it cannot be told."""
    try:
        policy_value(raw, "body")
    except BadRequest:
        return True
    return False


def plain_value(raw: msgspec.Raw, field: str) -> object:
    """Decode a field whose keys no rule depends on. Raises `BadRequest` naming the field."""
    refuse_many(raw, field)
    try:
        return _decode_any(raw)
    except (msgspec.DecodeError, RecursionError):
        raise BadRequest(f"{field} is not valid JSON.", field) from None


def _walk(body: bytes, hook: "object", field: str) -> object:
    refuse_many(body, field)
    try:
        return json.loads(body, object_pairs_hook=hook, parse_constant=_refuse_constant, parse_int=_number)  # type: ignore[arg-type]
    except RecursionError:
        raise BadRequest("The body nests too deep.") from None
    except (ValueError, UnicodeDecodeError):
        raise BadRequest("The body is not valid JSON.") from None


def _refuse_constant(_name: str) -> object:
    raise ValueError  # NaN and Infinity are not JSON


def _number(text: str) -> float:
    """Integers of any length without Python's limit on digits: a float is exact enough for a policy and inf is refused there."""
    return int(text) if len(text) < 18 else float(text)
