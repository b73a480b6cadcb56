"""Errors of providers become outcomes; bodies of any shape are survived."""

import email.utils

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anyapi.domain.decision import Outcome, OutcomeKind
from anyapi.upstream import classify

NOW = 1_800_000_000.0


def anthropic(kind: str, message: str = "x") -> bytes:
    return msgspec.json.encode({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"})


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (b"0", 0.0),
        (b"7", 7.0),
        (b" 7 ", 7.0),
        (b"1.5", 1.5),
        (b"-3", 0.0),
        (b"3600", 3600.0),
        (b"99999999999999999999999", 3600.0),
        (b"9" * 400, None),
        (b"", None),
        (b"soon", None),
        (b"nan", None),
        (b"inf", None),
        (b"1e9", None),
        (b"7 7", None),
        (b"\xff\xfe", None),
        (b"\xff" * 30, None),
        (b"Mon, 99 Foo 2026 00:00:00 GMT", None),
        (b"Wed, 21 Oct 9999 07:28:00 GMT", 3600.0),
        (b"Wed, 21 Oct 0000 07:28:00 GMT", 0.0),
    ],
)
def test_retry_after(value, seconds):
    assert classify.parse_retry_after(value, NOW) == seconds


@pytest.mark.parametrize(("offset", "seconds"), [(90, 90.0), (-90, 0.0), (100_000, 3600.0)])
def test_retry_after_as_a_date(offset, seconds):
    date = email.utils.formatdate(NOW + offset, usegmt=True).encode()
    assert classify.parse_retry_after(date, NOW) == seconds
    assert classify.parse_retry_after(date.replace(b" GMT", b" -0000"), NOW) == seconds


@settings(max_examples=300)
@given(st.binary(max_size=80))
def test_retry_after_never_raises(value):
    seconds = classify.parse_retry_after(value, NOW)
    assert seconds is None or 0 <= seconds <= 3600


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "rejected"),
        (401, "unauthorized"),
        (402, "unauthorized"),
        (403, "unauthorized"),
        (404, "bad_response"),
        (408, "timed_out"),
        (409, "rejected"),
        (413, "rejected"),
        (422, "rejected"),
        (429, "rate_limited"),
        (500, "server_error"),
        (502, "server_error"),
        (503, "overloaded"),
        (504, "timed_out"),
        (524, "timed_out"),
        (529, "overloaded"),
        (302, "bad_response"),
        (101, "bad_response"),
    ],
)
def test_a_status_without_a_body_says_enough(status, kind):
    for read in (classify.classify_openai, classify.classify_anthropic):
        assert read(status, 3.0, b"") == Outcome(OutcomeKind(kind), 3.0, status)
        assert read(status, None, b"<html>nginx</html>").kind == kind


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"error": {"code": "content_filter", "message": "x"}}, "content_refused"),
        (400, {"error": {"code": None, "innererror": {"code": "ResponsibleAIPolicyViolation"}}}, "content_refused"),
        (403, {"error": {"type": "content_policy_violation"}}, "content_refused"),
        (400, {"error": {"code": "context_length_exceeded", "type": "invalid_request_error"}}, "rejected"),
        (429, {"error": {"code": "insufficient_quota", "type": "insufficient_quota"}}, "unauthorized"),
        (429, {"error": {"code": "rate_limit_exceeded"}}, "rate_limited"),
        (400, {"error": {"code": "model_not_found"}}, "bad_response"),
        (400, [{"error": {"code": 400, "status": "INVALID_ARGUMENT", "details": [{"reason": "API_KEY_INVALID"}]}}], "unauthorized"),
        (400, {"error": "something"}, "rejected"),
        (500, {"message": "x", "type": "server_error"}, "server_error"),
        (401, [], "unauthorized"),
    ],
)
def test_openai_codes_win_over_the_status(status, body, kind):
    assert classify.classify_openai(status, None, msgspec.json.encode(body)).kind == kind


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, anthropic("invalid_request_error"), "rejected"),
        (400, anthropic("invalid_request_error", "Output blocked by content filtering policy"), "content_refused"),
        (400, anthropic("invalid_request_error", "Your credit balance is too low to access the Anthropic API."), "unauthorized"),
        (404, anthropic("not_found_error", "model: claude-nothing"), "bad_response"),
        (500, anthropic("api_error"), "server_error"),
        (500, anthropic("overloaded_error"), "overloaded"),
        (529, anthropic("overloaded_error"), "overloaded"),
        (413, anthropic("request_too_large"), "rejected"),
    ],
)
def test_anthropic_errors(status, body, kind):
    assert classify.classify_anthropic(status, None, body).kind == kind


def test_an_error_that_came_with_status_200():
    assert classify.classify_anthropic_event(b'{"type":"overloaded_error"}').kind is OutcomeKind.OVERLOADED
    assert classify.classify_anthropic_event(b'{"type":"rate_limit_error","message":"x"}').kind is OutcomeKind.RATE_LIMITED
    for odd in (b'{"type":"new_error"}', b"null", b"", b"5", b'{"type":5}', b'"overloaded_error"'):
        assert classify.classify_anthropic_event(odd).kind is OutcomeKind.SERVER_ERROR
    blocked = b'{"details":null,"type":"invalid_request_error","message":"Output blocked by content filtering policy"}'
    assert classify.classify_anthropic_event(blocked) == Outcome(OutcomeKind.CONTENT_REFUSED)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["content_filter", "error", "code", ""]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["error", "code", "type", "details", "innererror", "message"]), inner)
    ),
    max_leaves=12,
)


@settings(max_examples=300)
@given(st.integers(100, 599), JSON)
def test_bodies_of_any_shape_are_survived(status, body):
    text = msgspec.json.encode(body)
    for read in (classify.classify_openai, classify.classify_anthropic):
        assert read(status, None, text).status == status


@pytest.mark.parametrize("body", [b"[" * 60_000, b'{"error":' * 20_000, b'"\\ud800"', b"\xff\xfe", b"1" * 5000])
def test_hostile_bodies_are_survived(body):
    assert classify.classify_openai(400, None, body).kind is OutcomeKind.REJECTED
    assert classify.classify_anthropic(400, None, body).kind is OutcomeKind.REJECTED
