"""Errors of the control API: the same envelope as the data plane's. What nobody foresaw says nothing of itself."""

import logging
import re
from collections.abc import Mapping
from http import HTTPStatus

from litestar import Request, Response
from litestar.datastructures import State
from litestar.exceptions import HTTPException, ValidationException

from anyapi.control.permissions import SAFE
from anyapi.errors import (
    AnyAPIError,
    AuthenticationFailed,
    BadRequest,
    ModelNotFound,
    NotFound,
    PermissionDenied,
    RateLimited,
    RequestError,
    StorageError,
)
from anyapi.storage.driver import Conflict, NotStorable, code_of
from anyapi.telemetry.log import Event, log

STATUSES: Mapping[type[AnyAPIError], int] = {
    BadRequest: 400,
    AuthenticationFailed: 401,
    PermissionDenied: 403,
    NotFound: 404,
    ModelNotFound: 404,
    RateLimited: 429,
}
_CONFLICTS = frozenset({"changed_meanwhile", "closing", "last_owner", "too_many_keys"})
"""What the store refuses for what is in it, in words for whoever asked."""
MODELS = ("/v1/", *(f"/api/v1/{name}" for name in ("chat/", "messages", "responses", "embeddings", "models")))
"""How the paths begin under which the gateway serves models, at an address of its own."""
ELSEWHERE = (
    "Models are not called here: this is the address of the dashboard and the control API. Use the gateway's own as base_url, which "
    "`anyapi serve` prints at its start: port 8080 of this machine, unless it is configured otherwise."
)
NOT_GIVEN = "The store cannot give this now. Try again."
NOT_FINISHED = (
    "The store failed on the way: what was to be changed may be stored, in part or whole, and in force. Look before you repeat it."
)
"""It may have failed at the first step, or when all was stored and it was waited for that every worker goes by it."""
_NOWHERE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED})
_Request = Request[object, object, State]
_UNKNOWN = re.compile(r"unknown field `([A-Za-z0-9_.-]{1,64})`")
"""How the reader of bodies tells of one. A name of another kind may be anything and is not repeated."""
logging.getLogger("litestar").setLevel(logging.CRITICAL)  # it would print tracebacks, which may hold what was sent


class _Kinds(logging.Handler):
    """Takes what uvicorn would print: of an error its kind, of everything else nothing, since anybody can cause that line by line."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log the kind alone."""
        if record.exc_info and record.exc_info[0] is not None:
            log(Event.INTERNAL_ERROR, kind=record.exc_info[0].__name__)


_uvicorn = logging.getLogger("uvicorn.error")
_uvicorn.propagate = False
_uvicorn.handlers = [_Kinds()]


def of_ours(request: _Request, error: AnyAPIError) -> Response[dict[str, object]]:
    """An error of our tree."""
    if isinstance(error, StorageError) and error.metadata.get("code") in _CONFLICTS:
        return _envelope(409, "conflict", error.message, {})
    if isinstance(error, NotStorable) and not isinstance(error, Conflict):
        return _envelope(400, "bad_request", "Something in it cannot be stored: a character such as U+0000, or a number too large.", {})
    status = next((number for kind, number in STATUSES.items() if isinstance(error, kind)), None)
    if status is None:
        return _failed(request, error)
    kind = error.type if isinstance(error, RequestError) else "bad_request"
    headers = {"retry-after": f"{error.retry_after:.0f}"} if isinstance(error, RateLimited) and error.retry_after else {}
    return _envelope(status, kind, error.message, dict(error.metadata), headers)


def _failed(request: _Request, error: AnyAPIError) -> Response[dict[str, object]]:
    if isinstance(error, StorageError):
        log(Event.STORE_FAILED, code=code_of(error))
    else:
        log(Event.INTERNAL_ERROR, kind=type(error).__name__)
    return _envelope(503, "overloaded", NOT_GIVEN if request.method in SAFE else NOT_FINISHED, {})


def of_the_framework(request: _Request, error: HTTPException) -> Response[dict[str, object]]:
    """What Litestar refuses by itself: an unknown path, a body of the wrong shape. Field names only, never values."""
    if error.status_code in _NOWHERE and request.url.path.startswith(MODELS):
        return _envelope(404, "not_found", ELSEWHERE, {})
    fields: list[str] = []
    if isinstance(error, ValidationException) and isinstance(error.extra, list):
        fields = [_field(each) for each in error.extra if isinstance(each, dict)]
    words = HTTPStatus(error.status_code).phrase.lower().replace(" ", "_")
    named = f" Look at: {', '.join(field for field in fields if field)}." if any(fields) else ""
    messages = {
        400: f"The request is not of the form that this path takes.{named}",
        404: "There is no such path.",
        405: "Not with this method.",
    }
    return _envelope(error.status_code, words, messages.get(error.status_code, HTTPStatus(error.status_code).phrase), {})


def _field(found: dict[str, object]) -> str:
    """Where a body is not as it should be; of a field that is not known, its name."""
    unknown = _UNKNOWN.search(str(found.get("message", "")))
    return f"{unknown[1]} (not known here)" if unknown else str(found.get("key", ""))


def unforeseen(_request: _Request, error: Exception) -> Response[dict[str, object]]:
    """A fault of ours: its kind is logged, its text is not."""
    log(Event.INTERNAL_ERROR, kind=type(error).__name__)
    return _envelope(
        500, "internal_error", "Something went wrong here. Nothing is known to have been changed; look before you repeat it.", {}
    )


def _envelope(
    status: int, kind: str, message: str, metadata: dict[str, object], headers: dict[str, str] | None = None
) -> Response[dict[str, object]]:
    error = {"code": status, "type": kind, "message": message, "metadata": metadata}
    return Response({"error": error}, status_code=status, headers=headers, media_type="application/json")
