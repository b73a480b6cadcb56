"""Explain: the whole decision, and what every rule costs."""

import datetime as dt

import msgspec
import pytest
from tests.unit.policy.samples import MODEL, NOW, at, block, context, credential, endpoint, kept, provenance, provider

from anyapi.domain.call import NO_FACTS, Choice, Facts, Preference, Question, Tag
from anyapi.domain.catalogue import Capabilities, Price, Status
from anyapi.domain.data_policy import Confidence, Training
from anyapi.domain.decision import Change, EndpointHealth, Relaxation
from anyapi.domain.evidence import EvidenceCode
from anyapi.domain.ids import AUTO
from anyapi.domain.requirement import DataClass, Layer, Requirement, Settings
from anyapi.domain.snapshot import Agreement
from anyapi.policy import explain as module
from anyapi.policy.decide import decide
from anyapi.policy.explain import SHOWN, explain, policy_view, render_text, requirement_view
from anyapi.policy.explanation import RuleCost, SettingView, Totals
from anyapi.policy.merge import DEFAULT_PRESETS, UNCONSTRAINED, merge

STRICT = merge(
    [(Layer.ACCOUNT, Settings(training_allowed=False)), (Layer.REQUEST, Settings(retention_days=7, human_review_allowed=False))],
    DEFAULT_PRESETS,
)
GOOD, TRAINS, KEEPS = provider("good"), provider("trains", block("by_default")), provider("keeps", block(retention=kept("limited", 30)))
BARE = provider("bare")
ENDS = [
    endpoint("good", price=Price(9, 1)),
    endpoint("trains", price=Price(1, 1)),
    endpoint("keeps", price=Price(2, 2)),
    endpoint("bare", price=Price()),
]
KEYS = [credential("good"), credential("trains"), credential("keeps")]
WHERE = context([GOOD, TRAINS, KEEPS, BARE], ENDS, KEYS)


def explained(requirement=STRICT, where=WHERE, *, models=(MODEL,), preference=None, health=None, facts=NO_FACTS, account=None, now=NOW):
    question = Question(tuple(models), requirement, facts, preference or Preference())
    known = [model for model in models if model in where.catalogue.models]
    decisions = [decide(requirement, model, facts, where, account, now) for model in known]
    return explain(question, decisions, health or {}, where, account=account, now=now)


def test_every_endpoint_stands_in_exactly_one_list():
    (model,) = explained().models
    assert model.model == MODEL
    assert [row.endpoint for row in model.permitted] == ["good/one"]
    assert [row.endpoint for row in model.denied] == ["trains/one", "keeps/one"]
    assert [row.endpoint for row in model.unavailable] == ["bare/one"]
    (row,) = model.permitted
    assert (row.provider, row.credential, row.price, row.latency, row.throughput, row.flags) == (
        "good",
        "good-key",
        Price(9, 1),
        None,
        None,
        (),
    )
    assert row.policy == policy_view(decide(STRICT, MODEL, NO_FACTS, WHERE, None, NOW).permitted[0].policy, NOW)
    (reason,) = model.denied[0].reasons
    assert (reason.code, reason.kind, reason.setting, reason.layers) == ("training_by_default", "policy", "training_allowed", ("account",))
    assert (reason.required, reason.actual, reason.text) == (False, "by_default", "The provider trains on what is sent.")
    assert model.denied[0].policy.training == "by_default"
    assert model.denied[0].provider == "trains"
    assert [reason.code for reason in model.unavailable[0].reasons] == ["no_credential"]


def test_health_price_and_order():
    health = {"good/one": EndpointHealth(0.25, 80.0, 0.9), "keeps/one": EndpointHealth(None, None)}
    (model,) = explained(UNCONSTRAINED, health=health).models
    assert [(row.provider, row.latency, row.throughput) for row in model.permitted] == [
        ("keeps", None, None),
        ("trains", None, None),
        ("good", 0.25, 80.0),
    ]
    (model,) = explained(UNCONSTRAINED, preference=Preference(order=("good",))).models
    assert [row.provider for row in model.permitted] == ["good", "trains", "keeps"]


def test_wishes_and_circuits_are_availability():
    health = {"good/one": EndpointHealth(circuit_open=True)}
    (model,) = explained(health=health).models
    assert model.permitted == ()
    assert {row.endpoint: [reason.code for reason in row.reasons] for row in model.unavailable} == {
        "bare/one": ["no_credential"],
        "good/one": ["circuit_open"],
    }
    (model,) = explained(preference=Preference(max_price_input=1)).models
    assert [row.endpoint for row in model.unavailable] == ["bare/one", "good/one"]


def test_policy_reasons_stand_above_availability():
    where = context([provider("a", block("unknown"), protocol="odd")], credentials=[])
    (model,) = explained(where=where).models
    assert [reason.code for reason in model.denied[0].reasons] == ["training_unknown", "no_credential", "no_adapter"]
    assert [reason.kind for reason in model.denied[0].reasons] == ["policy", "availability", "availability"]


