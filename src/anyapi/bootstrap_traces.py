"""Makes spans of traced requests and sends them to the operator's collector, in a thread of its own. Nothing is there without `[traces]`.

What cannot be sent waits in memory, so much and no more; what does not fit is dropped and counted. No request waits for any of it.
"""

import contextlib
import importlib
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from anyapi import __version__
from anyapi.config_traces import installed
from anyapi.config_values import Traces
from anyapi.domain.trace import TracedRequest
from anyapi.errors import ConfigError
from anyapi.gateway.call import take_too
from anyapi.gateway.outlets import Watch
from anyapi.gateway.tracing import TRACEPARENT, Tracing
from anyapi.storage.batch_thread import BatchThread
from anyapi.storage.events import EventKind, FailureState, Report, WriterEvent, WriterState
from anyapi.telemetry.log import Event, log

NAME = "traces"
MOST_WAITING = 4096
"""Requests whose spans wait to be sent."""
BATCH = 512
"""Requests of one export."""
INTERVAL, IDLE = 0.5, 3600.0
SECONDS, FLUSH_SECONDS = 10.0, 1.0
"""How long one export may take, and how long all that is left at the end."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
"""Seconds before a failed export is tried again."""
LOSS_REPORT_SECONDS = 60.0


class Exporter(NamedTuple):
    """How spans are made and sent."""

    message: Callable[[Sequence[TracedRequest]], bytes]
    """The body of an export."""
    send: Callable[[bytes, float], tuple[bool | None, str, bytes]]
    """Given how many seconds it may take, gives what `Collector.send` does."""
    rejected: Callable[[bytes], int]
    """How many spans were not taken, by the answer of the collector that took the others."""


class SpanWriter:
    """Takes traced requests and has their spans sent. `put` is for one thread, the event loop's, and never waits."""

    def __init__(self, load: Callable[[], Exporter], report: Report, clock: Callable[[], float] = time.monotonic) -> None:
        """Start the thread. `load` is called in it, with the first request: what it imports is for those who have traces alone."""
        self._load, self._report, self._clock = load, report, clock
        self._exporter: Exporter | None = None
        self._queue: deque[TracedRequest] = deque()
        self._batch: list[TracedRequest] = []
        self._body = b""
        self._failure = FailureState(NAME, report)
        self._written = self._dropped = self._refused = self._reported = 0
        self._reported_at = -math.inf
        self._why = "full"
        self._pause, self._not_before = FIRST_PAUSE, 0.0
        self._ends: float | None = None
        self._thread = BatchThread("anyapi-traces", self._work, self._crashed, interval=INTERVAL, idle=IDLE)

    @property
    def state(self) -> WriterState:
        """Its figures, in requests; `lost` are those whose spans were dropped, or not taken by the collector."""
        waiting = len(self._queue) + len(self._batch)
        return WriterState(self._written, waiting, self._dropped + self._refused, 0, self._failure.failing)

    def put(self, request: TracedRequest) -> None:
        """Take a request that has ended."""
        if len(self._queue) >= MOST_WAITING:
            self._dropped, self._why = self._dropped + 1, "full"
            return
        self._queue.append(request)
        if len(self._queue) == BATCH:
            self._thread.hurry()
        elif not self._thread.asked:
            self._thread.ask()

    def close(self) -> None:
        """Send what is left, for at most a second, and give up the rest."""
        self._ends = self._clock() + FLUSH_SECONDS
        self._thread.close(FLUSH_SECONDS)
        left = len(self._queue) + len(self._batch)
        self._queue.clear()
        if left:
            self._refused, self._why = self._refused + left, "closing"
        self._tell_losses(at_once=True)

    def _work(self) -> bool:
        while self._batch or self._queue:
            self._tell_losses()
            if self._clock() < self._not_before if self._ends is None else self._clock() > self._ends:
                return False
            if not self._batch:
                self._batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
            if not self._export():
                return False
        self._tell_losses()
        return True

    def _export(self) -> bool:
        """Send the batch; False if it waits for another try."""
        if self._exporter is None:
            self._exporter = self._load()
        if not self._body:
            self._body = self._exporter.message(self._batch)
        seconds = SECONDS if self._ends is None else max(0.05, self._ends - self._clock())
        taken, code, answer = self._exporter.send(self._body, seconds)
        if taken is None:
            self._failure.failed(code, len(self._batch) + len(self._queue))
            self._not_before, self._pause = self._clock() + self._pause, min(LONGEST_PAUSE, self._pause * 2)
            return False
        lost = min(len(self._batch), self._exporter.rejected(answer)) if taken else len(self._batch)
        self._written += len(self._batch) - lost
        if lost:
            self._refused, self._why = self._refused + lost, "rejected" if taken else code
        self._batch, self._body, self._pause = [], b"", FIRST_PAUSE
        if taken:
            self._failure.succeeded()
        else:
            self._failure.failed(code, lost)
        return True

    def _tell_losses(self, *, at_once: bool = False) -> None:
        """Report what was lost since the last time, at most once a minute."""
        lost = self._dropped + self._refused
        if lost > self._reported and (at_once or self._clock() - self._reported_at >= LOSS_REPORT_SECONDS):
            self._report(WriterEvent(NAME, EventKind.LOST, self._why, lost - self._reported))
            self._reported, self._reported_at = lost, self._clock()

    def _crashed(self, error: Exception) -> None:
        """A fault of ours: what it happened with is given up, or it would happen for ever."""
        self._refused, self._why = self._refused + len(self._batch), type(error).__name__
        self._batch, self._body = [], b""
        self._failure.failed(self._why)


def _otlp(traces: Traces) -> Exporter:
    """Spans as OTLP over HTTP. What it takes is imported now."""
    spans, collector = (importlib.import_module(name) for name in ("anyapi.telemetry.spans", "anyapi.delivery.collector"))
    return Exporter(spans.Origin(__version__).message, collector.Collector(traces.endpoint, traces.headers).send, spans.rejected)


def traced(traces: Traces, watch: Watch | None, stack: contextlib.ExitStack, report: Report) -> tuple[Watch | None, SpanWriter | None]:
    """What accepted requests pass by, beside `watch`, and what sends their spans, closed with the stack. Raises `ConfigError`.

    Without an endpoint that is `watch` alone, and nothing.
    """
    if traces.endpoint is None:
        return watch, None
    if not installed():
        raise ConfigError("needs opentelemetry-proto, which is not installed: install `anyapi[traces]`", field="traces.endpoint")
    writer = SpanWriter(partial(_otlp, traces), report)
    stack.callback(writer.close)
    take_too(TRACEPARENT)
    log(Event.TRACES_STARTED, host=traces.endpoint.split("/")[2])
    return Tracing(traces.sample, writer.put, watch).take, writer
