"""Settings as people type and read them: `retention_days=30`. The same fields, words and checks as a request's `data_policy`.

Holds no rule of its own: each value is read by the reader of the header of that name.
"""

from collections.abc import Iterable

import msgspec

from anyapi.domain.requirement import Requirement, Settings
from anyapi.errors import BadRequest
from anyapi.policy.as_fields import asked
from anyapi.policy.nearest import nearest
from anyapi.policy.parse import Known
from anyapi.policy.parse_headers import POLICY_HEADERS

_NOTHING = Settings()
_STORED = {"flagged_copies": ("flagged_copies_counted",), "data_class": ("data_class", "more_classes")}
FIELDS = tuple(header.replace("-", "_").replace("providers_", "providers.") for header in POLICY_HEADERS)
"""Every field that can be set, as `data_policy` spells it."""


def apply(settings: Settings, assignments: Iterable[str], known: Known) -> Settings:
    """Give the settings with each `field=value` put in; other fields stay. Lists are separated by commas.

    Raises `BadRequest` naming the field, never the value.
    """
    for assignment in assignments:
        field, equals, text = assignment.partition("=")
        if not equals:
            raise BadRequest(
                f"`{field}` needs a value: {field}=..." if field in FIELDS else f"Write field=value. Fields: {', '.join(FIELDS)}."
            )
        _refuse_unknown(field)
        read = POLICY_HEADERS[_header(field)](text.strip(), field, known)
        settings = msgspec.structs.replace(settings, **{name: getattr(read, name) for name in _names(field)})
    return settings


def clear(settings: Settings, fields: Iterable[str]) -> Settings:
    """Give the settings without these fields. Raises `BadRequest` for a field that there is not."""
    for field in fields:
        _refuse_unknown(field)
        settings = msgspec.structs.replace(settings, **{name: getattr(_NOTHING, name) for name in _names(field)})
    return settings


def assignments(settings: Settings | Requirement) -> dict[str, str]:
    """Give what is asked, as field and value in words; `apply` reads it back. Empty when nothing is asked."""
    return {field: _text(value) for field, value in asked(settings)}


def summary(settings: Settings) -> str:
    """Give what is asked on one line; `-` for nothing."""
    return " ".join(f"{field}={text}" for field, text in assignments(settings).items()) or "-"


def stored_name(field: str) -> str:
    """Give the name under which a requirement remembers the layers of a field."""
    return _names(field)[0]


def _refuse_unknown(field: str) -> None:
    if field not in FIELDS:
        near = nearest(field, FIELDS)
        hint = f"Did you mean {' or '.join(f'`{name}`' for name in near)}?" if near else f"Fields: {', '.join(FIELDS)}."
        raise BadRequest(f"There is no such field. {hint}")


def _header(field: str) -> str:
    return field.replace("_", "-").replace(".", "-")


def _names(field: str) -> tuple[str, ...]:
    """Give the struct fields that a field of `data_policy` stands for."""
    return _STORED.get(field, (field.replace(".", "_"),))


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.9g}"
    return ",".join(sorted(value)) if isinstance(value, frozenset) else str(value)
