"""Errors in Anthropic's envelope: its own names, our reasons, and nothing of an error outside our tree."""

import json

import pytest

from anyapi import errors
from anyapi.gateway.formats.anthropic_errors import messages_error_event, render_messages_error, type_of
from anyapi.gateway.render import STATUS

KNOWN = {
    errors.BadRequest("m", "a.b"): (400, "invalid_request_error", "bad_request"),
    errors.RequestTimedOut("m"): (408, "timeout_error", "bad_request"),
    errors.ExpectationFailed("m"): (417, "invalid_request_error", "bad_request"),
    errors.AuthenticationFailed("m"): (401, "authentication_error", "authentication_error"),
    errors.InsufficientQuota("m"): (402, "billing_error", "insufficient_quota"),
    errors.PermissionDenied("m"): (403, "permission_error", "permission_error"),
    errors.NoEligibleEndpoint("m", {"endpoints": [1]}): (403, "permission_error", "no_eligible_endpoint"),
    errors.ModelNotFound("m"): (404, "not_found_error", "model_not_found"),
    errors.NotFound("m"): (404, "not_found_error", "not_found"),
    errors.NotRecorded("m"): (404, "not_found_error", "not_recorded"),
    errors.MethodNotAllowed("m"): (405, "invalid_request_error", "method_not_allowed"),
    errors.RequestTooLarge("m"): (413, "request_too_large", "request_too_large"),
    errors.HeadersTooLarge("m"): (431, "request_too_large", "request_too_large"),
    errors.RateLimited("m", retry_after=7.0): (429, "rate_limit_error", "rate_limit"),
    errors.UpstreamFailed("m"): (502, "api_error", "upstream_error"),
    errors.NoEndpointForTags("m"): (503, "invalid_request_error", "no_endpoint_for_tags"),
    errors.Overloaded("m"): (503, "overloaded_error", "overloaded"),
    errors.UpstreamTimedOut("m"): (504, "timeout_error", "upstream_timeout"),
}


def test_every_status_is_known():
    assert {type(error) for error in KNOWN} == STATUS.keys() - {errors.StorageError}


@pytest.mark.parametrize("error", KNOWN, ids=lambda error: type(error).__name__)
def test_each_error(error):
    status, name, ours = KNOWN[error]
    found, rows, body = render_messages_error(error, "req_1")
    whole = json.loads(body)
    assert (found, whole["type"], whole["request_id"]) == (status, "error", "req_1")
    assert whole["error"]["type"] == name == type_of(error, status)
    assert (whole["error"]["message"], whole["error"]["details"]) == ("m", {"error_code": ours})
    assert whole["error"]["metadata"] == error.metadata
    assert b"content-type: application/json\r\n" in rows
    assert b"\r\nrequest-id: req_1\r\n" in rows
    assert messages_error_event(error) == b"event: error\ndata: %b\n\n" % render_messages_error(error)[2]


def test_the_decision_is_what_a_request_is_found_by():
    error = errors.UpstreamFailed("m", {"decision": "dec_1"})
    _, rows, body = render_messages_error(error, "req_1")
    assert (json.loads(body)["request_id"], b"\r\nrequest-id: dec_1\r\n" in rows) == ("dec_1", True)
    assert messages_error_event(error).endswith(body + b"\n\n")
    assert b"request-id" not in render_messages_error(errors.BadRequest("m"))[1]


def test_header_lines_are_those_of_every_format():
    assert b"retry-after: 7\r\n" in render_messages_error(errors.RateLimited("m", retry_after=7.0))[1]
    assert b"x-should-retry: false\r\n" in render_messages_error(errors.NoEndpointForTags("m"))[1]


def test_the_field_is_named():
    whole = json.loads(render_messages_error(errors.BadRequest("m", "a.b"))[2])
    assert (whole["error"]["param"], whole["request_id"]) == ("a.b", None)


@pytest.mark.parametrize("error", [ValueError("s3cret"), errors.StorageError("s3cret")])
def test_what_is_not_for_callers_is_not_told(error):
    status, _, body = render_messages_error(error)
    assert status in (500, 503)
    assert b"s3cret" not in body + messages_error_event(error)
    assert json.loads(body)["error"]["type"] == ("api_error" if status == 500 else "overloaded_error")


def test_a_thread_is_refused_in_anthropics_own_words():
    """Its SDKs look for the code: their tool runners begin with a thread, and go on without one."""
    details = json.loads(render_messages_error(errors.BadRequest("m", "thread"))[2])["error"]["details"]
    assert details == {"error_code": "thread_unsupported_request"}
