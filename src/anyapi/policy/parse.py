"""Policy fields of a request body, decoded JSON in, settings and preferences out. Reads no header.

Everything not understood is refused with a `BadRequest` that names the dotted field and never the value: a wish for privacy that is
misread must not become a request without it. Absent constrains nothing, and so do `true` for training and an empty `certifications`.
"""

import enum
from collections.abc import Mapping

import msgspec

from anyapi.domain.call import Preference, Sort
from anyapi.domain.ids import ProviderId
from anyapi.domain.requirement import DataClass, Settings
from anyapi.errors import BadRequest
from anyapi.policy.parse_headers import (
    APP_PREFIX,
    COMMITMENT_SALT,
    KNOWN_HEADERS,
    is_policy,
    parse_app,
    parse_app_headers,
    parse_policy_headers,
    refuse_unlisted,
)
from anyapi.policy.wire_values import (
    LEAST_CONFIDENCES,
    FlaggedCopies,
    Known,
    read_certifications,
    read_choice,
    read_flag,
    read_list,
    read_number,
    read_object,
    read_providers,
    read_regions,
)

__all__ = [
    "APP_PREFIX",
    "COMMITMENT_SALT",
    "KNOWN_HEADERS",
    "Known",
    "is_policy",
    "parse_app",
    "parse_app_headers",
    "parse_data_policy",
    "parse_policy_headers",
    "parse_provider",
    "parse_provider_options",
    "refuse_unlisted",
]

DATA_POLICY = (
    "training_allowed",
    "retention_days",
    "paid_only",
    "certifications",
    "regions",
    "providers",
    "human_review_allowed",
    "min_confidence",
    "flagged_copies",
    "data_class",
)
PROVIDER = (
    "zdr",
    "data_collection",
    "only",
    "ignore",
    "order",
    "sort",
    "allow_fallbacks",
    "max_price",
    "require_parameters",
    "failover_on",
)
GATEWAY_OPTIONS = ("zeroDataRetention", "disallowPromptTraining")


class DataCollection(enum.StrEnum):
    """Another gateway's word for training."""

    DENY = "deny"
    ALLOW = "allow"


class FailoverOn(enum.StrEnum):
    """What may fail over besides errors."""

    CONTENT_REFUSAL = "content_refusal"


class _Object:
    """One JSON object whose keys are all known: reads its fields, with a default for those that are absent."""

    def __init__(self, value: object, field: str, keys: tuple[str, ...]) -> None:
        """Refuse anything but an object with these keys."""
        self.values: Mapping[str, object] = read_object(value, field, keys)
        self.field = field

    def path(self, key: str) -> str:
        """The dotted name of a field."""
        return f"{self.field}.{key}"

    def flag(self, key: str, *, absent: bool) -> bool:
        """A boolean."""
        return read_flag(self.values[key], self.path(key)) if key in self.values else absent

    def number(self, key: str) -> float | None:
        """A number of at least 0."""
        return read_number(self.values[key], self.path(key)) if key in self.values else None

    def providers(self, key: str, known: Known) -> list[ProviderId] | None:
        """A list of provider ids; an empty list stays a list."""
        return read_providers(self.values[key], self.path(key), known) if key in self.values else None


def parse_data_policy(value: object, known: Known) -> Settings:
    """The request field `data_policy`. Raises `BadRequest`."""
    fields = _Object(value, "data_policy", DATA_POLICY)
    values = fields.values
    settings = Settings(
        training_allowed=fields.flag("training_allowed", absent=True),
        retention_days=fields.number("retention_days"),
        paid_only=fields.flag("paid_only", absent=False),
        human_review_allowed=fields.flag("human_review_allowed", absent=True),
    )
    changes: dict[str, object] = {}
    if "certifications" in values:
        changes["certifications"] = read_certifications(values["certifications"], fields.path("certifications"), known)
    if "regions" in values:
        changes["regions"] = read_regions(values["regions"], fields.path("regions"))
    if "providers" in values:
        providers = _Object(values["providers"], fields.path("providers"), ("only", "ignore"))
        changes |= _only_and_ignore(providers, known)
    if "min_confidence" in values:
        changes["min_confidence"] = read_choice(values["min_confidence"], fields.path("min_confidence"), LEAST_CONFIDENCES)
    if "flagged_copies" in values:
        flagged = read_choice(values["flagged_copies"], fields.path("flagged_copies"), FlaggedCopies)
        changes["flagged_copies_counted"] = flagged is FlaggedCopies.COUNTED
    if "data_class" in values:
        changes["data_class"] = read_choice(values["data_class"], fields.path("data_class"), DataClass)
    return msgspec.structs.replace(settings, **changes)


def _only_and_ignore(fields: _Object, known: Known) -> dict[str, object]:
    only = fields.providers("only", known)
    ignore = fields.providers("ignore", known)
    return {"providers_only": None if only is None else frozenset(only), "providers_ignore": frozenset(ignore or ())}


def parse_provider(value: object, known: Known) -> tuple[Settings, Preference]:
    """The request field `provider` in the form that other gateways made common. Raises `BadRequest`."""
    fields = _Object(value, "provider", PROVIDER)
    collection = DataCollection.ALLOW
    if "data_collection" in fields.values:
        collection = read_choice(fields.values["data_collection"], fields.path("data_collection"), DataCollection)
    settings = msgspec.structs.replace(
        _switches(zero_retention=fields.flag("zdr", absent=False), no_training=collection is DataCollection.DENY),
        **_only_and_ignore(fields, known),
    )
    return settings, _preference(fields, known)


def _switches(*, zero_retention: bool, no_training: bool) -> Settings:
    """Two switches of other gateways in our words."""
    return Settings(training_allowed=not no_training, retention_days=0.0 if zero_retention else None)


def _preference(fields: _Object, known: Known) -> Preference:
    values = fields.values
    prices = _Object(values.get("max_price", {}), fields.path("max_price"), ("prompt", "completion"))
    refusals: list[FailoverOn] = []
    if "failover_on" in values:
        path = fields.path("failover_on")
        refusals = [read_choice(item, path, FailoverOn) for item in read_list(values["failover_on"], path)]
    return Preference(
        order=_in_order(fields, known),
        sort=read_choice(values["sort"], fields.path("sort"), Sort) if "sort" in values else None,
        allow_fallbacks=fields.flag("allow_fallbacks", absent=True),
        max_price_input=prices.number("prompt"),
        max_price_output=prices.number("completion"),
        require_parameters=fields.flag("require_parameters", absent=False),
        failover_on_refusal=FailoverOn.CONTENT_REFUSAL in refusals,
    )


def _in_order(fields: _Object, known: Known) -> tuple[ProviderId, ...]:
    """The providers to try first, doubles left out."""
    return tuple(dict.fromkeys(fields.providers("order", known) or ()))


def parse_provider_options(value: object) -> Settings:
    """The request field `providerOptions`: its `gateway` namespace; others are not ours and ignored. Raises `BadRequest`."""
    if not isinstance(value, dict):
        raise BadRequest("`providerOptions` must be an object.", "providerOptions")
    if "gateway" not in value:
        return Settings()
    fields = _Object(value["gateway"], "providerOptions.gateway", GATEWAY_OPTIONS)
    return _switches(
        zero_retention=fields.flag("zeroDataRetention", absent=False), no_training=fields.flag("disallowPromptTraining", absent=False)
    )
