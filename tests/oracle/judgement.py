"""The verdict on each endpoint of a model: the credential it is permitted for, or the set of every code that stands against it."""

from tests.oracle.facts import facts_in_force
from tests.oracle.laws import CONFIDENCE_LADDER, LAWS, WRONG_HOST, Laws
from tests.oracle.requirement import durable_record_needed

TAG_NEEDS = {
    "vision": "vision",
    "pdf_input": "pdf_input",
    "audio_input": "audio_input",
    "reasoning": "reasoning",
    "streaming": "streaming",
    "function_calling": "tools",
    "tool_choice": "tools",
    "parallel_function_calling": "parallel_tools",
    "computer_use": "computer_use",
    "assistant_prefill": "assistant_prefill",
    "web_search": "web_search",
    "url_context": "url_context",
}
ABILITIES_BY_DEFAULT = frozenset(("streaming",))
NO_CREDENTIAL: dict = {"id": None, "tier": "undeclared"}


def training(asked: dict, facts: dict, laws: Laws) -> set:
    """Content may not train models."""
    if asked["training_allowed"] or facts["training"] in laws.training_that_passes:
        return set()
    return {f"training_{facts['training']}"}


def retention(asked: dict, facts: dict, laws: Laws) -> set:
    """The main clock, then copies of flagged content."""
    limit, flagged = asked["retention_days"], facts["flagged_retention"]
    codes = {laws.retention_verdict(facts["retention"], limit)}
    if asked["flagged_copies_counted"] and flagged is not None and laws.retention_verdict(flagged, limit) is not None:
        codes.add("flagged_copies_too_long")
    return codes - {None}


def paid_only(asked: dict, facts: dict, laws: Laws) -> set:
    """Neither the endpoint nor the credential may be free."""
    if not asked["paid_only"] or facts["local"]:
        return set()
    found = {
        "endpoint_free": facts["free"],
        "credential_free_tier": facts["tier"] == "free",
        "credential_tier_undeclared": facts["tier"] == "undeclared" and facts["has_free_tier"],
    }
    return {code for code, holds in found.items() if holds}


def certifications(asked: dict, facts: dict, laws: Laws) -> set:
    """Each one asked for is held, and contracts are attested."""
    codes = set()
    for wanted in asked["certifications"]:
        if not laws.certification_met_by.get(wanted, frozenset((wanted,))) & facts["certifications"]:
            codes.add("certification_needs_agreement" if wanted in facts["claims"] else "certification_missing")
    if asked["certifications_must_be_named"] and not _named_in_time(asked["layers"]):
        codes.add("certifications_not_named")
    return codes


def _named_in_time(layers: dict) -> bool:
    """Whether each layer that wants a certification named names one, or one before it does; the account may for the gateway."""
    turn = ("gateway", "account", "project", "key", "request")
    for wanting in layers["certifications_must_be_named"]:
        may_name = turn[: max(turn.index(wanting), turn.index("account")) + 1]
        if not layers.get("certifications", frozenset()).intersection(may_name):
            return False
    return True


def regions(asked: dict, facts: dict, laws: Laws) -> set:
    """All places of inference, and of what is kept, lie inside what is allowed."""
    allowed = asked["regions"]
    if allowed is None:
        return set()
    codes = set() if facts["regions"] else {"region_unknown"}
    kept_at = frozenset() if facts["retention"]["kind"] == "zero" else facts["storage_regions"]
    if not all(laws.inside(place, allowed) for place in facts["regions"] | kept_at):
        codes.add("region_not_allowed")
    return codes


def human_review(asked: dict, facts: dict, laws: Laws) -> set:
    """Nobody at the provider reads content."""
    verdict = {"no": None, "yes": "human_review_possible", "unknown": "human_review_unknown"}[facts["human_review"]]
    return set() if asked["human_review_allowed"] or verdict is None else {verdict}


def confidence(asked: dict, facts: dict, laws: Laws) -> set:
    """Training and retention are both known well enough."""
    known = min(CONFIDENCE_LADDER.index(facts[name]) for name in ("training_confidence", "retention_confidence"))
    return {"confidence_too_low"} if known < CONFIDENCE_LADDER.index(asked["min_confidence"]) else set()


def evidence(asked: dict, facts: dict, laws: Laws) -> set:  # noqa: ARG001 - the shape of a rule
    """What the provider stated against its word is named wherever it matters, and where everything is written down it matters always."""
    asks = asked["retention_days"] is not None or asked["min_confidence"] != "none" or durable_record_needed(asked)
    if facts["contradictions"] & WRONG_HOST:
        lists = bool(asked["certifications"]) or asked["regions"] is not None
        asks = asks or lists or not asked["training_allowed"] or not asked["human_review_allowed"]
    return {"evidence_contradicts"} if facts["contradictions"] and asks else set()


RULES = (training, retention, paid_only, certifications, regions, human_review, confidence, evidence)


