"""What Google's errors mean."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anyapi.domain.decision import Outcome, OutcomeKind
from anyapi.upstream.classify_gemini import STATUSES, classify_error, classify_gemini

KINDS = OutcomeKind


def body(status, code=400, *details):
    return msgspec.json.encode({"error": {"code": code, "message": "SECRET", "status": status, "details": list(details)}})


def info(reason):
    return {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com"}


def retry(delay):
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}


def quota(name):
    return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": name, "quotaMetric": "m"}]}


@pytest.mark.parametrize(
    ("http", "status", "kind"),
    [
        (400, "INVALID_ARGUMENT", KINDS.REJECTED),
        (400, "FAILED_PRECONDITION", KINDS.UNAUTHORIZED),
        (400, "OUT_OF_RANGE", KINDS.REJECTED),
        (401, "UNAUTHENTICATED", KINDS.UNAUTHORIZED),
        (403, "PERMISSION_DENIED", KINDS.UNAUTHORIZED),
        (404, "NOT_FOUND", KINDS.BAD_RESPONSE),
        (409, "ABORTED", KINDS.OVERLOADED),
        (429, "RESOURCE_EXHAUSTED", KINDS.RATE_LIMITED),
        (499, "CANCELLED", KINDS.SERVER_ERROR),
        (500, "INTERNAL", KINDS.SERVER_ERROR),
        (501, "UNIMPLEMENTED", KINDS.BAD_RESPONSE),
        (503, "UNAVAILABLE", KINDS.OVERLOADED),
        (504, "DEADLINE_EXCEEDED", KINDS.TIMED_OUT),
    ],
)
def test_statuses(http, status, kind):
    assert classify_gemini(http, None, body(status, http)) == Outcome(kind, None, http)
    assert classify_error(body(status, http)) == Outcome(kind)


@pytest.mark.parametrize("reason", ["API_KEY_INVALID", "BILLING_DISABLED", "SERVICE_DISABLED", "ACCESS_TOKEN_EXPIRED"])
def test_a_reason_says_more_than_the_status(reason):
    assert classify_gemini(400, None, body("INVALID_ARGUMENT", 400, info("OTHER"), info(reason))).kind is KINDS.UNAUTHORIZED
    assert classify_gemini(400, None, body("INVALID_ARGUMENT", 400, info("OTHER"))).kind is KINDS.REJECTED


@pytest.mark.parametrize(
    ("details", "header", "wait"),
    [
        ((), None, None),
        ((), 7.0, 7.0),
        ((retry("34.074824224s"),), None, 34.074824224),
        ((retry("34s"),), 7.0, 7.0),
        ((retry("999999s"),), None, 3600.0),
        ((retry("34s"), quota("GenerateRequestsPerMinutePerProjectPerModel")), None, 34.0),
        ((quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier"), retry("34s")), 7.0, 3600.0),
        ((retry("-1s"),), None, None),
        ((retry("soon"),), None, None),
        ((retry(5),), None, None),
    ],
)
def test_waits(details, header, wait):
    assert classify_gemini(429, header, body("RESOURCE_EXHAUSTED", 429, *details)) == Outcome(KINDS.RATE_LIMITED, wait, 429)


def test_a_streams_url_answers_a_list():
    assert classify_gemini(503, None, b"[" + body("UNAVAILABLE", 503) + b"]").kind is KINDS.OVERLOADED


def test_an_error_object_alone_goes_by_its_code():
    assert classify_error(b'{"code":429}') == Outcome(KINDS.RATE_LIMITED)
    assert classify_error(b'{"status":"RESOURCE_EXHAUSTED","details":[{"retryDelay":"2s"}]}') == Outcome(KINDS.RATE_LIMITED, 2.0)
    for odd in (b"{}", b'"x"', b'{"code":7}', b'{"code":true}', b"nonsense"):
        assert classify_error(odd) == Outcome(KINDS.SERVER_ERROR)


@pytest.mark.parametrize(
    "odd", [b"", b"<html>", b"[]", b"5", b"\xff", b"[" * 100_000, b'{"error":"x"}', b'{"error":{"status":5,"details":5}}']
)
def test_other_bodies_leave_the_status(odd):
    assert classify_gemini(403, None, odd).kind is KINDS.UNAUTHORIZED
    assert classify_gemini(500, None, odd).kind is KINDS.SERVER_ERROR
    assert classify_gemini(422, None, odd).kind is KINDS.REJECTED


ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 600) | st.floats(allow_nan=False) | st.sampled_from([*STATUSES, "34s", "PerDay", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["error", "code", "status", "details", "reason", "retryDelay", "violations", "quotaId"]), inner)
    ),
    max_leaves=15,
)


@settings(max_examples=200, deadline=None)
@given(ANY, st.integers(300, 600))
def test_random_bodies_never_raise(tree, status):
    data = msgspec.json.encode(tree)
    found = classify_gemini(status, None, data)
    assert found.kind is not KINDS.SUCCESS
    assert found.retry_after is None or 0 <= found.retry_after <= 3600
    assert classify_error(data).status is None
