"""How a change gets into force: in the one process that there is, or in every worker on one PostgreSQL."""

import asyncio
import contextlib
import functools
import importlib
import os
import secrets
import socket
from collections.abc import Callable
from typing import Protocol, TypeVar

from anyapi.bootstrap_slices import SliceThread
from anyapi.config import Config
from anyapi.domain.snapshot import Snapshot
from anyapi.errors import StorageError
from anyapi.gateway.lease import Lease
from anyapi.storage.batch_thread import BatchThread
from anyapi.storage.driver import code_of
from anyapi.storage.events import FailureState, Report

T = TypeVar("T")
_WATCH_SECONDS = 0.25
_SLICE_SECONDS = 0.5
"""A thread that waits for a signal looks so often whether it is to end."""
SLICES_OUTLIVE = 30.0
"""Seconds that slices of limits outlive their worker's lease: what it had under way may end meanwhile, and is then written down."""


class Publishing(Protocol):
    """What builds snapshots and puts them in force."""

    version: int
    publish: Callable[[Snapshot], None]

    def build(self) -> Snapshot:
        """Read everything anew."""
        ...

    def on_loop(self, work: Callable[[], T]) -> T:
        """Have it run on the event loop, from any thread, and give what it gives."""
        ...

    def put_in_force(self, snapshot: Snapshot) -> None:
        """Have every request see it."""
        ...

    def settle(self) -> None:
        """Wait until nothing is written any more under names that the snapshot in force no longer knows; not on the event loop."""
        ...

    async def reload(self) -> int:
        """Build one and put it in force."""
        ...

    async def idle(self) -> None:
        """Return when none is being built."""
        ...


class Leases(Protocol):
    """`storage/postgres_leases.Leases`, which is imported only where there is a PostgreSQL."""

    def newest(self) -> int:
        """The newest published version."""
        ...

    def confirm(self, version: int) -> int:
        """Go by a version; gives the newest."""
        ...

    def signalled(self, seconds: float) -> bool:
        """Wait for a change."""
        ...

    def leave(self) -> None:
        """Be waited for no more."""
        ...


class Onlooker(Protocol):
    """`storage/postgres_leases.Onlooker`."""

    def in_force(self) -> tuple[int, int]:
        """Wait until what is stored is in force on every live worker; its version and how many there are."""
        ...

    def close(self) -> None:
        """Close its connections."""
        ...


class Alone:
    """The only process on its database: commands tell it of changes over a socket."""

    lease = None
    slices = None

    def __init__(self, publishing: Publishing, quiet: Callable[[], None]) -> None:
        """`quiet` stops listening for commands."""
        self._publishing, self.quiet = publishing, quiet
        self.in_force = publishing.reload

    async def follow(self, publishing: Publishing, version: int) -> None:
        """Nothing to begin: a command that came in while we were starting has put its change in force itself."""

    async def close(self) -> None:
        """Wait for the snapshot that is being built: the store is closed next."""
        await self._publishing.idle()


class Member:
    """This process among the workers. Its thread is the only one that talks about leases to the database."""

    def __init__(self, config: Config, report: Report, lost: Callable[[], None], flush: Callable[[float], None]) -> None:
        """`lost` is called on the loop when the lease has run out, again and again until it is held.

        `flush` waits until the usage rows put before are written, at most so many seconds.
        """
        assert config.database_url is not None  # noqa: S101 the caller looks
        self._url = config.database_url
        name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        storage = importlib.import_module("anyapi.storage.postgres_leases")
        self._leases: Leases = storage.Leases(self._url, name, config.server.lease)
        self._onlooker: Onlooker = storage.Onlooker(self._url)
        self.lease = Lease(config.server.lease)
        seconds = config.server.lease + SLICES_OUTLIVE
        store = importlib.import_module("anyapi.storage.postgres_slices").SliceStore(self._url, name, seconds)
        self._slicing = SliceThread(store, flush, config.server.lease, report)
        self.slices = self._slicing.slices
        self._failure = FailureState("lease", report)
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._version = 0
        self._newest: int | None = None
        self._held = asyncio.Event()
        self._closing = False
        self._watch: asyncio.TimerHandle | None = None

    def newest(self) -> int:
        """The newest published version, as the last try to confirm told it, or the store now. Raises `StorageError`."""
        found, self._newest = self._newest, None
        return self._leases.newest() if found is None else found

    async def follow(self, publishing: Publishing, version: int) -> None:
        """Begin to keep the lease, with `version` in force; returns when it is held first, or when that takes longer than a lease."""
        self._publishing, self._version = publishing, version
        self._thread = BatchThread("anyapi-lease", self._round, self._crashed, interval=0.002, idle=0.0)
        self._look()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._held.wait(), self.lease.seconds)

    def quiet(self) -> None:
        """Changes go over the database: nothing listens."""

    async def in_force(self) -> int:
        """Wait until what the store holds now is in force on every worker, this one too; gives its version. Raises `StorageError`."""
        version, _workers = await asyncio.to_thread(self._onlooker.in_force)
        return version

    async def close(self) -> None:
        """Serve no more."""
        self._closing = True
        if self._watch is not None:
            self._watch.cancel()
        await self._slicing.close()
        if await asyncio.to_thread(self._thread.close, _SLICE_SECONDS * 2):  # else it hangs in the database, and has the connection
            await asyncio.to_thread(self._leases.leave)
        self._onlooker.close()

    def _round(self) -> bool:
        started = self.lease.clock()
        while (newest := self._leases.confirm(self._version)) != self._version:
            self._newest = newest
            snapshot = self._publishing.build()
            self._publishing.on_loop(functools.partial(self._publishing.put_in_force, snapshot))
            self._publishing.settle()
            self._version = snapshot.version
            if self._closing:
                return True
            started = self.lease.clock()
        self.lease.until = started + self.lease.seconds
        self._failure.succeeded()
        self._loop.call_soon_threadsafe(self._held.set)
        while not self._closing and self.lease.clock() < started + self.lease.seconds / 3:
            if self._leases.signalled(min(_SLICE_SECONDS, self.lease.seconds / 3)):
                break
        return True

    def _crashed(self, error: Exception) -> None:
        self._failure.failed(code_of(error) if isinstance(error, StorageError) else type(error).__name__)

    def _look(self) -> None:
        if not self.lease.held:
            self._lost()
        self._watch = self._loop.call_later(_WATCH_SECONDS, self._look)
