"""Requests at an even rate, whatever the answers take, and the disk's own flush beside them: what "durable before send" adds."""

import asyncio
import os
import statistics
import time
from collections import deque
from pathlib import Path

from .bodies import Scenario
from .load import Phase, Sample
from .machine import CannotRun, Watch
from .routes import CHAT_PATH
from .targets import Target

RATE = 500
"""Requests a second."""
SECONDS = 4.0
QUICK_SECONDS = 1.5
WARM_REQUESTS = 100
PAGE = b"\x5a" * 4096
ANSWER_LIMIT_S = 10.0
CLASSES = {Phase.EVEN: "", Phase.DURABLE: "X-AnyAPI-Data-Class: confidential\r\n"}


def measure(target: Target, phase: Phase, run: int, watch: Watch, *, quick: bool) -> Sample:
    """The 99th percentile, in microseconds, of `RATE` requests a second (`DISK`: of as many flushes of one page in the data directory).

    A request's time begins when it was due: one that waits for its turn is as late as the caller finds it.
    """
    if target.data_dir is None:
        raise CannotRun(f"{target.name} has no data directory: this is a mistake in the benchmark.")
    before = watch.wait()
    seconds = QUICK_SECONDS if quick else SECONDS
    watch.start()
    if phase is Phase.DISK:
        times, failed = _flushes(target.data_dir, int(RATE * seconds)), 0
    else:
        times, failed = asyncio.run(_Even(target, CLASSES[phase]).drive(int(RATE * seconds)))
    during = watch.share()
    if len(times) < 2:
        return Sample(run, target.name, phase, 0.0, len(times), failed)
    cuts = statistics.quantiles(times, n=100)
    return Sample(
        run=run,
        target=target.name,
        phase=phase,
        value=cuts[98] * 1e6,
        answers=len(times),
        failed=failed,
        p50_us=cuts[49] * 1e6,
        p99_us=cuts[98] * 1e6,
        foreign_before=before,
        foreign_during=during,
    )


def _flushes(directory: Path, count: int) -> list[float]:
    """Seconds that each of so many appended pages takes to be on the disk."""
    times = []
    path = directory / "bench-flush"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        for _ in range(count):
            began = time.perf_counter()
            os.write(descriptor, PAGE)
            os.fdatasync(descriptor)
            times.append(time.perf_counter() - began)
    finally:
        os.close(descriptor)
        path.unlink()
    return times


class _Even:
    """Sends a request every 1 / RATE seconds, each on a connection that is free then."""

    def __init__(self, target: Target, row: str) -> None:
        address = target.plain
        body = address.body(Scenario.JSON)
        head = (
            f"POST {CHAT_PATH} HTTP/1.1\r\nHost: 127.0.0.1:{address.port}\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {target.keys[0]}\r\n{row}Content-Length: {len(body)}\r\n\r\n"
        )
        self._request = head.encode() + body
        self._port = address.port
        self._free: deque[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = deque()
        self._times: list[float] = []
        self._failed = 0

    async def drive(self, count: int) -> tuple[list[float], int]:
        """Times of the right answers, and how many came otherwise or not at all."""
        for _ in range(WARM_REQUESTS):
            await self._ask(time.perf_counter())
        self._times, self._failed = [], 0
        began = time.perf_counter() + 0.05
        async with asyncio.TaskGroup() as group:
            for number in range(count):
                due = began + number / RATE
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                group.create_task(self._ask(due))
        while self._free:
            self._free.pop()[1].close()
        return self._times, self._failed

    async def _ask(self, due: float) -> None:
        try:
            async with asyncio.timeout(ANSWER_LIMIT_S):
                reader, writer = self._free.pop() if self._free else await asyncio.open_connection("127.0.0.1", self._port)
                writer.write(self._request)
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(_length(head))
        except (OSError, EOFError, TimeoutError):
            self._failed += 1
            return
        self._free.append((reader, writer))
        if head.startswith(b"HTTP/1.1 200 "):
            self._times.append(time.perf_counter() - due)
        else:
            self._failed += 1


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0
