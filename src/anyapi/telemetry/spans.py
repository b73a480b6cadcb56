"""Spans of traced requests as OTLP messages (opentelemetry-proto). Imported only where the operator switched traces on.

Two at most for a request: one of the request, a server's, and within it one of what was last sent to a provider, a client's. Earlier
attempts have none: nobody notes when they ended.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from anyapi.domain.trace import TracedRequest
from anyapi.domain.usage import UsageRow
from anyapi.telemetry.span_fields import REQUEST, RESOURCE, SENT, Field, error_of, operation_of, read

SCHEMA = "https://opentelemetry.io/schemas/1.44.0"
SAMPLED, REMOTE_KNOWN, REMOTE = 0x01, 0x100, 0x200
"""Flags of a span: its trace is recorded; whether its parent is in another process is known; it is."""
NANO = 1_000_000_000
LEFT = "client_gone"
ERROR = Status.STATUS_CODE_ERROR


class Origin:
    """What the spans of one process come from."""

    def __init__(self, version: str) -> None:
        """The instance is a random id: no name of a machine, and no number of a process."""
        values = dict(zip(RESOURCE, ("anyapi", version, secrets.token_hex(8)), strict=True))
        self._resource = Resource(attributes=_attributes(values))
        self._scope = InstrumentationScope(name="anyapi", version=version)

    def message(self, requests: Sequence[TracedRequest]) -> bytes:
        """The body of an export."""
        whole = ExportTraceServiceRequest()
        resource = whole.resource_spans.add(resource=self._resource, schema_url=SCHEMA)
        scope = resource.scope_spans.add(scope=self._scope, schema_url=SCHEMA)
        for request in requests:
            spans_of(request, scope.spans.add)  # in their place: each message around them would copy them
        return bytes(whole.SerializeToString())


def spans_of(request: TracedRequest, make: Callable[..., Span] = Span) -> list[Span]:
    """The spans of one request; `make` makes one of its fields."""
    row, parent = request.row, request.parent
    begin, end = int(row.at * NANO), int((row.at + row.duration) * NANO)
    name = f"{operation_of(row)} {row.model}"
    own = make(
        trace_id=secrets.token_bytes(16) if parent is None else parent.trace,
        span_id=secrets.token_bytes(8),
        parent_span_id=b"" if parent is None else parent.span,
        name=name,
        kind=Span.SPAN_KIND_SERVER,
        start_time_unix_nano=begin,
        end_time_unix_nano=end,
        attributes=_read(REQUEST, row),
        status={"code": ERROR} if _failed(row) else {},
        flags=SAMPLED | REMOTE_KNOWN | (0 if parent is None else REMOTE),
    )
    if request.sent_after is None:
        return [own]
    sent = make(
        trace_id=own.trace_id,
        span_id=secrets.token_bytes(8),
        parent_span_id=own.span_id,
        name=name,
        kind=Span.SPAN_KIND_CLIENT,
        start_time_unix_nano=min(end, begin + int(request.sent_after * NANO)),
        end_time_unix_nano=end,
        attributes=_read(SENT, row),
        status={"code": ERROR} if error_of(row) not in {None, LEFT} else {},
        flags=SAMPLED | REMOTE_KNOWN,
    )
    return [own, sent]


def rejected(answer: bytes) -> int:
    """How many spans the collector says it did not take."""
    try:
        return int(ExportTraceServiceResponse.FromString(answer).partial_success.rejected_spans)
    except DecodeError:  # it has taken them; in which words is its own affair
        return 0


def _failed(row: UsageRow) -> bool:
    """Whether a server failed: a request that was refused or wrong is the caller's affair, a stream that broke off is not."""
    return row.status >= 500 or (row.status == 200 and error_of(row) is not None)


def _read(fields: Mapping[str, Field], row: UsageRow) -> list[dict[str, object]]:
    return _attributes(read(fields, row))


def _attributes(values: Mapping[str, str | bool | float | tuple[str, ...]]) -> list[dict[str, object]]:
    """As fields of `KeyValue`: messages of their own would take twice the time."""
    return [{"key": name, "value": _value(value)} for name, value in values.items()]


def _value(value: str | bool | float | tuple[str, ...]) -> dict[str, object]:  # noqa: FBT001 one of several kinds
    if isinstance(value, str):
        return {"string_value": value}
    if isinstance(value, bool):
        return {"bool_value": value}
    if isinstance(value, int):
        return {"int_value": value}
    if isinstance(value, float):
        return {"double_value": value}
    return {"array_value": {"values": [{"string_value": each} for each in value]}}
