"""Walk the route: attempts, retries and failover as `anyapi.policy.walk` says, until one answers or none is left."""

from collections.abc import Callable

from anyapi.domain.decision import Candidate, Outcome, OutcomeKind, Route
from anyapi.gateway.declined import ENDED, Declined, declined
from anyapi.gateway.exchange import INEXPRESSIBLE, ProviderExchange
from anyapi.gateway.formats.openai_chat import ChatRequest
from anyapi.gateway.upstream_errors import error_for
from anyapi.policy.walk import walk
from anyapi.upstream.adapter import NO_FIELDS


async def dispatch(exchange: ProviderExchange, route: Route, outcome: Outcome, parse: Callable[[bytes], ChatRequest]) -> Outcome:
    """Go on along the route after the first attempt; the answer went to the client if the outcome is a success. Raises `RequestError`.

    The first attempt, at the route's first candidate, is made by the caller: the common request needs no more than that. `parse` read the
    request's body, and does so again if the fields were let go of.
    """
    if outcome.kind is OutcomeKind.SUCCESS:
        return finish(exchange, outcome, None)
    steps = walk(route, exchange.admission.plane.budget.may_retry)
    next(steps)
    refusal = declined(exchange)
    told = outcome  # what the caller hears of: how the last request that was sent ended, or that none was
    while True:
        try:
            attempt = steps.send(outcome)
        except StopIteration:
            return finish(exchange, told, refusal)
        if attempt.wait:
            await exchange.wait(attempt.wait)
        outcome = exchange.ended() or await _tried(exchange, attempt.candidate, parse)
        if outcome is not INEXPRESSIBLE:
            told, refusal = outcome, declined(exchange) or refusal


async def _tried(exchange: ProviderExchange, candidate: Candidate, parse: Callable[[bytes], ChatRequest]) -> Outcome:
    """One more attempt, with what was let go of while the last one's answer was awaited."""
    outbound, call = exchange.outbound, exchange.reply.current
    if outbound.fields is NO_FIELDS and call is not None:
        outbound.fields = parse(call.body).fields
    begun = await exchange.begin(candidate)
    return exchange.end(await begun)


def finish(exchange: ProviderExchange, outcome: Outcome, refusal: Declined | None) -> Outcome:
    """End the answer: an error event for a stream that broke off, a refusal that nobody else mended, or raise what the caller gets.

    A stream that is whole was ended when its terminal marker came.
    """
    if exchange.reply.streaming:
        exchange.fail_stream()
    elif outcome.kind not in ENDED:
        if refusal is not None:
            return refusal.deliver(exchange)
        if exchange.refusal is not None and outcome is INEXPRESSIBLE:
            raise exchange.refusal
        raise error_for(outcome, exchange.admission)
    return outcome
