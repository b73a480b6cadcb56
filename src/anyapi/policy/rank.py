"""From decisions to a route: order the permitted, and say why when nothing is left (docs/policy.md section 4).

INVARIANT: every candidate of a route comes from a decision's `permitted`; a preference only orders and removes.
This runs on every request, so the common case (one model, no preference) does nothing but order by health.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import msgspec

from anyapi.domain.call import NO_PREFERENCE, Facts, Preference
from anyapi.domain.catalogue import Operation
from anyapi.domain.decision import Candidate, Change, Decision, Denial, EndpointHealth, Reason, ReasonCode, ReasonKind, Relaxation, Route
from anyapi.domain.ids import AUTO, EndpointId, ModelId
from anyapi.domain.requirement import Layer
from anyapi.errors import Metadata, ModelNotFound, NoEligibleEndpoint, NoEndpointForTags, Overloaded, RequestError
from anyapi.policy.auto import preference_in, unsuited
from anyapi.policy.availability import unwanted
from anyapi.policy.order import balanced, preferred
from anyapi.policy.relax import smallest_relaxation
from anyapi.policy.tally import nearest_first, tally

Refusal: TypeAlias = ModelNotFound | NoEndpointForTags | NoEligibleEndpoint | Overloaded
MOST_LISTED, MOST_TOLD = 10, 4
"""Endpoints listed where `anyapi/auto` found none, and reasons told in a message: SDKs show that, and not what the metadata lists."""
MOST_ATTEMPTS = 4
"""Upstream calls for one request, however many models it names."""
_OPEN = Reason(ReasonCode.CIRCUIT_OPEN, ReasonKind.AVAILABILITY, "The endpoint failed repeatedly and is not tried for a while.")
_WRONG_OPERATION: Mapping[Operation, str] = {
    Operation.CHAT_COMPLETIONS: "No endpoint of this model serves chat completions. It makes embeddings: POST /v1/embeddings takes it.",
    Operation.EMBEDDINGS: "No endpoint of this model makes embeddings. GET /v1/models lists under `operations` what each endpoint does.",
}
_ENDINGS: Mapping[type[RequestError], str] = {
    NoEligibleEndpoint: "The data policy in force permits none of those that can serve the request. Nothing was sent. "
    "`reasons` counts the rules with the layers that set them; the nearest endpoints are listed.",
    ModelNotFound: "None of them can do what the request needs; `reasons` counts what is missing, the nearest endpoints are listed.",
    NoEndpointForTags: "None has every ability that `tags` asks for. Repeating does not help.",
    Overloaded: "All that are permitted failed recently and are not tried for a while. Try again later.",
}
_NOT_FIRST = Reason(ReasonCode.NOT_PREFERRED, ReasonKind.AVAILABILITY, "`allow_fallbacks: false` leaves only the first endpoint.")


def rank(decisions: Sequence[Decision], preference: Preference, facts: Facts, health: Mapping[EndpointId, EndpointHealth]) -> Route:
    """The route over all decisions' permitted endpoints, models in the caller's order.

    Raises, in this order: `ModelNotFound` (no decision, or nothing available), `NoEndpointForTags` (tags alone left nothing available),
    `NoEligibleEndpoint` (policy left nothing of what is available), `Overloaded` (every circuit is open). Their metadata lists each
    endpoint with its reasons, and the smallest relaxation.
    """
    if len(decisions) == 1 and (preference is NO_PREFERENCE or preference == NO_PREFERENCE) and decisions[0].model != AUTO:
        candidates = balanced(decisions[0].permitted, health)
        if candidates:
            return Route(tuple(candidates), 2)
    candidates, dropped = sift(decisions, preference, facts, health)
    if not candidates:
        raise _nothing_left(decisions, dropped, preference, facts)
    attempts = min(MOST_ATTEMPTS, max(2, len(decisions)))
    return Route(tuple(candidates), attempts, preference.failover_on_refusal)


def sift(
    decisions: Sequence[Decision], preference: Preference, facts: Facts, health: Mapping[EndpointId, EndpointHealth]
) -> tuple[list[Candidate], list[Denial]]:
    """What is left of the permitted sets, in order, and what preference and health took out of them, each with its reason."""
    dropped: list[Denial] = []
    joined: dict[EndpointId, Candidate] = {}  # what `anyapi/auto` may choose may also be named: its first place counts
    for decision in {decision.model: decision for decision in decisions}.values():
        wanted = []
        for candidate in decision.permitted:
            denial = with_wishes(_dropped(candidate), decision.model, preference, facts)
            if denial.reasons:
                dropped.append(denial)
            else:
                wanted.append(candidate)
        for candidate in preferred(wanted, preference_in(decision.model, preference), health):
            joined.setdefault(candidate.endpoint.id, candidate)
    ordered = list(joined.values())
    if not preference.allow_fallbacks:
        ordered, rest = _only_first(ordered, health, strict=bool(preference.order))
        dropped += [_dropped(candidate, _NOT_FIRST) for candidate in rest]
    closed = [candidate for candidate in ordered if not is_open(candidate, health)]
    dropped += [_dropped(candidate, _OPEN) for candidate in ordered if is_open(candidate, health)]
    return closed, dropped


def is_open(candidate: Candidate, health: Mapping[EndpointId, EndpointHealth]) -> bool:
    """Whether the endpoint's circuit breaker keeps it out for now."""
    state = health.get(candidate.endpoint.id)
    return state is not None and state.circuit_open


