"""Decisions: permitted, denied with every reason, and until when."""

import datetime as dt
import math

import msgspec
import pytest
from tests.unit.policy.samples import MODEL, NOW, at, block, context, credential, endpoint, kept, provenance, provider

from anyapi.domain.call import NO_FACTS, Facts, Question, Tag
from anyapi.domain.catalogue import Price, Status
from anyapi.domain.data_policy import Training
from anyapi.domain.decision import ReasonKind
from anyapi.domain.requirement import Layer, Requirement, Settings
from anyapi.domain.snapshot import Agreement
from anyapi.errors import ModelNotFound
from anyapi.policy.decide import decide, decide_each
from anyapi.policy.merge import DEFAULT_PRESETS, UNCONSTRAINED, lift

NO_TRAINING = lift(Layer.KEY, Settings(training_allowed=False), DEFAULT_PRESETS)
PAID = lift(Layer.KEY, Settings(paid_only=True, training_allowed=False), DEFAULT_PRESETS)


def decided(where, requirement=UNCONSTRAINED, *, model=MODEL, facts=NO_FACTS, account=None, now=NOW):
    return decide(requirement, model, facts, where, account, now)


def codes(denial):
    return [reason.code.value for reason in denial.reasons]


def test_every_endpoint_is_in_exactly_one_list():
    where = context([provider("a"), provider("b", block("by_default"))])
    decision = decided(where, NO_TRAINING)
    assert [candidate.endpoint.id for candidate in decision.permitted] == ["a/one"]
    assert [denial.endpoint.id for denial in decision.denied] == ["b/one"]
    assert (decision.model, decision.requirement, decision.catalogue) == (MODEL, NO_TRAINING.hash, "v1")
    (permitted,) = decision.permitted
    assert (permitted.credential, permitted.policy.training, permitted.local) == ("a-key", "never", False)
    (denied,) = decision.denied
    assert (codes(denied), denied.available, denied.local) == (["training_by_default"], True, False)
    assert denied.policy.training is Training.BY_DEFAULT
    assert denied.reasons[0].layers == (Layer.KEY,)


def test_an_unknown_model_is_not_repeated_but_similar_names_are_given():
    where = context([provider()])
    with pytest.raises(ModelNotFound) as caught:
        decided(where, model="acme/onee")
    assert caught.value.message == ("No such model is in the catalogue. Similar names: acme/one. GET /v1/models lists all of them.")
    assert caught.value.metadata == {"similar": ["acme/one"]}
    both = context([provider()], [endpoint(), endpoint(model="acme/ones")])
    with pytest.raises(ModelNotFound, match="Similar names: acme/one, acme/ones[.] "):
        decided(both, model="acme/onez")
    with pytest.raises(ModelNotFound) as caught:
        decided(where, model="SECRET")
    assert caught.value.message == "No such model is in the catalogue. GET /v1/models lists all of them."
    assert caught.value.metadata == {"similar": []}


def test_of_several_models_each_known_one_is_decided_and_each_other_one_named():
    where = context([provider()])
    decisions, unknown = decide_each(Question(("acme/onee", MODEL, "SECRET"), NO_TRAINING), where, None, NOW)
    assert decisions == [decide(NO_TRAINING, MODEL, NO_FACTS, where, None, NOW)]
    assert [error.metadata["similar"] for error in unknown] == [["acme/one"], []]


def test_permitted_for_the_first_credential_that_passes():
    item = provider(free_tier=block("by_default"))
    keys = [credential(name="free", tier="free"), credential(name="paid"), credential(name="paid2")]
    (permitted,) = decided(context([item], credentials=keys), NO_TRAINING).permitted
    assert (permitted.credential, permitted.policy.training) == ("paid", "never")
    (permitted,) = decided(context([item], credentials=keys)).permitted
    assert (permitted.credential, permitted.policy.training) == ("free", "by_default")


def test_the_reasons_are_those_of_the_credential_with_the_fewest():
    item = provider(policy=block("opt_out"), free_tier=block("by_default"))
    keys = [credential(name="free", tier="free"), credential(name="paid"), credential(name="undeclared", tier="undeclared")]
    (denied,) = decided(context([item], credentials=keys), PAID).denied
    assert codes(denied) == ["training_opt_out"]
    (denied,) = decided(context([item], credentials=[keys[2], keys[0]]), PAID).denied
    assert codes(denied) == ["training_by_default", "credential_tier_undeclared"]
    (denied,) = decided(context([item], credentials=[keys[0], keys[2]]), PAID).denied
    assert codes(denied) == ["training_by_default", "credential_free_tier"]


