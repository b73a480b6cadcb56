"""The meet: settings of five layers become one requirement that is never weaker than any of them (docs/policy.md section 2).

INVARIANT: `meet` is commutative, associative and idempotent, `layers` and `hash` included; whatever a layer further in asks, nothing more
is admitted (but what the account names for a class that the gateway sets, which is what that class asks for).
Nothing here reads the wire (`parse`) or judges an endpoint (`rules`).
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import TypeVar

import msgspec

from anyapi.domain.data_policy import Confidence
from anyapi.domain.ids import RequirementHash
from anyapi.domain.requirement import SETTING_NAMES, DataClass, Layer, Requirement, Settings
from anyapi.policy.regions import common
from anyapi.policy.scales import CONFIDENCE

T = TypeVar("T")

DEFAULT_PRESETS: Mapping[DataClass, Settings] = {
    DataClass.PUBLIC: Settings(),
    DataClass.INTERNAL: Settings(training_allowed=False, retention_days=30),
    DataClass.CONFIDENTIAL: Settings(training_allowed=False, retention_days=0, human_review_allowed=False, flagged_copies_counted=True),
    DataClass.REGULATED: Settings(
        training_allowed=False, min_confidence=Confidence.PRIMARY, flagged_copies_counted=True, certifications_must_be_named=True
    ),
}
"""What each data class sets unless the operator edits it."""

_DEFAULTS = Settings()
_SETTING_DEFAULTS = tuple((name, getattr(_DEFAULTS, name)) for name in SETTING_NAMES)
_CONSTRAINTS = (*_SETTING_DEFAULTS, ("data_classes", frozenset()))
_BY_LAYER = {layer: frozenset({layer}) for layer in Layer}


def canonical_json(requirement: Requirement) -> bytes:
    """The constraints as JSON: only what constrains, keys sorted, sets as sorted arrays, whole numbers without a fraction, no `layers`.

    INVARIANT: requirements that are written alike decide alike, whoever set them: decisions are remembered by this.
    """
    held: dict[str, object] = {}
    for name, default in _CONSTRAINTS:
        value = getattr(requirement, name)
        if value != default:
            held[name] = _plain(value)
    if requirement.lacks_named_certifications and requirement.certifications:
        held["certifications_named"] = False  # the one rule for which it counts which layer asked
    return msgspec.json.encode(held, order="sorted")


def _plain(value: object) -> object:
    """Write 30.0 as 30, so that equal requirements have one form. Sets are sorted by the encoder."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _sealed(requirement: Requirement) -> Requirement:
    """The same requirement with its hash."""
    digest = hashlib.sha256(canonical_json(requirement)).hexdigest()[:32]
    return msgspec.structs.replace(requirement, hash=RequirementHash(digest))


UNCONSTRAINED = _sealed(Requirement())
"""Neutral element of `meet`: permits everything that policy can permit."""


def lift(layer: Layer, settings: Settings, presets: Mapping[DataClass, Settings]) -> Requirement:
    """What one layer's settings require, the presets of its data classes met in at that layer."""
    return UNCONSTRAINED if settings == _DEFAULTS else _sealed(_lift(layer, settings, presets))


def meet(a: Requirement, b: Requirement) -> Requirement:
    """The weakest requirement that is at least as strict as both."""
    if a is b or b is UNCONSTRAINED:
        return a
    return b if a is UNCONSTRAINED else _sealed(_combine(a, b))


def merge(layers: Iterable[tuple[Layer, Settings]], presets: Mapping[DataClass, Settings]) -> Requirement:
    """The meet of the settings of all layers; one layer may come several times (header and body are both the request layer)."""
    merged = UNCONSTRAINED
    for layer, settings in layers:
        if settings != _DEFAULTS:
            merged = _combine(merged, _lift(layer, settings, presets))
    return merged if merged is UNCONSTRAINED else _sealed(merged)


def tighten(requirement: Requirement, layer: Layer, settings: Settings, presets: Mapping[DataClass, Settings]) -> Requirement:
    """`meet(requirement, lift(layer, settings, presets))`, hashed once: the step of every request that brings settings of its own."""
    return requirement if settings == _DEFAULTS else _sealed(_combine(requirement, _lift(layer, settings, presets)))


