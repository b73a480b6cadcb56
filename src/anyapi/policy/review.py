"""What a change of the catalogue does to one requirement: endpoints gained and lost by model, what waits for a review, what expires soon.

Pure; the clock is an argument. Tells nobody and accepts nothing.
"""

from collections.abc import Iterable

import msgspec

from anyapi.domain.call import PLAIN_FACTS
from anyapi.domain.catalogue import Model
from anyapi.domain.decision import Decision, ReasonCode
from anyapi.domain.ids import AccountId, EndpointId, ModelId, ProviderId
from anyapi.domain.requirement import Requirement
from anyapi.domain.snapshot import PolicyContext, Tier
from anyapi.policy.availability import asked_of
from anyapi.policy.decide import decide
from anyapi.policy.standing import DAY, from_record

SOON_DAYS = 30.0
"""An expiry is announced this long ahead."""
ByModel = dict[ModelId, tuple[EndpointId, ...]]


class Effect(msgspec.Struct, frozen=True):
    """Endpoints that policy permits now and did not before, and the reverse; models without a difference are left out."""

    gained: ByModel
    lost: ByModel


class Expiry(msgspec.Struct, frozen=True):
    """A record that is good no longer than soon. `ends` in Unix seconds; in the past: it is expired and counts as unknown."""

    provider: ProviderId
    ends: float


def permitted(requirement: Requirement, models: Iterable[Model], context: PolicyContext, account: AccountId | None, now: float) -> ByModel:
    """The endpoints of each model that policy permits, with a credential or without."""
    return {
        model.id: _permitted(_decided(requirement, model, context, account, now))
        for model in models
        if model.id in context.catalogue.models
    }


def effect(requirement: Requirement, old: PolicyContext, new: PolicyContext, account: AccountId | None, now: float) -> Effect:
    """What going from `old` to `new` does at `now` (Unix seconds)."""
    before = permitted(requirement, old.catalogue.models.values(), old, account, now)
    after = permitted(requirement, new.catalogue.models.values(), new, account, now)
    return Effect(_more(before, after), _more(after, before))


def withheld(requirement: Requirement, context: PolicyContext, account: AccountId, now: float) -> ByModel:
    """The endpoints of each model that are denied for want of a review alone."""
    if account not in context.held:
        return {}
    found: ByModel = {}
    for model in context.catalogue.models.values():
        decision = _decided(requirement, model, context, account, now)
        waiting = tuple(
            denial.endpoint.id for denial in decision.denied if any(reason.code is ReasonCode.REVIEW_PENDING for reason in denial.reasons)
        )
        if waiting:
            found[model.id] = waiting
    return found


def expiring(context: PolicyContext, now: float, within_days: float = SOON_DAYS) -> tuple[Expiry, ...]:
    """Records that are expired at `now` or will be within so many days, the first to end first."""
    catalogue = context.catalogue
    ends = (
        (name, from_record(record, Tier.PAID, catalogue.compiled, context.span_days).ends) for name, record in catalogue.providers.items()
    )
    return tuple(Expiry(name, end) for name, end in sorted(ends, key=lambda pair: pair[1]) if not now < end - within_days * DAY)


def _decided(requirement: Requirement, model: Model, context: PolicyContext, account: AccountId | None, now: float) -> Decision:
    return decide(requirement, model.id, PLAIN_FACTS[asked_of((model,))], context, account, now)


def _permitted(decision: Decision) -> tuple[EndpointId, ...]:
    usable = [candidate.endpoint.id for candidate in decision.permitted]
    return (*usable, *(denial.endpoint.id for denial in decision.denied if denial.permitted_by_policy))


def _more(less: ByModel, more: ByModel) -> ByModel:
    found = {}
    for model, endpoints in more.items():
        known = {*less.get(model, ())}
        new = tuple(sorted(endpoint for endpoint in endpoints if endpoint not in known))
        if new:
            found[model] = new
    return found
