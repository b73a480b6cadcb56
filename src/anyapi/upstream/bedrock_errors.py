"""What an error of Amazon Bedrock means, as an `Outcome`: a status with a body, or an exception inside a stream.

The body is parsed for a type and a few known words and then dropped: no word of it goes on. Nothing here raises. AWS states the type in a
header that is not handed over here, and only sometimes in the body, so the status decides where the body says nothing.
"""

from collections.abc import Mapping

import msgspec

from anyapi.domain.decision import Outcome, OutcomeKind
from anyapi.upstream.classify import kind_of_status
from anyapi.upstream.refusal import is_said
from anyapi.upstream.rejection import why_rejected

EXCEPTIONS: Mapping[str, OutcomeKind] = {
    "accessdeniedexception": OutcomeKind.UNAUTHORIZED,
    "expiredtokenexception": OutcomeKind.UNAUTHORIZED,
    "incompletesignatureexception": OutcomeKind.UNAUTHORIZED,
    "internalserverexception": OutcomeKind.SERVER_ERROR,
    "invalidsignatureexception": OutcomeKind.UNAUTHORIZED,
    "missingauthenticationtokenexception": OutcomeKind.UNAUTHORIZED,
    "modelerrorexception": OutcomeKind.SERVER_ERROR,
    "modelnotreadyexception": OutcomeKind.OVERLOADED,
    "modelstreamerrorexception": OutcomeKind.SERVER_ERROR,
    "modeltimeoutexception": OutcomeKind.TIMED_OUT,
    "resourcenotfoundexception": OutcomeKind.BAD_RESPONSE,  # a model that is not there: our catalogue is wrong, others may serve
    "servicequotaexceededexception": OutcomeKind.RATE_LIMITED,
    "serviceunavailableexception": OutcomeKind.OVERLOADED,
    "throttlingexception": OutcomeKind.RATE_LIMITED,
    "unknownoperationexception": OutcomeKind.BAD_RESPONSE,
    "unrecognizedclientexception": OutcomeKind.UNAUTHORIZED,
    "validationexception": OutcomeKind.REJECTED,
}
"""Types of exceptions, in lower case without namespace. One that is not listed says what its status says."""

WORDS: Mapping[str, OutcomeKind] = {
    "model identifier is invalid": OutcomeKind.BAD_RESPONSE,
    "on-demand throughput isn": OutcomeKind.BAD_RESPONSE,  # the model is reached by an inference profile only: our catalogue is wrong
    "reached the end of its life": OutcomeKind.BAD_RESPONSE,
}
"""Bedrock has no type of its own for these, nor for a content refusal (`refusal.py`); all are `ValidationException`. A changed wording
makes them REJECTED."""

MODEL_FAILED = 424
"""`ModelErrorException`: `originalStatusCode` says what the model's own server answered."""


class _Body(msgspec.Struct):
    """The part of an error body that is read."""

    type: str = ""
    text: str = ""
    original: int = 0


def classify_bedrock(status: int, retry_after: float | None, body: bytes) -> Outcome:
    """Map a non-2xx answer to an outcome."""
    error = _read(body)
    kind = EXCEPTIONS.get(error.type, kind_of_status(status))
    if status == MODEL_FAILED:
        kind = _of_model(error.original)
    elif kind is OutcomeKind.REJECTED:
        kind = _worded(error.text)
    return Outcome(kind, retry_after, status, _why(kind, error.text))


def classify_bedrock_event(exception: str, payload: bytes) -> Outcome:
    """Map an exception inside a stream to an outcome; `exception` as `:exception-type` names it. Unknown is the server's fault."""
    error = _read(payload)
    kind = EXCEPTIONS.get(_bare(exception), OutcomeKind.SERVER_ERROR)
    if kind is OutcomeKind.SERVER_ERROR and error.original:
        kind = _of_model(error.original)
    elif kind is OutcomeKind.REJECTED:
        kind = _worded(error.text)
    return Outcome(kind, why=_why(kind, error.text))


def _why(kind: OutcomeKind, text: str) -> str | None:
    """What is wrong with a rejected request, if that is known. AWS names fields by other names than callers do."""
    return why_rejected(frozenset(), text, "") if kind is OutcomeKind.REJECTED else None


def _worded(text: str) -> OutcomeKind:
    if is_said(text):
        return OutcomeKind.CONTENT_REFUSED
    lower = text.lower()
    return next((meant for words, meant in WORDS.items() if words in lower), OutcomeKind.REJECTED)


def _of_model(original: int) -> OutcomeKind:
    """What the status of the model's own server says. Its 401 or 404 is a matter between it and AWS."""
    kind = kind_of_status(original) if original >= 400 else OutcomeKind.SERVER_ERROR
    return OutcomeKind.SERVER_ERROR if kind in (OutcomeKind.UNAUTHORIZED, OutcomeKind.BAD_RESPONSE) else kind


def _bare(name: str) -> str:
    """A type without its namespace and what some services append: `com.amazon.x#Name:http://...` is `name`."""
    return name.rpartition("#")[2].partition(":")[0].lower()


def _read(body: bytes) -> _Body:
    """Read a body of any of AWS's shapes: `message` or `Message`, `__type` or `code`, the outer object or `Output`."""
    try:
        found: object = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return _Body()
    if not isinstance(found, dict):
        return _Body()
    inner = found.get("Output")
    if isinstance(inner, dict):
        found = inner
    named = next((found[key] for key in ("__type", "code", "type") if isinstance(found.get(key), str)), "")
    text = next((found[key] for key in ("message", "Message", "originalMessage") if isinstance(found.get(key), str)), "")
    original = found.get("originalStatusCode")
    return _Body(_bare(named), text, original if isinstance(original, int) and 100 <= original <= 599 else 0)
