"""What counts as loosening: everything that is not plainly stricter or only shown. Held against decisions in tests/policy/test_review_first.py."""

import datetime as dt

import msgspec
import pytest
from tests.unit.policy.samples import block, endpoint, kept, provenance, provider

from anyapi.domain.catalogue import Capabilities, Override, PolicyException, Price, Selector, Status
from anyapi.policy.loosening import endpoint_loosened, later, provider_facts, provider_loosened

DAY = dt.date(2026, 11, 24)
BASE = provider(
    policy=block("opt_out", kept("limited", 30), "contract", "unknown"),
    record=provenance("secondary", verified_at=DAY),
    certifications=("soc2",),
    regions=("us",),
)


def changed(**fields):
    return msgspec.structs.replace(BASE, **fields)


def facts(**fields):
    return changed(policy=msgspec.structs.replace(BASE.policy, **fields))


def source(**fields):
    return changed(provenance=msgspec.structs.replace(BASE.provenance, **fields))


EXCEPTION = PolicyException(Selector(models=("*",)), Override())
LOOSER = {
    "training": facts(training=block().training),
    "retention": facts(retention=kept("limited", 7)),
    "retention zero": facts(retention=kept("zero")),
    "review": facts(human_review=block().human_review),
    "zero retention": facts(zero_retention=block().zero_retention),
    "free tier": changed(free_tier=block()),
    "exceptions": changed(exceptions=(EXCEPTION,)),
    "certifications": changed(certifications=("soc2", "iso27001")),
    "certifications gone": changed(certifications=()),
    "regions": changed(regions=("us", "de")),
    "storage": changed(storage_regions=("us",)),
    "confidence": source(confidence=provenance().confidence),
    "kind": changed(kind=provider(kind="local").kind),
}
NOT = {
    "same": BASE,
    "trains": facts(training=block("by_default").training),
    "kept longer": facts(retention=kept("limited", 31)),
    "kept for ever": facts(retention=kept("unknown")),
    "read by people": facts(human_review=block(human_review="unknown").human_review),
    "less sure": source(confidence=provenance("none").confidence),
    "third party": source(secondary_fields=("training",)),
    "checked later": source(verified_at=DAY + dt.timedelta(days=1)),
    "good until": source(valid_until=DAY + dt.timedelta(days=900)),
    "good until, and trains": msgspec.structs.replace(
        facts(training=block("by_default").training), provenance=provenance("secondary", valid_until=DAY)
    ),
    "checked earlier": source(verified_at=DAY - dt.timedelta(days=1)),
    "name": changed(name="Other", notes="words", terms_url="https://x.test"),
    "purpose": facts(retention=kept("limited", 30, "abuse")),
    "source": source(source_url="https://x.test", source_date="2026-11-01", evidence="words"),
    "order": changed(certifications=("soc2",)),
}


@pytest.mark.parametrize("name", LOOSER)
def test_a_provider_that_may_admit_more(name):
    assert provider_loosened(BASE, LOOSER[name], expired=False)
    assert provider_loosened(BASE, LOOSER[name], expired=True)
    later_too = msgspec.structs.replace(LOOSER[name].provenance, verified_at=DAY + dt.timedelta(days=1))
    assert provider_loosened(BASE, msgspec.structs.replace(LOOSER[name], provenance=later_too), expired=False), (
        "a later check hides no change"
    )


@pytest.mark.parametrize("name", NOT)
def test_a_provider_that_cannot(name):
    assert not provider_loosened(BASE, NOT[name], expired=False)


@pytest.mark.parametrize("name", NOT)
def test_of_a_record_that_had_expired_any_later_date_brings_the_facts_back(name):
    before, after = BASE.provenance, NOT[name].provenance
    comes_back = (before.verified_at, before.valid_until) != (after.verified_at, after.valid_until) and name != "checked earlier"
    assert provider_loosened(BASE, NOT[name], expired=True) is comes_back


def test_records_that_differ_by_what_is_shown_or_by_dates_alone():
    checked = source(verified_at=DAY + dt.timedelta(days=1), valid_until=DAY + dt.timedelta(days=9), source_url="https://x.test")
    assert provider_facts(BASE, dated=False) == provider_facts(checked, dated=False)
    assert provider_facts(BASE) != provider_facts(checked)
    assert provider_facts(BASE, dated=False) != provider_facts(source(confidence=provenance().confidence), dated=False)


def test_a_new_record_may_always():
    assert provider_loosened(None, BASE, expired=False)
    assert endpoint_loosened(None, endpoint())


@pytest.mark.parametrize(
    ("field", "loosens"),
    [
        ({"region": "de"}, True),
        ({"upstream_model": "other"}, True),
        ({"privacy_mode": "routed"}, True),
        ({"model": "acme/two"}, True),
        ({"free": True}, False),
        ({"status": Status.RETIRED}, False),
        ({"status": Status.DEPRECATED}, False),
        ({"price": Price(0.1, 0.1), "context_length": 1_000_000, "capabilities": Capabilities(vision=True)}, False),
    ],
)
def test_an_endpoint(field, loosens):
    before = endpoint()
    assert endpoint_loosened(before, msgspec.structs.replace(before, **field)) is loosens


def test_an_endpoint_that_is_no_longer_free_or_no_longer_retired_may_be_permitted():
    assert endpoint_loosened(endpoint(free=True), endpoint())
    assert endpoint_loosened(endpoint(status=Status.RETIRED), endpoint())


def test_later():
    bare, dated, until = provenance(), provenance(verified_at=DAY), provenance(valid_until=DAY)
    assert later(bare, dated)
    assert later(dated, bare)
    assert later(dated, until)
    assert not later(dated, dated)
    assert not later(until, until)
    assert later(until, provenance(valid_until=DAY + dt.timedelta(days=1)))
