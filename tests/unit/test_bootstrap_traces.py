"""The writer of spans: what waits, what is dropped, what is tried again. With a real collector: tests/integration/test_traces.py."""

import contextlib
import sys
import threading
import time

import pytest
from tests.conformance.samples import usage_row

from anyapi import bootstrap_traces
from anyapi.bootstrap_traces import BATCH, FLUSH_SECONDS, MOST_WAITING, Exporter, SpanWriter, traced
from anyapi.config_values import Traces
from anyapi.domain.trace import TracedRequest
from anyapi.errors import ConfigError
from anyapi.gateway.call import KNOWN
from anyapi.storage.events import EventKind

ROW = TracedRequest(usage_row(1))


class There:
    """A collector that answers as told; `fates` of exports in order, then `taken` for ever."""

    def __init__(self, *fates, rejected=0, hold=None):
        self.fates, self.answered, self.hold = list(fates), rejected, hold
        self.sent, self.events, self.began = [], [], threading.Event()

    def load(self):
        return Exporter(lambda requests: b"%d" % len(requests), self.send, lambda _answer: self.answered)

    def send(self, body, seconds):
        self.began.set()
        if self.hold is not None:
            self.hold.wait(30)
        self.sent.append(int(body))
        return self.fates.pop(0) if self.fates else (True, "ok", b"")

    def told(self):
        return [(event.kind, event.code, event.count) for event in self.events]


@contextlib.contextmanager
def writing(there, load=None):
    writer = SpanWriter(load or there.load, there.events.append)
    try:
        yield writer
    finally:
        if there.hold is not None:
            there.hold.set()
        writer.close()


def until(condition, patience=10.0):
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_requests_go_out_together():
    there = There()
    with writing(there) as writer:
        for _ in range(5):
            writer.put(ROW)
        until(lambda: there.sent)
        until(lambda: writer.state.written == 5)
        assert there.sent == [5]
        assert (writer.state.waiting, writer.state.lost, writer.state.failing) == (0, 0, False)


def test_many_go_out_in_parts_and_at_once():
    there = There()
    with writing(there) as writer:
        for _ in range(2 * BATCH + 1):
            writer.put(ROW)
        until(lambda: sum(there.sent) == 2 * BATCH + 1)
        assert max(there.sent) <= BATCH


def test_a_close_sends_what_is_left_at_once():
    there = There()
    with writing(there) as writer:
        writer.put(ROW)
        began = time.monotonic()
    assert there.sent == [1]
    assert time.monotonic() - began < FLUSH_SECONDS
    assert there.events == []


def test_what_waits_is_bounded_and_what_does_not_fit_is_counted():
    there = There(hold=threading.Event())
    with writing(there) as writer:
        writer.put(ROW)
        assert there.began.wait(10)
        for _ in range(MOST_WAITING + 10):
            writer.put(ROW)
        assert writer.state.waiting == MOST_WAITING + 1
        assert writer.state.lost == 10
        there.hold.set()
        until(lambda: writer.state.written == MOST_WAITING + 1)
    assert there.told() == [(EventKind.LOST, "full", 10)]


def test_losses_are_told_once_a_minute(monkeypatch):
    there = There(*[(False, "status_400", b"")] * 5)
    with writing(there) as writer:
        for number in range(5):
            writer.put(ROW)
            until(lambda number=number: writer.state.lost == number + 1)
        assert writer.state.failing
        assert there.told()[:2] == [(EventKind.FAILED, "status_400", 1), (EventKind.LOST, "status_400", 1)]
        assert len(there.events) == 2
    assert there.told()[2:] == [(EventKind.LOST, "status_400", 4)], "at the end all is told"


