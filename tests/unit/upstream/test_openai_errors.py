"""Errors that came with a 200, in the forms in which servers write them. Streams of them: `test_openai_chat.py`."""

import json

import pytest

from anyapi.domain.decision import OutcomeKind
from anyapi.upstream.openai_errors import error_in, failure_in


def test_what_holds_no_error_is_none():
    assert error_in(b'{"error":null}') is None
    assert error_in(b'{"choices":[]}') is None
    assert error_in(b"garbage") is None


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": 429}, OutcomeKind.RATE_LIMITED),
        ({"code": "503"}, OutcomeKind.OVERLOADED),
        ({"status": 504}, OutcomeKind.TIMED_OUT),
        ({"code": "content_filter"}, OutcomeKind.CONTENT_REFUSED),
        ("words", OutcomeKind.SERVER_ERROR),
    ],
)
def test_an_error_means_the_same_in_an_answer_and_in_a_stream(error, kind):
    text = json.dumps({"error": error}).encode()
    assert error_in(text).kind is kind
    assert failure_in(b"data: " + text).kind is kind
    assert failure_in(b"event: error\ndata: " + json.dumps(error).encode()).kind is kind


@pytest.mark.parametrize(
    "event",
    [
        b"",
        b": comment",
        b"data: [DONE]",
        b"event: error",
        b'data: {"choices":[],"error":null}',
        b'data: {"usage":{}}',
        b'data: {"choices":[{"delta":{"content":"error"},"finish_reason":"stop"}]}',
    ],
)
def test_what_is_no_failure(event):
    assert failure_in(event) is None


@pytest.mark.parametrize(
    "event",
    [
        b"event: error\ndata: [DONE]",
        b'data: {"choices":[{"finish_reason":"error"}]}',
        b'data: {"usage":null}',
        b"data: {}",
        b"data: [1]",
        b"data: 5",
        b'data: {"detail":"\\ud83d"}',
    ],
)
def test_what_says_nothing_more_is_the_servers_fault(event):
    assert failure_in(event).kind is OutcomeKind.SERVER_ERROR