def provider_codes(asked: dict, provider_id: str) -> set:
    """The caller's lists of providers."""
    codes = set()
    if asked["providers_only"] is not None and provider_id not in asked["providers_only"]:
        codes.add("provider_not_in_only")
    if provider_id in asked["providers_ignore"]:
        codes.add("provider_ignored")
    return codes


def policy_codes(asked: dict, facts: dict, provider_id: str, laws: Laws = LAWS) -> set:
    """Every policy code that stands against an endpoint with these facts."""
    return provider_codes(asked, provider_id).union(*(rule(asked, facts, laws) for rule in RULES))


def credentials_for(provider_id: str, context: dict, account: str | None, laws: Laws = LAWS) -> list:
    """Every credential of a provider that a request of the account may go by, in turn."""
    brought = [one for by_provider in context.get("own_credentials", {}).values() for one in by_provider.get(provider_id, ())]
    return laws.in_turn([one for one in brought if laws.may_use(one, account)], list(context["credentials"].get(provider_id, ())))


def availability_codes(endpoint: dict, provider: dict, request: dict, context: dict, account: str | None = None, laws: Laws = LAWS) -> set:
    """Every availability code that `decide` knows."""
    able = endpoint.get("capabilities", {})
    length = endpoint.get("context_length")
    has = {tag for tag, ability in TAG_NEEDS.items() if able.get(ability, ability in ABILITIES_BY_DEFAULT)}
    if endpoint.get("price", {}).get("cached_input") is not None:
        has.add("prompt_caching")
    operation = request.get("operation", "chat_completions")
    served = "served_embeddings" if operation == "embeddings" else "served_protocols"
    found = {
        "no_credential": not credentials_for(endpoint["provider"], context, account, laws),
        "no_adapter": (endpoint.get("protocol") or provider["api"]["protocol"]) not in context.get(served, ()),
        "operation_unsupported": operation not in endpoint.get("operations", ("chat_completions",)),
        "endpoint_retired": endpoint.get("status", "active") == "retired",
        "context_too_short": length is not None and request.get("least_tokens", 0) > length,
        "tags_unmatched": not has.issuperset(request.get("tags", ())),
    }
    return {code for code, holds in found.items() if holds}


def judge_facts(asked: dict, known: list, available: set, provider_id: str, laws: Laws = LAWS) -> dict:
    """The verdict from facts already resolved: `known` is (credential id, facts) in turn."""
    verdicts = [(policy_codes(asked, facts, provider_id, laws) | facts.get("out_of_reach", set()), name, facts) for name, facts in known]
    codes, name, facts = min(verdicts, key=lambda verdict: (bool(verdict[2].get("out_of_reach")), len(verdict[0])))
    denied = frozenset(codes | available)
    return {"permitted": not denied, "credential": name, "codes": denied, "facts": facts}


def out_of_reach(endpoint: dict, credential: dict, laws: Laws = LAWS) -> set:
    """Codes of what a credential does not reach: another region than its address is in, a model that its owner did not deploy."""
    codes = set()
    if credential.get("region") and endpoint.get("region") not in (None, "global", credential["region"]):
        if not laws.inside(credential["region"], frozenset((endpoint["region"],))):
            codes.add("endpoint_elsewhere")
    if credential.get("deployments") and endpoint["upstream_model"] not in credential["deployments"]:
        codes.add("not_deployed")
    return codes


def known_facts(endpoint: dict, request: dict, context: dict, account: str | None, now: float, laws: Laws = LAWS) -> list:
    """(credential id, facts in force) for every credential that could be used, in turn."""
    provider = context["catalogue"]["providers"][endpoint["provider"]]
    credentials = credentials_for(endpoint["provider"], context, account, laws) or [NO_CREDENTIAL]
    return [
        (
            credential["id"],
            facts_in_force(endpoint, provider, credential, account, request, context, now, laws)
            | {"out_of_reach": out_of_reach(endpoint, credential, laws)},
        )
        for credential in credentials
    ]


def judge(asked: dict, model: str, request: dict, context: dict, account: str | None, now: float, laws: Laws = LAWS) -> dict:
    """Endpoint id -> verdict, for every endpoint of a model.

    In: a requirement of `tests.oracle.requirement`, request facts and context as plain dicts, `now` in Unix seconds. Out: for each
    endpoint `permitted`, the `credential` it is permitted for (or whose codes are reported), `codes`, and the `facts` in force.
    """
    verdicts = {}
    for endpoint in context["catalogue"]["models"][model].get("endpoints", ()):
        if endpoint["provider"] not in context["catalogue"]["providers"]:
            verdicts[endpoint["id"]] = {"permitted": False, "credential": None, "codes": frozenset(("judging_failed",)), "facts": None}
            continue
        known = known_facts(endpoint, request, context, account, now, laws)
        available = availability_codes(endpoint, context["catalogue"]["providers"][endpoint["provider"]], request, context, account, laws)
        verdicts[endpoint["id"]] = judge_facts(asked, known, available, endpoint["provider"], laws)
    return verdicts
