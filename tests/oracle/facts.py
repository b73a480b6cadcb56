"""Facts in force: for each field the list of values it could have, of which the worst counts (docs/policy.md section 1).

Instead of walking one state from step to step, every field holds its possibilities: a step that surely applies leaves one, a step
that may apply adds one, and the worst is taken at the end. A possibility remembers which provider's record states it.
"""

from fractions import Fraction

from tests.oracle import selectors
from tests.oracle.laws import (
    CONFIDENCE_LADDER,
    LAWS,
    NEEDS_AGREEMENT,
    REVIEW_LADDER,
    SECONDS_A_DAY,
    TRAINING_LADDER,
    WRONG_HOST,
    ZERO_LADDER,
    Laws,
    endlessness,
    midnight,
)

FIELDS = ("training", "retention", "zero_retention", "human_review")
UNKNOWN = {"training": "unknown", "retention": {"kind": "unknown", "days": None}, "zero_retention": "unknown", "human_review": "unknown"}
ORDER = {
    "training": TRAINING_LADDER.index,
    "retention": endlessness,
    "zero_retention": ZERO_LADDER.index,
    "human_review": REVIEW_LADDER.index,
    "flagged_retention": endlessness,
}
NOBODY: dict = {"kind": "nobody", "provenance": {"confidence": "none"}, "free_tier": UNKNOWN}
"""Stands for a provider that is named and not in the catalogue: nothing is known of it."""


def _block(provider: dict, tier: str, laws: Laws) -> dict:
    """A provider's own base policy, or its free-tier block."""
    if provider.get("free_tier") is not None and tier in laws.tiers_that_take_the_free_block:
        return provider["free_tier"]
    return provider.get("policy", UNKNOWN)


def _flagged(exception: dict, provider: dict) -> dict:
    """What an exception about flagged copies states: how long they are kept, and nothing else."""
    kept = exception["override"].get("retention")
    return {} if kept is None else {"flagged_retention": [(kept, provider, True)]}


def _stated(exception: dict, provider: dict, tier: str, context: dict, laws: Laws) -> dict:
    """What any other exception states, as field -> possibilities; the fields it names stand over those of a provider it names."""
    override, stated = exception["override"], {}
    if override.get("same_as_provider") is not None:
        other = context["catalogue"]["providers"].get(override["same_as_provider"], NOBODY)
        stated = {field: [(value, other, True)] for field, value in _block(other, tier, laws).items() if field in FIELDS}
        stated["home"], stated["flagged_retention"] = [(None, other, True)], [(None, other, True)]
        if other is not NOBODY:
            stated["stores"] = [(other.get("storage_regions", ()), other, True)]
    return stated | {field: [(override[field], provider, True)] for field in FIELDS if override.get(field) is not None}


def _possibilities(endpoint: dict, provider: dict, credential: dict, request: dict, context: dict, laws: Laws) -> dict:
    """Field -> list of (value, provider whose record states it, whether an exception did)."""
    tier = credential.get("tier", "undeclared")
    own = _block(provider, tier, laws)
    possible = {field: [(own[field], provider, False)] for field in FIELDS}
    possible["flagged_retention"] = [(None, provider, False)]
    possible["home"] = [(None, provider, False)]
    possible["stores"] = [(provider.get("storage_regions", ()), provider, False)]
    possible["forwarded_to"] = []
    for exception in provider.get("exceptions", ()):
        for selector, flagged in selectors.two_readings(exception["applies_to"]):
            verdict = selectors.answer(selector, endpoint, credential, request)
            if verdict == "no":
                continue
            stated = _flagged(exception, provider) if flagged else _stated(exception, provider, tier, context, laws)
            possible["forwarded_to"] += [other for _, other, _ in stated.get("home", ())]
            for field, possibilities in stated.items():
                possible[field] = possibilities if verdict == "yes" else possible[field] + possibilities
    return possible


def _is_expired(provider: dict, context: dict, now: Fraction, laws: Laws) -> bool:
    if provider is NOBODY:
        return False
    provenance = provider["provenance"]
    if provenance.get("valid_until") is not None:
        return laws.has_ended(now, midnight(provenance["valid_until"]))
    start = midnight(provenance.get("verified_at") or context["catalogue"]["compiled"])
    return laws.has_ended(now, start + Fraction(context["span_days"]) * SECONDS_A_DAY)


def _confidence(field: str, records: list, laws: Laws) -> str:
    """How well a field is known: the least of all records that were looked at."""
    names = {"training": {"training"}, "retention": {"retention", "retention.days", "retention.kind"}}[field]
    levels = []
    for record in records:
        provenance = record["provenance"]
        levels.append(provenance["confidence"])
        if names & set(provenance.get("secondary_fields", ())):
            levels.append("secondary")
    return laws.worst(levels, lambda level: -CONFIDENCE_LADDER.index(level))


