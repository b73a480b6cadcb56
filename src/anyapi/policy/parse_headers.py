"""The `X-AnyAPI-*` headers and the five app fields. Names arrive in lower case; what transport they came by is not known here.

An `X-AnyAPI-*` header that nobody knows is refused: a typo must not pass as no policy. Repeated headers are met, so that none can be
used to loosen another.
"""

import re
from collections.abc import Callable, Iterable, Mapping

from anyapi.domain.call import App
from anyapi.domain.requirement import SETTING_NAMES, DataClass, Layer, Settings
from anyapi.errors import BadRequest
from anyapi.policy.merge import merge
from anyapi.policy.nearest import nearest
from anyapi.policy.wire_values import (
    LEAST_CONFIDENCES,
    FlaggedCopies,
    Known,
    is_field_name,
    read_certifications,
    read_choice,
    read_providers,
    read_regions,
    read_text,
)

PREFIX = "x-anyapi-"
APP_PREFIX = "x-anyapi-app-"
COMMITMENT_SALT = "x-anyapi-commitment-salt"
"""No policy: asks for a commitment to the body in the audit log."""
_APP_VALUE = re.compile(r"[A-Za-z0-9._:@-]{1,128}")
_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_NO_PRESETS = {data_class: Settings() for data_class in DataClass}
_SETTINGS = Settings()


def _flag(text: str, field: str) -> bool:
    if text not in {"true", "false"}:
        raise BadRequest(f"`{field}` must be `true` or `false`.", field)
    return text == "true"


def _days(text: str, field: str) -> float:
    if _NUMBER.fullmatch(text) is None:
        raise BadRequest(f"`{field}` must be a number of days of at least 0, in plain digits.", field)
    return float(text)


def _items(text: str) -> list[str]:
    """A comma-separated list. An empty header is an empty list; an empty item is an item, which no reader accepts."""
    return [item.strip() for item in text.split(",")] if text else []


def _classes(text: str, field: str) -> Settings:
    """One class; several, where a proxy joined repeated headers, are all in force."""
    classes = [read_choice(item.strip(), field, DataClass) for item in text.split(",")]
    return Settings(data_class=classes[0], more_classes=frozenset(classes[1:]))


Reader = Callable[[str, str, Known], Settings]
POLICY_HEADERS: Mapping[str, Reader] = {
    "data-class": lambda text, field, _: _classes(text, field),
    "training-allowed": lambda text, field, _: Settings(training_allowed=_flag(text, field)),
    "retention-days": lambda text, field, _: Settings(retention_days=_days(text, field)),
    "paid-only": lambda text, field, _: Settings(paid_only=_flag(text, field)),
    "certifications": lambda text, field, known: Settings(certifications=read_certifications(_items(text), field, known)),
    "regions": lambda text, field, _: Settings(regions=read_regions(_items(text), field)),
    "providers-only": lambda text, field, known: Settings(providers_only=frozenset(read_providers(_items(text), field, known))),
    "providers-ignore": lambda text, field, known: Settings(providers_ignore=frozenset(read_providers(_items(text), field, known))),
    "human-review-allowed": lambda text, field, _: Settings(human_review_allowed=_flag(text, field)),
    "min-confidence": lambda text, field, _: Settings(min_confidence=read_choice(text, field, LEAST_CONFIDENCES)),
    "flagged-copies": lambda text, field, _: Settings(
        flagged_copies_counted=read_choice(text, field, FlaggedCopies) is FlaggedCopies.COUNTED
    ),
}
"""Every policy header, without its prefix, and how it is read."""
APP_HEADERS = {"id": "id", "name": "name", "version": "version", "user-id": "user_id", "session-id": "session_id"}
"""Every app header, without its prefix, and the field of `App` it fills."""
APP_METADATA = {"app_id": "id", "app_name": "name", "app_version": "version", "user_id": "user_id", "session_id": "session_id"}
"""Keys of the body field `metadata` that are app fields."""
KNOWN_HEADERS = (*(PREFIX + name for name in POLICY_HEADERS), *(APP_PREFIX + name for name in APP_HEADERS), COMMITMENT_SALT)


def refuse_unlisted(names: Iterable[str]) -> None:
    """Raise `BadRequest` for an `X-AnyAPI-*` header (lower-case name) that nobody here reads: a typo must not pass as no policy."""
    for name in names:
        if name not in KNOWN_HEADERS:
            raise _unknown_header(name)


def is_policy(name: str) -> bool:
    """Whether an `X-AnyAPI-*` header asks for a policy, or is one that nobody knows."""
    return not name.startswith(APP_PREFIX) and name != COMMITMENT_SALT


def parse_policy_headers(pairs: Iterable[tuple[str, str]], known: Known) -> Settings:
    """The meet of all policy headers among these (lower-case name, value) pairs. `BadRequest` also for an unknown name."""
    found = []
    for name, value in pairs:
        if not name.startswith(PREFIX):
            continue
        reader = POLICY_HEADERS.get(name.removeprefix(PREFIX))
        if reader is not None:
            found.append((Layer.REQUEST, reader(value.strip(), name, known)))
        else:
            refuse_unlisted((name,))
    return _met(found) if found else _SETTINGS


def _unknown_header(name: str) -> BadRequest:
    # Compared without the prefix, which would make all of them alike.
    near = nearest(name.removeprefix(PREFIX), (known.removeprefix(PREFIX) for known in KNOWN_HEADERS))
    hint = f"Did you mean {' or '.join(f'`{PREFIX}{item}`' for item in near)}?" if near else f"Known: {', '.join(KNOWN_HEADERS)}."
    shown = name if is_field_name(name) else f"{PREFIX}..."
    return BadRequest(f"The header `{shown}` is unknown. {hint}", shown)


def _met(found: Iterable[tuple[Layer, Settings]]) -> Settings:
    """Several settings of one layer as one. Presets are left for the layer itself, so that they are met in only once."""
    met = merge(found, _NO_PRESETS)
    classes = sorted(met.data_classes)
    return Settings(
        **{name: getattr(met, name) for name in SETTING_NAMES},
        data_class=classes[0] if classes else None,
        more_classes=frozenset(classes[1:]),
    )


def parse_app_headers(pairs: Iterable[tuple[str, str]]) -> App:
    """The app fields among these (lower-case name, value) pairs. Raises `BadRequest` for a malformed value or a header given twice."""
    fields: dict[str, str] = {}
    for name, value in pairs:
        if not name.startswith(APP_PREFIX):
            continue
        key = APP_HEADERS.get(name.removeprefix(APP_PREFIX))
        if key is None:
            raise _unknown_header(name)
        if key in fields:
            raise BadRequest(f"The header `{name}` is given twice.", name)
        fields[key] = _app_value(value.strip(), name)
    return App(**fields)


def parse_app(metadata: object) -> App:
    """The app fields of the body field `metadata`; other keys are not looked at. Raises `BadRequest` for a malformed value."""
    if metadata is None:
        return App()
    if not isinstance(metadata, dict):
        raise BadRequest("`metadata` must be an object.", "metadata")
    return App(**{field: _app_value(metadata[key], f"metadata.{key}") for key, field in APP_METADATA.items() if key in metadata})


def _app_value(value: object, field: str) -> str:
    text = read_text(value, field)
    if _APP_VALUE.fullmatch(text) is None:
        raise BadRequest(f"`{field}` must have 1 to 128 characters of A-Z a-z 0-9 . _ : @ -", field)
    return text
