"""Walk the route: attempts, retries and failover as `anyapi.policy.walk` says, until one answers or none is left."""

from anyapi.domain.decision import Outcome, OutcomeKind, Route
from anyapi.errors import BadRequest, Overloaded, RateLimited, RequestError, UpstreamFailed, UpstreamTimedOut
from anyapi.gateway.admit import Admission
from anyapi.gateway.exchange import ProviderExchange
from anyapi.policy.walk import walk


async def dispatch(exchange: ProviderExchange, route: Route, outcome: Outcome) -> Outcome:
    """Go on along the route after the first attempt; the answer went to the client if the outcome is a success. Raises `RequestError`.

    The first attempt, at the route's first candidate, is made by the caller: the common request needs no more than that.
    """
    if outcome.kind is OutcomeKind.SUCCESS:
        return finish(exchange, outcome)
    steps = walk(route, exchange.admission.plane.budget.may_retry)
    next(steps)
    while True:
        try:
            attempt = steps.send(outcome)
        except StopIteration as end:
            return finish(exchange, end.value)
        if attempt.wait:
            await exchange.wait(attempt.wait)
        outcome = exchange.ended() or await exchange.attempt(attempt.candidate)


def finish(exchange: ProviderExchange, outcome: Outcome) -> Outcome:
    """End the answer: an error event for a stream that broke off, a refusal that nobody else mended, or raise what the caller gets.

    A stream that is whole was ended when its terminal marker came.
    """
    if exchange.reply.streaming:
        exchange.fail_stream()
    elif outcome.kind is OutcomeKind.CONTENT_REFUSED and exchange.held is not None:
        exchange.deliver(exchange.held)
    elif outcome.kind not in {OutcomeKind.SUCCESS, OutcomeKind.CLIENT_GONE}:
        if exchange.refusal is not None and not exchange.admission.attempts:
            raise exchange.refusal
        raise error_for(outcome, exchange.admission)
    return outcome


TEXTS = {
    OutcomeKind.CONNECT_FAILED: "The provider could not be reached.",
    OutcomeKind.TIMED_OUT: "The provider did not answer in time.",
    OutcomeKind.RATE_LIMITED: "The provider is limiting the rate of requests.",
    OutcomeKind.SERVER_ERROR: "The provider failed.",
    OutcomeKind.OVERLOADED: "The provider is overloaded.",
    OutcomeKind.BAD_RESPONSE: "The provider's answer could not be understood.",
    OutcomeKind.REJECTED: "The provider says that the request is not valid for this model. Check its parameters.",
    OutcomeKind.UNAUTHORIZED: "The provider refused this gateway's credential. Tell the operator.",
    OutcomeKind.CONTENT_REFUSED: "The provider declined the request for content reasons.",
    OutcomeKind.INTERRUPTED: "The provider's answer broke off before its end.",
}
"""INVARIANT: ours, word for word. A provider's text is never passed on."""


def error_for(outcome: Outcome, admission: Admission) -> RequestError:
    """What the caller gets when the last attempt did not succeed."""
    kind = outcome.kind
    text = TEXTS.get(kind, "The provider failed.")
    metadata: dict[str, object] = {"outcome": kind.value, "attempts": admission.attempts, "decision": admission.id}
    if admission.candidate is not None:
        metadata |= {"provider": admission.candidate.endpoint.provider, "endpoint": admission.candidate.endpoint.id}
    if outcome.status is not None:
        metadata["provider_status"] = outcome.status
    if kind in {OutcomeKind.REJECTED, OutcomeKind.CONTENT_REFUSED}:
        error = BadRequest(text)
        error.metadata = metadata
        return error
    if kind is OutcomeKind.RATE_LIMITED:
        return RateLimited(text, metadata, outcome.retry_after)
    if kind is OutcomeKind.OVERLOADED:
        return Overloaded(text, metadata, outcome.retry_after)
    if kind is OutcomeKind.TIMED_OUT:
        return UpstreamTimedOut(text, metadata)
    return UpstreamFailed(text, metadata)
