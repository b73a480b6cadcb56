"""Settings (what one layer asks) and the requirement (all of them merged). The meet itself is `anyapi.policy.merge`."""

import enum

import msgspec

from anyapi.domain.data_policy import Confidence
from anyapi.domain.ids import ProviderId, RequirementHash


class Layer(enum.StrEnum):
    """Who set a rule, from the operator's floor to the single request."""

    GATEWAY = "gateway"
    ACCOUNT = "account"
    PROJECT = "project"
    KEY = "key"
    REQUEST = "request"


class DataClass(enum.StrEnum):
    """Names of the presets, weakest first."""

    PUBLIC = "public"
    INTERNAL = "internal"
    CONFIDENTIAL = "confidential"
    REGULATED = "regulated"


RECORDED_CLASSES = frozenset({DataClass.CONFIDENTIAL, DataClass.REGULATED})
"""INVARIANT: these need a durable decision record before the first byte goes out, however the operator edits their presets."""


class Settings(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one layer asks. The default of every field constrains nothing (docs/policy.md section 2)."""

    training_allowed: bool = True
    retention_days: float | None = None
    paid_only: bool = False
    certifications: frozenset[str] = frozenset()
    regions: frozenset[str] | None = None
    providers_only: frozenset[ProviderId] | None = None
    providers_ignore: frozenset[ProviderId] = frozenset()
    human_review_allowed: bool = True
    min_confidence: Confidence = Confidence.NONE
    flagged_copies_counted: bool = False
    certifications_must_be_named: bool = False
    """Only presets set it: some layer has to name a certification, or nothing is permitted."""
    data_class: DataClass | None = None
    more_classes: frozenset[DataClass] = frozenset()
    """Further classes named at the same layer (a repeated header); every one's preset is met in."""


SETTING_NAMES = tuple(name for name in Settings.__struct_fields__ if name not in {"data_class", "more_classes"})


class Requirement(msgspec.Struct, frozen=True):
    """The meet of all settings. `layers` names, for each constrained setting, the layers that hold its effective value."""

    training_allowed: bool = True
    retention_days: float | None = None
    paid_only: bool = False
    certifications: frozenset[str] = frozenset()
    regions: frozenset[str] | None = None
    providers_only: frozenset[ProviderId] | None = None
    providers_ignore: frozenset[ProviderId] = frozenset()
    human_review_allowed: bool = True
    min_confidence: Confidence = Confidence.NONE
    flagged_copies_counted: bool = False
    certifications_must_be_named: bool = False
    data_classes: frozenset[DataClass] = frozenset()
    layers: dict[str, frozenset[Layer]] = {}
    hash: RequirementHash = RequirementHash("")

    @property
    def needs_durable_record(self) -> bool:
        """Whether a decision record must be on disk before anything is sent."""
        return not RECORDED_CLASSES.isdisjoint(self.data_classes)