def test_policy_and_availability_reasons_are_both_listed():
    item = provider(policy=block("opt_out"), protocol="odd")
    (denied,) = decided(context([item], credentials=[]), NO_TRAINING).denied
    assert codes(denied) == ["training_opt_out", "no_credential", "no_adapter"]
    assert not denied.available
    assert not denied.permitted_by_policy


def test_permitted_by_policy_but_no_credential():
    (denied,) = decided(context([provider(kind="local")], credentials=[]), NO_TRAINING).denied
    assert (codes(denied), denied.permitted_by_policy, denied.local) == (["no_credential"], True, True)
    assert denied.policy.training is Training.NEVER


def test_a_permitted_endpoint_that_is_not_available_is_denied():
    where = context([provider()], [endpoint(status=Status.RETIRED)])
    (denied,) = decided(where).denied
    assert codes(denied) == ["endpoint_retired"]
    facts = Facts(tags=frozenset({Tag.VISION}))
    assert codes(decided(context([provider()]), facts=facts).denied[0]) == ["tags_unmatched"]


def test_a_local_candidate_says_so():
    (permitted,) = decided(context([provider(kind="local")])).permitted
    assert permitted.local


def test_the_account_and_the_facts_reach_the_agreements_and_exceptions():
    agreement = Agreement(
        "agr", "p", "ops", "doc", dt.date(2026, 1, 1), dt.date(2027, 1, 1), accounts=frozenset({"a1"}), training=Training.NEVER
    )
    where = context([provider(policy=block("unknown"))], agreements=(agreement,))
    assert decided(where, NO_TRAINING, account="a1").permitted
    assert decided(where, NO_TRAINING, account="a2").denied
    assert decided(where, NO_TRAINING, account="a1", now=at(2027, 1, 1)).denied


def test_an_error_while_judging_denies_that_endpoint_only():
    where = context([provider("a"), provider("b")], [endpoint("a"), endpoint("b"), endpoint("nobody")])
    broken = msgspec.structs.replace(where.catalogue.providers["b"], policy=None)
    where.catalogue.providers["b"] = broken
    decision = decided(where, NO_TRAINING)
    assert [candidate.endpoint.id for candidate in decision.permitted] == ["a/one"]
    assert [denial.endpoint.id for denial in decision.denied] == ["b/one", "nobody/one"]
    for denial in decision.denied:
        (reason,) = denial.reasons
        assert (reason.code.value, reason.kind, denial.policy) == ("judging_failed", ReasonKind.POLICY, None)
        assert reason.text == "The policy of this endpoint could not be judged, so it is denied. Its catalogue record needs mending."
    assert decision.valid_until == at(2027, 5, 23)


def test_valid_until_is_the_earliest_boundary_of_anything_looked_at():
    soon = provenance(valid_until=dt.date(2026, 12, 24))
    never = provenance(valid_until=dt.date(2020, 1, 1))
    assert decided(context([provider("a"), provider("b", record=soon)])).valid_until == at(2026, 12, 24)
    assert decided(context([provider(record=never)])).valid_until == math.inf
    agreement = Agreement("agr", "p", "ops", "doc", dt.date(2026, 12, 9), dt.date(2027, 1, 1), credentials=frozenset({"two"}))
    keys = [credential(name="one"), credential(name="two"), credential(name="three")]
    assert decided(context([provider()], credentials=keys, agreements=(agreement,))).valid_until == at(2026, 12, 9)


def test_a_model_without_endpoints_permits_nothing():
    where = context([provider()])
    model = msgspec.structs.replace(where.catalogue.models[MODEL], endpoints=())
    where.catalogue.models[MODEL] = model
    decision = decided(where)
    assert (decision.permitted, decision.denied, decision.valid_until) == ((), (), math.inf)


def test_permitted_come_in_static_order():
    where = context(
        [provider("a"), provider("b"), provider("c")],
        [endpoint("a", price=Price(3, 3)), endpoint("b", status=Status.DEPRECATED, price=Price(0, 0)), endpoint("c", price=Price(1, 2))],
    )
    assert [(item.endpoint.provider, item.static_score) for item in decided(where).permitted] == [("c", 0.5), ("a", 1.0), ("b", 10.0)]


def test_the_requirement_is_judged_as_given():
    """A requirement made by hand, without layers or hash, denies just the same."""
    (denied,) = decided(context([provider(policy=block(retention=kept("limited", 9)))]), Requirement(retention_days=3.0)).denied
    assert (codes(denied), denied.reasons[0].layers) == (["retention_too_long"], ())


