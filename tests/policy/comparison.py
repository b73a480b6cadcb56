"""Lays the product's decision beside the oracle's verdicts and names every difference. Shared by the tests of T03."""

import os

import msgspec
from hypothesis import HealthCheck, settings
from tests.oracle.laws import endlessness

from anyapi.domain.data_policy import DataPolicy
from anyapi.domain.decision import Decision
from anyapi.domain.requirement import SETTING_NAMES, Requirement

LONG = bool(os.environ.get("ANYAPI_TEST_LONG"))
EXAMPLES = 20_000 if LONG else 2_000
"""Hypothesis examples of T03 in all, shared out over its properties."""

Difference = tuple[str, object, object]
"""What was compared, the product's value, the oracle's."""


def share_of_examples(share: float) -> settings:
    """The Hypothesis settings of one property: its share of all examples, the same ones every time."""
    return settings(
        max_examples=round(EXAMPLES * share),
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.data_too_large,
            HealthCheck.filter_too_much,
            HealthCheck.large_base_example,
        ],
    )


def requirement_differences(product: Requirement, oracle: dict) -> list[Difference]:
    """Settings, classes and layers whose values differ."""
    names = (*SETTING_NAMES, "data_classes")
    found = [(name, getattr(product, name), oracle[name]) for name in names if getattr(product, name) != oracle[name]]
    if product.layers != oracle["layers"]:
        found.append(("layers", product.layers, oracle["layers"]))
    return found


def _facts_differences(policy: DataPolicy, oracle: dict) -> list[Difference]:
    plain = ("training", "zero_retention", "human_review", "training_confidence", "retention_confidence", "expired", "grade")
    found = [(name, getattr(policy, name), oracle[name]) for name in plain if getattr(policy, name) != oracle[name]]
    for name in ("certifications", "regions", "storage_regions", "agreements"):
        if set(getattr(policy, name)) != set(oracle[name]):
            found.append((name, getattr(policy, name), oracle[name]))
    for name in ("retention", "flagged_retention"):
        mine = msgspec.to_builtins(getattr(policy, name))
        if endlessness(mine) != endlessness(oracle[name]):
            found.append((name, mine, oracle[name]))
    return found


def verdict_differences(decision: Decision, verdicts: dict, facts: bool = False) -> list[Difference]:
    """Endpoints that the product permits for another credential, or denies with other codes; with `facts`, also other facts."""
    product = {candidate.endpoint.id: (candidate.credential, frozenset(), candidate.policy) for candidate in decision.permitted}
    product |= {
        denial.endpoint.id: (None, frozenset(reason.code for reason in denial.reasons), denial.policy) for denial in decision.denied
    }
    if len(product) != len(decision.permitted) + len(decision.denied) or product.keys() != verdicts.keys():
        return [("endpoints", sorted(product), sorted(verdicts))]
    found: list[Difference] = []
    for name, verdict in verdicts.items():
        credential, codes, policy = product[name]
        if codes != verdict["codes"]:
            found.append((f"{name} codes", sorted(codes), sorted(verdict["codes"])))
        elif verdict["permitted"] and verdict["credential"] is not None and credential != verdict["credential"]:
            found.append((f"{name} credential", credential, verdict["credential"]))
        elif facts and policy is not None and verdict["facts"] is not None:
            found += [(f"{name} {what}", mine, right) for what, mine, right in _facts_differences(policy, verdict["facts"])]
    return found
