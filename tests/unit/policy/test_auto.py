"""What `anyapi/auto` may choose among, what rules an endpoint out besides policy, and the order. The sentences of docs/routing.md."""

import pytest
from tests.unit.policy.samples import NOW, block, context, credential, endpoint, provider

from anyapi.domain.call import NO_FACTS, NO_PREFERENCE, Choice, Facts, Preference, Sort, Tag
from anyapi.domain.catalogue import Capabilities, Operation, Price, Status
from anyapi.domain.decision import EndpointHealth
from anyapi.domain.ids import AUTO
from anyapi.domain.requirement import Layer, Settings
from anyapi.errors import ModelNotFound, NoEligibleEndpoint, NoEndpointForTags, Overloaded
from anyapi.policy.auto import UNRECORDED_CONTEXT, everything, preference_in, unsuited
from anyapi.policy.decide import decide
from anyapi.policy.merge import DEFAULT_PRESETS, UNCONSTRAINED, merge
from anyapi.policy.rank import MOST_LISTED, rank

ABLE = Capabilities(tools=True)
NO_TRAINING = merge([(Layer.KEY, Settings(training_allowed=False))], DEFAULT_PRESETS)


def end(name, slug="one", dollars=1.0, **fields):
    fields.setdefault("capabilities", ABLE)
    fields.setdefault("price", Price(dollars, 0.0))
    return endpoint(name, f"acme/{slug}", **fields)


def where(*ends, trains="", credentials=None, **fields):
    names = dict.fromkeys(one.provider for one in ends)
    items = [provider(name, block("by_default" if name in trains else "never")) for name in names]
    return context(items, list(ends), credentials, **fields)


def chosen(place, *, requirement=UNCONSTRAINED, facts=NO_FACTS, preference=NO_PREFERENCE, health=None, models=(AUTO,), account=None):
    decisions = [decide(requirement, model, facts, place, account, NOW) for model in models]
    return [candidate.endpoint.id for candidate in rank(decisions, preference, facts, health or {}).candidates]


def codes(item, facts):
    return [reason.code.value for reason in unsuited(item, facts)]


def test_it_is_every_chat_endpoint_that_a_credential_is_for_and_nothing_retired():
    both = end("a", "both", operations=tuple(Operation))
    place = where(
        end("a"), both, end("a", "vectors", operations=(Operation.EMBEDDINGS,)), end("a", "gone", status=Status.RETIRED), end("b"), end("c"),
        credentials=[credential("a"), credential("b")],
    )  # fmt: skip
    record = everything(place)
    assert (record.id, record.author) == ("anyapi/auto", "anyapi")
    assert [one.id for one in record.endpoints] == ["a/one", "b/one", "a/both"]


def test_an_accounts_own_credential_adds_to_its_own_choice_alone():
    own = {"acme": {"b": (credential("b", "own:1", account="acme"),)}}
    place = where(end("a"), end("b", dollars=0.5), credentials=[credential("a")], own_credentials=own)
    assert chosen(place, account="acme") == ["b/one", "a/one"]
    assert chosen(place, account="other") == chosen(place) == ["a/one"]


def test_the_cheapest_comes_first_over_all_models():
    place = where(end("a", "one", 3), end("b", "two", 1), end("a", "two", 2), end("c", "three", 2))
    assert chosen(place) == ["b/two", "a/two", "c/three", "a/one"]


def test_an_unknown_price_counts_as_the_dearest():
    place = where(end("a", price=Price()), end("b", dollars=2), end("c", dollars=5))
    assert chosen(place) == ["b/one", "a/one", "c/one"]


def test_health_decides_only_between_equal_prices():
    slow = EndpointHealth(latency=9.0, error_rate=0.5)
    place = where(end("a", dollars=1), end("b", dollars=2), end("c", dollars=2))
    assert chosen(place, health={"a/one": slow, "b/one": slow, "c/one": EndpointHealth(latency=0.1)}) == ["a/one", "c/one", "b/one"]
    assert chosen(place, health={"a/one": EndpointHealth(circuit_open=True)}) == ["b/one", "c/one"]


