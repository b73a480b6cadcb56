"""Typed reading of a client's JSON. Every mistake is a `BadRequest` that names the field's path and the type expected, never the value.

Knows nothing of any format. Values come from `msgspec.json.decode`: of two equal keys in one object the last one is kept.
"""

from typing import TypeAlias

import msgspec

from anyapi.errors import BadRequest

Object: TypeAlias = dict[str, object]


def decode(raw: bytes | msgspec.Raw, field: str) -> object:
    """Decode JSON text, deep nesting and lone surrogates refused."""
    try:
        return msgspec.json.decode(raw)
    except (ValueError, RecursionError):
        pass  # raised below, so that no traceback holds the text
    raise BadRequest(f"`{field}` is not valid JSON, holds a number out of range or half a surrogate pair, or nests too deep.", field)


def wrong(field: str, expected: str) -> BadRequest:
    """Say that a field has the wrong type."""
    return BadRequest(f"`{field}` must be {expected}.", field)


def mapping(value: object, field: str) -> Object:
    """Take an object."""
    if not isinstance(value, dict):
        raise wrong(field, "an object")
    return value


def sequence(value: object, field: str) -> list[object]:
    """Take an array."""
    if not isinstance(value, list):
        raise wrong(field, "an array")
    return value


def text(value: object, field: str) -> str:
    """Take a string."""
    if not isinstance(value, str):
        raise wrong(field, "a string")
    return value


def flag(value: object, field: str) -> bool:
    """Take true or false."""
    if not isinstance(value, bool):
        raise wrong(field, "true or false")
    return value


def number(value: object, field: str, low: float, high: float) -> float:
    """Take a number inside the limits, both included."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise wrong(field, f"a number from {low:g} to {high:g}")
    return value


def integer(value: object, field: str, low: int) -> int:
    """Take a whole number, at least `low`. `8.0` is whole."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise wrong(field, f"a whole number, at least {low}")
    return value
