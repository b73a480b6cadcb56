"""Review first, case by case. That it never permits more than before or now, tests/policy/test_review_first.py shows at large."""

import msgspec
import pytest
from tests.unit.policy.samples import NOW, context, provider

from anyapi.domain.call import NO_FACTS
from anyapi.domain.catalogue import Status
from anyapi.domain.data_policy import Retention, RetentionKind
from anyapi.domain.decision import ReasonCode
from anyapi.domain.requirement import Layer, Settings
from anyapi.domain.snapshot import Past
from anyapi.policy.decide import decide
from anyapi.policy.merge import merge
from anyapi.policy.past import earlier_states


def world():
    found = context([provider()])
    model = next(iter(found.catalogue.models.values()))
    return found, model, model.endpoints[0]


def codes(found, model, account="acme", **asked):
    requirement = merge([(Layer.ACCOUNT, Settings(**asked))], {})
    decision = decide(requirement, model.id, NO_FACTS, found, account, NOW)
    return {one.endpoint.id: {reason.code for reason in one.reasons} for one in decision.denied}


def held(found, past, account="acme"):
    return msgspec.structs.replace(found, held={account: (past,)})


def kept(provider, days):
    retention = Retention(RetentionKind.LIMITED, days)
    return msgspec.structs.replace(provider, policy=msgspec.structs.replace(provider.policy, retention=retention))


def test_a_new_endpoint_and_a_new_provider_are_denied_whatever_is_asked():
    found, model, endpoint = world()
    for past in (Past(endpoints={endpoint.id: None}), Past(providers={endpoint.provider: None})):
        assert ReasonCode.REVIEW_PENDING in codes(held(found, past), model)[endpoint.id]
        assert endpoint.id not in codes(held(found, past), model, account="other")
        assert endpoint.id not in codes(held(found, past), model, account=None)


def test_only_what_was_denied_before_waits():
    found, model, endpoint = world()
    past = Past(providers={endpoint.provider: kept(found.catalogue.providers[endpoint.provider], 400.0)})
    assert endpoint.id not in codes(held(found, past), model)
    assert codes(held(found, past), model, retention_days=365.0).get(endpoint.id) == {ReasonCode.REVIEW_PENDING}


def test_what_is_denied_anyway_says_why_and_not_that_it_waits():
    found, model, endpoint = world()
    past = Past(providers={endpoint.provider: None})
    reasons = codes(held(found, past), model, providers_only=frozenset())[endpoint.id]
    assert reasons == {ReasonCode.PROVIDER_NOT_IN_ONLY}


def test_an_endpoint_that_comes_back_waits_and_one_that_is_gone_does_not():
    found, model, endpoint = world()
    past = Past(endpoints={endpoint.id: msgspec.structs.replace(endpoint, status=Status.RETIRED)})
    assert ReasonCode.REVIEW_PENDING in codes(held(found, past), model)[endpoint.id]
    gone = msgspec.structs.replace(model, endpoints=tuple(msgspec.structs.replace(one, status=Status.RETIRED) for one in model.endpoints))
    catalogue = msgspec.structs.replace(found.catalogue, models={**found.catalogue.models, model.id: gone})
    still = held(msgspec.structs.replace(found, catalogue=catalogue), past)
    assert ReasonCode.REVIEW_PENDING not in codes(still, model)[endpoint.id]


@pytest.mark.parametrize("account", [None, "other"])
def test_nothing_is_looked_up_for_those_who_have_nothing_to_accept(account):
    found, _, endpoint = world()
    assert earlier_states(held(found, Past(endpoints={endpoint.id: None})), account) == ()
    assert earlier_states(found, "acme") == ()


def test_a_record_that_cannot_be_judged_denies():
    found, model, endpoint = world()
    broken = msgspec.structs.replace(found.catalogue.providers[endpoint.provider], policy=None)
    assert codes(held(found, Past(providers={endpoint.provider: broken})), model)[endpoint.id] == {ReasonCode.JUDGING_FAILED}