def _places(endpoint: dict, credential: dict, homes: list, local: bool) -> frozenset:
    """Regions where inference happens, before any agreement."""
    anywhere = endpoint.get("region") == "global"
    for stated in (endpoint, credential):
        if stated.get("region") is not None and not anywhere:
            return frozenset((stated["region"],))
    lists = [frozenset(home.get("regions", ())) or frozenset(("local",) if local else ()) for home in homes]
    common = lists[0] if len(set(lists)) == 1 else frozenset()
    entered = frozenset((credential["region"],)) if common and credential.get("region") is not None else frozenset()
    return common | entered


def _covers(agreement: dict, endpoint: dict, credential: dict, account: str | None, now: Fraction) -> bool:
    return all(
        (
            agreement["provider"] == endpoint["provider"],
            midnight(agreement["valid_from"]) <= now < midnight(agreement["valid_until"]),
            not agreement.get("credentials") or credential.get("id") in agreement["credentials"],
            not agreement.get("accounts") or account in agreement["accounts"],
            not agreement.get("models") or selectors.any_glob(agreement["models"], endpoint["model"]),
        )
    )


def _overlay(facts: dict, agreement: dict, endpoint: dict) -> None:
    """Lay one agreement in force over the facts; it is named among them if it states any."""
    stated: dict = {}
    if agreement.get("training") == "never" or (agreement.get("training_opt_out", False) and facts["training"] == "opt_out"):
        stated |= {"training": "never", "training_confidence": "contracted"}
    refused = facts["zero_retention"] == "no" and facts["zero_retention_by_exception"]
    if agreement.get("retention") is not None and (not refused or endpoint["model"] in agreement.get("models", ())):
        stated |= {"retention": agreement["retention"], "retention_confidence": "contracted"}
        stated |= {"flagged_retention": agreement["flagged_retention"]} if agreement.get("flagged_retention") is not None else {}
    if agreement.get("human_review") is not None:
        stated["human_review"] = agreement["human_review"]
    if agreement.get("certifications"):
        stated["certifications"] = facts["certifications"] | frozenset(agreement["certifications"])
    if agreement.get("regions") is not None:
        stated["regions"] = frozenset(agreement["regions"])
    if stated:
        stated |= {"agreements": (*facts["agreements"], agreement["id"]), "grade": "contracted"}
    facts |= stated


def _forget(facts: dict) -> None:
    """The provider stated otherwise: what it was about is unknown, and if somebody else answered than should have, that is everything."""
    facts |= {"grade": "contradicted", "retention": UNKNOWN["retention"], "retention_confidence": "none"}
    if facts["contradictions"] & WRONG_HOST:
        facts |= {field: "unknown" for field in ("training", "human_review")}
        facts |= {"training_confidence": "none", "certifications": frozenset(), "regions": frozenset()}


def facts_in_force(
    endpoint: dict, provider: dict, credential: dict, account: str | None, request_facts: dict, context: dict, now: float, laws: Laws = LAWS
) -> dict:
    """Every fact that a rule may look at, for one endpoint and one credential at one instant (Unix seconds)."""
    instant = Fraction(now)
    possible = _possibilities(endpoint, provider, credential, request_facts, context, laws)
    facts = {field: laws.worst([value for value, _, _ in possible[field]], order) for field, order in ORDER.items()}
    facts["zero_retention_by_exception"] = any(value == "no" and by for value, _, by in possible["zero_retention"])
    homes = [home for _, home, _ in possible["home"]]
    claims = [frozenset(home.get("certifications", ())) for home in homes]
    facts["claims"] = frozenset.intersection(*claims)
    records = [provider, *possible["forwarded_to"]]
    facts["local"] = provider["kind"] == "local" and len(records) == 1
    facts["regions"] = _places(endpoint, credential, homes, facts["local"])
    facts["storage_regions"] = frozenset(place for places, _, _ in possible["stores"] for place in places)
    facts["training_confidence"] = _confidence("training", records, laws)
    facts["retention_confidence"] = _confidence("retention", records, laws)
    facts["expired"] = any(_is_expired(record, context, instant, laws) for record in records)
    if facts["expired"]:
        facts |= {"training": "unknown", "retention": UNKNOWN["retention"], "human_review": "unknown"}
        facts |= {"claims": frozenset(), "regions": frozenset(), "training_confidence": "none", "retention_confidence": "none"}
    facts["certifications"] = facts["claims"] - NEEDS_AGREEMENT
    facts |= {"agreements": (), "grade": "declared"}
    for agreement in laws.signed_for(credential, context):
        if _covers(agreement, endpoint, credential, account, instant):
            _overlay(facts, agreement, endpoint)
    facts["claims"] = facts["claims"] & NEEDS_AGREEMENT - facts["certifications"]
    facts["contradictions"] = frozenset(context.get("contradicted", {}).get(endpoint["id"], {}).get(credential.get("id"), ()))
    if facts["contradictions"]:
        _forget(facts)
    facts["free"] = endpoint.get("free", False)
    facts["tier"] = credential.get("tier", "undeclared")
    lapsed = facts["expired"] and not facts["local"]  # what lapsed says no longer that there is no free tier
    facts["has_free_tier"] = lapsed or any(record.get("free_tier") is not None for record in records)
    return facts
