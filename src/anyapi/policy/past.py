"""Review first: what an update loosened stays denied for an account until a person of it accepted that (docs/policy.md, 3.1).

Judges an endpoint once more as its records stood before. INVARIANT: this only adds a reason to what is permitted otherwise, so the
permitted set under review is a subset of the permitted sets before the update and after it, whatever is asked.
"""

import math
from collections.abc import Iterable

import msgspec

from anyapi.domain.call import Facts
from anyapi.domain.catalogue import Endpoint, Status
from anyapi.domain.decision import Reason
from anyapi.domain.ids import AccountId
from anyapi.domain.requirement import Requirement
from anyapi.domain.snapshot import Credential, Past, PolicyContext
from anyapi.policy.resolve import resolve
from anyapi.policy.rules import PENDING, Case, judge


class Before(msgspec.Struct, frozen=True):
    """One earlier state: the context with the providers of then, and the endpoints that differ."""

    context: PolicyContext
    past: Past


def earlier_states(context: PolicyContext, account: AccountId | None) -> tuple[Before, ...]:
    """The earlier states that an account has not accepted to leave; none for most."""
    if not context.held or account is None:
        return ()
    return tuple(_before(context, past) for past in context.held.get(account, ()))


def _before(context: PolicyContext, past: Past) -> Before:
    providers = {**context.catalogue.providers, **{name: record for name, record in past.providers.items() if record is not None}}
    for name, record in past.providers.items():
        if record is None:
            providers.pop(name, None)
    catalogue = msgspec.structs.replace(context.catalogue, providers=providers)
    return Before(msgspec.structs.replace(context, catalogue=catalogue, held={}), past)


class Asked(msgspec.Struct, frozen=True):
    """What an endpoint is judged for, now and as it stood before."""

    requirement: Requirement
    facts: Facts
    account: AccountId | None
    now: float


def outstanding(
    states: Iterable[Before], asked: Asked, endpoint: Endpoint, credential: Credential | None
) -> tuple[tuple[Reason, ...], float]:
    """The reason to add if one of the earlier states did not permit this endpoint, and until when that holds (Unix seconds)."""
    until = math.inf
    for state in states:
        permitted, ends = _permitted_then(state, asked, endpoint, credential)
        until = min(until, ends)
        if not permitted:
            return (PENDING,), until
    return (), until


def _permitted_then(state: Before, asked: Asked, endpoint: Endpoint, credential: Credential | None) -> tuple[bool, float]:
    then = state.past.endpoints.get(endpoint.id, endpoint)
    provider = state.context.catalogue.providers.get(endpoint.provider)
    if then is None or provider is None or (then.status is Status.RETIRED and endpoint.status is not Status.RETIRED):
        return False, math.inf
    policy, until, local, free_tier = resolve(then, provider, credential, asked.account, asked.facts, state.context, asked.now)
    return not judge(asked.requirement, Case(then, provider, credential, policy, local, free_tier)), until
