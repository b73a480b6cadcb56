"""Errors as answers: statuses, and nothing of what was sent."""

import json
import types

import pytest

from anyapi.control.problems import NOT_FINISHED, NOT_GIVEN, of_ours, unforeseen
from anyapi.errors import (
    AuthenticationFailed,
    BadRequest,
    ConfigError,
    ModelNotFound,
    NotFound,
    PermissionDenied,
    RateLimited,
    StorageError,
)
from anyapi.storage.driver import Conflict, NotStorable

ASKED = types.SimpleNamespace(method="GET")


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (BadRequest("x", "field"), 400, "bad_request"),
        (AuthenticationFailed("x"), 401, "authentication_error"),
        (PermissionDenied("x"), 403, "permission_error"),
        (NotFound("x"), 404, "not_found"),
        (ModelNotFound("x"), 404, "model_not_found"),
        (RateLimited("x", retry_after=2.0), 429, "rate_limit"),
        (StorageError("x", {"code": "last_owner"}), 409, "conflict"),
        (StorageError("x", {"code": "too_many_keys"}), 409, "conflict"),
        (StorageError("x", {"code": "closing"}), 409, "conflict"),
        (StorageError("secret text"), 503, "overloaded"),
        (NotStorable("secret text"), 400, "bad_request"),
        (Conflict("secret text"), 503, "overloaded"),
        (ConfigError("secret text"), 503, "overloaded"),
    ],
)
def test_each_error_has_its_status(error, status, kind):
    answer = of_ours(ASKED, error)
    assert answer.status_code == status
    body = answer.content["error"]
    assert (body["code"], body["type"]) == (status, kind)
    assert "secret" not in json.dumps(body)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_of_a_change_that_the_store_failed_in_it_is_not_said_that_nothing_was_changed(method):
    """The store may have failed when all was stored, while it was waited for that every worker goes by it."""
    said = of_ours(types.SimpleNamespace(method=method), StorageError("x")).content["error"]["message"]
    assert (said, of_ours(ASKED, StorageError("x")).content["error"]["message"]) == (NOT_FINISHED, NOT_GIVEN)
    assert "may be stored" in said


def test_a_wait_is_said_in_a_header():
    assert of_ours(ASKED, RateLimited("x", retry_after=2.0)).headers["retry-after"] == "2"


def test_what_nobody_foresaw_is_a_500_without_its_text(capsys):
    answer = unforeseen(None, ValueError("secret text"))
    assert answer.status_code == 500
    assert "secret" not in json.dumps(answer.content) + capsys.readouterr().err
