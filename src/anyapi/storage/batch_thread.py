"""A thread that does a piece of work soon after it is asked, for many askers at once. Knows nothing of what the work is.

Asking costs a flag and, once a batch, an event: no lock is taken for each row, and an idle writer does not wake up.
"""

import threading
import time
from collections import deque
from collections.abc import Callable

from anyapi.errors import StorageError

_LONGEST_PAUSE = 1.0
"""Seconds between tries while the work fails."""
_GRACE = 0.5
"""Seconds that a try may take which began just before the end of the time to close."""


class BatchThread:
    """Runs `work` at most `interval` seconds after `ask`, at once after `hurry`, and every `idle` seconds without either.

    `work` gives True when nothing is left to do. When it gives False or raises it is run again by itself, ever more slowly up to
    once a second. An exception is handed to `crashed`, because a writer that stops silently loses what it is given.
    """

    def __init__(self, name: str, work: Callable[[], bool], crashed: Callable[[Exception], None], *, interval: float, idle: float) -> None:
        """Start the thread. `interval` and `idle` in seconds."""
        self._work, self._crashed = work, crashed
        self._interval, self._idle = interval, idle
        self._pause = interval
        self.asked = False
        """Whether the work will be done within the interval anyhow: then `ask` need not be called."""
        self._wake, self._urgent = threading.Event(), threading.Event()
        self._flushes: deque[threading.Event] = deque()
        self._deadline: float | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def ask(self) -> None:
        """Have the work done within the interval. To be called after the work was queued."""
        if not self.asked:
            self.asked = True
            self._wake.set()

    def hurry(self) -> None:
        """Have the work done now."""
        self._urgent.set()
        self._wake.set()

    def flush(self, timeout: float) -> None:
        """Return when all work queued before is done; raises `StorageError` after `timeout` seconds."""
        done = threading.Event()
        self._flushes.append(done)
        self.hurry()
        if not done.wait(timeout) and not done.is_set():
            raise StorageError(f"the store did not take all rows within {timeout:g} s: look at the disk and at the errors reported before")

    def close(self, timeout: float) -> bool:
        """Let the work be finished, for at most `timeout` seconds, and stop the thread. Says whether the thread has ended."""
        if self._deadline is None:
            self._deadline = time.monotonic() + timeout
        self.hurry()
        self._thread.join(timeout + _GRACE)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            self._wake.wait(self._idle)
            self._urgent.wait(self._pause if self._deadline is None else min(self._pause, self._deadline - time.monotonic()))
            self._urgent.clear()
            self._wake.clear()
            # From here on a new `ask` wakes the thread again; what was queued before it is seen by the work below.
            self.asked = False
            flushes = [self._flushes.popleft() for _ in range(len(self._flushes))]
            done = self._try_work()
            if done:
                self._pause = self._interval
                for flush in flushes:
                    flush.set()
            else:
                self._pause = min(self._pause * 2, _LONGEST_PAUSE)
                self._flushes.extend(flushes)
                self._wake.set()
            # Whoever asked while the work was done, before `close`, may have queued what it did not see.
            if self._deadline is not None and ((done and not self._wake.is_set()) or time.monotonic() > self._deadline):
                return

    def _try_work(self) -> bool:
        try:
            return self._work()
        except Exception as error:  # noqa: BLE001 the background loop: it must outlive any one failure
            self._crashed(error)
            return False
