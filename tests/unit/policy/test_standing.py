"""One record, and the worse of two."""

import datetime as dt

import msgspec
import pytest
from tests.unit.policy.samples import COMPILED, at, block, kept, provenance, provider

from anyapi.domain.data_policy import Confidence, HumanReview, Retention, RetentionKind, Training, ZeroRetention
from anyapi.domain.snapshot import Tier
from anyapi.policy.standing import from_record, midnight, unknown, worse_of

FREE = block("by_default", kept("limited", 90), "no", "yes", ("products",))


def stands(item=None, tier=Tier.PAID, span=180.0):
    return from_record(item or provider(), tier, COMPILED, span)


def test_midnight_is_the_start_of_the_utc_day():
    assert midnight(dt.date(1970, 1, 1)) == 0
    assert midnight(COMPILED) == at(2026, 11, 24)


@pytest.mark.parametrize(
    ("tier", "training"), [(Tier.PAID, Training.NEVER), (Tier.FREE, Training.BY_DEFAULT), (Tier.UNDECLARED, Training.BY_DEFAULT)]
)
def test_the_free_tier_block_holds_unless_the_tier_is_paid(tier, training):
    standing = stands(provider(free_tier=FREE), tier)
    assert standing.training is training
    assert standing.free_tier
    plain = stands(provider(), tier)
    assert (plain.training, plain.free_tier) == (Training.NEVER, False)


def test_a_record_gives_every_fact():
    record = provenance(source_url="u", verified_at=dt.date(2026, 1, 1))
    standing = stands(
        provider(
            policy=FREE,
            kind="local",
            record=record,
            certifications=("soc2",),
            regions=("eu", "us"),
            storage_regions=("us",),
            free_tier=FREE,
        )
    )
    assert (standing.training, standing.retention, standing.zero_retention) == ("by_default", kept("limited", 90), "no")
    assert (standing.human_review, standing.secondary_use) == ("yes", ("products",))
    assert (standing.certifications, standing.regions, standing.storage_regions) == ({"soc2"}, {"eu", "us"}, {"us"})
    assert (standing.provenance, standing.verified_at, standing.local) == (record, dt.date(2026, 1, 1), True)
    assert (standing.flagged_retention, standing.zero_refused, standing.restrictions) == (None, False, ())
    assert not stands(provider(kind="cloud")).local


def test_when_a_record_ends():
    assert stands().ends == at(2027, 5, 23)
    assert stands().verified_at == COMPILED
    assert stands(span=0.5).ends == at(2026, 11, 24, 12)
    verified = provenance(verified_at=dt.date(2026, 1, 1))
    assert stands(provider(record=verified), span=31).ends == at(2026, 2, 1)
    stated = provenance(verified_at=dt.date(2026, 1, 1), valid_until=dt.date(2030, 3, 1))
    assert stands(provider(record=stated), span=31).ends == at(2030, 3, 1)


@pytest.mark.parametrize(
    ("confidence", "fields", "training", "retention"),
    [
        ("primary", (), "primary", "primary"),
        ("primary", ("training",), "secondary", "primary"),
        ("primary", ("retention",), "primary", "secondary"),
        ("primary", ("retention.days",), "primary", "secondary"),
        ("primary", ("retention.kind", "training"), "secondary", "secondary"),
        ("primary", ("human_review",), "primary", "primary"),
        ("none", ("training",), "none", "none"),
        ("secondary", ("retention",), "secondary", "secondary"),
    ],
)
def test_confidence_of_each_field(confidence, fields, training, retention):
    standing = stands(provider(record=provenance(confidence, secondary_fields=fields)))
    assert (standing.training_confidence, standing.retention_confidence) == (training, retention)


def test_unknown_makes_every_fact_unknown():
    before = msgspec.structs.replace(
        stands(provider(kind="local", certifications=("soc2",), regions=("eu",), storage_regions=("us",))),
        flagged_retention=kept("limited", 3),
        zero_refused=True,
        restrictions=("r",),
    )
    after = unknown(before)
    assert (after.training, after.human_review, after.zero_retention) == ("unknown", "unknown", "unknown")
    assert after.retention == Retention(RetentionKind.UNKNOWN)
    assert (after.training_confidence, after.retention_confidence) == ("none", "none")
    assert (after.certifications, after.regions, after.storage_regions) == (set(), set(), {"us"})
    assert (after.local, after.free_tier, after.flagged_retention, after.zero_refused) == (False, True, None, False)
    assert (after.restrictions, after.ends) == (("r",), before.ends)


def test_worse_of_is_field_by_field():
    a = msgspec.structs.replace(
        stands(
            provider(
                policy=block("by_default", kept("zero"), "no", "no", ("x", "y")), kind="local", certifications=("a", "b"), regions=("eu",)
            )
        ),
        training_confidence=Confidence.SECONDARY,
        flagged_retention=kept("limited", 3),
        restrictions=("r", "s"),
        storage_regions=frozenset({"eu"}),
    )
    b = msgspec.structs.replace(
        stands(
            provider(
                "q", policy=block("never", kept("limited", 3), "contract", "unknown", ("y", "z")), certifications=("b", "c"), free_tier=FREE
            )
        ),
        retention_confidence=Confidence.NONE,
        ends=a.ends - 1,
        verified_at=dt.date(2026, 1, 1),
        regions=frozenset({"eu", "us"}),
        storage_regions=frozenset({"us"}),
        restrictions=("s", "t"),
    )
    for first, second in ((a, b), (b, a)):
        worse = worse_of(first, second)
        assert (worse.training, worse.retention, worse.zero_retention) == (Training.BY_DEFAULT, kept("limited", 3), ZeroRetention.NO)
        assert worse.human_review is HumanReview.UNKNOWN
        assert set(worse.secondary_use) == {"x", "y", "z"}
        assert set(worse.restrictions) == {"r", "s", "t"}
        assert (worse.certifications, worse.regions, worse.storage_regions) == ({"b"}, set(), {"eu", "us"})
        assert (worse.training_confidence, worse.retention_confidence) == (Confidence.SECONDARY, Confidence.NONE)
        assert (worse.ends, worse.verified_at) == (a.ends - 1, dt.date(2026, 1, 1))
        assert (worse.local, worse.free_tier, worse.flagged_retention) == (False, True, kept("limited", 3))
        assert worse.provenance == first.provenance
    assert worse_of(a, b).secondary_use == ("x", "y", "z")
    assert worse_of(a, a) == a


@pytest.mark.parametrize(
    ("zero_a", "refused_a", "zero_b", "refused_b", "refused"),
    [
        ("no", True, "default", False, True),
        ("default", False, "no", True, True),
        ("no", False, "no", True, True),
        ("no", False, "no", False, False),
        ("no", True, "unknown", False, False),
    ],
)
def test_zero_retention_is_refused_where_the_worse_is_no_by_an_exception(zero_a, refused_a, zero_b, refused_b, refused):
    a = msgspec.structs.replace(stands(), zero_retention=ZeroRetention(zero_a), zero_refused=refused_a)
    b = msgspec.structs.replace(stands(), zero_retention=ZeroRetention(zero_b), zero_refused=refused_b)
    assert worse_of(a, b).zero_refused is refused
    assert worse_of(b, a).zero_refused is refused
