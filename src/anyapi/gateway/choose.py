"""Decisions for requests that leave the model to the gateway: judged once for all of them, then one memo for each need and size."""

from collections.abc import Callable

from anyapi.domain.ids import ModelId
from anyapi.gateway.formats.choice import facts_to_choose_by
from anyapi.gateway.formats.openai_chat import ChatRequest
from anyapi.gateway.memo import Asked, Decided, Memory


def choose(
    asked: Asked, request: ChatRequest, models: tuple[ModelId, ...], now: float, memory: Memory, judge: Callable[[], Decided]
) -> Decided:
    """The decision for `models`, one of which is `anyapi/auto`. Fills `request.facts` with what `rank` then chooses by.

    `judge` decides under the facts that the request has now: hundreds of endpoints, so it is only called for a new requirement.
    """
    plain = (models, request.facts, None)
    request.facts = facts_to_choose_by(request)
    key = (models, request.facts)
    found = asked.memo.get(key)
    if found is not None and found.holds(now):
        return found
    judged = asked.memo.get(plain)
    if judged is None or not judged.holds(now):
        judged = memory.remember(asked, plain, judge())
    return memory.remember(asked, key, Decided(judged.decisions, judged.at), shared=True)
