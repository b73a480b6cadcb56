"""Errors as HTTP: every class has a status and a name on the wire, and nothing of a foreign error gets out."""

import json
import re

import pytest

from anyapi import errors
from anyapi.gateway import render
from anyapi.gateway.render import STATUS, STATUS_LINES, error_event, error_of, head, render_error, status_of

WIRE = {
    errors.BadRequest: (400, "bad_request"),
    errors.RequestTimedOut: (408, "bad_request"),
    errors.ExpectationFailed: (417, "bad_request"),
    errors.AuthenticationFailed: (401, "authentication_error"),
    errors.InsufficientQuota: (402, "insufficient_quota"),
    errors.PermissionDenied: (403, "permission_error"),
    errors.NoEligibleEndpoint: (403, "no_eligible_endpoint"),
    errors.ModelNotFound: (404, "model_not_found"),
    errors.NotFound: (404, "not_found"),
    errors.NotRecorded: (404, "not_recorded"),
    errors.MethodNotAllowed: (405, "method_not_allowed"),
    errors.RequestTooLarge: (413, "request_too_large"),
    errors.HeadersTooLarge: (431, "request_too_large"),
    errors.RateLimited: (429, "rate_limit"),
    errors.NoEndpointForTags: (503, "no_endpoint_for_tags"),
    errors.Overloaded: (503, "overloaded"),
    errors.UpstreamFailed: (502, "upstream_error"),
    errors.UpstreamTimedOut: (504, "upstream_timeout"),
}


def below(cls):
    """All classes under one."""
    return {cls, *(found for child in cls.__subclasses__() for found in below(child))}


def rows_of(error):
    _, rows, _ = render_error(error)
    return dict(line.split(b": ", 1) for line in rows.split(b"\r\n") if line)


def test_every_error_a_caller_can_get_has_a_status_and_a_name():
    assert below(errors.RequestError) - {errors.RequestError} == set(WIRE)
    assert set(STATUS) == {*WIRE, errors.StorageError}


@pytest.mark.parametrize("cls", WIRE, ids=lambda cls: cls.__name__)
def test_the_envelope(cls):
    status, name = WIRE[cls]
    error = cls("what happened")
    error.metadata = {"endpoints": ["a"], "count": 1}
    got, rows, body = render_error(error)
    assert got == status == status_of(error)
    assert b"content-type: application/json\r\n" in rows
    assert json.loads(body) == {
        "error": {"code": status, "type": name, "message": "what happened", "metadata": {"endpoints": ["a"], "count": 1}}
    }
    assert status in STATUS_LINES


def test_a_field_is_named_as_openai_does():
    inner = json.loads(render_error(errors.BadRequest("wrong", "data_policy.regions"))[2])["error"]
    assert (inner["param"], inner["metadata"]) == ("data_policy.regions", {"field": "data_policy.regions"})
    assert "param" not in json.loads(render_error(errors.BadRequest("wrong"))[2])["error"]


class Strange(Exception):
    """What no table knows."""


@pytest.mark.parametrize(
    "error", [Strange("secret"), ValueError("secret"), errors.ConfigError("secret"), KeyError("secret"), errors.AnyAPIError("secret")]
)
def test_other_errors_say_nothing_of_themselves(error):
    status, rows, body = render_error(error)
    assert (status, status_of(error)) == (500, 500)
    assert b"secret" not in rows + body
    assert json.loads(body)["error"]["type"] == "internal_error"


def test_a_store_that_fails_is_an_overload_of_ours():
    status, rows, body = render_error(errors.StorageError("disk /var/secret is full"))
    assert status == 503
    assert b"retry-after: 1\r\n" in rows
    assert b"secret" not in body
    assert json.loads(body)["error"]["type"] == "overloaded"
    assert status_of(errors.StorageError("x")) == 503


@pytest.mark.parametrize("error", [None, "text", 5])
def test_what_is_no_error_is_a_fault_of_ours(error):
    assert status_of(error) == 500


@pytest.mark.parametrize(("seconds", "row"), [(None, None), (0.0, b"1"), (0.4, b"1"), (1.0, b"1"), (2.6, b"3"), (3600.0, b"3600")])
@pytest.mark.parametrize("cls", [errors.RateLimited, errors.Overloaded])
def test_retry_after_in_whole_seconds(cls, seconds, row):
    assert rows_of(cls("x", None, seconds)).get(b"retry-after") == row


@pytest.mark.parametrize("cls", WIRE, ids=lambda cls: cls.__name__)
def test_only_what_does_not_help_says_so(cls):
    rows = rows_of(cls("x"))
    assert rows.get(b"x-should-retry") == (b"false" if cls is errors.NoEndpointForTags else None)
    assert (b"www-authenticate" in rows) is (cls is errors.AuthenticationFailed)
    assert (b"allow" in rows) is (cls is errors.MethodNotAllowed)


def test_the_methods_a_path_takes():
    assert rows_of(errors.MethodNotAllowed("x", {"allow": "POST, OPTIONS"}))[b"allow"] == b"POST, OPTIONS"
    assert rows_of(errors.MethodNotAllowed("x"))[b"allow"] == b"GET"


def test_the_decision_is_in_a_header():
    assert rows_of(errors.UpstreamFailed("x", {"decision": "dec_1"}))[b"x-anyapi-decision"] == b"dec_1"
    assert b"x-anyapi-decision" not in rows_of(errors.UpstreamFailed("x"))


def test_a_terminal_event_is_one_that_sdks_raise_on():
    data = error_event(errors.Overloaded("closing"))
    assert data.startswith(b"data: {")
    assert data.endswith(b"}\n\n")
    assert data.count(b"\n") == 2
    assert json.loads(data[6:]) == {"error": error_of(errors.Overloaded("closing"))[1]}
    assert b"[DONE]" not in data
    assert b"secret" not in error_event(ValueError("secret"))


def test_the_head_of_an_answer():
    text = head(200, b"content-type: x\r\n", b"connection: close\r\n", 12)
    date = rb"date: (Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT\r\n"
    pattern = rb"HTTP/1\.1 200 OK\r\n" + date + rb"content-type: x\r\nconnection: close\r\ncontent-length: 12\r\n\r\n"
    assert re.fullmatch(pattern, text)


def test_the_date_is_made_once_a_second(monkeypatch):
    date, now = render._Date(), [1_000_000_000.2]
    monkeypatch.setattr(render.time, "time", lambda: now[0])
    first = date.now()
    assert first == b"Sun, 09 Sep 2001 01:46:40 GMT"
    now[0] += 0.7
    assert date.now() is first
    now[0] += 0.2
    assert date.now() == b"Sun, 09 Sep 2001 01:46:41 GMT"


def test_metadata_of_our_own_types_can_be_written():
    error = errors.NoEligibleEndpoint("x", {"list": (1, frozenset({"a"})), "none": None})
    assert json.loads(render_error(error)[2])["error"]["metadata"] == {"list": [1, ["a"]], "none": None}