def test_a_failed_judgement_has_no_policy():
    where = context([], [endpoint("nobody")])
    (model,) = explained(where=where).models
    assert (model.denied[0].policy, model.denied[0].reasons[0].setting) == (None, None)
    assert explained(where=where).relaxation is None


def test_several_models_and_unknown_ones():
    where = context([GOOD, TRAINS], [endpoint("good"), endpoint("trains", model="acme/two")])
    found = explained(where=where, models=("acme/two", "acme/none", MODEL, "x/y"))
    assert [model.model for model in found.models] == ["acme/two", MODEL]
    assert [len(model.permitted) for model in found.models] == [0, 1]
    assert [len(model.denied) for model in found.models] == [1, 0]
    assert found.unknown_models == 2
    assert explained().unknown_models == 0
    nothing = explained(where=where, models=("x/y",))
    assert (nothing.models, nothing.unknown_models, nothing.relaxation) == ((), 1, None)


def test_what_each_rule_costs():
    assert explained().costs == (
        RuleCost("training_allowed", 1, 10.0, 2.0),
        RuleCost("retention_days", 1, 10.0, 4.0),
        RuleCost("human_review_allowed", 0, 10.0, 10.0),
    )
    assert explained(UNCONSTRAINED).costs == ()
    none = explained(where=context([TRAINS], [endpoint("trains", price=Price())]))
    assert none.costs[0] == RuleCost("training_allowed", 1, None, None)


def test_costs_take_account_facts_and_time_into_account():
    agreement = Agreement(
        "agr", "trains", "ops", "doc", dt.date(2026, 11, 1), dt.date(2026, 12, 2), accounts=frozenset({"a"}), training=Training.NEVER
    )
    where = context([TRAINS], [ENDS[1]], agreements=(agreement,))
    assert explained(where=where, account="a").costs[0].more_endpoints == 0
    assert explained(where=where, account="b").costs[0].more_endpoints == 1
    assert explained(where=where, account="a", now=at(2026, 12, 2)).costs[0].more_endpoints == 1
    vision = Facts(tags=frozenset({Tag.VISION}))
    assert explained(where=where, facts=vision).costs[0].more_endpoints == 0


def test_costs_of_other_settings_keep_the_account_and_are_named_as_on_the_wire():
    item = provider("trains", block("by_default", kept("limited", 30)))
    agreement = Agreement(
        "agr", "trains", "ops", "doc", dt.date(2026, 11, 1), dt.date(2027, 12, 2), accounts=frozenset({"a"}), training=Training.NEVER
    )
    where = context([item], [ENDS[1]], agreements=(agreement,))
    assert explained(where=where, account="a").costs[1] == RuleCost("retention_days", 1, None, 2.0)
    assert explained(where=where, account="b").costs[1] == RuleCost("retention_days", 0, None, None)
    only = merge([(Layer.KEY, Settings(providers_only=frozenset({"q"})))], DEFAULT_PRESETS)
    assert [cost.setting for cost in explained(only, where).costs] == ["providers.only"]


def test_wishes_look_at_the_facts():
    facts = Facts(uses=frozenset({"tools"}))
    (model,) = explained(preference=Preference(require_parameters=True), facts=facts).models
    assert [row.endpoint for row in model.unavailable] == ["bare/one", "good/one"]


def test_a_local_server_costs_nothing():
    where = context([provider("home", kind="local")], [endpoint("home", price=Price())])
    assert explained(where=where).costs[0] == RuleCost("training_allowed", 0, 0.0, 0.0)


def test_the_smallest_relaxation_leaves_out_what_policy_permits():
    assert explained().relaxation == Relaxation("trains/one", (Change("training_allowed", (Layer.ACCOUNT,), now=False, needed=True),))
    assert explained(UNCONSTRAINED).relaxation is None


def test_the_requirement_is_shown_with_wire_names_values_and_layers():
    requirement = merge(
        [
            (Layer.KEY, Settings(providers_only=frozenset({"b", "a"}), flagged_copies_counted=True, data_class=DataClass.CONFIDENTIAL)),
            (Layer.REQUEST, Settings(providers_ignore=frozenset({"c"}), min_confidence=Confidence.PRIMARY)),
        ],
        DEFAULT_PRESETS,
    )
    view = requirement_view(requirement)
    assert (view.hash, view.data_classes, view.durable_record) == (requirement.hash, ("confidential",), True)
    assert view.settings == (
        SettingView("training_allowed", False, ("key",)),
        SettingView("retention_days", 0.0, ("key",)),
        SettingView("providers.only", ("a", "b"), ("key",)),
        SettingView("providers.ignore", ("c",), ("request",)),
        SettingView("human_review_allowed", False, ("key",)),
        SettingView("min_confidence", "primary", ("request",)),
        SettingView("flagged_copies", "counted", ("key",)),
    )
    assert requirement_view(UNCONSTRAINED).settings == ()
    assert not requirement_view(Requirement(paid_only=True)).durable_record
    assert explained().requirement.settings[0].layers == ("account",)


