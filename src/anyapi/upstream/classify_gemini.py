"""What an error of Google's APIs means, as an `Outcome`. The body is parsed for codes and then dropped: no word of it goes on.

Source: google.rpc.Code and google.rpc.{ErrorInfo,RetryInfo,QuotaFailure} (AIP-193). Nothing here decides whether to try again;
`anyapi.policy` does. Nothing here raises.
"""

import re
from collections.abc import Mapping

import msgspec

from anyapi.domain.decision import Outcome, OutcomeKind
from anyapi.upstream.classify import LONGEST_WAIT, kind_of_status
from anyapi.upstream.rejection import why_rejected

STATUSES: Mapping[str, OutcomeKind] = {
    "INVALID_ARGUMENT": OutcomeKind.REJECTED,
    "OUT_OF_RANGE": OutcomeKind.REJECTED,
    "FAILED_PRECONDITION": OutcomeKind.UNAUTHORIZED,  # no billing, or a place that is not served: our project's fault, not the caller's
    "UNAUTHENTICATED": OutcomeKind.UNAUTHORIZED,
    "PERMISSION_DENIED": OutcomeKind.UNAUTHORIZED,
    "NOT_FOUND": OutcomeKind.BAD_RESPONSE,  # a model this provider does not know: others may serve
    "UNIMPLEMENTED": OutcomeKind.BAD_RESPONSE,
    "RESOURCE_EXHAUSTED": OutcomeKind.RATE_LIMITED,
    "UNAVAILABLE": OutcomeKind.OVERLOADED,
    "ABORTED": OutcomeKind.OVERLOADED,
    "DEADLINE_EXCEEDED": OutcomeKind.TIMED_OUT,
    "INTERNAL": OutcomeKind.SERVER_ERROR,
    "UNKNOWN": OutcomeKind.SERVER_ERROR,
    "DATA_LOSS": OutcomeKind.SERVER_ERROR,
    "CANCELLED": OutcomeKind.SERVER_ERROR,
}
"""By `error.status`, which says more than the HTTP status."""

REASONS: Mapping[str, OutcomeKind] = dict.fromkeys(
    (
        "API_KEY_INVALID", "API_KEY_EXPIRED", "API_KEY_SERVICE_BLOCKED", "API_KEY_HTTP_REFERRER_BLOCKED", "API_KEY_IP_ADDRESS_BLOCKED",
        "ACCESS_TOKEN_EXPIRED", "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "CREDENTIALS_MISSING", "BILLING_DISABLED", "SERVICE_DISABLED",
        "CONSUMER_SUSPENDED", "CONSUMER_INVALID", "IAM_PERMISSION_DENIED",
    ),
    OutcomeKind.UNAUTHORIZED,
)  # fmt: skip
"""By `error.details[].reason`, which says more than the status: an invalid key is an INVALID_ARGUMENT."""

DELAY = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s")


class _Error(msgspec.Struct):
    """The parts of an error that are read."""

    status: str = ""
    code: int = 0
    reasons: tuple[str, ...] = ()
    delay: float | None = None
    """Seconds that RetryInfo asks for."""
    daily: bool = False
    """A quota for a whole day is used up: what RetryInfo says is too short."""
    why: str | None = None
    """What is wrong with the request, if that is known. Google names fields by other names than callers do."""


def classify_gemini(status: int, retry_after: float | None, body: bytes) -> Outcome:
    """Map a non-2xx answer to an outcome. `retry_after` is the header's, in seconds; without one RetryInfo counts, at most an hour."""
    error = _read(body)
    return _outcome(error, _kind(error, status), _wait(error, retry_after), status)


def classify_error(error: bytes | msgspec.Raw) -> Outcome:
    """Map an error object that came with status 200, whole or inside a stream. One that says nothing is the server's fault."""
    found = _read(error)
    return _outcome(found, _kind(found, found.code or 500), _wait(found, None))


def _outcome(error: _Error, kind: OutcomeKind, wait: float | None, status: int | None = None) -> Outcome:
    return Outcome(kind, wait, status, error.why if kind is OutcomeKind.REJECTED else None)


def _kind(error: _Error, status: int) -> OutcomeKind:
    for reason in error.reasons:
        if reason in REASONS:
            return REASONS[reason]
    return STATUSES.get(error.status) or kind_of_status(status)


def _wait(error: _Error, header: float | None) -> float | None:
    if error.daily:
        return LONGEST_WAIT
    return error.delay if header is None else header


def _read(body: bytes | msgspec.Raw) -> _Error:
    """The parts of an error that count."""
    found = _find(body)
    status, code, details = found.get("status"), found.get("code"), found.get("details")
    made = _Error(status if isinstance(status, str) else "")
    if isinstance(code, int) and 400 <= code < 600:
        made.code = code
    text = found.get("message")
    made.why = why_rejected(frozenset(), text, "") if isinstance(text, str) else None
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, dict):
            _add_detail(made, detail)
    return made


def _find(body: bytes | msgspec.Raw) -> dict[str, object]:
    """The error in `{"error": {...}}`, `[{"error": {...}}]` (what a stream's URL answers) or the object itself; empty if there is none."""
    try:
        found: object = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return {}
    if isinstance(found, list) and found:
        found = found[0]
    if isinstance(found, dict):
        found = found.get("error", found)
    return found if isinstance(found, dict) else {}


def _add_detail(made: _Error, detail: dict[str, object]) -> None:
    reason, delay, violations = (detail.get(name) for name in ("reason", "retryDelay", "violations"))
    if isinstance(reason, str):
        made.reasons += (reason,)
    seconds = DELAY.fullmatch(delay) if isinstance(delay, str) else None
    if seconds is not None:
        made.delay = min(float(seconds[1]), LONGEST_WAIT)
    for violation in violations if isinstance(violations, list) else ():
        quota = violation.get("quotaId") if isinstance(violation, dict) else None
        made.daily = made.daily or (isinstance(quota, str) and "PerDay" in quota)
