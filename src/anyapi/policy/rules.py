"""The rules of docs/policy.md section 3, one pure function each: each denial carries its reason. Catches nothing: an error is the caller's.

A rule takes the requirement and one case, and returns the reasons why the case fails it; none means that it passes.
"""

from collections.abc import Callable, Iterable
from typing import TypeAlias

import msgspec

from anyapi.domain.catalogue import Endpoint, Provider
from anyapi.domain.data_policy import Confidence, DataPolicy, HumanReview, Retention, RetentionKind, Training
from anyapi.domain.decision import Change, Reason, ReasonCode, ReasonKind
from anyapi.domain.requirement import Layer, Requirement
from anyapi.domain.snapshot import Credential, Tier
from anyapi.policy.evidence import HOSTS
from anyapi.policy.regions import outside
from anyapi.policy.scales import CONFIDENCE, counted_days, less_known

Compared: TypeAlias = str | float | bool | tuple[str, ...] | None
Reasons: TypeAlias = tuple[Reason, ...]

WIRE_NAMES = {"providers_only": "providers.only", "providers_ignore": "providers.ignore", "flagged_copies_counted": "flagged_copies"}
"""Settings whose name in requests and reasons differs from the field of `Requirement`."""
IMPLIED = {"soc2-type2": "soc2"}
"""A certification that satisfies a weaker one; never the reverse."""


class Case(msgspec.Struct, frozen=True):
    """One endpoint with one credential (None where none is configured) and the facts in force for them."""

    endpoint: Endpoint
    provider: Provider
    credential: Credential | None
    policy: DataPolicy
    local: bool
    free_tier: bool
    """The provider that answers has a free tier."""


PENDING = Reason(
    ReasonCode.REVIEW_PENDING,
    ReasonKind.POLICY,
    "The account reviews first, and nobody has accepted yet that this endpoint is new or that what is stated about it was loosened.",
)
"""No rule of a requirement: `past` gives it where the account's own review is outstanding."""


Rule: TypeAlias = Callable[[Requirement, Case], Reasons]


def layers_of(requirement: Requirement, field: str) -> tuple[Layer, ...]:
    """The layers that hold a setting, from the operator's floor to the request."""
    held = requirement.layers.get(field, frozenset())
    return tuple(layer for layer in Layer if layer in held)


def describe(retention: Retention) -> str:
    """A retention in words, behind "keeps content"."""
    which = "that is flagged or failed, " if retention.kind is RetentionKind.COMPLIANCE else ""
    return which + _how_long(retention)


def _how_long(retention: Retention) -> str:
    if retention.kind is RetentionKind.ZERO:
        return "not at all"
    if retention.kind is RetentionKind.UNKNOWN:
        return "for an unknown time"
    if retention.kind is RetentionKind.INDEFINITE or retention.days is None:
        return "with no stated end"
    return "for under one day" if retention.days == 0 else f"for {retention.days:g} days"


def satisfied(policy: DataPolicy) -> frozenset[str]:
    """The certifications that count for an endpoint, implied ones included."""
    return policy.certifications | {IMPLIED[name] for name in policy.certifications if name in IMPLIED}


def _denied(requirement: Requirement, field: str, code: ReasonCode, text: str, compared: tuple[Compared, Compared]) -> Reasons:
    required, actual = compared
    return (Reason(code, ReasonKind.POLICY, text, WIRE_NAMES.get(field, field), layers_of(requirement, field), required, actual),)


_TRAINING = {
    Training.BY_DEFAULT: (ReasonCode.TRAINING_BY_DEFAULT, "The provider trains on what is sent."),
    Training.OPT_OUT: (
        ReasonCode.TRAINING_OPT_OUT,
        "The provider trains on what is sent unless opted out, and no agreement attests an opt-out.",
    ),
    Training.UNKNOWN: (ReasonCode.TRAINING_UNKNOWN, "It is not known whether the provider trains on what is sent."),
}


def training(requirement: Requirement, case: Case) -> Reasons:
    """Training not allowed admits only `never`."""
    if requirement.training_allowed or case.policy.training is Training.NEVER:
        return ()
    code, text = _TRAINING[case.policy.training]
    return _denied(requirement, "training_allowed", code, text, (False, case.policy.training.value))


def _retention_code(kept: Retention, limit: float) -> ReasonCode | None:
    """Why a retention fails a limit in days; None if it passes."""
    if kept.kind is RetentionKind.ZERO:
        return None
    if kept.kind is RetentionKind.UNKNOWN:
        return ReasonCode.RETENTION_UNKNOWN
    if limit == 0:
        return ReasonCode.RETENTION_NOT_ZERO
    days = counted_days(kept)
    if days is None:
        return ReasonCode.RETENTION_ENDLESS
    return None if days <= limit else ReasonCode.RETENTION_TOO_LONG


