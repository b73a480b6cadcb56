"""Spans as OTLP messages. What a real gateway sends: tests/integration/test_traces.py."""

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse
from tests.conformance.samples import usage_row
from tests.tools.collector import attributes

from anyapi.domain.trace import Parent, TracedRequest
from anyapi.telemetry.spans import Origin, rejected, spans_of

PARENT = Parent(bytes(range(16)), bytes(range(8)))


def codes(**fields):
    """Whether the span of the request and that of what was sent are errors."""
    own, sent = spans_of(TracedRequest(usage_row(1, **fields), None, 0.1))
    error = own.status.STATUS_CODE_ERROR
    return own.status.code == error, sent.status.code == error


def test_times_are_those_of_the_row():
    own, sent = spans_of(TracedRequest(usage_row(1, at=1000.0, duration=0.5), PARENT, 0.125))
    assert (own.start_time_unix_nano, own.end_time_unix_nano) == (1000_000_000_000, 1000_500_000_000)
    assert (sent.start_time_unix_nano, sent.end_time_unix_nano) == (1000_125_000_000, 1000_500_000_000)
    assert (own.trace_id, own.parent_span_id, sent.trace_id, sent.parent_span_id) == (PARENT.trace, PARENT.span, PARENT.trace, own.span_id)


def test_nothing_begins_after_its_end():
    _, sent = spans_of(TracedRequest(usage_row(1, at=1000.0, duration=0.5), None, 0.5000001))
    assert sent.start_time_unix_nano == sent.end_time_unix_nano


def test_what_was_sent_to_nobody_has_one_span():
    (own,) = spans_of(TracedRequest(usage_row(1)))
    assert own.kind == own.SPAN_KIND_SERVER


def test_ids_are_never_the_same():
    found = [span for _ in range(100) for span in spans_of(TracedRequest(usage_row(1), None, 0.1))]
    assert len({span.span_id for span in found}) == 200
    assert len({span.trace_id for span in found}) == 100


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, (False, False)),
        ({"outcome": "content_refused"}, (False, False)),
        ({"outcome": "client_gone", "status": 499}, (False, False)),
        ({"outcome": "rejected", "status": 400}, (False, True)),
        ({"outcome": "upstream_failed", "status": 502}, (True, True)),
        ({"outcome": "interrupted", "status": 200}, (True, True)),
    ],
)
def test_which_are_errors(fields, expected):
    assert codes(**fields) == expected


def test_a_message_is_read_back():
    origin = Origin("1.2.3")
    body = origin.message([TracedRequest(usage_row(number, sent_to=(("a", "c"), ("b", "c"))), None, 0.1) for number in range(3)])
    (resource,) = ExportTraceServiceRequest.FromString(body).resource_spans
    (scope,) = resource.scope_spans
    assert len(scope.spans) == 6
    assert attributes(scope.spans[0])["anyapi.sent_to"] == ("a", "b")
    assert resource.schema_url == scope.schema_url == "https://opentelemetry.io/schemas/1.44.0"
    assert Origin("1.2.3").message([]) != origin.message([]), "each process is an instance of its own"


def test_what_the_collector_did_not_take():
    answer = ExportTraceServiceResponse()
    assert rejected(answer.SerializeToString()) == 0
    answer.partial_success.rejected_spans = 7
    assert rejected(answer.SerializeToString()) == 7
    assert rejected(b"{}") == rejected(b"<html>") == rejected(b"\xff" * 50) == 0
