"""Facts in force, and until when."""

import datetime as dt
import math

import pytest
from tests.unit.policy.samples import COMPILED, NOW, at, block, context, credential, endpoint, kept, provenance, provider

from anyapi.domain.call import NO_FACTS, Facts
from anyapi.domain.catalogue import Override, PolicyException, Selector
from anyapi.domain.data_policy import HumanReview, Training, ZeroRetention
from anyapi.domain.snapshot import Agreement
from anyapi.policy.resolve import resolve


def resolved(item=None, key="paid", *, now=NOW, where=None, account=None, facts=NO_FACTS, **fields):
    item = item or provider()
    key = credential(tier=key) if isinstance(key, str) else key
    where = where or endpoint()
    return resolve(where, item, key, account, facts, context([item], [where], [], **fields), now)


def test_a_plain_record():
    record = provenance("primary", source_url="u", source_date="2025", verified_at=dt.date(2026, 11, 1))
    item = provider(
        policy=block(secondary_use=("x",)),
        record=record,
        certifications=("soc2", "hipaa-baa", "gdpr-dpa"),
        regions=("eu",),
        storage_regions=("eu", "us"),
    )
    policy, valid_until, local, free_tier = resolved(item)
    assert (policy.training, policy.retention, policy.human_review, policy.zero_retention) == ("never", kept(), "no", "default")
    assert (policy.training_confidence, policy.retention_confidence, policy.secondary_use) == ("primary", "primary", ("x",))
    assert (policy.certifications, policy.contract_certifications) == ({"soc2"}, {"hipaa-baa", "gdpr-dpa"})
    assert (policy.regions, policy.storage_regions) == ({"eu"}, {"eu", "us"})
    assert (policy.source_url, policy.source_date, policy.verified_at) == ("u", "2025", dt.date(2026, 11, 1))
    assert (policy.grade, policy.agreements, policy.expired, policy.flagged_retention) == ("declared", (), False, None)
    assert policy.valid_until == dt.date(2027, 4, 30)
    assert (valid_until, local, free_tier) == (at(2027, 4, 30), False, False)


def test_that_there_is_no_free_tier_is_known_no_longer_than_the_rest():
    end = at(2027, 5, 23)
    for item, free_tier in ((provider(), True), (provider(kind="local"), False)):
        before, after = resolved(item, now=end - 1), resolved(item, now=end)
        assert (before.policy.expired, before.free_tier, after.policy.expired, after.free_tier) == (False, False, True, free_tier)


def test_the_instant_a_record_ends_it_is_expired():
    item = provider(certifications=("soc2", "hipaa-baa"), regions=("eu",), storage_regions=("us",))
    end = at(2027, 5, 23)
    assert not resolved(item, now=end - 0.001).policy.expired
    policy, valid_until, _, _ = resolved(item, now=end)
    assert policy.expired
    assert (policy.training, policy.retention, policy.human_review) == ("unknown", kept("unknown"), "unknown")
    assert (policy.training_confidence, policy.retention_confidence) == ("none", "none")
    assert (policy.certifications, policy.contract_certifications, policy.regions) == (set(), set(), set())
    assert policy.storage_regions == {"us"}
    assert policy.zero_retention == "default"
    assert policy.verified_at == COMPILED
    assert valid_until == math.inf


def test_expiry_empties_the_regions_that_endpoint_and_credential_name_too():
    key = credential(region="eu")
    assert resolved(key=key, where=endpoint(region="us"), now=at(2027, 5, 23)).policy.regions == set()


def test_a_span_that_is_no_number_expires_and_a_huge_one_has_no_day():
    assert resolved(span_days=math.nan).policy.expired
    assert resolved(span_days=math.nan).policy.valid_until is None
    huge = resolved(span_days=1e9)
    assert (huge.policy.expired, huge.policy.valid_until) == (False, None)
    assert huge.valid_until > NOW
    assert resolved(span_days=10.5).policy.valid_until == dt.date(2026, 12, 4)
    last = provenance(valid_until=dt.date.max)
    assert resolved(provider(record=last)).policy.valid_until == dt.date.max
    days = (dt.date.max - COMPILED).days
    assert resolved(span_days=days + 0.5).policy.valid_until == dt.date.max
    assert resolved(span_days=days + 1).policy.valid_until is None


