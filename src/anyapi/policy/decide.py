"""Which endpoints of a model may see a request, and why every other one may not (docs/policy.md sections 3 and 4).

Pure: the clock is an argument. Chooses no order by health and sends nothing; `rank` does the first, nobody here the second.
"""

import math

import msgspec

from anyapi.domain.call import Facts, Question
from anyapi.domain.catalogue import Endpoint
from anyapi.domain.decision import Candidate, Decision, Denial, Reason, ReasonCode, ReasonKind
from anyapi.domain.ids import AUTO, AccountId, HealthKey, ModelId
from anyapi.domain.requirement import Requirement
from anyapi.domain.snapshot import Credential, PolicyContext
from anyapi.errors import ModelNotFound
from anyapi.policy.auto import arranged_to_choose, everything
from anyapi.policy.availability import unavailable, unreachable
from anyapi.policy.order import arranged
from anyapi.policy.past import Asked, Before, earlier_states, outstanding
from anyapi.policy.resolve import resolve
from anyapi.policy.rules import Case, judge
from anyapi.policy.unknown import no_such

_FAILED = Reason(
    ReasonCode.JUDGING_FAILED,
    ReasonKind.POLICY,
    "The policy of this endpoint could not be judged, so it is denied. Its catalogue record needs mending.",
)


class _Verdict(msgspec.Struct, frozen=True):
    """One endpoint judged for one credential. Permitted if `reasons` is empty."""

    case: Case
    reasons: tuple[Reason, ...]


def decide(
    requirement: Requirement, model: ModelId, facts: Facts, context: PolicyContext, account: AccountId | None, now: float
) -> Decision:
    """Judge every endpoint of `model` at `now` (Unix seconds); for `anyapi/auto` all that could be chosen.

    Raises `ModelNotFound`, with similar names, for an unknown model.
    """
    seen = context.seen_by(account)
    record = everything(seen) if model == AUTO else context.catalogue.models.get(model)
    if record is None:
        raise no_such((model,), context.catalogue)
    judge_all = _Judge(Asked(requirement, facts, account, now), seen, earlier_states(seen, account))
    permitted, denied, valid_until = [], [], math.inf
    for endpoint in record.endpoints:
        try:
            answer, until = judge_all.endpoint(endpoint)
        except Exception:  # noqa: BLE001 - a record that cannot be judged denies its endpoint, whatever went wrong
            answer, until = Denial(endpoint, None, (_FAILED,)), math.inf
        valid_until = min(valid_until, until)
        if isinstance(answer, Candidate):
            permitted.append(answer)
        else:
            denied.append(answer)
    ordered = arranged_to_choose(permitted) if model == AUTO else arranged(permitted)
    return Decision(model, requirement.hash, context.catalogue.version, ordered, tuple(denied), valid_until)


def decide_each(
    question: Question, context: PolicyContext, account: AccountId | None, now: float
) -> tuple[list[Decision], list[ModelNotFound]]:
    """A decision for each model of a question that is in the catalogue, and what `decide` raises for each other one."""
    decisions: list[Decision] = []
    unknown: list[ModelNotFound] = []
    for model in question.models:
        try:
            decisions.append(decide(question.requirement, model, question.facts, context, account, now))
        except ModelNotFound as error:
            unknown.append(error)
    return decisions, unknown


class _Judge(msgspec.Struct, frozen=True):
    """What is the same for every endpoint of one decision."""

    asked: Asked
    context: PolicyContext
    before: tuple[Before, ...]
    """Earlier states of the catalogue that the account has not accepted to leave."""

    def endpoint(self, endpoint: Endpoint) -> tuple[Candidate | Denial, float]:
        """The answer for one endpoint, and until when it holds."""
        provider = self.context.catalogue.providers[endpoint.provider]
        verdict, valid_until = self._best_verdict(endpoint)
        hindrances = unavailable(endpoint, provider, self.asked.facts, self.context)
        case = verdict.case
        if verdict.reasons or hindrances or case.credential is None:
            return Denial(endpoint, case.policy, (*verdict.reasons, *hindrances), case.local), valid_until
        name = case.credential.deployments.get(endpoint.upstream_model)
        named = endpoint if name is None else msgspec.structs.replace(endpoint, upstream_model=name)
        key = _health_key(endpoint, case.credential)
        return Candidate(named, case.credential.id, case.policy, case.local, health_key=key), valid_until

    def _best_verdict(self, endpoint: Endpoint) -> tuple[_Verdict, float]:
        """The verdict of the credential nearest to being used, the first on a tie (an own one stands before the operator's).

        Judged bare where there is none.
        """
        asked, provider = self.asked, self.context.catalogue.providers[endpoint.provider]
        verdicts, valid_until = [], math.inf
        for credential in self.context.credentials.get(provider.id) or (None,):
            policy, until, local, free_tier = resolve(endpoint, provider, credential, asked.account, asked.facts, self.context, asked.now)
            case = Case(endpoint, provider, credential, policy, local, free_tier)
            reasons = judge(asked.requirement, case)
            if self.before and not reasons:
                reasons, ends = outstanding(self.before, asked, endpoint, credential)
                until = min(until, ends)
            verdicts.append(_Verdict(case, (*reasons, *unreachable(endpoint, credential))))
            valid_until = min(valid_until, until)
        return min(verdicts, key=_distance), valid_until


def _health_key(endpoint: Endpoint, credential: Credential) -> HealthKey:
    """An account's own limits, and what its own credential runs into, say nothing about the endpoint for anybody else."""
    return HealthKey(endpoint.id if credential.account is None else f"{endpoint.id} {credential.id}")


def _distance(verdict: _Verdict) -> tuple[bool, int]:
    """First one that reaches the endpoint: what policy says of it is not hidden by another's lying elsewhere. Then fewest reasons."""
    return any(reason.kind is ReasonKind.AVAILABILITY for reason in verdict.reasons), len(verdict.reasons)
