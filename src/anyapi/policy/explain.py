"""Explain: the whole decision about a question, with what every rule costs. Sends nothing, changes nothing."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from anyapi.domain.call import Question
from anyapi.domain.catalogue import Status
from anyapi.domain.data_policy import DataPolicy
from anyapi.domain.decision import Candidate, Decision, Denial, EndpointHealth, Reason, ReasonKind
from anyapi.domain.ids import AUTO, AccountId, EndpointId
from anyapi.domain.requirement import SETTING_NAMES, Requirement
from anyapi.domain.snapshot import PolicyContext
from anyapi.policy.decide import decide
from anyapi.policy.explain_text import render_text
from anyapi.policy.explanation import (
    DeniedRow,
    Explanation,
    ModelExplanation,
    PermittedRow,
    PolicyView,
    ReasonView,
    RequirementView,
    RuleCost,
    SettingView,
    Totals,
    policy_view,
)
from anyapi.policy.order import price_of
from anyapi.policy.rank import sift, with_wishes
from anyapi.policy.relax import smallest_relaxation
from anyapi.policy.rules import WIRE_NAMES, layers_of
from anyapi.policy.standing import DAY, midnight
from anyapi.policy.tally import nearest_first, tally

__all__ = ["Explanation", "PolicyView", "explain", "policy_view", "render_text"]

SOON = 30 * DAY
"""Seconds before its expiry from which a record is flagged."""
SHOWN = 20
"""Rows of each list for `anyapi/auto`, which may choose among hundreds."""
_NEUTRAL = Requirement()


def explain(
    question: Question,
    decisions: Sequence[Decision],
    health: Mapping[EndpointId, EndpointHealth],
    context: PolicyContext,
    *,
    account: AccountId | None,
    now: float,
) -> Explanation:
    """What would happen to a request like `question` at `now` (Unix seconds). `decisions` are those of its known models, in its order."""
    candidates, dropped = sift(decisions, question.preference, question.facts, health)
    denied = {
        decision.model: [with_wishes(denial, decision.model, question.preference, question.facts) for denial in decision.denied]
        for decision in decisions
    }
    known = {decision.model for decision in decisions}
    return Explanation(
        requirement=requirement_view(question.requirement),
        models=tuple(_model(decision, candidates, (*denied[decision.model], *dropped), health, now) for decision in decisions),
        unknown_models=sum(model not in known for model in question.models),
        skipped=question.skipped,
        costs=_costs(question, decisions, context, account, now),
        relaxation=smallest_relaxation([one for model in denied.values() for one in model if not one.permitted_by_policy]),
    )


def requirement_view(requirement: Requirement) -> RequirementView:
    """The settings in force with the layers that hold them."""
    settings = []
    for name in _active(requirement):
        value = getattr(requirement, name)
        if name == "flagged_copies_counted":
            value = "counted"
        elif isinstance(value, frozenset):
            value = tuple(sorted(value))
        settings.append(SettingView(WIRE_NAMES.get(name, name), value, layers_of(requirement, name)))
    return RequirementView(requirement.hash, tuple(settings), tuple(sorted(requirement.data_classes)), requirement.needs_durable_record)


def _active(requirement: Requirement) -> list[str]:
    return [name for name in SETTING_NAMES if getattr(requirement, name) != getattr(_NEUTRAL, name)]


def _model(
    decision: Decision, candidates: Iterable[Candidate], denials: Iterable[Denial], health: Mapping[EndpointId, EndpointHealth], now: float
) -> ModelExplanation:
    own = {candidate.endpoint.id for candidate in decision.permitted} | {denial.endpoint.id for denial in decision.denied}
    permitted = [candidate for candidate in candidates if candidate.endpoint.id in own]
    denied = [denial for denial in denials if denial.endpoint.id in own]
    by_policy, unavailable = _split(denied)
    totals = Totals(len(permitted), len(by_policy), len(unavailable))
    if decision.model == AUTO:
        permitted, by_policy, unavailable = permitted[:SHOWN], nearest_first(by_policy)[:SHOWN], nearest_first(unavailable)[:SHOWN]
    return ModelExplanation(
        model=decision.model,
        permitted=tuple(_permitted(candidate, health.get(candidate.endpoint.id), now) for candidate in permitted),
        denied=tuple(_denied(denial, now) for denial in by_policy),
        unavailable=tuple(_denied(denial, now) for denial in unavailable),
        totals=totals,
        reasons=tally(denied),
    )


def _split(denied: Iterable[Denial]) -> tuple[list[Denial], list[Denial]]:
    """Those that a policy reason stands against, and those that only availability does."""
    halves: tuple[list[Denial], list[Denial]] = ([], [])
    for denial in denied:
        halves[denial.permitted_by_policy].append(denial)
    return halves


def _permitted(candidate: Candidate, health: EndpointHealth | None, now: float) -> PermittedRow:
    endpoint = candidate.endpoint
    return PermittedRow(
        endpoint=endpoint.id,
        provider=endpoint.provider,
        model=endpoint.model,
        credential=candidate.credential,
        price=endpoint.price,
        latency=None if health is None else health.latency,
        throughput=None if health is None else health.throughput,
        policy=policy_view(candidate.policy, now),
        flags=tuple(_flags(candidate, now)),
    )


def _flags(candidate: Candidate, now: float) -> Iterable[str]:
    if candidate.endpoint.status is not Status.ACTIVE:
        yield candidate.endpoint.status.value
    if candidate.endpoint.free:
        yield "free"
    if candidate.local:
        yield "local"
    if candidate.policy.contradictions:
        yield "contradicted"
    if candidate.policy.expired:
        yield "expired"
    elif _ends_soon(candidate.policy, now):
        yield "expires_soon"


def _ends_soon(policy: DataPolicy, now: float) -> bool:
    return policy.valid_until is not None and midnight(policy.valid_until) - now <= SOON


def _denied(denial: Denial, now: float) -> DeniedRow:
    # Policy first: what the caller's side can change stands above what it cannot.
    reasons = sorted(denial.reasons, key=lambda reason: reason.kind is ReasonKind.AVAILABILITY)
    policy = None if denial.policy is None else policy_view(denial.policy, now)
    endpoint = denial.endpoint
    return DeniedRow(endpoint.id, endpoint.provider, endpoint.model, tuple(_reason(reason) for reason in reasons), policy)


def _reason(reason: Reason) -> ReasonView:
    return ReasonView(reason.code.value, reason.kind.value, reason.setting, reason.layers, reason.required, reason.actual, reason.text)


def _costs(
    question: Question, decisions: Sequence[Decision], context: PolicyContext, account: AccountId | None, now: float
) -> tuple[RuleCost, ...]:
    """Each active setting taken away alone, and everything decided again."""
    count, cheapest = _permitted_and_cheapest(decisions)
    costs = []
    for name in _active(question.requirement):
        without = msgspec.structs.replace(question.requirement, **{name: getattr(_NEUTRAL, name)})
        again = [decide(without, decision.model, question.facts, context, account, now) for decision in decisions]
        count_without, cheapest_without = _permitted_and_cheapest(again)
        costs.append(RuleCost(WIRE_NAMES.get(name, name), count_without - count, cheapest, cheapest_without))
    return tuple(costs)


def _permitted_and_cheapest(decisions: Sequence[Decision]) -> tuple[int, float | None]:
    permitted = [candidate for decision in decisions for candidate in decision.permitted]
    prices = (price_of(candidate.endpoint, local=candidate.local) for candidate in permitted)
    return len(permitted), min((price for price in prices if price is not None), default=None)
