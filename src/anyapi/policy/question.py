"""What a question without content asks: which models, and which facts a request has that is like it. Pure; it decides nothing.

The one reading of such a question: data plane, control API and command share it. What only a request's other fields say (which tools it
offers, how long its answer may be), the data plane adds where they are given (`gateway/formats/question.py`).
"""

from collections.abc import Iterable, Mapping

import msgspec

from anyapi.domain.call import NO_FACTS, PLAIN_FACTS, Facts, Tag
from anyapi.domain.catalogue import Catalogue, Operation
from anyapi.domain.ids import AUTO, ModelId
from anyapi.errors import BadRequest
from anyapi.policy.availability import asked_of
from anyapi.policy.names import resolved

PREFIX = "chat_completions:"
"""How tags begin on the wire."""
SEARCHING = frozenset({Tag.WEB_SEARCH, Tag.URL_CONTEXT})
"""Abilities by which a query, or an address, goes beyond the provider: rules see a request that uses one as a web search."""


def asked_about(
    models: tuple[ModelId, ...], catalogue: Catalogue, names: Mapping[str, ModelId], facts: Facts = NO_FACTS
) -> tuple[tuple[ModelId, ...], Facts]:
    """What a question is about: the models under their ids, and what a request for them has, as far as `facts` do not say it yet.

    It names no operation, so it is about what such models do; a choice of ours is one for chats. Whoever asks about the ability to search
    is told of a request that searches: the question holds no tool that would say so.
    """
    meant, known = resolved(models, names), catalogue.models
    operation = Operation.CHAT_COMPLETIONS if AUTO in meant else asked_of(known[name] for name in meant if name in known)
    if operation is not Operation.CHAT_COMPLETIONS:  # it looks nothing up, and how long its inputs are each, no size of a body says
        return meant, msgspec.structs.replace(PLAIN_FACTS[operation], tags=facts.tags)
    if facts.web_search or SEARCHING.isdisjoint(facts.tags):
        return meant, facts
    return meant, msgspec.structs.replace(facts, web_search=True)


def tags_named(names: Iterable[str]) -> frozenset[Tag]:
    """The abilities that tags name. Raises `BadRequest`, listing the known ones."""
    known = {f"{PREFIX}{tag.value}": tag for tag in Tag}
    found = {known.get(name) for name in names}
    if None in found:
        raise BadRequest(f"tags holds a name that is not known. Known are: {', '.join(known)}.", "tags")
    return frozenset(tag for tag in found if tag is not None)
