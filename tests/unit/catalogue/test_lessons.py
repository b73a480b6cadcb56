"""The 14 policies met in the wild (docs/catalogue.md): each has a record or a field that expresses it."""

import pytest

from anyapi.catalogue.load import load_catalogue
from anyapi.catalogue.policy_record import read_retention
from anyapi.catalogue.reading import Problems, Table
from anyapi.domain.catalogue import Endpoint, Override, Provider, Selector
from anyapi.domain.data_policy import Confidence, HumanReview, PolicyBlock, Retention, RetentionKind, Training, ZeroRetention
from anyapi.domain.snapshot import Agreement, Credential, Tier


@pytest.fixture(scope="module")
def providers():
    return load_catalogue().providers


@pytest.fixture(scope="module")
def endpoints():
    return {endpoint.id: endpoint for model in load_catalogue().models.values() for endpoint in model.endpoints}


def exception(provider: Provider, selector: Selector):
    return next(found for found in provider.exceptions if found.applies_to == selector)


def test_1_a_model_excepted_inside_a_provider(providers):
    covered = Selector(models=("anthropic/claude-fable-5", "anthropic/claude-fable-5.1"))
    for name in ("anthropic", "amazon-bedrock", "google-vertex", "azure"):
        override = exception(providers[name], covered).override
        assert (override.retention.kind, override.retention.days) == (RetentionKind.LIMITED, 30)
        assert override.zero_retention is ZeroRetention.NO
    assert exception(providers["mistral"], Selector(endpoint_models=("labs-*",))).override.training is Training.BY_DEFAULT
    assert exception(providers["meta"], Selector(endpoint_models=("*-contributor",))).override.training is Training.BY_DEFAULT


def test_2_another_processor_behind_the_same_address(providers):
    assert exception(providers["azure"], Selector(models=("anthropic/*",))).override.retention.kind is RetentionKind.UNKNOWN
    assert exception(providers["deepinfra"], Selector(models=("google/gemini-*", "anthropic/*"))).override.training is Training.UNKNOWN
    assert exception(providers["venice"], Selector(endpoint_privacy_mode=("anonymized",))).override.training is Training.UNKNOWN
    assert exception(providers["ollama"], Selector(endpoint_models=("*:cloud", "*-cloud"))).override.same_as_provider == "ollama-cloud"


def test_3_all_traffic_and_flagged_traffic_have_their_own_clocks(providers):
    anthropic = providers["anthropic"]
    flagged = exception(anthropic, Selector(features=("flagged-content",))).override.retention
    assert (flagged.kind, flagged.days) == (RetentionKind.COMPLIANCE, 730)
    assert anthropic.policy.retention.days == 30
    assert providers["scaleway"].policy.retention.kind is RetentionKind.COMPLIANCE
    assert providers["scaleway"].policy.zero_retention is ZeroRetention.DEFAULT


def test_4_safety_retention_is_an_account_state_that_the_credential_declares(providers):
    openai = providers["openai"]
    imposed = exception(openai, Selector(account=("safety-retention",))).override
    assert (imposed.retention.kind, imposed.human_review) == (RetentionKind.COMPLIANCE, HumanReview.YES)
    assert exception(openai, Selector(account=("private-safety-processing",))).override.retention.kind is RetentionKind.ZERO
    assert Credential("c", "openai", account_states=frozenset({"safety-retention"})).account_states


def test_5_how_zero_retention_is_obtained_and_attested(providers):
    assert providers["groq"].policy.zero_retention is ZeroRetention.SELF_SERVE
    assert providers["openai"].policy.zero_retention is ZeroRetention.APPROVAL
    assert providers["anthropic"].policy.zero_retention is ZeroRetention.APPROVAL
    assert {provider.policy.zero_retention for provider in providers.values()} >= {
        ZeroRetention.DEFAULT,
        ZeroRetention.SELF_SERVE,
        ZeroRetention.APPROVAL,
        ZeroRetention.CONTRACT,
        ZeroRetention.UNKNOWN,
    }
    assert {"credentials", "accounts", "models", "attested_by", "document", "valid_from", "valid_until"} <= set(Agreement.__struct_fields__)


