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


_PLACES = {layer: max(place, 1) for place, layer in enumerate(Layer)}
"""How far in a layer stands. The gateway stands beside the account, which names certifications for a class that the gateway sets."""


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
    """Only presets set it: a certification has to be named, by this layer or one outside of it, or nothing is permitted."""
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

    @property
    def lacks_named_certifications(self) -> bool:
        """Whether a layer wants certifications to be named, and neither it nor one outside of it (for the gateway: the account) names any.

        What is named further in does not count: a request must not open what its key closes.
        """
        if not self.certifications_must_be_named:
            return False
        wanted = min((_PLACES[layer] for layer in self.layers.get("certifications_must_be_named", ())), default=0)
        named = (_PLACES[layer] for layer in self.layers.get("certifications", ()) if self.certifications)
        return min(named, default=len(Layer)) > wanted
