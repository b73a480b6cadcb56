"""The answer to "what would happen to such a request, and why": plain values, ready for JSON, field names stable.

Holds the shapes and the view of a data policy; `explain` fills them, `explain_text` prints them. No content ever goes in.
"""

import datetime as dt
import math

import msgspec

from anyapi.domain.call import Skipped
from anyapi.domain.catalogue import Price
from anyapi.domain.data_policy import DataPolicy
from anyapi.domain.decision import Relaxation
from anyapi.domain.ids import CredentialId, EndpointId, ModelId, ProviderId, RequirementHash
from anyapi.domain.requirement import DataClass, Layer
from anyapi.policy.scales import less_known
from anyapi.policy.standing import DAY, midnight
from anyapi.policy.tally import ReasonCount


class RetentionView(msgspec.Struct, frozen=True):
    """How long content is kept; `days` null where no end is stated."""

    kind: str
    days: float | None
    purpose: str | None


class PolicyView(msgspec.Struct, frozen=True):
    """A data policy as it is shown: on rows of `/v1/models`, in explanations. Sets are sorted lists, dates are UTC."""

    training: str
    retention: RetentionView
    flagged: RetentionView | None
    """The vendor's copies of flagged content, where such are known."""
    zero_retention: str
    human_review: str
    secondary_use: tuple[str, ...]
    certifications: tuple[str, ...]
    regions: tuple[str, ...]
    storage_regions: tuple[str, ...]
    restrictions: tuple[str, ...]
    confidence: str
    """The lower of those of training and retention."""
    grade: str
    agreements: tuple[str, ...]
    source_url: str | None
    source_date: str | None
    verified_at: dt.date | None
    valid_until: dt.date | None
    age_days: int | None
    """Whole days since `verified_at`."""
    expired: bool
    contradictions: tuple[str, ...]
    """Codes of what the provider itself stated against it; the grade is `contradicted` then, and what it was about is unknown."""


class PermittedRow(msgspec.Struct, frozen=True):
    """An endpoint that would be tried. Latency in seconds to first content, throughput in tokens per second; null until measured."""

    endpoint: EndpointId
    provider: ProviderId
    model: ModelId
    credential: CredentialId
    price: Price
    latency: float | None
    throughput: float | None
    policy: PolicyView
    flags: tuple[str, ...]
    """`deprecated`, `unverified`, `free`, `local`, `contradicted`, `expired`, `expires_soon` (within 30 days)."""


class ReasonView(msgspec.Struct, frozen=True):
    """One reason; `kind` is `policy` or `availability`."""

    code: str
    kind: str
    setting: str | None
    layers: tuple[Layer, ...]
    required: str | float | bool | tuple[str, ...] | None
    actual: str | float | bool | tuple[str, ...] | None
    text: str


class DeniedRow(msgspec.Struct, frozen=True):
    """An endpoint that would not be tried, with every reason; `policy` is null where it could not be judged."""

    endpoint: EndpointId
    provider: ProviderId
    model: ModelId
    reasons: tuple[ReasonView, ...]
    policy: PolicyView | None


class Totals(msgspec.Struct, frozen=True):
    """How many endpoints each of the three lists has, also where it is shown cut."""

    permitted: int
    denied: int
    unavailable: int


class ModelExplanation(msgspec.Struct, frozen=True):
    """One model: every endpoint of it stands in exactly one of the lists, which are cut for `anyapi/auto`."""

    model: ModelId
    permitted: tuple[PermittedRow, ...]
    """In the order in which they would be tried."""
    denied: tuple[DeniedRow, ...]
    """At least one policy reason each."""
    unavailable: tuple[DeniedRow, ...]
    """Permitted by policy; a credential, a circuit or a wish stands in the way."""
    totals: Totals
    reasons: tuple[ReasonCount, ...]
    """How many endpoints each reason stands against."""


class SettingView(msgspec.Struct, frozen=True):
    """One setting in force and the layers that hold it."""

    setting: str
    value: str | float | bool | tuple[str, ...]
    layers: tuple[Layer, ...]


class RequirementView(msgspec.Struct, frozen=True):
    """The requirement in force."""

    hash: RequirementHash
    settings: tuple[SettingView, ...]
    data_classes: tuple[DataClass, ...]
    durable_record: bool
    """Whether a decision record is on disk before anything is sent."""


class RuleCost(msgspec.Struct, frozen=True):
    """What one setting costs. Prices are input plus output, USD per million tokens; null where nothing permitted has a known one."""

    setting: str
    more_endpoints: int
    """That could be used: one without a credential would not be, whatever policy says."""
    cheapest: float | None
    cheapest_without: float | None


class Explanation(msgspec.Struct, frozen=True):
    """What would happen."""

    requirement: RequirementView
    models: tuple[ModelExplanation, ...]
    unknown_models: int
    """How many of the models asked about are in no catalogue. They are not repeated."""
    skipped: tuple[Skipped, ...]
    """The places where these stood."""
    costs: tuple[RuleCost, ...]
    relaxation: Relaxation | None
    """The smallest change of settings that would admit one more endpoint; null when nothing is denied."""


def policy_view(policy: DataPolicy, now: float) -> PolicyView:
    """A data policy as it is shown at `now` (Unix seconds)."""
    flagged = policy.flagged_retention
    return PolicyView(
        training=policy.training.value,
        retention=RetentionView(policy.retention.kind.value, policy.retention.days, policy.retention.purpose),
        flagged=None if flagged is None else RetentionView(flagged.kind.value, flagged.days, flagged.purpose),
        zero_retention=policy.zero_retention.value,
        human_review=policy.human_review.value,
        secondary_use=policy.secondary_use,
        certifications=tuple(sorted(policy.certifications)),
        regions=tuple(sorted(policy.regions)),
        storage_regions=tuple(sorted(policy.storage_regions)),
        restrictions=policy.restrictions,
        confidence=less_known(policy.training_confidence, policy.retention_confidence).value,
        grade=policy.grade.value,
        agreements=policy.agreements,
        source_url=policy.source_url,
        source_date=policy.source_date,
        verified_at=policy.verified_at,
        valid_until=policy.valid_until,
        age_days=None if policy.verified_at is None else math.floor((now - midnight(policy.verified_at)) / DAY),
        expired=policy.expired,
        contradictions=policy.contradictions,
    )
