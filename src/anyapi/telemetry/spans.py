"""Spans of traced requests as OTLP messages (opentelemetry-proto). Imported only where the operator switched traces on.

Two at most for a request: one of the request, a server's, and within it one of what was last sent to a provider, a client's. Earlier
attempts have none: nobody notes when they ended.
"""

import secrets
from collections.abc import Mapping, Sequence

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from anyapi.domain.trace import TracedRequest
from anyapi.domain.usage import UsageRow
from anyapi.telemetry.span_fields import REQUEST, RESOURCE, SENT, Field, error_of, operation_of, read

SCHEMA = "https://opentelemetry.io/schemas/1.44.0"
SAMPLED, REMOTE_KNOWN, REMOTE = 0x01, 0x100, 0x200
"""Flags of a span: its trace is recorded; whether its parent is in another process is known; it is."""
NANO = 1_000_000_000
LEFT = "client_gone"


class Origin:
    """What the spans of one process come from."""

    def __init__(self, version: str) -> None:
        """The instance is a random id: no name of a machine, and no number of a process."""
        values = dict(zip(RESOURCE, ("anyapi", version, secrets.token_hex(8)), strict=True))
        self._resource = Resource(attributes=_attributes(values))
        self._scope = InstrumentationScope(name="anyapi", version=version)

    def message(self, requests: Sequence[TracedRequest]) -> bytes:
        """The body of an export."""
        spans = [span for request in requests for span in spans_of(request)]
        scoped = ScopeSpans(scope=self._scope, spans=spans, schema_url=SCHEMA)
        whole = ExportTraceServiceRequest(resource_spans=[ResourceSpans(resource=self._resource, scope_spans=[scoped], schema_url=SCHEMA)])
        return bytes(whole.SerializeToString())


def spans_of(request: TracedRequest) -> list[Span]:
    """The spans of one request."""
    row, parent = request.row, request.parent
    begin, end = int(row.at * NANO), int((row.at + row.duration) * NANO)
    name = f"{operation_of(row)} {row.model}"
    own = Span(
        trace_id=secrets.token_bytes(16) if parent is None else parent.trace,
        span_id=secrets.token_bytes(8),
        parent_span_id=b"" if parent is None else parent.span,
        name=name,
        kind=Span.SPAN_KIND_SERVER,
        start_time_unix_nano=begin,
        end_time_unix_nano=end,
        attributes=_read(REQUEST, row),
        status=_status(failed=_is_ours(row)),
        flags=SAMPLED | REMOTE_KNOWN | (0 if parent is None else REMOTE),
    )
    if request.sent_after is None:
        return [own]
    sent = Span(
        trace_id=own.trace_id,
        span_id=secrets.token_bytes(8),
        parent_span_id=own.span_id,
        name=name,
        kind=Span.SPAN_KIND_CLIENT,
        start_time_unix_nano=min(end, begin + int(request.sent_after * NANO)),
        end_time_unix_nano=end,
        attributes=_read(SENT, row),
        status=_status(failed=error_of(row) not in {None, LEFT}),
        flags=SAMPLED | REMOTE_KNOWN,
    )
    return [own, sent]


def rejected(answer: bytes) -> int:
    """How many spans the collector says it did not take."""
    try:
        return int(ExportTraceServiceResponse.FromString(answer).partial_success.rejected_spans)
    except DecodeError:  # it has taken them; in which words is its own affair
        return 0


def _is_ours(row: UsageRow) -> bool:
    """Whether a server failed: a request that was refused or wrong is the caller's affair, a stream that broke off is not."""
    return row.status >= 500 or (row.status == 200 and error_of(row) is not None)


def _status(*, failed: bool) -> Status:
    return Status(code=Status.STATUS_CODE_ERROR if failed else Status.STATUS_CODE_UNSET)


def _read(fields: Mapping[str, Field], row: UsageRow) -> list[KeyValue]:
    return _attributes(read(fields, row))


def _attributes(values: Mapping[str, str | bool | float | tuple[str, ...]]) -> list[KeyValue]:
    return [KeyValue(key=name, value=_value(value)) for name, value in values.items()]


def _value(value: str | bool | float | tuple[str, ...]) -> AnyValue:  # noqa: FBT001 one of several kinds
    if isinstance(value, str):
        return AnyValue(string_value=value)
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    return AnyValue(array_value=ArrayValue(values=[AnyValue(string_value=each) for each in value]))
