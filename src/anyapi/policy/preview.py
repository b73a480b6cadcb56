"""What settings would leave of the catalogue, before they are saved: models, endpoints and the cheapest answer. Pure; sends nothing."""

from collections import Counter
from collections.abc import Iterable

import msgspec

from anyapi.domain.call import PLAIN_FACTS
from anyapi.domain.catalogue import Operation
from anyapi.domain.decision import Candidate, Decision, Denial, ReasonCode, ReasonKind
from anyapi.domain.ids import AccountId, ModelId, ProviderId
from anyapi.domain.requirement import Requirement
from anyapi.domain.snapshot import PolicyContext
from anyapi.policy.availability import asked_of
from anyapi.policy.decide import decide
from anyapi.policy.order import price_of


class Left(msgspec.Struct, frozen=True):
    """What a requirement leaves of each model: what policy permits, and of that what can be used now (it has a credential)."""

    permitted: dict[ModelId, int]
    """How many endpoints policy permits; models without one are left out."""
    usable: dict[ModelId, int]
    """How many of them could be tried now."""
    cheapest: dict[ModelId, float]
    """US dollars for a million tokens in and a million out, at the cheapest chat endpoint that could be tried now and that is not free."""
    listed: dict[ModelId, float]
    """The same at the cheapest chat endpoint that policy permits, with a credential or without."""
    providers: frozenset[ProviderId]
    denied_by: dict[ReasonCode, int]
    """How many endpoints each reason of policy denies; one endpoint may have several."""


def left(requirement: Requirement, context: PolicyContext, account: AccountId | None, now: float) -> Left:
    """Judge every endpoint of the catalogue at `now` (Unix seconds): some 20 ms for the shipped one."""
    permitted: dict[ModelId, int] = {}
    usable: dict[ModelId, int] = {}
    cheapest: dict[ModelId, float] = {}
    listed: dict[ModelId, float] = {}
    providers: set[ProviderId] = set()
    denied: Counter[ReasonCode] = Counter()
    for model in context.catalogue.models.values():
        decision = decide(requirement, model.id, PLAIN_FACTS[asked_of((model,))], context, account, now)
        denied.update(reason.code for denial in decision.denied for reason in denial.reasons if reason.kind is ReasonKind.POLICY)
        found = _permitted(decision)
        if not found:
            continue
        permitted[model.id] = len(found)
        providers |= {one.endpoint.provider for one in found}
        if decision.permitted:
            usable[model.id] = len(decision.permitted)
        cheapest |= _cheapest(model.id, decision.permitted)
        listed |= _cheapest(model.id, found)
    return Left(permitted, usable, cheapest, listed, frozenset(providers), dict(denied))


def _cheapest(model: ModelId, among: Iterable[Candidate | Denial]) -> dict[ModelId, float]:
    """The lowest price of those that write answers; nothing where none has one.

    An endpoint for embeddings alone costs nothing for what goes out: its price is none of an answer.
    """
    chats = [one for one in among if Operation.CHAT_COMPLETIONS in one.endpoint.operations]
    prices = [price for one in chats if (price := price_of(one.endpoint, local=one.local))]
    return {model: min(prices)} if prices else {}


def _permitted(decision: Decision) -> list[Candidate | Denial]:
    """What policy permits, with a credential or without."""
    return [*decision.permitted, *(denial for denial in decision.denied if denial.permitted_by_policy)]
