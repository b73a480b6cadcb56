"""From decisions to a route, and the answers when nothing is left."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.policy.samples import MODEL, NOW, block, context, endpoint, kept, provider

from anyapi.domain.call import NO_FACTS, NO_PREFERENCE, PLAIN_FACTS, Facts, Preference, Sort, Tag
from anyapi.domain.catalogue import CHAT_ONLY, Capabilities, Operation, Price
from anyapi.domain.decision import EndpointHealth, Route
from anyapi.domain.requirement import Layer, Settings
from anyapi.errors import ModelNotFound, NoEligibleEndpoint, NoEndpointForTags, Overloaded
from anyapi.policy.decide import decide
from anyapi.policy.merge import DEFAULT_PRESETS, UNCONSTRAINED, merge
from anyapi.policy.rank import rank, sift

OPEN = EndpointHealth(circuit_open=True)
NO_TRAINING = merge([(Layer.ACCOUNT, Settings(training_allowed=False)), (Layer.KEY, Settings(training_allowed=False))], DEFAULT_PRESETS)


def decided(
    names="abc", *, trains="", model=MODEL, facts=NO_FACTS, requirement=NO_TRAINING, odd="", prices=None, operations=CHAT_ONLY, **fields
):
    """One decision over providers a, b, c at 1, 2, 3 dollars; those of `trains` train, those of `odd` have no adapter."""
    items = [
        provider(name, block("by_default" if name in trains else "never"), protocol="odd" if name in odd else "openai-chat")
        for name in names
    ]
    costs = prices or {name: Price(place, 0) for place, name in enumerate(names, start=1)}
    ends = [endpoint(name, model, price=costs[name], operations=operations) for name in names]
    return decide(requirement, model, facts, context(items, ends, **fields), None, NOW)


def order(route):
    return [candidate.endpoint.id for candidate in route.candidates]


def ranked(decision, preference=NO_PREFERENCE, facts=NO_FACTS, health=None):
    return rank([decision], preference, facts, health or {})


def refused(error, *decisions, preference=NO_PREFERENCE, facts=NO_FACTS, health=None):
    with pytest.raises(error) as caught:
        rank(decisions, preference, facts, health or {})
    assert type(caught.value) is error
    metadata = caught.value.metadata
    assert set(metadata) == {"endpoints", "relaxation"}
    return {item["endpoint"]: [reason["code"] for reason in item["reasons"]] for item in metadata["endpoints"]}, caught.value


def test_the_common_case():
    decision = decided()
    assert rank((decision,), NO_PREFERENCE, NO_FACTS, {}) == Route(decision.permitted, 2)
    assert order(ranked(decision, health={"a/one": EndpointHealth(error_rate=0.9), "b/one": EndpointHealth()})) == [
        "b/one",
        "c/one",
        "a/one",
    ]
    assert order(ranked(decision, Preference(), health={"a/one": OPEN})) == ["b/one", "c/one"]


def test_preferences_order_and_filter():
    decision = decided()
    assert order(ranked(decision, Preference(order=("c",)))) == ["c/one", "a/one", "b/one"]
    assert order(ranked(decision, Preference(sort=Sort.PRICE), health={"a/one": OPEN})) == ["b/one", "c/one"]
    assert order(ranked(decision, Preference(max_price_input=2))) == ["a/one", "b/one"]
    route = ranked(decision, Preference(failover_on_refusal=True))
    assert (route.failover_on_refusal, route.max_attempts, len(route.candidates)) == (True, 2, 3)
    assert not ranked(decision, Preference(order=("c",))).failover_on_refusal


def test_require_parameters_filters():
    able = context([provider("a"), provider("b")], [endpoint("a"), endpoint("b", capabilities=Capabilities(tools=True))])
    decision = decide(UNCONSTRAINED, MODEL, NO_FACTS, able, None, NOW)
    facts = Facts(uses=frozenset({"tools"}))
    assert order(ranked(decision, Preference(require_parameters=True), facts)) == ["b/one"]
    assert len(ranked(decision, NO_PREFERENCE, facts).candidates) == 2


def test_no_fallbacks_keeps_the_first_only():
    decision = decided()
    alone = Preference(allow_fallbacks=False)
    assert order(ranked(decision, alone)) == ["a/one"]
    assert order(ranked(decision, alone, health={"a/one": OPEN})) == ["b/one"]
    named = Preference(allow_fallbacks=False, order=("c",))
    assert order(ranked(decision, named)) == ["c/one"]
    codes, _ = refused(Overloaded, decision, preference=named, health={"c/one": OPEN})
    assert codes == {"a/one": ["not_preferred"], "b/one": ["not_preferred"], "c/one": ["circuit_open"]}
    codes, _ = refused(Overloaded, decision, preference=alone, health=dict.fromkeys(["a/one", "b/one", "c/one"], OPEN))
    assert codes == {"a/one": ["circuit_open"], "b/one": ["not_preferred"], "c/one": ["not_preferred"]}


def test_no_fallbacks_in_a_chain_leaves_one_endpoint_of_one_model():
    two = decided("xy", model="acme/two")
    route = rank([decided("ab"), two], Preference(allow_fallbacks=False), NO_FACTS, {})
    assert order(route) == ["a/one"]


def test_several_models_are_joined_in_the_callers_order():
    one, two = decided("cb"), decided("ba", model="acme/two")
    route = rank([two, one], NO_PREFERENCE, NO_FACTS, {"b/two": EndpointHealth(error_rate=1.0), "a/two": EndpointHealth()})
    assert order(route) == ["a/two", "b/two", "c/one", "b/one"]
    assert order(rank([one, two], Preference(order=("b",)), NO_FACTS, {})) == ["b/one", "c/one", "b/two", "a/two"]
    assert order(rank([one, decided(trains="abc", model="acme/two")], NO_PREFERENCE, NO_FACTS, {})) == ["c/one", "b/one"]


def test_a_model_named_twice_is_tried_once():
    one = decided("ab")
    assert order(rank([one, one], NO_PREFERENCE, NO_FACTS, {})) == ["a/one", "b/one"]


@pytest.mark.parametrize(("models", "attempts"), [(1, 2), (2, 2), (3, 3), (4, 4), (5, 4)])
def test_attempts(models, attempts):
    decisions = [decided("a", model=f"acme/m{number}") for number in range(models)]
    assert rank(decisions, NO_PREFERENCE, NO_FACTS, {}).max_attempts == attempts
    assert rank(decisions, Preference(sort=Sort.PRICE), NO_FACTS, {}).max_attempts == attempts


ELIGIBLE = "`GET /v1/models?eligible=1` lists the models that can."


def test_nothing_decided_is_an_unknown_model():
    codes, error = refused(ModelNotFound)
    assert codes == {}
    assert error.message == "None of the endpoints of this model can be used here; each is listed with the reason. " + ELIGIBLE


def test_nothing_available():
    codes, error = refused(ModelNotFound, decided("ab", odd="ab"))
    assert codes == {"a/one": ["no_adapter"], "b/one": ["no_adapter"]}
    assert (
        error.message == "None of the endpoints of this model can be used here (no_adapter 2); each is listed with the reason. " + ELIGIBLE
    )
    assert error.metadata["relaxation"] is None
    codes, _ = refused(ModelNotFound, decided("ab", odd="ab", trains="a"))
    assert codes == {"a/one": ["training_by_default", "no_adapter"], "b/one": ["no_adapter"]}
    codes, _ = refused(ModelNotFound, decided("ab"), preference=Preference(max_price_input=0))
    assert codes == {"a/one": ["price_too_high"], "b/one": ["price_too_high"]}


def test_wishes_count_as_availability_for_the_denied_too():
    wish = Preference(max_price_input=0)
    codes, _ = refused(ModelNotFound, decided("ab", trains="a"), preference=wish)
    assert codes == {"a/one": ["training_by_default", "price_too_high"], "b/one": ["price_too_high"]}
    codes, _ = refused(NoEligibleEndpoint, decided("ab", trains="a"), preference=Preference(max_price_input=1.5))
    assert codes == {"a/one": ["training_by_default"], "b/one": ["price_too_high"]}


def test_abilities_count_as_availability_for_the_denied_too():
    facts, wish = Facts(uses=frozenset({"tools"})), Preference(require_parameters=True)
    codes, _ = refused(ModelNotFound, decided("a", trains="a"), preference=wish, facts=facts)
    assert codes == {"a/one": ["training_by_default", "parameters_unsupported"]}


def test_a_local_server_without_a_price_is_never_too_dear():
    item = provider("a", block("unknown"), kind="local")
    decision = decide(NO_TRAINING, MODEL, NO_FACTS, context([item], [endpoint("a", price=Price())]), None, NOW)
    codes, _ = refused(NoEligibleEndpoint, decision, preference=Preference(max_price_input=0))
    assert codes == {"a/one": ["training_unknown"]}


def test_tags_alone():
    facts = Facts(tags=frozenset({Tag.VISION}))
    codes, error = refused(NoEndpointForTags, decided("ab", facts=facts, odd="a"), facts=facts)
    assert codes == {"a/one": ["no_adapter", "tags_unmatched"], "b/one": ["tags_unmatched"]}
    assert error.message == "No available endpoint has every ability that `tags` asks for. Repeating does not help."
    assert error.metadata["relaxation"] is None
    codes, _ = refused(NoEndpointForTags, decided("a", facts=facts, trains="a"), facts=facts)
    assert codes == {"a/one": ["training_by_default", "tags_unmatched"]}
    refused(ModelNotFound, decided("ab", facts=facts, odd="ab"), facts=facts)


def test_a_model_that_does_something_else():
    embeds = {"operations": (Operation.EMBEDDINGS,)}
    codes, error = refused(ModelNotFound, decided("ab", **embeds))
    assert codes == {"a/one": ["operation_unsupported"], "b/one": ["operation_unsupported"]}
    assert "POST /v1/embeddings" in error.message
    codes, error = refused(ModelNotFound, decided("ab", trains="a", odd="b", **embeds))
    assert codes == {"a/one": ["training_by_default", "operation_unsupported"], "b/one": ["no_adapter", "operation_unsupported"]}
    assert "POST /v1/embeddings" in error.message
    facts = PLAIN_FACTS[Operation.EMBEDDINGS]
    _, error = refused(ModelNotFound, decided("a", facts=facts), facts=facts)
    assert "No endpoint of this model makes embeddings." in error.message
    facts = Facts(tags=frozenset({Tag.VISION}))
    _, error = refused(ModelNotFound, decided("a", facts=facts, **embeds), facts=facts)
    assert "POST /v1/embeddings" in error.message
    _, error = refused(ModelNotFound, decided("a", **embeds), decided("a", odd="a", model="acme/two"))
    assert "each is listed with the reason" in error.message
    refused(NoEligibleEndpoint, decided("a", **embeds), decided("a", trains="a", model="acme/two"))


def test_a_setting_is_named_once_however_many_rules_are_of_it():
    keeps = {"a": kept("limited", 30), "b": kept("indefinite"), "c": kept("unknown")}
    ends = [provider(name, block("by_default" if name == "c" else "never", keeps[name])) for name in keeps]
    requirement = merge([(Layer.KEY, Settings(retention_days=0, training_allowed=False))], DEFAULT_PRESETS)
    _, error = refused(NoEligibleEndpoint, decide(requirement, MODEL, NO_FACTS, context(ends), None, NOW))
    assert "Denied by `retention_days` set by key (3), `training_allowed` set by key (1). " in error.message


def test_nothing_permitted_lists_every_endpoint_rule_and_layer_and_the_smallest_relaxation():
    codes, error = refused(NoEligibleEndpoint, decided("ab", trains="ab", odd="b"))
    assert codes == {"a/one": ["training_by_default"], "b/one": ["training_by_default", "no_adapter"]}
    assert error.message == (
        "The data policy in force permits none of the available endpoints. Nothing was sent. "
        "Denied by `training_allowed` set by account and key (1). "
        "Each endpoint is listed with the rule that denied it and the layer that set the rule; "
        "`metadata.relaxation` names the smallest change that would permit one."
    )
    assert error.metadata["endpoints"][0] == {
        "endpoint": "a/one",
        "provider": "a",
        "model": MODEL,
        "reasons": [
            {
                "code": "training_by_default",
                "kind": "policy",
                "setting": "training_allowed",
                "layers": ["account", "key"],
                "required": False,
                "actual": "by_default",
                "text": "The provider trains on what is sent.",
            }
        ],
    }
    assert error.metadata["endpoints"][1]["reasons"][1]["kind"] == "availability"
    assert error.metadata["relaxation"] == {
        "endpoint": "a/one",
        "changes": [{"setting": "training_allowed", "layers": ["account", "key"], "now": False, "needed": True}],
    }
    assert msgspec.json.decode(msgspec.json.encode(error.metadata)) == error.metadata


def test_what_policy_alone_rules_out_is_listed_before_what_cannot_be_used_here_anyhow():
    codes, _ = refused(NoEligibleEndpoint, decided("abcd", trains="abcd", odd="ac"))
    assert list(codes) == ["b/one", "d/one", "a/one", "c/one"]


def test_nothing_permitted_and_nothing_to_relax():
    where = context([], [endpoint("nobody")])
    _, error = refused(NoEligibleEndpoint, decide(NO_TRAINING, MODEL, NO_FACTS, where, None, NOW))
    assert error.metadata["relaxation"] is None


def test_all_circuits_open():
    decision = decided("abc", trains="c")
    codes, error = refused(Overloaded, decision, health={"a/one": OPEN, "b/one": OPEN})
    assert codes == {"c/one": ["training_by_default"], "a/one": ["circuit_open"], "b/one": ["circuit_open"]}
    assert error.message == "Every permitted endpoint failed recently and is not tried for a while. Try again later."
    assert error.metadata["relaxation"] is None
    assert error.metadata["endpoints"][1]["reasons"][0] == {
        "code": "circuit_open",
        "kind": "availability",
        "setting": None,
        "layers": [],
        "required": None,
        "actual": None,
        "text": "The endpoint failed repeatedly and is not tried for a while.",
    }


def test_what_was_dropped_says_why():
    decision = decided("ab")
    candidates, dropped = sift([decision], Preference(allow_fallbacks=False), NO_FACTS, {})
    assert [item.endpoint.id for item in candidates] == ["a/one"]
    (denial,) = dropped
    assert (denial.reasons[0].text, denial.policy) == (
        "`allow_fallbacks: false` leaves only the first endpoint.",
        decision.permitted[1].policy,
    )
    assert denial.permitted_by_policy
    _, dropped = sift([decided("abc")], Preference(allow_fallbacks=False, max_price_input=2), NO_FACTS, {"a/one": OPEN})
    assert [[reason.code.value for reason in denial.reasons] for denial in dropped] == [["price_too_high"], ["not_preferred"]]
    unpriced = context([provider(kind="local")], [endpoint(price=Price())])
    local = decide(UNCONSTRAINED, MODEL, NO_FACTS, unpriced, None, NOW)
    assert sift([local], Preference(max_price_input=0), NO_FACTS, {})[0]
    local = decide(UNCONSTRAINED, MODEL, NO_FACTS, context([provider(kind="local")]), None, NOW)
    assert sift([local], NO_PREFERENCE, NO_FACTS, {"p/one": OPEN})[1][0].local
    assert not denial.local


states = st.none() | st.builds(EndpointHealth, st.none() | st.floats(0, 60), st.none() | st.floats(0, 500), st.floats(0, 1), st.booleans())


@given(
    st.lists(st.text("abc", max_size=3), min_size=1, max_size=3),
    st.dictionaries(st.sampled_from("abc"), states.filter(bool)),
    st.builds(
        Preference,
        st.lists(st.sampled_from("abc"), unique=True).map(tuple),
        st.none() | st.sampled_from(Sort),
        st.booleans(),
        st.none() | st.sampled_from([0.5, 2.5]),
    ),
)
@settings(max_examples=200, deadline=None)
def test_a_route_holds_only_permitted_candidates_each_once(trains, health, preference):
    decisions = [decided("abc", trains=some, model=f"acme/m{place}") for place, some in enumerate(trains)]
    permitted = [candidate for decision in decisions for candidate in decision.permitted]
    by_id = {f"{name}/m{place}": state for name, state in health.items() for place in range(3)}
    route = refusal = None
    try:
        route = rank(decisions, preference, NO_FACTS, by_id)
    except (ModelNotFound, NoEligibleEndpoint, Overloaded) as error:
        refusal = error
    if route is None:
        assert len(refusal.metadata["endpoints"]) == 3 * len(decisions)
        return
    assert route.candidates
    assert all(candidate in permitted for candidate in route.candidates)
    assert len(set(order(route))) == len(route.candidates)
    assert not any(by_id.get(name, EndpointHealth()).circuit_open for name in order(route))
