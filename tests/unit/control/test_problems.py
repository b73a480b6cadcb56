"""Errors as answers: statuses, and nothing of what was sent."""

import json

import pytest

from anyapi.control.problems import of_ours, unforeseen
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
        (StorageError("secret text"), 503, "overloaded"),
        (NotStorable("secret text"), 400, "bad_request"),
        (Conflict("secret text"), 503, "overloaded"),
        (ConfigError("secret text"), 503, "overloaded"),
    ],
)
def test_each_error_has_its_status(error, status, kind):
    answer = of_ours(None, error)
    assert answer.status_code == status
    body = answer.content["error"]
    assert (body["code"], body["type"]) == (status, kind)
    assert "secret" not in json.dumps(body)


def test_a_wait_is_said_in_a_header():
    assert of_ours(None, RateLimited("x", retry_after=2.0)).headers["retry-after"] == "2"


def test_what_nobody_foresaw_is_a_500_without_its_text(capsys):
    answer = unforeseen(None, ValueError("secret text"))
    assert answer.status_code == 500
    assert "secret" not in json.dumps(answer.content) + capsys.readouterr().err