def _measured(kept: Retention) -> str | float:
    """A retention as a reason states it: days where they can be counted, else the kind."""
    days = counted_days(kept)
    return kept.kind.value if days is None else days


def retention(requirement: Requirement, case: Case) -> Reasons:
    """The main clock against the limit in days."""
    limit, kept = requirement.retention_days, case.policy.retention
    code = None if limit is None else _retention_code(kept, limit)
    if limit is None or code is None:
        return ()
    text = f"The provider keeps content {describe(kept)}; at most {limit:g} days are allowed."
    return _denied(requirement, "retention_days", code, text, (limit, _measured(kept)))


def flagged_copies(requirement: Requirement, case: Case) -> Reasons:
    """The clock of flagged copies, where one is known, against the same limit."""
    limit, kept = requirement.retention_days, case.policy.flagged_retention
    if not requirement.flagged_copies_counted or limit is None or kept is None or _retention_code(kept, limit) is None:
        return ()
    text = f"The provider keeps copies of flagged content {_how_long(kept)}; at most {limit:g} days are allowed and such copies count."
    return _denied(requirement, "flagged_copies_counted", ReasonCode.FLAGGED_COPIES_TOO_LONG, text, ("counted", _measured(kept)))


def paid_only(requirement: Requirement, case: Case) -> Reasons:
    """A free endpoint, a free credential, or one that may be free. A local server is never free."""
    if not requirement.paid_only or case.local:
        return ()
    tier = Tier.UNDECLARED if case.credential is None else case.credential.tier
    reasons: Reasons = ()
    if case.endpoint.free:
        reasons += _denied(requirement, "paid_only", ReasonCode.ENDPOINT_FREE, "The endpoint is free.", (True, "endpoint"))
    if tier is Tier.FREE:
        text = "The provider credential is on the free tier."
        reasons += _denied(requirement, "paid_only", ReasonCode.CREDENTIAL_FREE_TIER, text, (True, tier.value))
    if tier is Tier.UNDECLARED and case.free_tier:
        text = "The provider has a free tier and the credential's tier is not declared."
        reasons += _denied(requirement, "paid_only", ReasonCode.CREDENTIAL_TIER_UNDECLARED, text, (True, tier.value))
    return reasons


def certifications(requirement: Requirement, case: Case) -> Reasons:
    """Every named certification must count; contracts count only by agreement."""
    have = satisfied(case.policy)
    missing = requirement.certifications - have
    if not missing:
        return ()
    required, actual = tuple(sorted(requirement.certifications)), tuple(sorted(have))
    unsigned, absent = missing & case.policy.contract_certifications, missing - case.policy.contract_certifications
    reasons: Reasons = ()
    if absent:
        text = f"Certifications are missing: {', '.join(sorted(absent))}."
        reasons += _denied(requirement, "certifications", ReasonCode.CERTIFICATION_MISSING, text, (required, actual))
    if unsigned:
        text = f"The provider offers {', '.join(sorted(unsigned))}, which is a contract: it counts once an agreement is attested."
        reasons += _denied(requirement, "certifications", ReasonCode.CERTIFICATION_NEEDS_AGREEMENT, text, (required, actual))
    if requirement.certifications_must_be_named and not requirement.certifications & have:
        instead = _naming(requirement, required, actual)  # asking for none of them would run into the next rule
        return tuple(msgspec.structs.replace(reason, instead=instead) for reason in reasons)
    return reasons


def named_certifications(requirement: Requirement, case: Case) -> Reasons:
    """A class that wants certifications to be named admits nothing until one is, by whoever set the class or stands before them."""
    if not requirement.lacks_named_certifications:
        return ()
    text = "The data class needs at least one named certification, and no layer names one: set `certifications`."
    if requirement.certifications:
        text = (
            "The data class needs a certification that is named where the class is set, or before: what a later layer names cannot open it."
        )
    have = tuple(sorted(satisfied(case.policy)))
    (reason,) = _denied(requirement, "certifications_must_be_named", ReasonCode.CERTIFICATIONS_NOT_NAMED, text, (True, have))
    fitting = tuple(name for name in have if name in requirement.certifications)
    return (msgspec.structs.replace(reason, instead=_naming(requirement, (), fitting or have)),)


def _naming(requirement: Requirement, now: tuple[str, ...], have: tuple[str, ...]) -> tuple[Change, ...]:
    """The change to naming a certification that the endpoint has, where one must be named. If it has none, the class cannot stay."""
    demand = layers_of(requirement, "certifications_must_be_named")
    held = layers_of(requirement, "certifications") if now else ()
    if have:
        owing = demand if requirement.lacks_named_certifications else ()
        return (Change("certifications", tuple(dict.fromkeys((*owing, *held))), now, have[:1]),)
    none = (Change("certifications", held, now, ()),) if now else ()
    return (*none, Change("certifications_must_be_named", demand, now=True, needed=False))


