"""Facts in force for one endpoint and one credential (docs/policy.md section 1). Judges nothing.

The order is the rule: base policy, free tier, exceptions, expiry, agreements, evidence.
"""

import datetime as dt
import math
from typing import NamedTuple

from anyapi.domain.call import Facts
from anyapi.domain.catalogue import Endpoint, Provider
from anyapi.domain.data_policy import UNKNOWN_RETENTION, Confidence, DataPolicy, HumanReview, Training
from anyapi.domain.ids import AccountId
from anyapi.domain.snapshot import Agreement, Credential, PolicyContext, Tier
from anyapi.policy.agreements import applied, boundaries, covers, in_force
from anyapi.policy.evidence import lowered
from anyapi.policy.exceptions import Records, overlaid
from anyapi.policy.regions import GLOBAL
from anyapi.policy.selectors import Circumstances
from anyapi.policy.standing import DAY, EPOCH, Standing, midnight

CONTRACTS = frozenset({"hipaa-baa", "gdpr-dpa"})
"""Certifications that are contracts: they count only when an agreement states them."""


class Resolved(NamedTuple):
    """Facts in force, and until when."""

    policy: DataPolicy
    valid_until: float
    """Unix seconds of the next expiry or agreement boundary; `inf` if there is none."""
    local: bool
    """Whether the content stays on a local server: a local provider that does not forward to another."""
    free_tier: bool
    """Whether the provider that answers has a free tier."""


def resolve(
    endpoint: Endpoint,
    provider: Provider,
    credential: Credential | None,
    account: AccountId | None,
    facts: Facts,
    context: PolicyContext,
    now: float,
) -> Resolved:
    """The data policy of an endpoint for one credential at `now` (Unix seconds). Without a credential the tier is undeclared."""
    here = Circumstances(endpoint, credential, facts)
    records = Records.of(context, Tier.UNDECLARED if credential is None else credential.tier)
    standing = overlaid(records.standing(provider), provider.exceptions, here, records)
    policy = _dated(standing, here, now)
    agreements = [agreement for agreement in _attested(credential, context) if covers(agreement, here, account)]
    for agreement in agreements:
        if in_force(agreement, now):
            policy = applied(policy, agreement, here, zero_refused=standing.zero_refused)
    if credential is not None and endpoint.id in context.contradicted:
        policy = lowered(policy, context.contradicted[endpoint.id].get(credential.id, ()))
    future = (instant for instant in (standing.ends, *boundaries(agreements)) if instant > now)
    # That a provider has no free tier is known no longer than the rest of its record.
    free_tier = standing.free_tier or (policy.expired and not standing.local)
    return Resolved(policy, min(future, default=math.inf), standing.local, free_tier)


def _attested(credential: Credential | None, context: PolicyContext) -> tuple[Agreement, ...]:
    """Whose agreements can cover a credential: its owner's. What the operator signed says nothing about an account's own key."""
    return context.agreements if credential is None or credential.account is None else credential.agreements


def _dated(standing: Standing, here: Circumstances, now: float) -> DataPolicy:
    """The record as it counts today: an expired one is unknown, its certifications and regions are gone."""
    expired = not now < standing.ends  # so written that a span that is not a number expires
    provenance = standing.provenance
    certifications = frozenset() if expired else standing.certifications
    return DataPolicy(
        training=Training.UNKNOWN if expired else standing.training,
        retention=UNKNOWN_RETENTION if expired else standing.retention,
        zero_retention=standing.zero_retention,
        human_review=HumanReview.UNKNOWN if expired else standing.human_review,
        training_confidence=Confidence.NONE if expired else standing.training_confidence,
        retention_confidence=Confidence.NONE if expired else standing.retention_confidence,
        flagged_retention=standing.flagged_retention,
        secondary_use=standing.secondary_use,
        certifications=certifications - CONTRACTS,
        contract_certifications=certifications & CONTRACTS,
        regions=frozenset() if expired else _regions(standing, here),
        # Kept when expired: where retained data lies can only deny, and an expiry must not admit.
        storage_regions=standing.storage_regions,
        restrictions=standing.restrictions,
        expired=expired,
        source_url=provenance.source_url,
        source_date=provenance.source_date,
        verified_at=standing.verified_at,
        valid_until=_day(standing.ends),
        hosts=standing.hosts,
    )


def _regions(standing: Standing, here: Circumstances) -> frozenset[str]:
    """Where inference happens: the endpoint's own region, else the credential's, else the provider's list, else `local`.

    A `global` endpoint is asked where the credential is and answers anywhere in the list, so it is both.
    """
    own, pinned = here.endpoint.region, None if here.credential is None else here.credential.region
    listed = standing.regions or (frozenset({"local"}) if standing.local else frozenset())
    if own == GLOBAL:
        return listed | {pinned} if listed and pinned is not None else listed
    only = own or pinned
    return listed if only is None else frozenset({only})


def _day(instant: float) -> dt.date | None:
    """The UTC day of an instant; None beyond the calendar's end."""
    if not instant < midnight(dt.date.max) + DAY:
        return None
    return dt.date.fromordinal(EPOCH + math.floor(instant / DAY))