@pytest.mark.parametrize(
    ("where", "key", "listed", "kind", "regions"),
    [
        (endpoint(region="us"), credential(region="eu"), ("sg",), "host", {"us"}),
        (endpoint(region="global"), credential(region="eu"), ("sg",), "host", {"sg", "eu"}),
        (endpoint(region="global"), credential(region="eu"), (), "host", set()),
        (endpoint(), credential(region="eu"), ("sg",), "host", {"eu"}),
        (endpoint(region="global"), credential(), ("sg", "us"), "host", {"sg", "us"}),
        (endpoint(), None, ("sg",), "host", {"sg"}),
        (endpoint(), credential(), (), "host", set()),
        (endpoint(), credential(), (), "local", {"local"}),
        (endpoint(), None, (), "local", {"local"}),
        (endpoint(), credential(), ("de",), "local", {"de"}),
        (endpoint(), credential(region="fr"), (), "local", {"fr"}),
    ],
)
def test_where_inference_happens(where, key, listed, kind, regions):
    item = provider(kind=kind, regions=listed)
    assert resolve(where, item, key, None, NO_FACTS, context([item]), NOW).policy.regions == regions


def test_local_and_forwarding():
    assert resolved(provider(kind="local")).local
    forward = PolicyException(Selector(), Override(same_as_provider="nobody"))
    policy, _, local, free_tier = resolved(provider(kind="local", exceptions=(forward,)))
    assert (local, free_tier, policy.regions, policy.training) == (False, True, set(), "unknown")
    shown = PolicyException(Selector(), Override(allowed_data="none"))
    assert resolved(provider(exceptions=(shown,))).policy.restrictions == ("allowed data: none",)


def test_without_a_credential_the_tier_is_undeclared():
    item = provider(free_tier=block("by_default"))
    assert resolved(item, None).policy.training is Training.BY_DEFAULT
    assert resolved(item, "paid").policy.training is Training.NEVER
    assert resolved(item).free_tier


def test_facts_of_the_request_reach_the_selectors():
    item = provider(exceptions=(PolicyException(Selector(features=("google-search-grounding",)), Override(retention=kept("limited", 30))),))
    assert resolved(item).policy.retention == kept()
    assert resolved(item, facts=Facts(web_search=True)).policy.retention == kept("limited", 30)
    flagged = provider(exceptions=(PolicyException(Selector(features=("flagged-content",)), Override(retention=kept("limited", 9))),))
    assert resolved(flagged).policy.flagged_retention == kept("limited", 9)


def agreement(since=(2026, 12, 1), until=(2027, 2, 1), **fields):
    return Agreement(fields.pop("id", "agr"), "p", "ops", "doc", dt.date(*since), dt.date(*until), **fields)


def test_agreements_come_after_expiry_and_are_applied_in_file_order():
    old = provider(record=provenance(valid_until=dt.date(2026, 1, 1)))
    agreements = (
        agreement(id="one", training=Training.NEVER, retention=kept("limited", 7), regions=frozenset({"us"})),
        agreement(id="two", retention=kept("limited", 9)),
        agreement(id="late", since=(2026, 12, 20), human_review=HumanReview.NO),
    )
    policy, valid_until, _, _ = resolved(old, agreements=agreements)
    assert (policy.expired, policy.training, policy.retention, policy.human_review) == (True, "never", kept("limited", 9), "unknown")
    assert (policy.training_confidence, policy.retention_confidence, policy.regions) == ("contracted", "contracted", {"us"})
    assert (policy.agreements, policy.grade) == (("one", "two"), "contracted")
    assert valid_until == at(2026, 12, 20)


def test_valid_until_is_the_next_boundary_of_all_that_cover():
    assert resolved(agreements=(agreement(human_review=HumanReview.NO),)).valid_until == at(2027, 2, 1)
    assert resolved(agreements=(agreement(accounts=frozenset({"a"})),)).valid_until == at(2027, 5, 23)
    assert resolved(agreements=(agreement(accounts=frozenset({"a"})),), account="a").valid_until == at(2027, 2, 1)
    assert resolved(agreements=(agreement(since=(2026, 12, 2)),)).valid_until == at(2026, 12, 2)
    assert resolved(agreements=(agreement(since=(2026, 12, 2)),), now=at(2026, 12, 2)).valid_until == at(2027, 2, 1)
    far = provider(record=provenance(valid_until=dt.date(2026, 12, 3)))
    assert resolved(far, agreements=(agreement(),)).valid_until == at(2026, 12, 3)


def test_an_agreement_does_not_override_a_refusal_by_an_exception():
    no = PolicyException(Selector(), Override(zero_retention=ZeroRetention.NO, retention=kept("limited", 30)))
    item = provider(exceptions=(no,))
    assert resolved(item, agreements=(agreement(retention=kept("zero")),)).policy.retention == kept("limited", 30)
    base = provider(policy=block(retention=kept("limited", 30), zero_retention="no"))
    assert resolved(base, agreements=(agreement(retention=kept("zero")),)).policy.retention == kept("zero")
