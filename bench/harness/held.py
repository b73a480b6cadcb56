"""Held streams: opens many slow streams at once and sees how much the gateway's memory grows while all of them are open."""

import selectors
import socket
import time
from dataclasses import dataclass, field

from . import processes
from .bodies import Scenario
from .load import Phase, Sample, send_some
from .machine import Watch
from .routes import CHAT_PATH
from .targets import Address, Target

STREAMS = 500
QUICK_STREAMS = 100
BATCH = 10
"""Connections opened between two looks at the answers: about 1,000 a second."""
FIRST_EVENT_LIMIT_S = 10.0
HOLD_S = 8.0
QUICK_HOLD_S = 2.0
MEMORY_EVERY_S = 0.25
WARM_REQUESTS = 20


@dataclass
class _Streams:
    """The client's side of all streams: how many are open and have shown an event, how many have failed."""

    address: Address
    request: bytes
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    heads: dict[socket.socket, bytes] = field(default_factory=dict)
    """What came so far on the streams that have not shown an event."""
    showing: int = 0
    failed: int = 0

    def open(self, count: int) -> None:
        for _ in range(count):
            connection = socket.create_connection(("127.0.0.1", self.address.port), timeout=10)
            connection.sendall(self.request)
            connection.setblocking(False)
            self.selector.register(connection, selectors.EVENT_READ)
            self.heads[connection] = b""

    def read(self, timeout: float) -> None:
        for key, _ in self.selector.select(timeout):
            connection = key.fileobj
            if not isinstance(connection, socket.socket):
                continue
            try:
                data = connection.recv(65_536)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            self._take(connection, data)

    def _take(self, connection: socket.socket, data: bytes) -> None:
        if not data:  # no stream ends while it is held
            self._drop(connection)
            return
        head = self.heads.get(connection)
        if head is None:
            return
        head += data
        if not head.startswith(b"HTTP/1.1 200"[: len(head)]):
            self._drop(connection)
        elif b"data:" in head:
            del self.heads[connection]
            self.showing += 1
        else:
            self.heads[connection] = head

    def _drop(self, connection: socket.socket) -> None:
        self.failed += 1
        if self.heads.pop(connection, None) is None:
            self.showing -= 1
        self.selector.unregister(connection)
        connection.close()

    def close(self) -> None:
        for key in list(self.selector.get_map().values()):
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.close()
        self.selector.close()


def measure(target: Target, phase: Phase, run: int, watch: Watch, *, quick: bool) -> Sample:
    """KB by which the resident memory of the process tree peaks above what it was, for each stream held. `target` must be fresh:
    memory that an earlier load has left behind would hide the growth."""
    address = target.tls if phase is Phase.HELD_TLS and target.tls else target.plain
    for scenario in (Scenario.JSON, Scenario.BURST):
        send_some(address, target.keys[0], scenario, WARM_REQUESTS)
    before = watch.wait()
    base = processes.resident_kb(target.process.pid)
    count = QUICK_STREAMS if quick else STREAMS
    streams = _Streams(address, _request(address, target.keys[0]))
    watch.start()
    try:
        peak = _hold(streams, target, count, QUICK_HOLD_S if quick else HOLD_S)
    finally:
        streams.close()
    return Sample(
        run=run,
        target=target.name,
        phase=phase,
        value=(peak - base) / count,
        answers=count,
        failed=count - streams.showing,
        foreign_before=before,
        foreign_during=watch.share(),
    )


def _hold(streams: _Streams, target: Target, count: int, seconds: float) -> int:
    """Opens `count` streams, holds them for `seconds` after the last has shown its first event. Returns the peak of memory in KB."""
    peak = opened = 0
    began = sampled = time.monotonic()
    until = began + FIRST_EVENT_LIMIT_S + seconds
    all_showing = False
    while (now := time.monotonic()) < until:
        if opened < count:
            streams.open(min(BATCH, count - opened))
            opened = min(count, opened + BATCH)
        streams.read(0.01)
        if not all_showing and opened == count and not streams.heads:
            all_showing = True
            until = now + seconds
        if now - sampled >= MEMORY_EVERY_S:
            sampled = now
            peak = max(peak, processes.resident_kb(target.process.pid))
    return max(peak, processes.resident_kb(target.process.pid))


def _request(address: Address, key: str) -> bytes:
    body = address.body(Scenario.SLOW)
    head = (
        f"POST {CHAT_PATH} HTTP/1.1\r\nHost: 127.0.0.1:{address.port}\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {key}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
