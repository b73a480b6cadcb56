"""What the caller is told when no provider answered: our words, never a provider's."""

from anyapi.domain.decision import Outcome, OutcomeKind
from anyapi.errors import BadRequest, Overloaded, RateLimited, RequestError, UpstreamFailed, UpstreamTimedOut
from anyapi.gateway.admit import Admission

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
STATUS_TEXTS = {
    (
        OutcomeKind.BAD_RESPONSE,
        404,
    ): "The provider says that it does not have this model, or not for this gateway's key. Tell the operator.",
    (OutcomeKind.REJECTED, 413): "The provider says that the request is too large for it. Send less.",
}
"""What a status says more than the outcome.

INVARIANT: all are ours, word for word. A provider's text is never passed on.
"""


def error_for(outcome: Outcome, admission: Admission) -> RequestError:
    """What the caller gets when the last attempt did not succeed."""
    kind = outcome.kind
    text = STATUS_TEXTS.get((kind, outcome.status or 0)) or TEXTS.get(kind, "The provider failed.")
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
