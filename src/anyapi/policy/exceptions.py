"""Policy exceptions laid over a record, where they apply, do not, or nobody can tell (docs/policy.md section 1.1). Knows no agreement."""

import datetime as dt
from collections.abc import Mapping

import msgspec

from anyapi.domain.catalogue import Override, PolicyException, Provider
from anyapi.domain.data_policy import ZeroRetention
from anyapi.domain.ids import ProviderId
from anyapi.domain.snapshot import PolicyContext, Tier
from anyapi.policy.scales import less_known, worse_copies
from anyapi.policy.selectors import FLAGGED_COPIES, Answer, Circumstances, all_of, any_feature, where
from anyapi.policy.standing import Standing, from_record, unknown, worse_of


class Records(msgspec.Struct, frozen=True):
    """How `same_as_provider` finds the record it names."""

    providers: Mapping[ProviderId, Provider]
    tier: Tier
    compiled: dt.date
    span_days: float

    @classmethod
    def of(cls, context: PolicyContext, tier: Tier) -> "Records":
        """The records of a catalogue as a credential of this tier sees them."""
        return cls(context.catalogue.providers, tier, context.catalogue.compiled, context.span_days)

    def standing(self, provider: Provider) -> Standing:
        """The provider's base policy or free-tier block."""
        return from_record(provider, self.tier, self.compiled, self.span_days)


def overlaid(standing: Standing, exceptions: tuple[PolicyException, ...], here: Circumstances, records: Records) -> Standing:
    """The facts with every exception laid over them, in order; a later one wins."""
    for exception in exceptions:
        standing = _with(standing, exception, here, records)
    return standing


def _with(standing: Standing, exception: PolicyException, here: Circumstances, records: Records) -> Standing:
    selector, override = exception.applies_to, exception.override
    place = where(selector, here)
    if place is Answer.NO:
        return standing
    if selector.data:
        # What may be sent is shown and never compared; no other fact depends on what the content is.
        return _restricted(standing, override)
    # Flagged copies named beside other features make two exceptions, theirs the second.
    features = [feature for feature in selector.features if feature not in FLAGGED_COPIES]
    if features or not selector.features:
        said = all_of(place, any_feature(features, here.facts)) if features else place
        standing = _with_facts(standing, override, said, records)
    return _with_flagged_copies(standing, override, place) if len(features) < len(selector.features) else standing


def _with_facts(standing: Standing, override: Override, said: Answer, records: Records) -> Standing:
    if said is Answer.NO:
        return standing
    applied = _replaced(standing, override, records)
    return _guaranteed(applied, override) if said is Answer.YES else worse_of(standing, applied)


def _restricted(standing: Standing, override: Override) -> Standing:
    """Show a restriction on what may be sent."""
    return standing if override.allowed_data is None else _showing(standing, f"allowed data: {override.allowed_data}")


def _guaranteed(standing: Standing, override: Override) -> Standing:
    """Show a technical guarantee, where it is certain."""
    return _showing(standing, "confidential compute") if override.confidential_compute else standing


def _showing(standing: Standing, words: str) -> Standing:
    return msgspec.structs.replace(standing, restrictions=tuple(dict.fromkeys((*standing.restrictions, words))))


def _with_flagged_copies(standing: Standing, override: Override, said: Answer) -> Standing:
    """Flagged copies have their own clock; nothing else of such an exception touches the main facts."""
    if override.retention is None:
        return standing
    copies = override.retention if said is Answer.YES else worse_copies(standing.flagged_retention, override.retention)
    return msgspec.structs.replace(standing, flagged_retention=copies)


def _replaced(standing: Standing, override: Override, records: Records) -> Standing:
    """The facts with the fields that the override names."""
    if override.same_as_provider is not None:
        standing = _same_as(standing, override.same_as_provider, records)
    standing = _restricted(standing, override)
    zero_retention = override.zero_retention
    return msgspec.structs.replace(
        standing,
        training=override.training or standing.training,
        retention=override.retention or standing.retention,
        zero_retention=zero_retention or standing.zero_retention,
        zero_refused=standing.zero_refused if zero_retention is None else zero_retention is ZeroRetention.NO,
        human_review=override.human_review or standing.human_review,
    )


def _same_as(standing: Standing, name: ProviderId, records: Records) -> Standing:
    """The named provider's record in place of all so far. A server that forwards there is not local; neither record may be out of date."""
    provider = records.providers.get(name)
    if provider is None:
        return unknown(standing)
    named = records.standing(provider)
    return msgspec.structs.replace(
        named,
        training_confidence=less_known(standing.training_confidence, named.training_confidence),
        retention_confidence=less_known(standing.retention_confidence, named.retention_confidence),
        ends=min(standing.ends, named.ends),
        local=False,
        free_tier=standing.free_tier or named.free_tier,
        zero_refused=named.zero_retention is ZeroRetention.NO,
        restrictions=standing.restrictions,
    )
