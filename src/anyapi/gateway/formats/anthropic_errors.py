"""Our errors in Anthropic's envelope, whole and as the last event of a stream. Statuses and texts are `gateway.render`'s.

Source: Anthropic's API reference, errors. `error.type` is Anthropic's name for the status; ours is in `error.details.error_code`, where
Anthropic puts the cause and its SDKs look for it; `error.metadata` holds what our OpenAI envelope holds there.
"""

from collections.abc import Mapping

import msgspec

from anyapi import errors
from anyapi.gateway.render import error_of, error_rows
from anyapi.upstream.adapter import Dialect

TYPES: Mapping[int, str] = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    413: "request_too_large",
    429: "rate_limit_error",
    431: "request_too_large",
    503: "overloaded_error",
    504: "timeout_error",
}
"""Anthropic's type by status. Of the rest, below 500 is `invalid_request_error`, above `api_error`."""

NO_THREADS = "thread_unsupported_request"
"""Anthropic's own code where it cannot keep a conversation. Its SDKs then send the whole one, and their tool runners go on."""

_encode = msgspec.json.Encoder().encode


def render_messages_error(error: Exception, request_id: str | None = None) -> tuple[int, bytes, bytes]:
    """Status, header lines and JSON body of an error in Anthropic's envelope. `request_id`: the client's own, for want of a decision's."""
    named = decision_in(error) or request_id
    status, body = _envelope(error, named)
    rows = error_rows(error, status, Dialect.MESSAGES)
    return status, rows if named is None else rows + b"request-id: %b\r\n" % named.encode(), body


def messages_error_event(error: Exception) -> bytes:
    """The terminal event of a stream that went wrong: SDKs raise on it; `message_stop` never follows."""
    return b"event: error\ndata: %b\n\n" % _envelope(error, decision_in(error) or None)[1]


def decision_in(error: Exception) -> str:
    """The id by which an operator finds the request again: its decision's. A request that was not accepted has none."""
    return str(error.metadata.get("decision") or "") if isinstance(error, errors.AnyAPIError) else ""


def type_of(error: Exception, status: int) -> str:
    """Anthropic's name for an error."""
    if isinstance(error, errors.NoEndpointForTags):
        return "invalid_request_error"  # a 503 by our contract, but waiting does not help
    return TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")


def _envelope(error: Exception, request_id: str | None) -> tuple[int, bytes]:
    status, ours = error_of(error)
    code = NO_THREADS if isinstance(error, errors.BadRequest) and error.field == "thread" else ours["type"]
    inner: dict[str, object] = {"type": type_of(error, status), "message": ours["message"], "details": {"error_code": code}}
    inner["metadata"] = ours["metadata"]
    if "param" in ours:
        inner["param"] = ours["param"]
    return status, _encode({"type": "error", "error": inner, "request_id": request_id})
