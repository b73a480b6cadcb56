import pytest

from anyapi.catalogue.policy_record import read_exception, read_policy_block, read_retention
from anyapi.catalogue.provider_record import NO_FACTS
from anyapi.catalogue.reading import Problems, Table
from anyapi.domain.data_policy import Retention, RetentionKind, ZeroRetention


def read(reader, value, *more):
    problems = Problems()
    return reader(Table(value, problems, "f", "r"), *more), [problem.field for problem in problems.found]


def test_absent_facts_are_unknown_never_a_guess():
    assert read(read_policy_block, {}) == (NO_FACTS, [])


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"zero_retention_available": "default", "zero_retention_how": "default"}, ZeroRetention.DEFAULT),
        ({"zero_retention_available": "on_request", "zero_retention_how": "self_serve"}, ZeroRetention.SELF_SERVE),
        ({"zero_retention_available": "on_request", "zero_retention_how": "approval"}, ZeroRetention.APPROVAL),
        ({"zero_retention_available": "on_request", "zero_retention_how": "contract"}, ZeroRetention.CONTRACT),
        ({"zero_retention_available": "on_request", "zero_retention_how": None}, ZeroRetention.UNKNOWN),
        ({"zero_retention_available": "contract"}, ZeroRetention.CONTRACT),
        ({"zero_retention_available": "no"}, ZeroRetention.NO),
        ({"zero_retention_available": "unknown"}, ZeroRetention.UNKNOWN),
        ({"zero_retention_available": "approval"}, ZeroRetention.APPROVAL),
        ({}, ZeroRetention.UNKNOWN),
    ],
)
def test_how_zero_retention_is_obtained(fields, expected):
    block, problems = read(read_policy_block, fields)
    assert (block.zero_retention, problems) == (expected, [])


@pytest.mark.parametrize(
    "fields",
    [
        {"zero_retention_available": "no", "zero_retention_how": "approval"},
        {"zero_retention_how": "approval"},
        {"zero_retention_available": "maybe"},
        {"zero_retention_available": "on_request", "zero_retention_how": "asking"},
    ],
)
def test_contradictions_about_zero_retention_are_problems(fields):
    _, problems = read(read_policy_block, fields)
    assert len(problems) == 1


def test_days_may_be_a_fraction():
    value, problems = read(lambda t: read_retention(t, "r"), {"r": {"kind": "limited", "days": 0.0417}})
    assert value == Retention(RetentionKind.LIMITED, 0.0417)
    assert problems == []


def test_data_that_is_not_allowed_becomes_words():
    entry = {"applies_to": {"data": ["personal-data"]}, "override": {"allowed": False}, "note": "Only with zero retention."}
    exception, problems = read(read_exception, entry)
    assert exception.override.allowed_data == "Only with zero retention."
    assert problems == []
    exception, _ = read(read_exception, {**entry, "note": None})
    assert exception.override.allowed_data == "not allowed: personal-data"


@pytest.mark.parametrize(
    "entry",
    [
        {"applies_to": {"data": ["a"]}, "override": {"allowed": True}},
        {"applies_to": {"models": ["a"]}, "override": {"allowed": False, "training": "never"}},
        {"override": {"training": "never"}},
        {"applies_to": {"models": ["a"]}},
    ],
)
def test_exceptions_that_say_nothing_usable_are_problems(entry):
    _, problems = read(read_exception, entry)
    assert problems
