"""Whether a record that changed may admit what it did not admit before. Pure, and cautious: what cannot be shown to be stricter loosens.

Compares records, for no requirement in particular: what an update means for an account is decided with the account's own.
"""

import datetime as dt

import msgspec

from anyapi.domain.catalogue import Capabilities, Endpoint, Price, Provider, ProviderApi, Status
from anyapi.domain.data_policy import UNKNOWN_RETENTION, Confidence, HumanReview, PolicyBlock, Provenance, Training, ZeroRetention
from anyapi.policy.scales import CONFIDENCE, HUMAN_REVIEW, TRAINING, ZERO_RETENTION, worse_retention

_SHOWN = {
    "name": "",
    "certifications_source": None,
    "certifications_level": None,
    "unverified_certifications": (),
    "headquarters": None,
    "contracting_country": None,
    "terms_url": None,
    "privacy_url": None,
    "notes": None,
}
"""Fields of a provider that no rule compares."""
_UNCOMPARED = {
    "context_length": None,
    "max_output_tokens": None,
    "price": Price(),
    "capabilities": Capabilities(),
    "deprecation_date": None,
    "successor": None,
    "source": None,
    "price_source": None,
    "operations": (),
    "protocol": None,
    "dimensions": None,
}
"""Fields of an endpoint that no rule compares: whether it can serve a request is no matter of policy."""
_NO_FACTS = PolicyBlock(Training.UNKNOWN, UNKNOWN_RETENTION, ZeroRetention.UNKNOWN, HumanReview.UNKNOWN)
_NO_SOURCE = Provenance(Confidence.NONE)


def provider_facts(provider: Provider, *, dated: bool = True) -> Provider:
    """The record without what is only shown; not `dated`: without the dates from which it counts either."""
    own = provider.provenance
    bare = Provenance(own.confidence, secondary_fields=tuple(sorted(own.secondary_fields)))
    if dated:
        bare = msgspec.structs.replace(bare, verified_at=own.verified_at, valid_until=own.valid_until)
    api = ProviderApi("", "", provider.api.auth)
    exceptions = tuple(msgspec.structs.replace(one, note="", source_url=None) for one in provider.exceptions)
    free_tier = None if provider.free_tier is None else _block(provider.free_tier)
    return msgspec.structs.replace(
        provider, **_SHOWN, api=api, provenance=bare, exceptions=exceptions, policy=_block(provider.policy), free_tier=free_tier
    )


def _block(block: PolicyBlock) -> PolicyBlock:
    return msgspec.structs.replace(block, retention=msgspec.structs.replace(block.retention, purpose=None), secondary_use=())


def endpoint_facts(endpoint: Endpoint) -> Endpoint:
    """The record without what no rule compares. Of the status only `retired` counts."""
    status = endpoint.status if endpoint.status is Status.RETIRED else Status.ACTIVE
    return msgspec.structs.replace(endpoint, **_UNCOMPARED, status=status)


def endpoint_loosened(before: Endpoint | None, after: Endpoint) -> bool:
    """Whether the endpoint may be permitted where it was not."""
    if before is None:
        return True
    then, now = endpoint_facts(before), endpoint_facts(after)
    if now.status is Status.RETIRED:
        return False
    stricter = msgspec.structs.replace(then, free=then.free or now.free)
    return now != stricter  # having become free denies, and nothing else of an endpoint is known to


def provider_loosened(before: Provider | None, after: Provider, *, expired: bool) -> bool:
    """Whether an endpoint of the provider may be permitted where it was not. `expired`: the record of before counts as unknown by now.

    That the same was found again on a later day is no change while the record is good; of one that had expired it brings the facts back.
    """
    if before is None:
        return True
    then, now = provider_facts(before), provider_facts(after)
    if then == now:
        return False
    if expired and later(then.provenance, now.provenance):
        return True
    return not (_rest(then) == _rest(now) and _no_better(then.policy, now.policy) and _no_surer(then.provenance, now.provenance))


def _rest(record: Provider) -> Provider:
    """What must not change at all for a change to be no loosening: its exceptions and regions, its free tier, its certifications."""
    return msgspec.structs.replace(record, policy=_NO_FACTS, provenance=_NO_SOURCE, certifications=tuple(sorted(record.certifications)))


def _no_better(then: PolicyBlock, now: PolicyBlock) -> bool:
    return (
        TRAINING[now.training] >= TRAINING[then.training]
        and HUMAN_REVIEW[now.human_review] >= HUMAN_REVIEW[then.human_review]
        and ZERO_RETENTION[now.zero_retention] >= ZERO_RETENTION[then.zero_retention]
        and worse_retention(then.retention, now.retention) == now.retention
    )


def _no_surer(then: Provenance, now: Provenance) -> bool:
    return CONFIDENCE[now.confidence] <= CONFIDENCE[then.confidence] and {*then.secondary_fields} <= {*now.secondary_fields}


def later(then: Provenance, now: Provenance) -> bool:
    """Whether the record may be good for longer than it was."""
    if (then.valid_until is None) != (now.valid_until is None):
        return True
    if then.valid_until is not None and now.valid_until is not None:
        return now.valid_until > then.valid_until
    return (now.verified_at or dt.date.max) > (then.verified_at or dt.date.min)
