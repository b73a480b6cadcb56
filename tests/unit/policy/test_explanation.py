"""A data policy as it is shown."""

import datetime as dt

import msgspec
from tests.unit.policy.samples import at, kept

from anyapi.domain.data_policy import Confidence, DataPolicy, Grade, HumanReview, Training, ZeroRetention
from anyapi.policy.explanation import PolicyView, RetentionView, policy_view

POLICY = DataPolicy(
    Training.OPT_OUT,
    kept("compliance", 30, "abuse"),
    ZeroRetention.APPROVAL,
    HumanReview.YES,
    Confidence.CONTRACTED,
    Confidence.SECONDARY,
    flagged_retention=kept("limited", None, "law"),
    secondary_use=("products",),
    certifications=frozenset({"soc2", "iso27001"}),
    contract_certifications=frozenset({"hipaa-baa"}),
    regions=frozenset({"us", "eu"}),
    storage_regions=frozenset({"us", "de"}),
    restrictions=("allowed data: none",),
    grade=Grade.CONTRACTED,
    contradictions=("retained",),
    agreements=("agr",),
    expired=True,
    source_url="u",
    source_date="2025",
    verified_at=dt.date(2026, 11, 24),
    valid_until=dt.date(2027, 5, 23),
)


def test_every_fact_is_shown():
    assert policy_view(POLICY, at(2026, 11, 26, 23)) == PolicyView(
        training="opt_out",
        retention=RetentionView("compliance", 30, "abuse"),
        flagged=RetentionView("limited", None, "law"),
        zero_retention="approval",
        human_review="yes",
        secondary_use=("products",),
        certifications=("iso27001", "soc2"),
        regions=("eu", "us"),
        storage_regions=("de", "us"),
        restrictions=("allowed data: none",),
        confidence="secondary",
        grade="contracted",
        agreements=("agr",),
        source_url="u",
        source_date="2025",
        verified_at=dt.date(2026, 11, 24),
        valid_until=dt.date(2027, 5, 23),
        age_days=2,
        expired=True,
        contradictions=("retained",),
    )


def test_age_in_whole_days():
    assert policy_view(POLICY, at(2026, 11, 24)).age_days == 0
    assert policy_view(POLICY, at(2026, 11, 25) - 1).age_days == 0
    assert policy_view(POLICY, at(2026, 11, 25)).age_days == 1
    plain = msgspec.structs.replace(POLICY, verified_at=None, valid_until=None, flagged_retention=None, training_confidence=Confidence.NONE)
    view = policy_view(plain, 0.0)
    assert (view.age_days, view.verified_at, view.valid_until, view.flagged, view.confidence) == (None, None, None, None, "none")


def test_the_json_names_every_field():
    shown = msgspec.json.decode(msgspec.json.encode(policy_view(POLICY, at(2026, 11, 24))))
    assert set(shown) == set(PolicyView.__struct_fields__)
    assert (shown["verified_at"], shown["retention"]) == ("2026-11-24", {"kind": "compliance", "days": 30, "purpose": "abuse"})
