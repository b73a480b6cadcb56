"""Orders on facts."""

import itertools

import pytest
from tests.unit.policy.samples import kept

from anyapi.domain.data_policy import Confidence, HumanReview, Training, ZeroRetention
from anyapi.policy import scales

ENDLESSNESS = [
    kept("zero"),
    kept("compliance", 0),
    kept("limited", 0.04),
    kept("compliance", 1),
    kept("limited", 0),
    kept("compliance", 30),
    kept("limited", 30),
    kept("limited", 31),
    kept("compliance"),
    kept("limited"),
    kept("indefinite"),
    kept("unknown", 1),
]


def test_the_scales_are_those_of_the_page():
    assert sorted(Training, key=scales.TRAINING.get) == ["never", "opt_out", "by_default", "unknown"]
    assert sorted(HumanReview, key=scales.HUMAN_REVIEW.get) == ["no", "yes", "unknown"]
    assert sorted(ZeroRetention, key=scales.ZERO_RETENTION.get) == ["default", "self_serve", "approval", "contract", "no", "unknown"]
    assert sorted(Confidence, key=scales.CONFIDENCE.get) == ["none", "secondary", "primary", "contracted"]


def test_worse_and_less_known():
    for a, b in itertools.combinations(Training, 2):
        assert scales.worse(scales.TRAINING, a, b) is scales.worse(scales.TRAINING, b, a) is b
    for a, b in itertools.combinations(Confidence, 2):
        assert scales.less_known(a, b) is scales.less_known(b, a) is a
    assert scales.less_known(Confidence.PRIMARY, Confidence.PRIMARY) is Confidence.PRIMARY


@pytest.mark.parametrize(("better", "worse"), list(itertools.combinations(ENDLESSNESS, 2)))
def test_retentions_are_ordered_by_endlessness(better, worse):
    assert scales.worse_retention(better, worse) is worse
    assert scales.worse_retention(worse, better) is worse
    assert scales.worse_copies(better, worse) is scales.worse_copies(worse, better) is worse


def test_of_equal_retentions_the_first_is_kept():
    a, b = kept("limited", 3, "a"), kept("limited", 3, "b")
    assert scales.worse_retention(a, b) is a
    assert scales.worse_retention(kept("zero", 0), kept("zero", 5)) == kept("zero", 0)
    assert scales.worse_retention(kept("indefinite", 0), kept("indefinite", 5)) == kept("indefinite", 0)
    assert scales.worse_retention(kept("unknown", 0), kept("unknown", 5)) == kept("unknown", 0)


def test_no_known_copies_is_better_than_any():
    assert scales.worse_copies(None, kept("zero")) == kept("zero")
    assert scales.worse_copies(kept("zero"), None) == kept("zero")
    assert scales.worse_copies(None, None) is None


@pytest.mark.parametrize(
    ("retention", "days"),
    [
        (kept("zero", 9), 0),
        (kept("limited", 0), 1),
        (kept("limited", 0.5), 0.5),
        (kept("limited", 30), 30),
        (kept("compliance", 0), 0),
        (kept("compliance", 30), 30),
        (kept("limited"), None),
        (kept("compliance"), None),
        (kept("indefinite", 3), None),
        (kept("unknown", 3), None),
    ],
)
def test_days_that_count(retention, days):
    assert scales.counted_days(retention) == days
    assert days is None or isinstance(scales.counted_days(retention), float)
