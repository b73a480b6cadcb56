"""Errors of Bedrock: status, body and exceptions inside a stream."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anyapi.domain.decision import Outcome, OutcomeKind
from anyapi.upstream.bedrock_errors import EXCEPTIONS, classify_bedrock, classify_bedrock_event


def body(**fields):
    return msgspec.json.encode(fields)


@pytest.mark.parametrize(
    ("status", "text", "kind"),
    [
        (400, body(message="1 validation error detected"), "rejected"),
        (400, body(message="The provided model identifier is invalid."), "bad_response"),
        (400, body(message="Invocation of model ID x with on-demand throughput isn\u2019t supported."), "bad_response"),
        (400, body(message="Output blocked by content filtering policy"), "content_refused"),
        (400, body(message="Too fast", __type="ThrottlingException"), "rate_limited"),
        (400, body(message="The security token is invalid", __type="com.amazon.coral.service#UnrecognizedClientException"), "unauthorized"),
        (400, body(__type="ServiceQuotaExceededException:http://internal.amazon.com/x/"), "rate_limited"),
        (403, body(Message="User: arn:aws:iam::1:user/x is not authorized"), "unauthorized"),
        (403, b"", "unauthorized"),
        (404, body(message="This model version has reached the end of its life."), "bad_response"),
        (404, body(Output={"__type": "com.amazon.coral.service#UnknownOperationException"}, Version="1.0"), "bad_response"),
        (408, body(message="Model timed out"), "timed_out"),
        (413, b"", "rejected"),
        (424, body(message="failed", originalStatusCode=500), "server_error"),
        (424, body(message="failed", originalStatusCode=429), "rate_limited"),
        (424, body(message="failed", originalStatusCode=503), "overloaded"),
        (424, body(message="failed", originalStatusCode=400), "rejected"),
        (424, body(message="failed", originalStatusCode=401), "server_error"),
        (424, body(message="failed", originalStatusCode="400"), "server_error"),
        (424, b"", "server_error"),
        (429, body(message="Too many tokens, please wait before trying again."), "rate_limited"),
        (429, body(message="Model is not ready", __type="ModelNotReadyException"), "overloaded"),
        (500, body(message="oops"), "server_error"),
        (503, body(message="Too many connections"), "overloaded"),
        (302, b"", "bad_response"),
        (500, b"[" * 100_000, "server_error"),
        (400, b'{"message":5,"__type":[]}', "rejected"),
        (400, b"[1]", "rejected"),
    ],
)
def test_status_and_body(status, text, kind):
    assert classify_bedrock(status, 3.0, text) == Outcome(OutcomeKind(kind), 3.0, status)


@pytest.mark.parametrize(
    ("exception", "payload", "kind"),
    [
        ("throttlingException", b"{}", "rate_limited"),
        ("internalServerException", b"", "server_error"),
        ("serviceUnavailableException", b"", "overloaded"),
        ("validationException", body(message="bad"), "rejected"),
        ("validationException", body(message="Output blocked by content filtering policy"), "content_refused"),
        ("modelStreamErrorException", body(message="x", originalStatusCode=429, originalMessage="y"), "rate_limited"),
        ("modelStreamErrorException", b"nonsense", "server_error"),
        ("somethingNew", b"{}", "server_error"),
        ("", b"", "server_error"),
    ],
)
def test_exceptions_in_a_stream(exception, payload, kind):
    assert classify_bedrock_event(exception, payload) == Outcome(OutcomeKind(kind))


def test_every_exception_of_the_api_is_known():
    of_converse = {"AccessDenied", "InternalServer", "ModelError", "ModelNotReady", "ModelStreamError", "ModelTimeout", "ResourceNotFound"}
    of_converse |= {"ServiceUnavailable", "Throttling", "Validation"}
    assert {f"{name}Exception".lower() for name in of_converse} <= EXCEPTIONS.keys()


@settings(max_examples=200, deadline=None)
@given(
    st.integers(100, 599),
    st.one_of(
        st.binary(max_size=60),
        st.recursive(
            st.none() | st.integers() | st.text(max_size=8),
            lambda inner: st.dictionaries(st.sampled_from(["message", "__type", "Output", "originalStatusCode"]), inner, max_size=3),
            max_leaves=6,
        ).map(msgspec.json.encode),
    ),
)
def test_nothing_raises(status, text):
    assert isinstance(classify_bedrock(status, None, text).kind, OutcomeKind)
    assert isinstance(classify_bedrock_event("x", text).kind, OutcomeKind)
