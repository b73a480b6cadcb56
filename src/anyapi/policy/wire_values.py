"""Readers of single decoded JSON values in policy fields: value and dotted field in, typed value out, else `BadRequest`.

INVARIANT: no text holds a value. A key the caller made up is repeated only where it looks like a field name.
"""

import enum
import math
import re
from collections.abc import Iterable, Mapping
from typing import TypeVar

import msgspec

from anyapi.domain.data_policy import Confidence
from anyapi.domain.ids import ProviderId
from anyapi.errors import BadRequest
from anyapi.policy.nearest import nearest
from anyapi.policy.regions import meant

REGION = re.compile(r"[a-z]{2}|eea|apac|global|local")
_FIELD_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
E = TypeVar("E", bound=enum.StrEnum)


LEAST_CONFIDENCES = (Confidence.NONE, Confidence.SECONDARY, Confidence.PRIMARY)
"""What a caller may ask for; `contracted` cannot be asked for."""


class Known(msgspec.Struct, frozen=True):
    """Names that a request may use; any other is refused."""

    providers: frozenset[ProviderId]
    certifications: frozenset[str]


class FlaggedCopies(enum.StrEnum):
    """Whether the vendor's copies of flagged content count against the retention limit."""

    SHOWN = "shown"
    COUNTED = "counted"


def is_field_name(name: str) -> bool:
    """Whether a key looks like the name of a field, so that a text may repeat it."""
    return _FIELD_NAME.fullmatch(name) is not None


def _kind(value: object) -> str:
    """The JSON type of a value, in words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    return "a string" if isinstance(value, str) else "an array" if isinstance(value, list) else "an object"


def _wrong(field: str, allowed: str, value: object) -> BadRequest:
    return BadRequest(f"`{field}` must be {allowed}, not {_kind(value)}.", field)


def read_object(value: object, field: str, known_keys: Iterable[str]) -> Mapping[str, object]:
    """A JSON object with no other keys than these."""
    if not isinstance(value, dict):
        raise _wrong(field, "an object", value)
    known = sorted(known_keys)
    for key in value:
        if key not in known:
            raise unknown_key(field, key, known)
    return value


def unknown_key(field: str, key: str, known: Iterable[str]) -> BadRequest:
    """The refusal of a key nobody knows, with near names: a typo must not pass unseen."""
    near = nearest(key, known)
    hint = f"Did you mean {' or '.join(f'`{name}`' for name in near)}?" if near else f"Known here: {', '.join(sorted(known))}."
    if not is_field_name(key):
        return BadRequest(f"`{field}` holds an unknown field. {hint}", field)
    return BadRequest(f"`{field}.{key}` is unknown. {hint}", f"{field}.{key}")


def read_flag(value: object, field: str) -> bool:
    """`true` or `false`; 1 and "true" are neither."""
    if not isinstance(value, bool):
        raise _wrong(field, "true or false", value)
    return value


def read_number(value: object, field: str) -> float:
    """A finite number of at least 0, as a float."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(field, "a number of at least 0", value)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not 0 <= number < math.inf:
        raise BadRequest(f"`{field}` must be a finite number of at least 0.", field)
    return number + 0.0  # -0.0 is plain zero


def read_text(value: object, field: str) -> str:
    """A string."""
    if not isinstance(value, str):
        raise _wrong(field, "a string", value)
    return value


def read_choice(value: object, field: str, choices: Iterable[E]) -> E:
    """One of the words of an enum."""
    words = {choice.value: choice for choice in choices}
    word = read_text(value, field)
    if word not in words:
        raise BadRequest(f"`{field}` must be one of: {', '.join(words)}.", field)
    return words[word]


def read_list(value: object, field: str) -> list[str]:
    """An array of strings, possibly empty."""
    if not isinstance(value, list):
        raise _wrong(field, "an array of strings", value)
    return [read_text(item, f"{field}[{place}]") for place, item in enumerate(value)]


def read_providers(value: object, field: str, known: Known) -> list[ProviderId]:
    """An array of provider ids of the catalogue."""
    names = read_list(value, field)
    for place, name in enumerate(names):
        if name not in known.providers:
            near = nearest(name, known.providers)
            hint = f"Similar: {', '.join(near)}." if near else "GET /v1/models lists the providers."
            raise BadRequest(f"`{field}[{place}]` is not a provider of this gateway. {hint}", field)
    return [ProviderId(name) for name in names]


def read_certifications(value: object, field: str, known: Known) -> frozenset[str]:
    """An array of certifications, of those that there is a word for: whether anybody has one is for the decision to say."""
    names = read_list(value, field)
    for place, name in enumerate(names):
        if name not in known.certifications:
            listed = ", ".join(sorted(known.certifications))
            raise BadRequest(f"`{field}[{place}]` is not a known certification. Known: {listed}.", field)
    return frozenset(names)


def read_regions(value: object, field: str) -> frozenset[str]:
    """An array of regions; an empty one is an empty set, which admits nothing."""
    names = read_list(value, field)
    for place, name in enumerate(names):
        if REGION.fullmatch(name) is None:
            region = meant(name)
            hint = f" Did you mean `{region}`?" if region else ""
            raise BadRequest(f"`{field}[{place}]` must be two lower-case letters, or eea, apac, global or local.{hint}", field)
    return frozenset(names)
