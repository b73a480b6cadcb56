"""T03: every case of a finite universe, product and oracle side by side; and proof that this comparison can fail.

5 settings layers x 5 levels each x 6 flags = 200,000 cases, each judged at 4 providers. The normal run takes a deterministic tenth,
ANYAPI_TEST_LONG=1 all. Levels, flags and providers are in tests/policy/finite.py.
"""

import collections
import dataclasses
import functools
import time
from collections.abc import Iterator
from fractions import Fraction

import msgspec
import pytest
from tests import oracle
from tests.oracle import laws as right
from tests.oracle.judgement import availability_codes, judge_facts, known_facts
from tests.policy import finite
from tests.policy.comparison import LONG, requirement_differences, verdict_differences

from anyapi.policy.decide import decide
from anyapi.policy.merge import DEFAULT_PRESETS, merge

pytestmark = pytest.mark.timeout(3600 if LONG else 300)
CONTEXT = finite.small_context()
PLAIN = msgspec.to_builtins(CONTEXT)
PRESETS = msgspec.to_builtins(DEFAULT_PRESETS)


@functools.cache
def plain_settings(settings) -> dict:
    """Settings as the oracle takes them."""
    return msgspec.to_builtins(settings)


class FiniteOracle:
    """The oracle on the small universe. Facts do not depend on what is asked, so they are resolved once for each situation."""

    def __init__(self, laws: oracle.Laws) -> None:
        self.laws = laws
        self.situations = []
        for account, facts, now in finite.SITUATIONS:
            request = msgspec.to_builtins(facts)
            self.situations.append(
                [
                    (
                        endpoint["id"],
                        endpoint["provider"],
                        known_facts(endpoint, request, PLAIN, account, now, laws),
                        availability_codes(endpoint, PLAIN["catalogue"]["providers"][endpoint["provider"]], request, PLAIN, account, laws),
                    )
                    for endpoint in PLAIN["catalogue"]["models"][finite.MODEL]["endpoints"]
                ]
            )

    def requirement(self, layers: list) -> dict:
        """What the layers ask together."""
        return oracle.requirement([(layer.value, plain_settings(settings)) for layer, settings in layers], PRESETS, self.laws)

    def verdicts(self, required: dict, situation: int) -> dict:
        """The verdict on each of the four endpoints."""
        return {
            name: judge_facts(required, known, available, provider, self.laws)
            for name, provider, known, available in self.situations[situation]
        }


def differences(cases: Iterator[tuple], laws: oracle.Laws, seen: collections.Counter) -> Iterator[tuple]:
    """Each case on which product and oracle differ; counts the cases and verdicts in `seen`."""
    reference = FiniteOracle(laws)
    for layers, situation in cases:
        seen["cases"] += 1
        required, requirement = reference.requirement(layers), merge(layers, DEFAULT_PRESETS)
        verdicts = reference.verdicts(required, situation)
        account, facts, now = finite.SITUATIONS[situation]
        decision = decide(requirement, finite.MODEL, facts, CONTEXT, account, now)
        found = requirement_differences(requirement, required) + verdict_differences(decision, verdicts)
        seen["permitted"] += len(decision.permitted)
        seen["judged"] += len(verdicts)
        if found:
            yield layers, situation, found


def test_every_case_is_decided_as_the_oracle_does():
    started, seen = time.perf_counter(), collections.Counter()
    found = list(zip(range(5), differences(finite.universe(tenth=not LONG), right.LAWS, seen), strict=False))
    print(f"{seen['cases']} cases, {seen['judged']} verdicts, {seen['permitted']} permitted, {time.perf_counter() - started:.1f} s")
    assert found == []
    assert seen["cases"] == (finite.UNIVERSE_SIZE if LONG else finite.UNIVERSE_SIZE // 10)
    assert finite.UNIVERSE_SIZE >= 200_000
    assert seen["judged"] == 4 * seen["cases"]
    assert 0.02 < seen["permitted"] / seen["judged"] < 0.98, "a universe that permits all or nothing tests nothing"


def _less_than(retention: dict, limit: Fraction | None) -> str | None:
    """Wrong: a retention that is exactly as long as the limit is too long."""
    verdict = right.retention_verdict(retention, limit)
    if verdict is None and retention["kind"] != "zero" and limit is not None and right.days_that_count(retention) == limit:
        return "retention_too_long"
    return verdict


def _compliance_is_zero(retention: dict, limit: Fraction | None) -> str | None:
    """Wrong: what is kept of flagged traffic only counts as nothing kept."""
    return None if retention["kind"] == "compliance" else right.retention_verdict(retention, limit)


def _under_one_day_is_zero(retention: dict, limit: Fraction | None) -> str | None:
    """Wrong: "under one day" passes a limit of zero."""
    under_one_day = retention["kind"] == "limited" and retention["days"] == 0
    return None if under_one_day else right.retention_verdict(retention, limit)


def _united(sets: list[frozenset]) -> frozenset:
    """Wrong: the union where the intersection is meant."""
    return frozenset().union(*sets)


def _everything_signed(credential: dict, context: dict) -> list:
    """Wrong: an agreement is taken to be about whatever credential there is."""
    brought = [one for providers in context["own_credentials"].values() for own in providers.values() for one in own]
    return [*context["agreements"], *(agreement for one in brought for agreement in one.get("agreements", ()))]


PLANTED = {
    "less than, for at most": {"retention_verdict": _less_than},
    "compliance taken as zero": {"retention_verdict": _compliance_is_zero},
    "under one day taken as zero": {"retention_verdict": _under_one_day_is_zero},
    "opt-out taken as never": {"training_that_passes": frozenset(("never", "opt_out"))},
    "an expired record stays good": {"has_ended": lambda now, end: False},
    "a record ends an instant late": {"has_ended": lambda now, end: now > end},
    "union for intersection": {"narrowed": _united},
    "union for places in all": {"places_in_all": _united},
    "regions met by their names alone": {"places_in_all": right.narrowed},
    "soc2 satisfies soc2-type2": {"certification_met_by": {"soc2-type2": frozenset(("soc2", "soc2-type2"))}},
    "the better of with and without": {"worst": lambda values, key: min(values, key=key)},
    "an undeclared tier taken as paid": {"tiers_that_take_the_free_block": frozenset(("free",))},
    "a member country is not inside the union": {"inside": lambda region, allowed: region in allowed},
    "an account's own credential serves everybody": {"may_use": lambda credential, account: True},
    "an account's own credential serves nobody": {"may_use": lambda credential, account: credential.get("account") is None},
    "the operator's credential goes first": {"in_turn": lambda own, operators: operators + own},
    "what the operator signed holds for an account's own": {"signed_for": lambda credential, context: list(context["agreements"])},
    "what an account signed holds for the operator's": {"signed_for": _everything_signed},
}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_found(fault):
    """Each wrong oracle differs from the product somewhere in the tenth that the normal run takes."""
    laws = dataclasses.replace(right.LAWS, **PLANTED[fault])
    seen: collections.Counter = collections.Counter()
    found = next(differences(finite.universe(tenth=True), laws, seen), None)
    assert found is not None
    print(f"found at case {seen['cases']}: {found[2][0]}")