def test_what_cannot_call_tools_and_what_ranks_last_come_after_all_others():
    place = where(
        end("a", dollars=0, capabilities=Capabilities()),
        end("b", dollars=0.1, status=Status.DEPRECATED),
        end("c", dollars=0.2, status=Status.UNVERIFIED),
        end("d", dollars=0, capabilities=Capabilities(), status=Status.DEPRECATED),
        end("e", dollars=9),
    )
    assert chosen(place) == ["e/one", "a/one", "b/one", "c/one", "d/one"]


def test_what_is_deprecated_or_unverified_comes_after_what_cannot_call_tools_whatever_it_costs():
    place = where(
        end("a", dollars=1, status=Status.DEPRECATED),
        end("b", dollars=2, status=Status.UNVERIFIED),
        end("c", dollars=9, capabilities=Capabilities()),
        end("d", dollars=0, status=Status.UNVERIFIED, capabilities=Capabilities()),
        end("e", dollars=8, capabilities=Capabilities()),
    )
    assert chosen(place) == ["e/one", "c/one", "a/one", "b/one", "d/one"]
    quick = {"a/one": EndpointHealth(latency=0.1), "e/one": EndpointHealth(latency=9.0), "c/one": EndpointHealth(latency=0.2)}
    assert chosen(place, preference=Preference(sort=Sort.LATENCY), health=quick)[:3] == ["c/one", "e/one", "a/one"]
    assert chosen(place, preference=Preference(order=("b", "c")))[:4] == ["c/one", "e/one", "b/one", "a/one"]


@pytest.mark.parametrize(
    ("preference", "order"),
    [
        (Preference(sort=Sort.LATENCY), ["c/one", "b/one", "a/one"]),
        (Preference(sort=Sort.THROUGHPUT), ["b/one", "a/one", "c/one"]),
        (Preference(sort=Sort.PRICE), ["a/one", "b/one", "c/one"]),
        (Preference(order=("c",)), ["c/one", "a/one", "b/one"]),
        (Preference(max_price_input=2.0), ["a/one", "b/one"]),
        (Preference(allow_fallbacks=False), ["a/one"]),
    ],
)
def test_the_callers_preference_holds(preference, order):
    place = where(end("a", dollars=1), end("b", dollars=2), end("c", dollars=3))
    health = {"b/one": EndpointHealth(latency=0.5, throughput=80.0), "c/one": EndpointHealth(latency=0.2)}
    assert chosen(place, preference=preference, health=health) == order


def test_only_this_name_goes_by_price_alone():
    assert preference_in("acme/one", NO_PREFERENCE) is NO_PREFERENCE
    assert preference_in(AUTO, NO_PREFERENCE).sort is Sort.PRICE
    assert preference_in(AUTO, Preference(sort=Sort.LATENCY)).sort is Sort.LATENCY


@pytest.mark.parametrize(
    ("abilities", "lacks"),
    [
        (Capabilities(), True),
        (Capabilities(tools=True), True),
        (Capabilities(tools=True, vision=True), False),
        (Capabilities(tools=True, vision=True, streaming=False), False),
    ],
)
def test_an_ability_that_is_not_recorded_rules_out(abilities, lacks):
    facts = Facts(uses=frozenset({"tools", "vision"}))
    assert codes(end("a", capabilities=abilities), facts) == (["parameters_unsupported"] if lacks else [])


@pytest.mark.parametrize(
    ("prompt", "answer", "context_length", "most", "short"),
    [
        (8000, 192, 8192, None, False),
        (8000, 193, 8192, None, True),
        (8193, 0, 8192, None, True),
        (UNRECORDED_CONTEXT, 0, None, None, False),
        (UNRECORDED_CONTEXT, 1, None, None, True),
        (10, 4096, 8192, 4096, False),
        (10, 4097, 8192, 4096, True),
    ],
)
def test_prompt_and_answer_have_to_fit(prompt, answer, context_length, most, short):
    item = end("a", context_length=context_length, max_output_tokens=most)
    assert codes(item, Facts(choice=Choice(prompt, answer))) == (["context_too_short"] if short else [])


