"""Leases slices of keys' limits for a worker, in a thread of its own: usage rows first, so that nothing is said before it is written."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from anyapi.domain.slices import Ask, Grant
from anyapi.errors import StorageError
from anyapi.gateway.slices import Slices, Told
from anyapi.storage.batch_thread import BatchThread
from anyapi.storage.driver import code_of
from anyapi.storage.events import FailureState, Report

_FLUSH_SECONDS = 5.0
_IDLE_SECONDS = 3600.0
_CLOSE_SECONDS = 2.0


class SliceLeases(Protocol):
    """`storage/postgres_slices.SliceStore`, which is imported only where there is a PostgreSQL."""

    def lease(self, asks: Sequence[Ask]) -> list[Grant]:
        """Write down what was used, and give of what is left."""
        ...

    def leave(self) -> None:
        """Give everything back."""
        ...


class SliceThread:
    """The thread, and the slices on the loop that it works for."""

    def __init__(self, store: SliceLeases, flush: Callable[[float], None], seconds: float, report: Report) -> None:
        """`flush` waits until the usage rows put before are written, at most so long; `seconds` is the worker's lease."""
        self._store, self._flush = store, flush
        self._loop = asyncio.get_running_loop()
        self._failure = FailureState("slices", report)
        self._round: tuple[Sequence[Ask], Told] | None = None
        self._told: Told | None = None
        self.slices = Slices(self._loop, seconds, self._begin)
        self._thread = BatchThread("anyapi-slices", self._work, self._crashed, interval=0.0, idle=_IDLE_SECONDS)

    async def close(self) -> None:
        """Give everything back; no request is under way any more."""
        self.slices.close()
        if await asyncio.to_thread(self._thread.close, _CLOSE_SECONDS):  # else it hangs in the database, and has the connection
            await asyncio.to_thread(self._leave)

    def _begin(self, asks: Sequence[Ask], told: Told) -> None:
        self._round = (asks, told)
        self._thread.hurry()

    def _work(self) -> bool:
        if self._round is not None:
            (asks, self._told), self._round = self._round, None
            self._answer(self._leased(asks))
        return True

    def _answer(self, grants: list[Grant] | None) -> None:
        told, self._told = self._told, None
        if told is not None:
            self._loop.call_soon_threadsafe(told, grants)

    def _leased(self, asks: Sequence[Ask]) -> list[Grant] | None:
        try:
            if any(ask.settled for ask in asks):
                self._flush(_FLUSH_SECONDS)
            grants = self._store.lease(asks)
        except StorageError as error:
            self._failure.failed(code_of(error))
            return None
        self._failure.succeeded()
        return grants

    def _leave(self) -> None:
        try:
            self._flush(_FLUSH_SECONDS)
            self._store.leave()
        except StorageError as error:  # then they end by themselves
            self._failure.failed(code_of(error))

    def _crashed(self, error: Exception) -> None:
        self._failure.failed(type(error).__name__)
        self._answer(None)
