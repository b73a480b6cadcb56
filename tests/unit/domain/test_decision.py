"""Denials, reasons and outcomes."""

import re
from pathlib import Path

import pytest

from anyapi.domain import decision
from anyapi.domain.catalogue import Endpoint
from anyapi.domain.decision import Attempt, Candidate, Denial, Outcome, OutcomeKind, Reason, ReasonCode, ReasonKind, Route

POLICY_PAGE = Path(__file__).parents[3] / "docs/policy.md"
ENDPOINT = Endpoint("p/m", "p", "a/m", "m")
POLICY = Reason(ReasonCode.TRAINING_UNKNOWN, ReasonKind.POLICY, "x")
AVAILABILITY = Reason(ReasonCode.NO_CREDENTIAL, ReasonKind.AVAILABILITY, "x")


@pytest.mark.parametrize(
    ("reasons", "available", "permitted"),
    [((POLICY,), True, False), ((AVAILABILITY,), False, True), ((POLICY, AVAILABILITY), False, False), ((), True, True)],
)
def test_what_stands_in_the_way(reasons, available, permitted):
    denial = Denial(ENDPOINT, None, reasons)
    assert (denial.available, denial.permitted_by_policy, denial.local) == (available, permitted, False)


def test_codes_are_unique_and_lower_case():
    assert len({code.value for code in ReasonCode}) == len(ReasonCode) == 36
    assert all(code.value == code.name.lower() for code in ReasonCode)
    assert all(kind.value == kind.name.lower() for kind in OutcomeKind)


def test_codes_of_availability_are_those_of_their_section():
    section = POLICY_PAGE.read_text(encoding="utf-8").partition("\n## 4. Availability")[2].split("\n\n")[1]
    assert set(ReasonCode) & set(re.findall(r"`([a-z_]+)`", section)) == decision.AVAILABILITY


def test_defaults():
    assert (POLICY.setting, POLICY.layers, POLICY.required, POLICY.actual, POLICY.instead) == (None, (), None, None, ())
    candidate = Candidate(ENDPOINT, "key", None)
    assert (candidate.local, candidate.static_score) == (False, 0.0)
    assert Attempt(candidate, 1).wait == 0
    assert Route((candidate,), 2).failover_on_refusal is False
    assert Outcome(OutcomeKind.SUCCESS).retry_after is None
