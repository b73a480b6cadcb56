"""What a provider's error means, as an `Outcome`. The body is parsed for a code and then dropped: no word of it goes on.

That it declines for content reasons (`refusal.py`) is asked first: some say so with the status of a credential that is refused, after
which the prompt would go to the next provider. Nothing here decides whether to try again; `anyapi.policy` does. Nothing here raises.
"""

import datetime as dt
import email.utils
import re
from collections.abc import Mapping

import msgspec

from anyapi.domain.decision import Outcome, OutcomeKind
from anyapi.upstream.refusal import declines
from anyapi.upstream.rejection import TOO_LONG, why_rejected

LONGEST_WAIT = 3600.0
"""Seconds. A provider that asks for more is taken to ask for this."""

SECONDS = re.compile(rb"[+-]?\d{1,40}(?:\.\d{1,40})?")

STATUSES: Mapping[int, OutcomeKind] = {
    401: OutcomeKind.UNAUTHORIZED,
    402: OutcomeKind.UNAUTHORIZED,  # our account there has no credit: the caller's request is not at fault
    403: OutcomeKind.UNAUTHORIZED,
    404: OutcomeKind.BAD_RESPONSE,  # a model or path this provider does not know: our catalogue is wrong there, others may serve
    408: OutcomeKind.TIMED_OUT,
    429: OutcomeKind.RATE_LIMITED,
    503: OutcomeKind.OVERLOADED,
    504: OutcomeKind.TIMED_OUT,
    524: OutcomeKind.TIMED_OUT,
    529: OutcomeKind.OVERLOADED,
}

OPENAI_CODES: Mapping[str, OutcomeKind] = {
    "api_key_invalid": OutcomeKind.UNAUTHORIZED,
    "invalid_api_key": OutcomeKind.UNAUTHORIZED,
    "incorrect_api_key": OutcomeKind.UNAUTHORIZED,
    "authentication_error": OutcomeKind.UNAUTHORIZED,
    "insufficient_quota": OutcomeKind.UNAUTHORIZED,  # a 429 that waiting does not mend
    "billing_hard_limit_reached": OutcomeKind.UNAUTHORIZED,
    "billing_not_active": OutcomeKind.UNAUTHORIZED,
    "model_not_found": OutcomeKind.BAD_RESPONSE,
}
"""Codes that say more than the status. Compared in lower case with `error.code`, `error.type` and `error.status`."""

ANTHROPIC_TYPES: Mapping[str, OutcomeKind] = {
    "invalid_request_error": OutcomeKind.REJECTED,
    "request_too_large": OutcomeKind.REJECTED,
    "authentication_error": OutcomeKind.UNAUTHORIZED,
    "permission_error": OutcomeKind.UNAUTHORIZED,
    "billing_error": OutcomeKind.UNAUTHORIZED,
    "not_found_error": OutcomeKind.BAD_RESPONSE,
    "rate_limit_error": OutcomeKind.RATE_LIMITED,
    "timeout_error": OutcomeKind.TIMED_OUT,
    "overloaded_error": OutcomeKind.OVERLOADED,
    "api_error": OutcomeKind.SERVER_ERROR,
}

EVENT_CODES: Mapping[str, OutcomeKind] = {
    **OPENAI_CODES,
    **dict.fromkeys(("rate_limit_exceeded", "rate_limit", "too_many_requests", "tokens", "requests"), OutcomeKind.RATE_LIMITED),
    **dict.fromkeys(("engine_overloaded", "overloaded", "service_unavailable", "unavailable"), OutcomeKind.OVERLOADED),
    "timeout": OutcomeKind.TIMED_OUT,
    **dict.fromkeys(TOO_LONG, OutcomeKind.REJECTED),
    "badrequesterror": OutcomeKind.REJECTED,
    **ANTHROPIC_TYPES,
}
"""What OpenAI's codes and types, and those of servers that copy it, mean where no status says it. The first that is there counts."""

ANTHROPIC_WORDS: Mapping[str, OutcomeKind] = {
    "credit balance is too low": OutcomeKind.UNAUTHORIZED,
    "api usage limits": OutcomeKind.UNAUTHORIZED,
}
"""Anthropic has no code of its own for these two; both are 400 `invalid_request_error`. A changed wording makes them REJECTED."""


class _Error(msgspec.Struct):
    """The part of an error body that is read."""

    codes: frozenset[str] = frozenset()
    text: str = ""
    param: object = None
    refused: bool = False
    """Whether it declines for content reasons."""

    @property
    def why(self) -> str | None:
        """What it says is wrong with the request, in words of ours."""
        return why_rejected(self.codes, self.text, self.param)