def test_6_features_that_store_under_zero_retention_too(providers):
    stateful = next(found for found in providers["openai"].exceptions if "responses-store" in found.applies_to.features)
    assert stateful.override.zero_retention is ZeroRetention.NO
    grounding = exception(providers["google-vertex"], Selector(features=("google-search-grounding",))).override
    assert (grounding.retention.days, grounding.zero_retention) == (90, ZeroRetention.NO)


def test_7_caching_and_periods_under_a_day(providers):
    assert providers["replicate"].policy.retention == Retention(RetentionKind.LIMITED, 0, "API predictions are removed after one hour")
    table = Table({"retention": {"kind": "limited", "days": 1 / 24, "purpose": "cache in memory"}}, Problems(), "f")
    assert read_retention(table, "retention").days == 1 / 24


def test_8_the_tier_belongs_to_the_credential_and_the_caller_region_matters(providers):
    google = providers["google-ai-studio"]
    assert google.policy.training is Training.NEVER
    assert google.free_tier.training is Training.BY_DEFAULT
    assert exception(google, Selector(caller_region=("eea", "ch", "gb"))).override.training is Training.NEVER
    assert Credential("c", "google-ai-studio").tier is Tier.UNDECLARED
    assert Credential("c", "google-ai-studio", tier=Tier.PAID, caller_region="de").caller_region == "de"


def test_9_uses_short_of_training(providers):
    assert providers["together"].policy.secondary_use == ("product-improvement",)
    assert providers["nebius"].policy.secondary_use == ("speculative-decoding-training",)
    assert "secondary_use" in PolicyBlock.__struct_fields__


def test_10_restrictions_on_what_may_be_sent(providers):
    xai = exception(providers["xai"], Selector(data=("personal-data",))).override
    assert "personal data" in xai.allowed_data
    assert (
        exception(providers["meta"], Selector(endpoint_models=("*-contributor",))).override.allowed_data
        == "no personal or confidential data"
    )


def test_11_region_belongs_to_the_endpoint_and_four_places_are_four_facts(providers, endpoints):
    assert endpoints["amazon-bedrock/eu.amazon.nova-2-lite-v1:0"].region == "eu"
    assert endpoints["amazon-bedrock/amazon.nova-2-lite-v1:0"].region is None
    alibaba = providers["alibaba"]
    assert (alibaba.headquarters, alibaba.contracting_country) == ("CN", "SG")
    assert {"regions", "storage_regions", "headquarters", "contracting_country"} <= set(Provider.__struct_fields__)
    assert "region" in Endpoint.__struct_fields__
    assert "region" in Credential.__struct_fields__


def test_12_technical_guarantees_are_a_fact_of_their_own(providers):
    assert exception(providers["chutes"], Selector(endpoint_models=("*-TEE",))).override == Override(confidential_compute=True)


def test_13_legal_overrides(providers):
    screening = exception(providers["openrouter"], Selector(features=("csam-screening",)))
    assert screening.override.retention.kind is RetentionKind.COMPLIANCE
    assert "2026-10-27" in screening.note


def test_14_unknown_is_a_value_and_each_fact_has_source_date_and_confidence(providers):
    assert sum(provider.policy.training is Training.UNKNOWN for provider in providers.values()) == 13
    for provider in providers.values():
        provenance = provider.provenance
        assert provenance.verified_at == load_catalogue().compiled
        assert provenance.source_url or provenance.confidence is Confidence.NONE
    # Per field: a primary record whose training claim rests on a third party says so.
    assert sum("training" in provider.provenance.secondary_fields for provider in providers.values()) == 4
    assert sum("retention.days" in provider.provenance.secondary_fields for provider in providers.values()) == 1