# --- credentials that accounts brought (docs/policy.md section 1.4)

FREE_TRAINS = provider("p", free_tier=block("by_default"))
OPERATORS_ZDR = Agreement("ops", "p", "ops", "doc", dt.date(2026, 1, 1), dt.date(2027, 1, 1), training=Training.NEVER)


def brought(tier="paid", account="acme", name="own:1", **fields):
    return credential("p", name, tier, account=account, **fields)


def with_own(*own, operators=(), item=FREE_TRAINS, **fields):
    mine = {}
    for one in own:
        mine.setdefault(one.account, {}).setdefault(one.provider, ())
        mine[one.account][one.provider] += (one,)
    return context([item], credentials=list(operators), own_credentials=mine, **fields)


def used(where, requirement=UNCONSTRAINED, account="acme"):
    """The credential that a request of the account would go by; None if denied."""
    return next((one.credential for one in decided(where, requirement, account=account).permitted), None)


def test_its_own_goes_before_the_operators_and_serves_nobody_else():
    where = with_own(brought(), brought(account="other", name="own:2"), operators=[credential("p")])
    assert [used(where, account=account) for account in ("acme", "other", "stranger", None)] == ["own:1", "own:2", "p-key", "p-key"]


def test_where_only_a_stranger_has_a_credential_there_is_none():
    where = with_own(brought(account="other"))
    for account in ("acme", None):
        (denied,) = decided(where, account=account).denied
        assert codes(denied) == ["no_credential"]


def test_a_free_or_undeclared_tier_of_its_own_is_judged_as_any_other():
    for tier, reasons in (
        ("free", ["training_by_default", "credential_free_tier"]),
        ("undeclared", ["training_by_default", "credential_tier_undeclared"]),
    ):
        (denied,) = decided(with_own(brought(tier)), PAID, account="acme").denied
        assert codes(denied) == reasons
        assert used(with_own(brought(tier), operators=[credential("p")]), PAID) == "p-key", "the operator's passes where its own does not"
    assert used(with_own(brought("paid"), operators=[credential("p", tier="free")]), PAID) == "own:1"


def test_the_operators_agreement_says_nothing_about_an_accounts_own_key():
    trains = provider("p", block("by_default"))
    named = msgspec.structs.replace(OPERATORS_ZDR, id="named", credentials=frozenset({"own:1"}), accounts=frozenset({"acme"}))
    where = with_own(brought(), item=trains, agreements=(OPERATORS_ZDR, named))
    assert used(where, NO_TRAINING) is None
    both = with_own(brought(), operators=[credential("p")], item=trains, agreements=(OPERATORS_ZDR,))
    assert [used(both, NO_TRAINING, account) for account in ("acme", None)] == ["p-key", "p-key"]


def test_what_an_account_signed_holds_for_that_credential_alone_and_for_its_time():
    trains = provider("p", block("by_default"))
    signed = msgspec.structs.replace(OPERATORS_ZDR, id="own-zdr")
    where = with_own(brought(agreements=(signed,)), brought(name="own:2"), operators=[credential("p")], item=trains)
    decision = decided(where, NO_TRAINING, account="acme")
    (candidate,) = decision.permitted
    assert (candidate.credential, candidate.policy.grade, candidate.policy.agreements) == ("own:1", "contracted", ("own-zdr",))
    assert decision.valid_until == at(2027, 1, 1)
    assert used(where, NO_TRAINING, "other") is None
    assert decided(where, NO_TRAINING, account="acme", now=at(2027, 1, 1)).permitted == ()
    other_provider = with_own(brought(agreements=(msgspec.structs.replace(signed, provider="q"),)), item=trains)
    assert used(other_provider, NO_TRAINING) is None


def test_what_an_account_declares_about_its_own_counts():
    where = with_own(brought(region="de"), operators=[credential("p", region="us")])
    europe = lift(Layer.KEY, Settings(regions=frozenset({"eu"})), DEFAULT_PRESETS)
    assert used(where, europe) == "own:1"
    assert used(where, europe, "other") is None


def test_what_policy_says_is_not_hidden_by_a_credential_that_lies_elsewhere():
    away = credential(name="away", tier="paid", deployments={"other": "name"})
    where = context([provider(free_tier=block())], credentials=[away, credential(tier="undeclared")])
    (denied,) = decided(where, PAID).denied
    assert (codes(denied), denied.available) == (["credential_tier_undeclared"], True)
    (denied,) = decided(context([provider()], credentials=[away]), PAID).denied
    assert (codes(denied), denied.available) == (["not_deployed"], False)
