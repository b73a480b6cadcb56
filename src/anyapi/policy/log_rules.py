"""Which rule of prompt logging holds for a key, and what a rule may ask. Pure."""

import math
from collections.abc import Mapping

from anyapi.domain.ids import AccountId
from anyapi.domain.prompt_log import LONGEST_DAYS, Keeps, LogRule
from anyapi.domain.requirement import Layer
from anyapi.errors import BadRequest


def rule_of(rules: Mapping[tuple[AccountId, Layer, str], LogRule], account: AccountId, project: str | None, key: str) -> LogRule | None:
    """The rule in force for a key: its own, else its project's, else its account's; None where nothing is kept."""
    for layer, subject in ((Layer.KEY, key), (Layer.PROJECT, project), (Layer.ACCOUNT, account)):
        rule = None if subject is None else rules.get((account, layer, subject))
        if rule is not None:
            return None if rule.keeps is Keeps.NOTHING else rule
    return None


def checked_rule(keeps: str, share: float, ttl_days: float) -> LogRule:
    """A rule as somebody asks for it. Raises `BadRequest` naming the field."""
    if keeps not in set(Keeps):
        raise BadRequest(f"keeps must be one of {', '.join(Keeps)}.", "keeps")
    if not (math.isfinite(share) and 0 < share <= 1):
        raise BadRequest("share must be over 0 and at most 1: 0.1 keeps about one request in ten.", "share")
    if not (math.isfinite(ttl_days) and 0 < ttl_days <= LONGEST_DAYS):
        raise BadRequest(f"ttl_days must be over 0 and at most {LONGEST_DAYS:g}.", "ttl_days")
    return LogRule(Keeps(keeps), float(share), float(ttl_days))
