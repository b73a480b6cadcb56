"""Agreements: what they cover, when, and what they change."""

import datetime as dt

import msgspec
import pytest
from tests.unit.policy.samples import MODEL, at, credential, endpoint, kept

from anyapi.domain.call import Facts
from anyapi.domain.data_policy import Confidence, DataPolicy, Grade, HumanReview, Training, ZeroRetention
from anyapi.domain.snapshot import Agreement
from anyapi.policy.agreements import applied, boundaries, covers, in_force
from anyapi.policy.selectors import Circumstances

HERE = Circumstances(endpoint(), credential(), Facts())
BARE = Circumstances(endpoint(), None, Facts())
BASE = DataPolicy(
    Training.BY_DEFAULT,
    kept("limited", 30),
    ZeroRetention.APPROVAL,
    HumanReview.YES,
    Confidence.PRIMARY,
    Confidence.SECONDARY,
    flagged_retention=kept("compliance", 90),
    certifications=frozenset({"soc2"}),
    contract_certifications=frozenset({"hipaa-baa", "gdpr-dpa"}),
    regions=frozenset({"us"}),
    storage_regions=frozenset({"us"}),
)


def agreement(**fields):
    return Agreement("agr", "p", "ops", "doc", dt.date(2026, 1, 1), dt.date(2027, 1, 1), **fields)


def after(policy=BASE, *, zero_refused=False, **fields):
    return applied(policy, agreement(**fields), HERE, zero_refused=zero_refused)


@pytest.mark.parametrize(
    ("fields", "covered"),
    [
        ({}, True),
        ({"credentials": frozenset({"p-key", "x"})}, True),
        ({"credentials": frozenset({"x"})}, False),
        ({"accounts": frozenset({"a1"})}, True),
        ({"accounts": frozenset({"a2"})}, False),
        ({"models": (MODEL,)}, True),
        ({"models": ("x", "acme/*")}, True),
        ({"models": ("other/*",)}, False),
        ({"models": ("acme/*",), "accounts": frozenset({"a2"})}, False),
    ],
)
def test_what_is_covered(fields, covered):
    assert covers(agreement(**fields), HERE, "a1") is covered


def test_another_provider_no_account_and_no_credential():
    assert not covers(msgspec.structs.replace(agreement(), provider="q"), HERE, "a1")
    assert not covers(agreement(accounts=frozenset({"a1"})), HERE, None)
    assert not covers(agreement(credentials=frozenset({"p-key"})), BARE, "a1")
    assert covers(agreement(), BARE, None)


def test_in_force_from_inclusive_to_exclusive():
    assert [in_force(agreement(), now) for now in (at(2026, 1, 1) - 1, at(2026, 1, 1), at(2027, 1, 1) - 1, at(2027, 1, 1))] == [
        False,
        True,
        True,
        False,
    ]
    assert list(boundaries([agreement(), agreement()])) == [at(2026, 1, 1), at(2027, 1, 1)] * 2


def test_training_never_is_stated():
    policy = after(training=Training.NEVER)
    assert (policy.training, policy.training_confidence, policy.retention_confidence) == ("never", "contracted", "secondary")
    assert (policy.grade, policy.agreements) == (Grade.CONTRACTED, ("agr",))


@pytest.mark.parametrize("training", [Training.OPT_OUT, Training.BY_DEFAULT, Training.UNKNOWN])
def test_any_other_training_states_nothing(training):
    assert after(training=training) is BASE


def test_an_opt_out_counts_only_where_the_facts_say_opt_out():
    for training in Training:
        before = msgspec.structs.replace(BASE, training=training)
        policy = after(before, training_opt_out=True)
        if training is Training.OPT_OUT:
            assert (policy.training, policy.training_confidence) == (Training.NEVER, Confidence.CONTRACTED)
        else:
            assert policy is before
    assert after(msgspec.structs.replace(BASE, training=Training.OPT_OUT), training_opt_out=False).training is Training.OPT_OUT


def test_retention_replaces_the_main_clock_and_flagged_copies_where_it_states_them():
    policy = after(retention=kept("zero"))
    assert (policy.retention, policy.flagged_retention, policy.retention_confidence) == (kept("zero"), kept("compliance", 90), "contracted")
    assert policy.training_confidence is Confidence.PRIMARY
    assert after(retention=kept("zero"), flagged_retention=kept("limited", 7)).flagged_retention == kept("limited", 7)
    assert after(flagged_retention=kept("limited", 7)) is BASE


def test_retention_is_not_applied_against_a_refusal_unless_the_model_is_named():
    assert after(retention=kept("zero"), zero_refused=True) is BASE
    assert after(retention=kept("zero"), models=("acme/*",), zero_refused=True) is BASE
    assert after(retention=kept("zero"), models=(MODEL,), zero_refused=True).retention == kept("zero")
    other = after(retention=kept("zero"), human_review=HumanReview.NO, zero_refused=True)
    assert (other.retention, other.human_review, other.retention_confidence) == (kept("limited", 30), "no", "secondary")


def test_review_certifications_and_regions():
    assert after(human_review=HumanReview.NO).human_review is HumanReview.NO
    policy = after(certifications=frozenset({"hipaa-baa", "iso27001"}))
    assert policy.certifications == {"soc2", "hipaa-baa", "iso27001"}
    assert policy.contract_certifications == {"gdpr-dpa"}
    policy = after(regions=frozenset({"eu"}))
    assert (policy.regions, policy.storage_regions, policy.certifications) == ({"eu"}, {"us"}, {"soc2"})
    assert after(regions=frozenset()).regions == frozenset()


def test_an_agreement_that_states_nothing_leaves_no_trace_and_two_are_both_named():
    assert after() is BASE
    twice = after(after(human_review=HumanReview.NO), regions=frozenset({"eu"}))
    assert twice.agreements == ("agr", "agr")