def _only_first(
    ordered: list[Candidate], health: Mapping[EndpointId, EndpointHealth], *, strict: bool
) -> tuple[list[Candidate], list[Candidate]]:
    """The first candidate and the rest. Where the caller named an order (`strict`) the first is taken even if its circuit is open."""
    usable = ordered if strict else [candidate for candidate in ordered if not is_open(candidate, health)]
    first = (usable or ordered)[:1]
    return first, [candidate for candidate in ordered if candidate not in first]


def _nothing_left(decisions: Sequence[Decision], dropped: Sequence[Denial], preference: Preference, facts: Facts) -> Refusal:
    """The answer of section 4 when no candidate is left. A policy denial never hides behind availability, nor the reverse."""
    denied = [with_wishes(denial, one.model, preference, facts) for one in decisions for denial in one.denied] + list(dropped)
    error = _refusal(denied, dropped, facts)
    return _shortened(error, denied) if any(decision.model == AUTO for decision in decisions) else error


def _refusal(denied: Sequence[Denial], dropped: Sequence[Denial], facts: Facts) -> Refusal:
    if any(_OPEN in denial.reasons for denial in dropped):
        return Overloaded("Every permitted endpoint failed recently and is not tried for a while. Try again later.", _listing(denied))
    if any(denial.available for denial in denied):
        relaxation = smallest_relaxation(denied)
        nearest = "" if relaxation is None else "; `metadata.relaxation` names the smallest change that would permit one"
        return NoEligibleEndpoint(
            f"The data policy in force permits none of the available endpoints. Nothing was sent. Denied by {_rules(denied)}. "
            f"Each endpoint is listed with the rule that denied it and the layer that set the rule{nearest}.",
            _listing(sorted(denied, key=_unavailable)) | {"relaxation": None if relaxation is None else _shown_relaxation(relaxation)},
        )
    return _nothing_available(denied, facts)


def _nothing_available(denied: Sequence[Denial], facts: Facts) -> ModelNotFound | NoEndpointForTags:
    """The answer when something other than policy rules out every endpoint."""
    hindrances = [_hindrances(denial) for denial in denied]
    if denied and all(ReasonCode.OPERATION_UNSUPPORTED in codes for codes in hindrances):
        return ModelNotFound(_WRONG_OPERATION[facts.operation], _listing(denied))
    if {ReasonCode.TAGS_UNMATCHED} in hindrances:
        return NoEndpointForTags("No available endpoint has every ability that `tags` asks for. Repeating does not help.", _listing(denied))
    counts = [f"{one.code} {one.endpoints}" for one in tally(denied) if one.kind is ReasonKind.AVAILABILITY]
    why = f" ({_most(counts)})" if counts else ""
    return ModelNotFound(
        f"None of the endpoints of this model can be used here{why}; each is listed with the reason. "
        "`GET /v1/models?eligible=1` lists the models that can.",
        _listing(denied),
    )


