"""Answers in wire form: status lines, heads, errors. The one place where an error becomes an HTTP status."""

import time
from http import HTTPStatus

import msgspec

from anyapi import errors
from anyapi.gateway.rate_rows import rows_of_error
from anyapi.upstream.adapter import Dialect

STATUS: dict[type[Exception], int] = {
    errors.BadRequest: 400,
    errors.RequestTimedOut: 408,
    errors.ExpectationFailed: 417,
    errors.AuthenticationFailed: 401,
    errors.InsufficientQuota: 402,
    errors.PermissionDenied: 403,
    errors.NoEligibleEndpoint: 403,
    errors.ModelNotFound: 404,
    errors.NotFound: 404,
    errors.NotRecorded: 404,
    errors.MethodNotAllowed: 405,
    errors.RequestTooLarge: 413,
    errors.HeadersTooLarge: 431,
    errors.RateLimited: 429,
    errors.UpstreamFailed: 502,
    errors.NoEndpointForTags: 503,
    errors.Overloaded: 503,
    errors.UpstreamTimedOut: 504,
    errors.StorageError: 503,
}
STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
JSON = b"content-type: application/json\r\n"
EVENTS = b"content-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\n"

_encode = msgspec.json.Encoder().encode


class _Date:
    """The value of the Date header (RFC 9110, 6.6.1), made once a second."""

    __slots__ = ("_second", "_text")

    def __init__(self) -> None:
        self._second, self._text = -1, b""

    def now(self) -> bytes:
        """IMF-fixdate of this second."""
        second = int(time.time())
        if second != self._second:
            self._second = second
            self._text = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(second)).encode()
        return self._text


DATE = _Date()


def head(status: int, rows: bytes, ending: bytes, length: int) -> bytes:
    """The head of a complete answer. `rows` and `ending` are header lines, each with its CRLF."""
    return b"%bdate: %b\r\n%b%bcontent-length: %d\r\n\r\n" % (STATUS_LINES[status], DATE.now(), rows, ending, length)


def status_of(error: object) -> int:
    """The HTTP status of an error."""
    return STATUS.get(type(error), 500) if isinstance(error, Exception) else 500


def error_of(error: Exception) -> tuple[int, dict[str, object]]:
    """Status and error object for the caller. An error outside our tree says nothing of itself: its text may hold content."""
    if isinstance(error, errors.RequestError):
        status = STATUS[type(error)]
        inner: dict[str, object] = {"code": status, "type": error.type, "message": error.message, "metadata": error.metadata}
        if isinstance(error, errors.BadRequest) and error.field:
            inner["param"] = error.field
        return status, inner
    if isinstance(error, errors.StorageError):
        text = "The decision record could not be written, and without it nothing is sent. Try again; if it lasts, tell the operator."
        return 503, {"code": 503, "type": "overloaded", "message": text, "metadata": {}}
    return 500, {
        "code": 500,
        "type": "internal_error",
        "message": "AnyAPI failed in a way it should not. Nothing was kept.",
        "metadata": {},
    }


def render_error(error: Exception) -> tuple[int, bytes, bytes]:
    """Status, header lines and JSON body of an error in OpenAI's envelope."""
    status, inner = error_of(error)
    return status, error_rows(error, status), _encode({"error": inner})


def error_rows(error: Exception, status: int, dialect: Dialect = Dialect.CHAT_COMPLETIONS) -> bytes:
    """The header lines of an error, in whatever envelope its body is; `dialect` is what the client speaks."""
    rows = JSON
    retry_after = getattr(error, "retry_after", None)
    if retry_after is not None:
        rows += b"retry-after: %d\r\n" % max(1, round(retry_after))
    if isinstance(error, errors.RateLimited):
        rows += rows_of_error(error.metadata, dialect, time.time())
    if isinstance(error, errors.NoEndpointForTags) or getattr(error, "final", False):
        rows += b"x-should-retry: false\r\n"
    if isinstance(error, errors.MethodNotAllowed):
        rows += b"allow: %b\r\n" % str(error.metadata.get("allow", "GET")).encode()
    if isinstance(error, errors.AnyAPIError):
        known = [(name, error.metadata[name]) for name in ("provider", "endpoint", "decision") if name in error.metadata]
        rows += "".join(f"x-anyapi-{name}: {value}\r\n" for name, value in (*known, *error.in_force)).encode("ascii", "replace")
    if status == 401:
        rows += b"www-authenticate: Bearer\r\n"
    return rows


def error_event(error: Exception) -> bytes:
    """The terminal event of a stream that went wrong: SDKs raise on it; `[DONE]` never follows."""
    return b"data: %b\n\n" % _encode({"error": error_of(error)[1]})