def regions(requirement: Requirement, case: Case) -> Reasons:
    """Inference, and retained data unless nothing is retained, must lie inside the allowed regions."""
    allowed, policy = requirement.regions, case.policy
    if allowed is None:
        return ()
    required = tuple(sorted(allowed))
    reasons: Reasons = ()
    if not policy.regions:
        reasons += _denied(requirement, "regions", ReasonCode.REGION_UNKNOWN, "It is not known where inference happens.", (required, ()))
    stored = frozenset() if policy.retention.kind is RetentionKind.ZERO else policy.storage_regions
    strays = outside(policy.regions | stored, allowed)
    if strays:
        text = f"Content may be processed or kept outside the allowed regions: {', '.join(strays)}."
        reasons += _denied(requirement, "regions", ReasonCode.REGION_NOT_ALLOWED, text, (required, strays))
    return reasons


def providers(requirement: Requirement, case: Case) -> Reasons:
    """The provider must be in `only`, where that is set, and not in `ignore`."""
    name, only, ignore = case.provider.id, requirement.providers_only, requirement.providers_ignore
    reasons: Reasons = ()
    if only is not None and name not in only:
        text = "The provider is not among those allowed."
        reasons += _denied(requirement, "providers_only", ReasonCode.PROVIDER_NOT_IN_ONLY, text, (tuple(sorted(only)), name))
    if name in ignore:
        text = "The provider is among those to be ignored."
        reasons += _denied(requirement, "providers_ignore", ReasonCode.PROVIDER_IGNORED, text, (tuple(sorted(ignore)), name))
    return reasons


def human_review(requirement: Requirement, case: Case) -> Reasons:
    """Human review not allowed admits only `no`."""
    review = case.policy.human_review
    if requirement.human_review_allowed or review is HumanReview.NO:
        return ()
    if review is HumanReview.YES:
        code, text = ReasonCode.HUMAN_REVIEW_POSSIBLE, "People at the provider may read content."
    else:
        code, text = ReasonCode.HUMAN_REVIEW_UNKNOWN, "It is not known whether people at the provider read content."
    return _denied(requirement, "human_review_allowed", code, text, (False, review.value))


def confidence(requirement: Requirement, case: Case) -> Reasons:
    """Training and retention must both be known at least this well."""
    least: Confidence = requirement.min_confidence
    known = less_known(case.policy.training_confidence, case.policy.retention_confidence)
    if CONFIDENCE[known] >= CONFIDENCE[least]:
        return ()
    text = f"Training and retention are known with confidence `{known.value}`; at least `{least.value}` is asked."
    return _denied(requirement, "min_confidence", ReasonCode.CONFIDENCE_TOO_LOW, text, (least.value, known.value))


def evidence(requirement: Requirement, case: Case) -> Reasons:
    """What a provider stated against its promise stands beside every denial that follows from it, and denies what is recorded by itself."""
    found = case.policy.contradictions
    if not found:
        return ()
    text = f"The provider itself stated otherwise than was promised for this endpoint: {', '.join(found)}."
    if requirement.needs_durable_record:
        return (Reason(ReasonCode.EVIDENCE_CONTRADICTS, ReasonKind.POLICY, text, actual=found),)
    for field, compared in _resting_on(requirement, HOSTS.isdisjoint(found)):
        return _denied(requirement, field, ReasonCode.EVIDENCE_CONTRADICTS, text, compared)
    return ()


def _resting_on(requirement: Requirement, only_retention: bool) -> Iterable[tuple[str, tuple[Compared, Compared]]]:  # noqa: FBT001
    """The settings that ask about what is unknown since, each with what it asks and what is known."""
    if requirement.retention_days is not None:
        yield "retention_days", (requirement.retention_days, RetentionKind.UNKNOWN.value)
    if requirement.min_confidence is not Confidence.NONE:
        yield "min_confidence", (requirement.min_confidence.value, Confidence.NONE.value)
    if only_retention:
        return
    if not requirement.training_allowed:
        yield "training_allowed", (False, Training.UNKNOWN.value)
    if not requirement.human_review_allowed:
        yield "human_review_allowed", (False, HumanReview.UNKNOWN.value)
    if requirement.certifications:
        yield "certifications", (tuple(sorted(requirement.certifications)), ())
    if requirement.regions is not None:
        yield "regions", (tuple(sorted(requirement.regions)), ())


RULES: tuple[Rule, ...] = (
    training,
    retention,
    flagged_copies,
    paid_only,
    certifications,
    named_certifications,
    regions,
    providers,
    human_review,
    confidence,
    evidence,
)
"""In the order of the page; all of them judge every case, so that every reason is listed."""


def judge(requirement: Requirement, case: Case) -> Reasons:
    """Every reason why policy denies this case; empty if it is permitted."""
    return tuple(reason for rule in RULES for reason in rule(requirement, case))