def _rules(denied: Sequence[Denial]) -> str:
    """The settings, with the layers that set them, that deny what is available, and how many of these each denies."""
    found = Counter(
        rule
        for denial in denied
        if denial.available
        for rule in dict.fromkeys((reason.setting or reason.code, reason.layers) for reason in denial.reasons)
    )
    return _most([f"`{setting}`{_set_by(layers)} ({endpoints})" for (setting, layers), endpoints in found.most_common()])


def _set_by(layers: Sequence[Layer]) -> str:
    return f" set by {' and '.join(layers)}" if layers else ""


def _most(told: Sequence[str]) -> str:
    return ", ".join([*told[:MOST_TOLD], "others"] if len(told) > MOST_TOLD else told)


def _shortened(error: Refusal, denied: Sequence[Denial]) -> Refusal:
    """The choice was ours, among perhaps hundreds: say how many each reason ruled out, and list only the nearest."""
    counts = tally(denied)
    most = _most([f"{one.code} {one.endpoints}" for one in counts])
    among = f"of {len(denied)} endpoints ({most})" if denied else "because no provider with a credential here serves chats"
    return type(error)(
        f"`{AUTO}` chose none {among}. {_ENDINGS[type(error)]}",
        {
            **_listing(nearest_first(denied)[:MOST_LISTED]),
            "left_out": max(0, len(denied) - MOST_LISTED),
            "reasons": msgspec.to_builtins(list(counts)),
            "relaxation": error.metadata["relaxation"],
        },
    )


def _dropped(candidate: Candidate, *reasons: Reason) -> Denial:
    return Denial(candidate.endpoint, candidate.policy, reasons, candidate.local)


def with_wishes(denial: Denial, model: ModelId, preference: Preference, facts: Facts) -> Denial:
    """The denial with what the preference rules out, and for `anyapi/auto` what the request needs; each code once."""
    reasons = (*denial.reasons, *unwanted(denial.endpoint, preference, facts, local=denial.local))
    if model == AUTO:
        known = {reason.code for reason in reasons}
        reasons += tuple(reason for reason in unsuited(denial.endpoint, facts) if reason.code not in known)
    return msgspec.structs.replace(denial, reasons=reasons) if len(reasons) > len(denial.reasons) else denial


def _unavailable(denial: Denial) -> bool:
    """Orders a list: what only policy rules out comes first, since that is what the caller can change."""
    return not denial.available


def _hindrances(denial: Denial) -> set[ReasonCode]:
    return {reason.code for reason in denial.reasons if reason.kind is ReasonKind.AVAILABILITY}


def _listing(denied: Sequence[Denial]) -> Metadata:
    """Every endpoint with its reasons, as an error's metadata."""
    endpoints = [
        {
            "endpoint": denial.endpoint.id,
            "provider": denial.endpoint.provider,
            "model": denial.endpoint.model,
            "reasons": [_shown_reason(reason) for reason in denial.reasons],
        }
        for denial in denied
    ]
    return {"endpoints": endpoints, "relaxation": None}


def _shown_reason(reason: Reason) -> Metadata:
    """A reason as it stands in metadata and explanations."""
    return {
        "code": reason.code.value,
        "kind": reason.kind.value,
        "setting": reason.setting,
        "layers": [layer.value for layer in reason.layers],
        "required": reason.required,
        "actual": reason.actual,
        "text": reason.text,
    }


def _shown_relaxation(relaxation: Relaxation) -> Metadata:
    """A relaxation as it stands in metadata."""
    return {"endpoint": relaxation.endpoint, "changes": [_shown_change(change) for change in relaxation.changes]}


def _shown_change(change: Change) -> Metadata:
    return {"setting": change.setting, "layers": [layer.value for layer in change.layers], "now": change.now, "needed": change.needed}