def _lift(layer: Layer, settings: Settings, presets: Mapping[DataClass, Settings]) -> Requirement:
    lifted = _plainly(layer, settings)
    classes = settings.more_classes if settings.data_class is None else settings.more_classes | {settings.data_class}
    for data_class in sorted(classes):
        # A class that the operator's presets forgot keeps the built-in meaning: a name must never come to mean nothing.
        preset = _plainly(layer, presets.get(data_class, DEFAULT_PRESETS[data_class]))
        named = msgspec.structs.replace(
            preset, data_classes=frozenset({data_class}), layers={**preset.layers, "data_class": _BY_LAYER[layer]}
        )
        lifted = _combine(lifted, named)
    return lifted


def _plainly(layer: Layer, settings: Settings) -> Requirement:
    """One layer's settings as a requirement, data classes and hash left out."""
    held = _BY_LAYER[layer]
    layers = {name: held for name, default in _SETTING_DEFAULTS if getattr(settings, name) != default}
    return Requirement(
        training_allowed=settings.training_allowed,
        # Adding 0.0 makes an int a float and -0.0 a plain zero.
        retention_days=None if settings.retention_days is None else settings.retention_days + 0.0,
        paid_only=settings.paid_only,
        certifications=settings.certifications,
        regions=settings.regions,
        providers_only=settings.providers_only,
        providers_ignore=settings.providers_ignore,
        human_review_allowed=settings.human_review_allowed,
        min_confidence=settings.min_confidence,
        flagged_copies_counted=settings.flagged_copies_counted,
        certifications_must_be_named=settings.certifications_must_be_named,
        layers=layers,
    )


def _combine(a: Requirement, b: Requirement) -> Requirement:
    """The meet without its hash."""
    return Requirement(
        training_allowed=a.training_allowed and b.training_allowed,
        retention_days=_smaller(a.retention_days, b.retention_days),
        paid_only=a.paid_only or b.paid_only,
        certifications=a.certifications | b.certifications,
        regions=b.regions if a.regions is None else a.regions if b.regions is None else common(a.regions, b.regions),
        providers_only=_both(a.providers_only, b.providers_only),
        providers_ignore=a.providers_ignore | b.providers_ignore,
        human_review_allowed=a.human_review_allowed and b.human_review_allowed,
        min_confidence=_surer(a, b).min_confidence,
        flagged_copies_counted=a.flagged_copies_counted or b.flagged_copies_counted,
        certifications_must_be_named=a.certifications_must_be_named or b.certifications_must_be_named,
        data_classes=a.data_classes | b.data_classes,
        layers=_layers(a, b),
    )


def _layers(a: Requirement, b: Requirement) -> dict[str, frozenset[Layer]]:
    """A setting's layers are those of both sides; where one value wins, only the winner's."""
    layers = {**a.layers}
    for name, held in b.layers.items():
        layers[name] = layers[name] | held if name in layers else held
    if a.retention_days != b.retention_days:
        shorter = a if _smaller(a.retention_days, b.retention_days) == a.retention_days else b
        layers["retention_days"] = _held(shorter, "retention_days")
    if a.min_confidence != b.min_confidence:
        layers["min_confidence"] = _held(_surer(a, b), "min_confidence")
    return layers


def _surer(a: Requirement, b: Requirement) -> Requirement:
    """The one that asks for the better known facts."""
    return a if CONFIDENCE[a.min_confidence] > CONFIDENCE[b.min_confidence] else b


def _held(requirement: Requirement, name: str) -> frozenset[Layer]:
    return requirement.layers.get(name, frozenset())


def _smaller(a: float | None, b: float | None) -> float | None:
    if a is None or b is None:
        return b if a is None else a
    return min(a, b)


def _both(a: frozenset[T] | None, b: frozenset[T] | None) -> frozenset[T] | None:
    """Intersection; None stands for everything. An empty set admits nothing and stays empty."""
    if a is None or b is None:
        return b if a is None else a
    return a & b