def test_only_the_choice_is_ruled_by_what_is_needed():
    """A model that the caller names is not: its provider may know better than our record."""
    place = where(end("a", context_length=100))
    facts = Facts(uses=frozenset({"vision"}), choice=Choice(1000, 0))
    assert chosen(place, facts=facts, models=("acme/one",)) == ["a/one"]
    with pytest.raises(ModelNotFound):
        chosen(place, facts=facts)


def test_a_model_that_is_named_and_could_be_chosen_is_tried_once():
    place = where(end("a", "one", 3), end("b", "two", 1))
    assert chosen(place, models=("acme/one", AUTO)) == ["a/one", "b/two"]
    assert chosen(place, models=(AUTO, "acme/one")) == ["b/two", "a/one"]
    route = rank([decide(UNCONSTRAINED, AUTO, NO_FACTS, place, None, NOW)], NO_PREFERENCE, NO_FACTS, {})
    assert route.max_attempts == 2


def refusal(error, place, **asked):
    with pytest.raises(error) as caught:
        chosen(place, **asked)
    return caught.value


def test_a_policy_refusal_counts_every_reason_and_lists_the_nearest():
    ends = [end("bad", f"m{number}", number) for number in range(30)] + [end("good", "vision", capabilities=Capabilities())]
    error = refusal(NoEligibleEndpoint, where(*ends, trains=("bad",)), requirement=NO_TRAINING, facts=Facts(uses=frozenset({"tools"})))
    assert error.message == (
        "`anyapi/auto` chose none of 31 endpoints (training_by_default 30, parameters_unsupported 1). "
        "The data policy in force permits none of those that can serve the request. Nothing was sent. "
        "`reasons` counts the rules with the layers that set them; the nearest endpoints are listed."
    )
    assert len(error.metadata["endpoints"]) == MOST_LISTED
    assert error.metadata["left_out"] == 31 - MOST_LISTED
    assert error.metadata["reasons"] == [
        {"code": "training_by_default", "kind": "policy", "setting": "training_allowed", "layers": ("key",), "endpoints": 30},
        {"code": "parameters_unsupported", "kind": "availability", "setting": None, "layers": (), "endpoints": 1},
    ]
    assert error.metadata["relaxation"]["changes"][0]["setting"] == "training_allowed"


def test_other_refusals_are_as_short():
    place = where(end("a", capabilities=Capabilities(tools=True, streaming=False)))
    needing = refusal(ModelNotFound, place, facts=Facts(uses=frozenset({"vision"})))
    assert "(parameters_unsupported 1). None of them can do what the request needs" in needing.message
    tagged = refusal(NoEndpointForTags, place, facts=Facts(tags=frozenset({Tag.VISION})))
    assert "(tags_unmatched 1). None has every ability that `tags` asks for." in tagged.message
    resting = refusal(Overloaded, place, health={"a/one": EndpointHealth(circuit_open=True)})
    assert "(circuit_open 1). All that are permitted failed recently" in resting.message
    nobody = refusal(ModelNotFound, where(end("a"), credentials=[]))
    assert nobody.message.startswith("`anyapi/auto` chose none because no provider with a credential here serves chats. ")
    assert (nobody.metadata["endpoints"], nobody.metadata["left_out"], nobody.metadata["reasons"]) == ([], 0, [])


def test_a_reason_stands_once():
    """A wish and a need may be about the same thing, and so may the lower bound and the estimate of a prompt."""
    place = where(end("a", context_length=100))
    facts = Facts(uses=frozenset({"vision"}), least_tokens=128, choice=Choice(1000, 0))
    error = refusal(ModelNotFound, place, facts=facts, preference=Preference(require_parameters=True))
    assert [reason["code"] for reason in error.metadata["endpoints"][0]["reasons"]] == ["context_too_short", "parameters_unsupported"]


def test_a_typing_error_is_told_of_it():
    with pytest.raises(ModelNotFound) as caught:
        decide(UNCONSTRAINED, "anyapi/autos", NO_FACTS, where(end("a")), None, NOW)
    assert "anyapi/auto" in caught.value.metadata["similar"]
