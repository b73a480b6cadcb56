"""`anyapi/auto`: the endpoints a gateway may choose among, what rules one out besides data policy, and their order (docs/routing.md).

Pure, like every rule: values of the request go in (kinds and sizes, never content), nothing else is asked.
"""

from collections.abc import Iterable
from operator import attrgetter

import msgspec

from anyapi.domain.call import Choice, Facts, Preference, Sort
from anyapi.domain.catalogue import Endpoint, Model, Operation, Status
from anyapi.domain.decision import Candidate, Reason, ReasonCode
from anyapi.domain.ids import AUTO, ModelId
from anyapi.domain.snapshot import PolicyContext
from anyapi.policy.availability import hindrance, lacking
from anyapi.policy.order import LAST, arranged

UNRECORDED_CONTEXT = 8192
"""Tokens that an endpoint is taken to have room for where its record states no context length."""


def everything(context: PolicyContext) -> Model:
    """What the gateway chooses among, as the endpoints of one model: chat endpoints not retired, of providers with a credential here."""
    return Model(
        AUTO,
        "Auto",
        "anyapi",
        endpoints=tuple(
            endpoint
            for model in context.catalogue.models.values()
            for endpoint in model.endpoints
            if context.credentials.get(endpoint.provider)
            and Operation.CHAT_COMPLETIONS in endpoint.operations
            and endpoint.status is not Status.RETIRED
        ),
    )


def unsuited(endpoint: Endpoint, facts: Facts) -> Iterable[Reason]:
    """Why the endpoint would not be chosen: an ability that is not recorded, or too little room for prompt and answer."""
    yield from lacking(endpoint, facts)
    if facts.choice is not None:
        yield from _too_short(endpoint, facts.choice)


def _too_short(endpoint: Endpoint, choice: Choice) -> Iterable[Reason]:
    room = UNRECORDED_CONTEXT if endpoint.context_length is None else endpoint.context_length
    needed = choice.prompt_tokens + choice.answer_tokens
    if needed > room:
        text = f"Prompt and answer have about {needed} tokens; the endpoint takes {room}."
        yield hindrance(ReasonCode.CONTEXT_TOO_SHORT, text, needed, room)
    elif endpoint.max_output_tokens is not None and choice.answer_tokens > endpoint.max_output_tokens:
        text = f"An answer of up to {choice.answer_tokens} tokens is asked for; the endpoint writes {endpoint.max_output_tokens}."
        yield hindrance(ReasonCode.CONTEXT_TOO_SHORT, text, choice.answer_tokens, endpoint.max_output_tokens)


def arranged_to_choose(candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """The candidates, cheapest first. What cannot call tools comes after: it is small, old, or made for one purpose.

    After both comes what ranks last everywhere, deprecated or unverified: what can call tools, then what cannot.
    """
    scored = [msgspec.structs.replace(one, static_score=one.static_score + LAST * _behind(one.endpoint)) for one in arranged(candidates)]
    return tuple(sorted(scored, key=attrgetter("static_score", "endpoint.id")))


def _behind(endpoint: Endpoint) -> int:
    """How many steps further back than where `arranged` puts it."""
    return (endpoint.status is not Status.ACTIVE) + (not endpoint.capabilities.tools)


def preference_in(model: ModelId, preference: Preference) -> Preference:
    """The caller's preference for one model asked for: `anyapi/auto` goes by price unless the caller says by what."""
    if model != AUTO or preference.sort is not None:
        return preference
    return msgspec.structs.replace(preference, sort=Sort.PRICE)
