"""The facts as they stand while they are being resolved: one provider record, and the worse of two of them.

Holds no rule about when an exception or an agreement applies; `exceptions`, `agreements` and `resolve` do.
"""

import datetime as dt

import msgspec

from anyapi.domain.catalogue import Provider, ProviderKind
from anyapi.domain.data_policy import (
    UNKNOWN_RETENTION,
    Confidence,
    HumanReview,
    Provenance,
    Retention,
    Training,
    ZeroRetention,
)
from anyapi.domain.ids import ProviderId
from anyapi.domain.snapshot import Tier
from anyapi.policy.scales import HUMAN_REVIEW, TRAINING, ZERO_RETENTION, less_known, worse, worse_copies, worse_retention

EPOCH = dt.date(1970, 1, 1).toordinal()
DAY = 86400.0


def midnight(day: dt.date) -> float:
    """Unix seconds at which the day begins in UTC."""
    return (day.toordinal() - EPOCH) * DAY


class Standing(msgspec.Struct, frozen=True):
    """Facts of one record, before expiry and agreements."""

    training: Training
    retention: Retention
    zero_retention: ZeroRetention
    human_review: HumanReview
    secondary_use: tuple[str, ...]
    certifications: frozenset[str]
    regions: frozenset[str]
    storage_regions: frozenset[str]
    training_confidence: Confidence
    retention_confidence: Confidence
    provenance: Provenance
    verified_at: dt.date
    ends: float
    """Unix seconds at which the record is expired."""
    local: bool
    free_tier: bool
    flagged_retention: Retention | None = None
    zero_refused: bool = False
    """A policy exception says that zero retention cannot be had."""
    hosts: frozenset[ProviderId] = frozenset()
    """Whose records these facts are."""
    restrictions: tuple[str, ...] = ()


def from_record(provider: Provider, tier: Tier, compiled: dt.date, span_days: float) -> Standing:
    """Base policy, or the free-tier block where the provider has one and the tier is not known to be paid."""
    block = provider.policy if provider.free_tier is None or tier is Tier.PAID else provider.free_tier
    provenance = provider.provenance
    verified_at = provenance.verified_at or compiled
    ends = midnight(verified_at) + span_days * DAY if provenance.valid_until is None else midnight(provenance.valid_until)
    return Standing(
        training=block.training,
        retention=block.retention,
        zero_retention=block.zero_retention,
        human_review=block.human_review,
        secondary_use=block.secondary_use,
        certifications=frozenset(provider.certifications),
        regions=frozenset(provider.regions),
        storage_regions=frozenset(provider.storage_regions),
        training_confidence=_confidence(provenance, frozenset({"training"})),
        retention_confidence=_confidence(provenance, frozenset({"retention", "retention.days", "retention.kind"})),
        provenance=provenance,
        verified_at=verified_at,
        ends=ends,
        local=provider.kind is ProviderKind.LOCAL,
        free_tier=provider.free_tier is not None,
        hosts=frozenset({provider.id}),
    )


def _confidence(provenance: Provenance, fields: frozenset[str]) -> Confidence:
    """The record's confidence, lowered where one of these fields rests on a third party."""
    if fields.isdisjoint(provenance.secondary_fields):
        return provenance.confidence
    return less_known(provenance.confidence, Confidence.SECONDARY)


def unknown(before: Standing) -> Standing:
    """Every fact unknown: what follows from a reference to a provider that the catalogue does not hold."""
    return msgspec.structs.replace(
        before,
        training=Training.UNKNOWN,
        retention=UNKNOWN_RETENTION,
        zero_retention=ZeroRetention.UNKNOWN,
        human_review=HumanReview.UNKNOWN,
        certifications=frozenset(),
        regions=frozenset(),
        # The storage regions stay: they can only deny.
        training_confidence=Confidence.NONE,
        retention_confidence=Confidence.NONE,
        local=False,
        free_tier=True,
        flagged_retention=None,
        zero_refused=False,
        hosts=frozenset(),
    )


def worse_of(a: Standing, b: Standing) -> Standing:
    """Field by field the worse of two: what holds when it cannot be told which of them does."""
    zero_retention = worse(ZERO_RETENTION, a.zero_retention, b.zero_retention)
    return Standing(
        training=worse(TRAINING, a.training, b.training),
        retention=worse_retention(a.retention, b.retention),
        zero_retention=zero_retention,
        human_review=worse(HUMAN_REVIEW, a.human_review, b.human_review),
        secondary_use=_joined(a.secondary_use, b.secondary_use),
        certifications=a.certifications & b.certifications,
        regions=a.regions if a.regions == b.regions else frozenset(),
        storage_regions=a.storage_regions | b.storage_regions,
        training_confidence=less_known(a.training_confidence, b.training_confidence),
        retention_confidence=less_known(a.retention_confidence, b.retention_confidence),
        provenance=a.provenance,
        verified_at=min(a.verified_at, b.verified_at),
        ends=min(a.ends, b.ends),
        local=a.local and b.local,
        free_tier=a.free_tier or b.free_tier,
        flagged_retention=worse_copies(a.flagged_retention, b.flagged_retention),
        zero_refused=zero_retention is ZeroRetention.NO and (a.zero_refused or b.zero_refused),
        restrictions=_joined(a.restrictions, b.restrictions),
        hosts=a.hosts | b.hosts,
    )


def _joined(a: tuple[str, ...], b: tuple[str, ...]) -> tuple[str, ...]:
    """Both without doubles, in order."""
    return tuple(dict.fromkeys((*a, *b)))
