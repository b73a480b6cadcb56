"""What is wrong with a body that is no JSON object, so that whoever wrote it finds the place. Never says what the body holds."""

import json

from anyapi.errors import BadRequest
from anyapi.gateway.formats.extent import LONG, MOST_VALUES, count_values, might_hold
from anyapi.gateway.formats.field_names import OBJECTS, PLAIN
from anyapi.policy.wire_values import is_field_name

LARGEST = 256 * 1024
"""Bytes. A larger body is not read once more for the sake of an error's text, unless a policy may be what is wrong with it."""
NO_NUMBERS = (b"NaN", b"Infinity")
"""What Python and others write that JSON has not; a policy may hold one by mistake."""
DEEPEST = 6


class _NoNumber:
    """Stands where `NaN` or `Infinity` stood, and then for everything around it."""

    def __init__(self, *path: str) -> None:
        """`path` leads to it from here."""
        self.path = path


def unreadable(body: bytes) -> BadRequest:
    """The error for a body that could not be read as an object."""
    if len(body) > LARGEST and not _may_be_read(body):
        return BadRequest("The body is not a JSON object.")
    try:
        found = json.loads(body.decode(), object_pairs_hook=_object, parse_constant=lambda _: _NoNumber(), parse_int=float)
    except json.JSONDecodeError as error:
        return BadRequest(f"The body is not valid JSON: it cannot be read from character {error.pos} on.")
    except (ValueError, RecursionError):
        return BadRequest("The body is not valid JSON.")
    if isinstance(found, _NoNumber):
        return _no_number(found.path)
    if not isinstance(found, dict):
        return BadRequest("The body is not a JSON object.")
    return BadRequest("The body is not valid JSON: a text in it holds half of a surrogate pair.")


def _may_be_read(body: bytes) -> bool:
    """Whether a large body may hold such a number, and no more values than are looked through anywhere."""
    if not any(word in body for word in NO_NUMBERS):
        return False
    return len(body) <= LONG or might_hold(body) <= MOST_VALUES or count_values(body, MOST_VALUES) <= MOST_VALUES


def _object(pairs: list[tuple[str, object]]) -> object:
    for name, value in pairs:
        inner = value if isinstance(value, _NoNumber) else _first(value) if isinstance(value, list) else None
        if inner is not None:
            return _NoNumber(name, *inner.path)
    return dict(pairs)


def _first(values: list[object]) -> "_NoNumber | None":
    for value in values:
        found = value if isinstance(value, _NoNumber) else _first(value) if isinstance(value, list) else None
        if found is not None:
            return found
    return None


def _no_number(path: tuple[str, ...]) -> BadRequest:
    """Names a field of ours to its end, another that is known by its own name, and nothing else: what lies below may be content."""
    text = "is not a number that JSON has (NaN or Infinity). Send a finite number, or leave it out."
    ours = bool(path) and path[0] in OBJECTS and len(path) <= DEEPEST and all(map(is_field_name, path))
    if ours or (path and path[0] in PLAIN):
        field = ".".join(path) if ours else path[0]
        return BadRequest(f"`{field}` {text}" if ours or len(path) == 1 else f"A value in `{field}` {text}", field)
    return BadRequest(f"A value in the body {text}")
