"""Which rule of prompt logging holds, and what one may ask."""

import math

import pytest

from anyapi.domain.prompt_log import Keeps, LogRule
from anyapi.domain.requirement import Layer
from anyapi.errors import BadRequest
from anyapi.policy.log_rules import checked_rule, rule_of

BOTH, PROMPTS, NOTHING = LogRule(Keeps.BOTH), LogRule(Keeps.PROMPTS), LogRule(Keeps.NOTHING)
ACCOUNT, PROJECT, KEY = ("acme", Layer.ACCOUNT, "acme"), ("acme", Layer.PROJECT, "p"), ("acme", Layer.KEY, "k")


@pytest.mark.parametrize(
    ("rules", "found"),
    [
        ({}, None),
        ({ACCOUNT: BOTH}, BOTH),
        ({ACCOUNT: BOTH, PROJECT: PROMPTS}, PROMPTS),
        ({ACCOUNT: NOTHING, PROJECT: NOTHING, KEY: BOTH}, BOTH),
        ({ACCOUNT: BOTH, KEY: NOTHING}, None),
        ({PROJECT: BOTH}, BOTH),
        ({("other", Layer.ACCOUNT, "other"): BOTH, ("other", Layer.KEY, "k"): BOTH}, None),
        ({("acme", Layer.KEY, "acme"): BOTH, ("acme", Layer.ACCOUNT, "k"): BOTH}, None),
    ],
)
def test_the_nearest_rule_holds(rules, found):
    assert rule_of(rules, "acme", "p", "k") == found


def test_a_key_without_a_project_has_no_projects_rule():
    assert rule_of({("acme", Layer.PROJECT, ""): BOTH}, "acme", None, "k") is None


@pytest.mark.parametrize(
    ("values", "field"),
    [
        (("all", 1, 1), "keeps"),
        (("both", 0, 1), "share"),
        (("both", 1.01, 1), "share"),
        (("both", math.nan, 1), "share"),
        (("both", 1, 0), "ttl_days"),
        (("both", 1, math.inf), "ttl_days"),
        (("both", 1, 3651), "ttl_days"),
    ],
)
def test_what_a_rule_may_not_ask_is_named(values, field):
    with pytest.raises(BadRequest) as failed:
        checked_rule(*values)
    assert failed.value.metadata["field"] == field


def test_a_rule_comes_as_it_was_asked():
    assert checked_rule("prompts", 0.5, 3) == LogRule(Keeps.PROMPTS, 0.5, 3.0)
