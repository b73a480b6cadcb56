"""What a requirement leaves of the catalogue, against counting by hand and against `decide` itself."""

import datetime as dt

import pytest

from anyapi.catalogue.load import load_catalogue
from anyapi.config import load_config, policy_context
from anyapi.domain.call import PLAIN_FACTS
from anyapi.domain.catalogue import Operation, Status
from anyapi.domain.requirement import DataClass, Layer, Requirement, Settings
from anyapi.policy.availability import asked_of
from anyapi.policy.decide import decide
from anyapi.policy.merge import DEFAULT_PRESETS, merge
from anyapi.policy.preview import left
from anyapi.upstream.adapters import SERVED_EMBEDDINGS, SERVED_PROTOCOLS

NOW = dt.datetime(2026, 11, 27, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def context():
    environment = {"HOME": "/", "OPENAI_API_KEY": "sk-test-0123456789", "ANTHROPIC_API_KEY": "sk-test-0123456789"}
    config = load_config(None, environment, NOW)
    return policy_context(config, load_catalogue(), SERVED_PROTOCOLS, SERVED_EMBEDDINGS)


def requirement(**settings):
    return merge([(Layer.REQUEST, Settings(**settings))], DEFAULT_PRESETS)


def test_nothing_asked_leaves_everything(context):
    found = left(Requirement(), context, None, NOW.timestamp())
    models = context.catalogue.models
    assert found.permitted == {name: len(model.endpoints) for name, model in models.items()}
    assert found.denied_by == {}
    assert set(found.usable) == {
        name
        for name, model in models.items()
        if any(endpoint.provider in {"openai", "anthropic"} and endpoint.status is not Status.RETIRED for endpoint in model.endpoints)
    }


@pytest.mark.parametrize("asked", [{"retention_days": 0.0}, {"training_allowed": False}, {"data_class": DataClass.CONFIDENTIAL}])
def test_it_agrees_with_the_decision_about_each_model(context, asked):
    wanted, now = requirement(**asked), NOW.timestamp()
    found = left(wanted, context, None, now)
    assert 0 < len(found.permitted) < len(context.catalogue.models)
    for name, model in context.catalogue.models.items():
        decision = decide(wanted, name, PLAIN_FACTS[asked_of((model,))], context, None, now)
        by_policy = [denial for denial in decision.denied if denial.permitted_by_policy]
        assert found.permitted.get(name, 0) == len(decision.permitted) + len(by_policy)
        assert found.usable.get(name, 0) == len(decision.permitted)
    assert set(found.cheapest) <= set(found.usable)
    assert set(found.cheapest) <= set(found.listed) <= set(found.permitted)
    assert all(price > 0 for price in [*found.cheapest.values(), *found.listed.values()])


def test_the_cheapest_answer_is_no_embedding_and_has_a_credential(context):
    found = left(Requirement(), context, None, NOW.timestamp())
    embedding = {name for name, model in context.catalogue.models.items() if asked_of((model,)) is Operation.EMBEDDINGS}
    assert embedding & set(found.usable), "there are some, also with a credential"
    assert not embedding & {*found.cheapest, *found.listed}

    def prices(*providers):
        ends = [
            endpoint for model in context.catalogue.models.values() for endpoint in model.endpoints if endpoint.status is not Status.RETIRED
        ]
        chats = [one.price for one in ends if Operation.CHAT_COMPLETIONS in one.operations and (not providers or one.provider in providers)]
        return [price.input + price.output for price in chats if price.input and price.output]

    assert min(found.cheapest.values()) == min(prices("openai", "anthropic")) > min(prices()) == min(found.listed.values())


def test_asking_more_never_leaves_more(context):
    now = NOW.timestamp()
    some, more = (left(requirement(**asked), context, None, now) for asked in ({"retention_days": 30.0}, {"retention_days": 0.0}))
    assert set(more.permitted) <= set(some.permitted)
    assert more.providers <= some.providers
    assert all(more.permitted[name] <= some.permitted[name] for name in more.permitted)


def test_the_reasons_are_those_of_policy_alone(context):
    found = left(requirement(providers_only=frozenset({"openai"})), context, None, NOW.timestamp())
    assert set(found.denied_by) == {"provider_not_in_only"}
    assert found.providers == {"openai"}