@pytest.mark.parametrize(
    ("where", "item", "flags"),
    [
        ({}, {}, ()),
        ({"status": Status.DEPRECATED}, {}, ("deprecated",)),
        ({"status": Status.UNVERIFIED, "free": True}, {"kind": "local"}, ("unverified", "free", "local")),
        ({}, {"record": provenance(valid_until=dt.date(2026, 12, 1))}, ("expired",)),
        ({}, {"record": provenance(valid_until=dt.date(2026, 12, 31))}, ("expires_soon",)),
        ({}, {"record": provenance(valid_until=dt.date(2027, 1, 1))}, ()),
    ],
)
def test_flags(where, item, flags):
    found = explained(UNCONSTRAINED, context([provider(**item)], [endpoint(**where)]))
    assert found.models[0].permitted[0].flags == flags


def test_an_endpoint_whose_provider_stated_otherwise_is_flagged():
    where = context([provider()], contradicted={"p/one": {"p-key": frozenset({EvidenceCode.RETAINED})}})
    assert explained(UNCONSTRAINED, where).models[0].permitted[0].flags == ("contradicted",)


def test_thirty_days_before_its_end_a_record_is_flagged():
    where = context([provider(record=provenance(valid_until=dt.date(2026, 12, 31)))])
    for now, flags in ((at(2026, 12, 1), ("expires_soon",)), (at(2026, 12, 1) - 1, ())):
        assert explained(UNCONSTRAINED, where, now=now).models[0].permitted[0].flags == flags
    never = context([provider()], span_days=1e9)
    assert explained(UNCONSTRAINED, never).models[0].permitted[0].flags == ()


def test_it_is_ready_for_json_and_the_module_offers_the_texts():
    found = explained()
    shown = msgspec.json.decode(msgspec.json.encode(found))
    assert set(shown) == {"requirement", "models", "unknown_models", "skipped", "costs", "relaxation"}
    assert module.render_text(found).startswith("Requirement ")
    assert set(module.__all__) == {"Explanation", "PolicyView", "explain", "policy_view", "render_text"}


def test_a_choice_of_ours_is_shown_cut_and_counted_whole():
    """Of hundreds the first are shown; what only lacks something stands apart from what policy denies, as for a named model."""
    able = Capabilities(tools=True)
    ends = [endpoint("good", f"acme/g{number}", price=Price(number, 0), capabilities=able) for number in range(SHOWN + 5)]
    ends += [endpoint("trains", f"acme/t{number}", capabilities=able) for number in range(SHOWN + 3)]
    ends += [endpoint("keeps", "acme/both", context_length=10), endpoint("good", "acme/short", context_length=10, capabilities=able)]
    where = context([GOOD, TRAINS, KEEPS], ends, KEYS)
    facts = Facts(choice=Choice(100, 0))
    question = Question((AUTO,), STRICT, facts)
    result = explain(question, [decide(STRICT, AUTO, facts, where, None, NOW)], {}, where, account=None, now=NOW)
    (model,) = result.models
    assert model.totals == Totals(SHOWN + 5, SHOWN + 4, 1)
    assert [len(rows) for rows in (model.permitted, model.denied, model.unavailable)] == [SHOWN, SHOWN, 1]
    assert [row.model for row in model.permitted] == [f"acme/g{number}" for number in range(SHOWN)]
    assert {row.provider for row in model.denied} == {"trains"}, "what lacks least is shown first"
    assert model.unavailable[0].model == "acme/short"
    counts = {one.code.value: one.endpoints for one in model.reasons}
    assert counts == {"training_by_default": SHOWN + 3, "retention_too_long": 1, "context_too_short": 2}
    assert result.unknown_models == 0
    text = render_text(result)
    assert (
        f"  Permitted, in this order: {SHOWN + 5}, of which the first {SHOWN} are\n    1. good/g0 for acme/g0 (credential good-key)\n"
        in text
    )
    assert f"  Denied: {SHOWN + 4}, of which the first {SHOWN} are\n" in text
    assert f"  Of all, by reason:\n    training_by_default: {SHOWN + 3}\n    context_too_short: 2\n" in text


def test_the_relaxation_of_a_choice_is_of_one_that_can_serve():
    able = Capabilities(tools=True)
    ends = [endpoint("trains", "acme/small", context_length=10, capabilities=able), endpoint("keeps", "acme/large", capabilities=able)]
    where, facts = context([TRAINS, KEEPS], ends, KEYS), Facts(choice=Choice(100, 0))
    result = explain(Question((AUTO,), STRICT, facts), [decide(STRICT, AUTO, facts, where, None, NOW)], {}, where, account=None, now=NOW)
    assert result.relaxation.endpoint == "keeps/large"