def test_a_failure_is_tried_again_ever_more_slowly(monkeypatch):
    monkeypatch.setattr(bootstrap_traces, "FIRST_PAUSE", 0.05)
    there = There((None, "refused", b""), (None, "refused", b""))
    with writing(there) as writer:
        writer.put(ROW)
        until(lambda: writer.state.written == 1)
        assert there.sent == [1, 1, 1], "the same export"
        assert writer._pause == 0.05
    assert there.told() == [(EventKind.FAILED, "refused", 1), (EventKind.RECOVERED, "ok", 0)]


def test_it_is_not_asked_before_its_time(monkeypatch):
    monkeypatch.setattr(bootstrap_traces, "FIRST_PAUSE", 60.0)
    there = There((None, "refused", b""), (None, "refused", b""))
    with writing(there) as writer:
        writer.put(ROW)
        until(lambda: there.sent)
        writer.put(ROW)
        time.sleep(1.5)
        assert len(there.sent) == 1
        assert writer.state.waiting == 2
        began = time.monotonic()
    assert time.monotonic() - began < FLUSH_SECONDS + 1
    assert len(there.sent) > 1, "once more, as it closes"
    assert writer.state.waiting + writer.state.written >= 1


def test_what_cannot_be_sent_at_the_end_is_given_up_in_time():
    there = There(hold=threading.Event())
    writer = SpanWriter(there.load, there.events.append)
    writer.put(ROW)
    assert there.began.wait(10)
    writer.put(ROW)
    began = time.monotonic()
    writer.close()
    there.hold.set()
    assert FLUSH_SECONDS <= time.monotonic() - began < FLUSH_SECONDS + 1
    assert there.told() == [(EventKind.LOST, "closing", 2)]


def test_what_the_collector_rejects_is_counted():
    there = There(rejected=3)
    with writing(there) as writer:
        for _ in range(5):
            writer.put(ROW)
        until(lambda: writer.state.written == 2)
        assert writer.state.lost == 3
        assert not writer.state.failing


def test_a_fault_of_ours_costs_its_own_batch_alone():
    there = There()

    def message(requests):
        if len(there.events) == 0:
            raise ZeroDivisionError("of the text nothing is told")
        return b"%d" % len(requests)

    with writing(there, lambda: there.load()._replace(message=message)) as writer:
        writer.put(ROW)
        until(lambda: writer.state.lost == 1)
        writer.put(ROW)
        until(lambda: writer.state.written == 1)
    assert there.told()[0] == (EventKind.FAILED, "ZeroDivisionError", 0)
    assert "of the text" not in str(there.events)


def test_without_an_endpoint_there_is_nothing():
    with contextlib.ExitStack() as stack:
        watch = object()
        assert traced(Traces(), watch, stack, None) == (watch, None)
        assert not [thread for thread in threading.enumerate() if thread.name == "anyapi-traces"]


@pytest.mark.parametrize("missing", [("opentelemetry.proto",), ("opentelemetry", "opentelemetry.proto"), ("google.protobuf",)])
def test_without_the_extra_it_says_what_to_install(monkeypatch, missing):
    for name in missing:
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, missing[0], None)
    with contextlib.ExitStack() as stack, pytest.raises(ConfigError, match=r"install `anyapi\[traces\]`") as told:
        traced(Traces("http://127.0.0.1:4318/v1/traces"), None, stack, None)
    assert told.value.field == "traces.endpoint"


def test_with_an_endpoint_the_header_is_kept_and_the_collector_named_without_its_path(monkeypatch, capsys):
    monkeypatch.setattr("anyapi.gateway.call.KNOWN", KNOWN)
    before = dict(KNOWN)
    try:
        with contextlib.ExitStack() as stack:
            watch, writer = traced(Traces("http://127.0.0.1:4318/secret/v1/traces"), None, stack, None)
            assert watch is not None
            assert writer.state.waiting == 0
            assert KNOWN[b"traceparent"] == KNOWN[b"Traceparent"] == b"traceparent"
    finally:
        KNOWN.clear()
        KNOWN.update(before)
    said = capsys.readouterr().err
    assert "event=traces_started host=127.0.0.1:4318" in said
    assert "secret" not in said