def parse_retry_after(value: bytes, now: float) -> float | None:
    """Read a `Retry-After` header (RFC 9110, section 10.2.3): seconds to wait from `now` (Unix seconds), 0 to 3600; None if garbage."""
    text = value.strip()
    if SECONDS.fullmatch(text):
        return min(max(float(text), 0.0), LONGEST_WAIT)
    if not 16 <= len(text) <= 64:
        return None
    try:
        at = email.utils.parsedate_to_datetime(text.decode("ascii"))
        if at.tzinfo is None:
            at = at.replace(tzinfo=dt.UTC)
        wait = at.timestamp() - now
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
    return min(max(wait, 0.0), LONGEST_WAIT)


def classify_openai(status: int, retry_after: float | None, body: bytes) -> Outcome:
    """Map a non-2xx answer in OpenAI's error format, or near it, to an outcome. A known code in the body wins over the status."""
    error = _error(body)
    if error.refused:
        return Outcome(OutcomeKind.CONTENT_REFUSED, retry_after, status)
    for code in sorted(error.codes):
        if code in OPENAI_CODES:
            return Outcome(OPENAI_CODES[code], retry_after, status)
    kind = kind_of_status(status)
    return Outcome(kind, retry_after, status, error.why if kind is OutcomeKind.REJECTED else None)


def classify_openai_event(body: bytes) -> Outcome:
    """Map an error without a status, in a stream or in a 200, to an outcome. One that says nothing known is the server's fault."""
    error = _error(body)
    if error.refused:
        return Outcome(OutcomeKind.CONTENT_REFUSED)
    kind = next((kind for code, kind in EVENT_CODES.items() if code in error.codes), OutcomeKind.SERVER_ERROR)
    return Outcome(kind, why=error.why if kind is OutcomeKind.REJECTED else None)


def classify_anthropic(status: int, retry_after: float | None, body: bytes) -> Outcome:
    """Map a non-2xx answer in Anthropic's error format to an outcome."""
    error = _error(body)
    kind = OutcomeKind.CONTENT_REFUSED if error.refused else kind_of_status(status)
    if kind is OutcomeKind.REJECTED:
        text = error.text.lower()
        kind = next((meant for words, meant in ANTHROPIC_WORDS.items() if words in text), kind)
    elif kind is OutcomeKind.SERVER_ERROR and "overloaded_error" in error.codes:
        kind = OutcomeKind.OVERLOADED
    return Outcome(kind, retry_after, status, error.why if kind is OutcomeKind.REJECTED else None)


def classify_anthropic_event(error: bytes | msgspec.Raw) -> Outcome:
    """Map an error object that came with status 200, in a stream or as a body. One whose type is not known is the server's fault."""
    found = _error(error)
    kind = next((ANTHROPIC_TYPES[code] for code in sorted(found.codes) if code in ANTHROPIC_TYPES), OutcomeKind.SERVER_ERROR)
    return Outcome(OutcomeKind.CONTENT_REFUSED if found.refused else kind)


def kind_of_status(status: int) -> OutcomeKind:
    """What a status says where the body says nothing. A status that is no error (3xx, 1xx) is an answer that cannot be understood."""
    known = STATUSES.get(status)
    if known is not None:
        return known
    if status >= 500:
        return OutcomeKind.SERVER_ERROR
    return OutcomeKind.REJECTED if status >= 400 else OutcomeKind.BAD_RESPONSE


def _error(body: bytes | msgspec.Raw) -> _Error:
    """What counts of a body's error, and of a host's that a router holds out in it."""
    found = _find(body)
    if not isinstance(found, dict):
        return _Error(text=found if isinstance(found, str) else "", refused=declines(found, frozenset()))
    text, codes, within = found.get("message"), _codes(found), _passed_on(found)
    refused = declines(found, codes) or declines(within, _codes(within))
    return _Error(codes, text if isinstance(text, str) else "", found.get("param"), refused)


def _find(body: bytes | str | msgspec.Raw) -> object:
    """The error in a body of any shape: `{"error": {...}}`, `{"error": "..."}`, `[{"error": ...}]` or the object itself."""
    try:
        found: object = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return None
    if isinstance(found, list) and found:
        found = found[0]
    return found.get("error", found) if isinstance(found, dict) else found


def _codes(error: object) -> frozenset[str]:
    """What an error object names, in lower case."""
    if not isinstance(error, dict):
        return frozenset()
    named = [error.get(name) for name in ("code", "type", "status")] + _reasons(error.get("details"))
    named += [_within(error, "innererror").get("code"), _within(error, "metadata").get("error_type")]
    return frozenset(code.lower() for code in named if isinstance(code, str))


def _passed_on(error: dict[str, object]) -> object:
    """The host's own error that OpenRouter passes on, as text, in `metadata.raw`."""
    raw = _within(error, "metadata").get("raw")
    return _find(raw) if isinstance(raw, str) else None


def _within(error: dict[str, object], name: str) -> dict[str, object]:
    """An object in an error, empty if there is none: Azure names the content filter in `innererror.code`."""
    found = error.get(name)
    return found if isinstance(found, dict) else {}


def _reasons(details: object) -> list[object]:
    """Google names an invalid key in `details[].reason`."""
    return [detail.get("reason") for detail in details if isinstance(detail, dict)] if isinstance(details, list) else []
