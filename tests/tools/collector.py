"""A collector of traces on loopback: takes OTLP over HTTP, keeps the bodies, answers as it is told to."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Collector:
    """What came in, in order. `status` and `answer` are what the next export is told; `seconds` how long it waits for that."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.heads: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.status, self.answer, self.seconds = 200, b"", 0.0
        self.location = ""
        self.ended = threading.Event()
        self.url = ""

    @property
    def toml(self) -> str:
        """Configuration that has traces come here."""
        return f'\n[traces]\nendpoint = "{self.url}"\n'

    def messages(self) -> list[ExportTraceServiceRequest]:
        return [ExportTraceServiceRequest.FromString(body) for body in self.bodies]

    def spans(self) -> list[Span]:
        """Every span that was taken, in order."""
        return [
            span
            for message in self.messages()
            for resource in message.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def wait(self, enough: Callable[["Collector"], bool], patience: float = 15.0) -> list[Span]:
        """Wait until there is enough, and give all spans."""
        deadline = time.monotonic() + patience
        while not enough(self):
            assert time.monotonic() < deadline, f"after {patience} s: {len(self.bodies)} exports, {len(self.spans())} spans"
            time.sleep(0.02)
        return self.spans()


def attributes(span: Span) -> dict[str, object]:
    """The attributes of a span as Python values."""
    return {each.key: plain(each.value) for each in span.attributes}


def plain(value):
    kind = value.WhichOneof("value")
    return tuple(plain(each) for each in value.array_value.values) if kind == "array_value" else getattr(value, kind)


@contextlib.contextmanager
def collecting() -> Iterator[Collector]:
    """Run one for the block."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if collector.seconds:
                collector.ended.wait(collector.seconds)
            collector.paths.append(self.path)
            collector.heads.append({name.lower(): value for name, value in self.headers.items()})
            if collector.status == 200:
                collector.bodies.append(body)
            self.send_response(collector.status)
            if collector.location:
                self.send_header("Location", collector.location)
            self.send_header("Content-Length", str(len(collector.answer)))
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(collector.answer)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    collector.url = f"http://127.0.0.1:{server.server_port}/v1/traces"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield collector
    finally:
        collector.ended.set()
        server.shutdown()
        thread.join()
        server.server_close()
