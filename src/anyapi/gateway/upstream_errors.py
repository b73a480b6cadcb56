"""What the caller is told when no provider answered: our words, never a provider's."""

from anyapi.domain.decision import CONTEXT_LENGTH, Outcome, OutcomeKind
from anyapi.errors import BadRequest, Metadata, Overloaded, RateLimited, RequestError, RequestTooLarge, UpstreamFailed, UpstreamTimedOut
from anyapi.gateway.admit import Admission

TOO_LARGE = 413
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
NO_MODEL = "The provider says that it does not have this model, or not for this gateway's key. Tell the operator."
"""An error that is a bad response: the catalogue is wrong there, whatever status says so."""
NO_CREDIT = "This gateway's account at the provider has no credit or quota left. Tell the operator."
STATUS_TEXTS = {
    (OutcomeKind.UNAUTHORIZED, 402): NO_CREDIT,
    (OutcomeKind.UNAUTHORIZED, 429): NO_CREDIT,
    (OutcomeKind.REJECTED, TOO_LARGE): "The provider says that the request is too large for it. Send less.",
}
"""What a status says more than the outcome.

INVARIANT: all are ours, word for word. A provider's text is never passed on.
"""


TOO_LONG = (
    "This model's maximum context length is exceeded: the prompt is too long for it (context_length_exceeded). Send less, or ask for a "
    "shorter answer."
)
"""INVARIANT: holds the words by which clients know that they have to shorten the conversation, OpenAI's and Anthropic's."""
BROKEN_OFF = TEXTS[OutcomeKind.INTERRUPTED]
UNSAID = frozenset({OutcomeKind.SERVER_ERROR, OutcomeKind.BAD_RESPONSE})
"""Outcomes that say no more of a stream than that it broke off."""


def error_for(outcome: Outcome, admission: Admission) -> RequestError:
    """What the caller gets when the last attempt did not succeed."""
    kind = outcome.kind
    text = _text_of(outcome)
    metadata = _metadata(outcome, admission)
    if kind is OutcomeKind.REJECTED:
        return _rejected(outcome, text, metadata)
    if kind is OutcomeKind.CONTENT_REFUSED:
        return _bad_request(text, metadata)
    if kind is OutcomeKind.RATE_LIMITED:
        return RateLimited(text, metadata, outcome.retry_after)
    if kind is OutcomeKind.OVERLOADED:
        return Overloaded(text, metadata, outcome.retry_after)
    if kind is OutcomeKind.TIMED_OUT:
        return UpstreamTimedOut(text, metadata)
    # asking again changes nothing, unless another endpoint failed too and may do better then; SDKs would ask, as after any 502
    final = admission.attempts == 1 and (text == NO_MODEL or kind is OutcomeKind.UNAUTHORIZED)
    return UpstreamFailed(text, metadata, final=final)


def broken_off(failure: Outcome | None, admission: Admission, *, closing: bool) -> RequestError:
    """What the caller gets inside a stream whose end does not come. `failure` is what the provider said, if it said anything."""
    known: Metadata = {"decision": admission.id}
    if closing:
        return Overloaded("This gateway is closing.", known)
    if failure is None or failure.kind in UNSAID:
        return UpstreamFailed(BROKEN_OFF, known)
    error = error_for(failure, admission)
    error.message = f"{error.message} {BROKEN_OFF}"
    return error


def _text_of(outcome: Outcome) -> str:
    status = outcome.status or 0
    if outcome.kind is OutcomeKind.BAD_RESPONSE and status >= 400:
        return NO_MODEL
    return STATUS_TEXTS.get((outcome.kind, status)) or TEXTS.get(outcome.kind, "The provider failed.")


def _metadata(outcome: Outcome, admission: Admission) -> Metadata:
    known: Metadata = {"outcome": outcome.kind.value, "attempts": admission.attempts, "decision": admission.id}
    if admission.candidate is not None:
        known |= {"provider": admission.candidate.endpoint.provider, "endpoint": admission.candidate.endpoint.id}
    return known if outcome.status is None else known | {"provider_status": outcome.status}


def _rejected(outcome: Outcome, text: str, metadata: Metadata) -> RequestError:
    """What the caller gets where the provider says that the request is wrong: what about it, if that is known."""
    if outcome.why == CONTEXT_LENGTH:
        return _bad_request(TOO_LONG, metadata | {"reason": CONTEXT_LENGTH})
    if outcome.status == TOO_LARGE:
        return RequestTooLarge(text, metadata)
    if outcome.why is not None:
        text = f"The provider says that the request is not valid for this model, and names `{outcome.why}`. Check that parameter."
    return _bad_request(text, metadata, outcome.why)


def _bad_request(text: str, metadata: Metadata, field: str | None = None) -> BadRequest:
    error = BadRequest(text, field)
    error.metadata |= metadata
    return error
