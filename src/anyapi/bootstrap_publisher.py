"""Builds snapshots out of store, configuration and catalogue, and has an upstream for every credential that one names."""

import asyncio
import contextlib
import functools
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from anyapi.config import Config, catalogue_over, policy_context
from anyapi.config_addresses import own_base_url, region_of
from anyapi.control.current import Current
from anyapi.control.publish import build_snapshot, contradicted, with_logs, with_spending, without_ended
from anyapi.crypto.sealed import Binding, ClosedReason, Sealed
from anyapi.domain.evidence import Contradiction
from anyapi.domain.snapshot import Snapshot
from anyapi.errors import ConfigError
from anyapi.forgetting import Forgetting, Sink
from anyapi.policy.periods import day_of
from anyapi.scrubbing import Collector
from anyapi.storage.contract_ranking import RankingStore
from anyapi.storage.drivers import driver_for
from anyapi.storage.rows import CredentialRow
from anyapi.storage.sql_review import SqlReview
from anyapi.storage.sql_store import SqlStore
from anyapi.storage.tenant import EVERYBODY, only
from anyapi.telemetry.log import Event, log
from anyapi.upstream.adapters import SERVED_EMBEDDINGS, SERVED_PROTOCOLS
from anyapi.upstream.opening import Access
from anyapi.upstream.own import OwnCredential, Upstreams

T = TypeVar("T")
_PATIENCE = 30.0
"""So many seconds a thread waits for the event loop."""

TOLD_SECONDS = 7 * 86400.0
"""For so long whoever sends a key that has expired is told that; later it is one that is not known."""


class Publisher:
    """Builds snapshots from the store and the configuration, numbered from 1."""

    def __init__(
        self,
        config: Config,
        store: SqlStore,
        upstreams: Upstreams | None = None,
        waiting: Callable[[], tuple[Contradiction, ...]] = tuple,
        sinks: Sequence[Sink] = (),
        current: Current | None = None,
        ranking: RankingStore | None = None,
    ) -> None:
        """`config` is read once at start; keys, settings and accounts' credentials come from the store at each build.

        Without `upstreams` there is nothing that could use a stored credential, so none is published. `waiting` gives the contradictions
        that are in force and not yet stored. Each of `sinks` is told, before a snapshot without them is given, which accounts are being
        deleted or were. `current` knows the catalogue; without it, that of `config` stays in force and nobody reviews. `ranking` knows the
        ranking's releases and who takes no part in it.
        """
        self._current, self._ranking = current, ranking
        self._reloading = asyncio.Lock()
        self._under_way: set[asyncio.Future[int]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._noted: list[Contradiction] = []
        """Contradictions since the last build began."""
        self._config, self._store, self._upstreams, self._waiting = config, store, upstreams, waiting
        self._forgetting = Forgetting(sinks)
        self.settle = self._forgetting.settle
        """To be called with a new snapshot in force, before anybody is told so; not on the event loop."""
        self._base = policy_context(config, config.catalogue, SERVED_PROTOCOLS, SERVED_EMBEDDINGS)
        self.clock: Callable[[], float] = time.time
        self.version = 0
        self.number: Callable[[], int] = lambda: self.version + 1
        """Numbers the next snapshot; asked before anything is read for it."""
        self.publish: Callable[[Snapshot], None] = _nobody
        self.unusable: dict[str, str] = {}
        """Stored credentials that the last build left out, each with the code of the reason."""

    async def begin(self) -> Snapshot:
        """Give the first snapshot, for which nobody waits on this loop yet; a command that came in before is not read beside it."""
        self._loop = asyncio.get_running_loop()
        async with self._reloading:
            return self.build()

    def build(self) -> Snapshot:
        """Read everything anew and have an upstream for each stored credential that it names; one at a time. Raises `StorageError`."""
        self.version = self.number()
        self._noted = []  # before what waits is read: whatever comes in from now on is in one of the two
        with only(EVERYBODY):  # whoever asks for it
            self._forgetting.look(self._store)
            base = self._base
            if self._current is not None:
                found = self._current.refresh()
                self._config = msgspec.structs.replace(self._config, catalogue=found.catalogue)
                base = msgspec.structs.replace(base, catalogue=found.catalogue, held=found.held)
            config, usable = self._config, self._usable()
            known = [*self._waiting(), *self._store.contradictions()]  # in this order: one that is written meanwhile is in both
            built = build_snapshot(self._store, base, config.presets, config.policy, self.version, usable, known)
            built = with_logs(without_ended(built, self.clock() - TOLD_SECONDS), self._store)
            if self._ranking is not None:
                built = msgspec.structs.replace(built, left_out=self._ranking.left_out(), releases=self._ranking.releases())
            return with_spending(built, self._store, day_of(self.clock()))

    def _usable(self) -> list[CredentialRow]:
        """The stored credentials that can be used, their upstreams ready. One that cannot is left out: that only takes candidates away."""
        if self._upstreams is None:
            return []
        rows = [_pinned(row) for row in self._store.credentials() if row.disabled_at is None]
        reachable, unusable = _reachable(self._config, rows)
        unusable |= self.on_loop(functools.partial(self._upstreams.keep, reachable))
        if unusable and unusable != self.unusable:
            for code, count in Counter(unusable.values()).items():
                log(Event.CREDENTIALS_UNUSABLE, code=code, count=count)
        self.unusable = unusable
        return [row for row in rows if row.id not in unusable]

    def refuse_without_root_key(self) -> None:
        """For the start: a root key that is missing is a mistake of the operator's, and accounts would be served otherwise than they asked.

        Raises `ConfigError`.
        """
        locked = sum(code == ClosedReason.NO_ROOT_KEY for code in self.unusable.values())
        if locked:
            raise ConfigError(
                f"{locked} stored credentials are sealed under a root key that is not here (`anyapi credentials list` shows its id). "
                "Add it in ANYAPI_ROOT_KEY, ANYAPI_ROOT_KEY_FILE or encryption.root_key_file; if it is lost, revoke them"
            )

    async def reload(self) -> int:
        """Put what the store holds now in force and give its version; when this returns, every request sees it.

        And where accounts are being deleted, nothing that names them is on its way to the store any more. Raises `StorageError`.
        """
        reloading = asyncio.ensure_future(self._reload())
        self._under_way.add(reloading)
        reloading.add_done_callback(self._under_way.discard)
        return await asyncio.shield(reloading)  # who asked may leave: the thread goes on, and nothing must be built beside it

    async def _reload(self) -> int:
        async with self._reloading:
            # Reading 10,000 keys takes 0.1 s, and noting what a hundred accounts have to accept of an update 0.2 s: the loop has neither.
            self._loop = asyncio.get_running_loop()  # also where a command comes in before the first snapshot
            snapshot = await asyncio.to_thread(self.build)
            self.put_in_force(snapshot)
        await asyncio.to_thread(self.settle)
        return snapshot.version

    async def idle(self) -> None:
        """Return when nothing that was asked for is under way any more."""
        if self._under_way:
            await asyncio.wait(self._under_way)

    def note(self, found: Contradiction) -> None:
        """Keep what is in force already for the snapshot that is being built, which may have been read before; on the event loop."""
        self._noted.append(found)

    def put_in_force(self, snapshot: Snapshot) -> None:
        """Have every request see it, with what was contradicted while it was built; on the event loop."""
        if self._noted:
            known = contradicted(self._noted, snapshot.context.contradicted)
            snapshot = msgspec.structs.replace(snapshot, context=msgspec.structs.replace(snapshot.context, contradicted=known))
        self.publish(snapshot)
        Collector.freeze()
        log(Event.SNAPSHOT, version=snapshot.version, keys=len(snapshot.principals))

    def on_loop(self, work: Callable[[], T]) -> T:
        """Have it run on the event loop, from any thread: here, if this is the loop or nothing runs on one yet."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:  # in a thread
            if self._loop is not None:
                return asyncio.run_coroutine_threadsafe(_called(work), self._loop).result(_PATIENCE)
        return work()


def current_catalogue(config: Config, stack: contextlib.ExitStack) -> Current:
    """What knows the catalogue in force, on a connection of its own that the stack closes."""
    review = stack.enter_context(SqlReview(driver_for(config.data_dir, config.database_url)))
    return Current(review, (config.base, config.catalogue), functools.partial(catalogue_over, config), time.time, config.span_days)


async def _called(work: Callable[[], T]) -> T:
    """Call it wherever this runs."""
    return work()


def _nobody(_snapshot: Snapshot) -> None:
    """Nothing serves yet: the snapshot is built again when it does."""


def _pinned(row: CredentialRow) -> CredentialRow:
    """The row with the region that its address is in, unless it declares one."""
    region, _ = region_of(row.declared.region, row.declared.variables)
    return msgspec.structs.replace(row, declared=msgspec.structs.replace(row.declared, region=region))


def _reachable(config: Config, rows: Sequence[CredentialRow]) -> tuple[list[OwnCredential], dict[str, str]]:
    """The stored credentials with the origin that each is bound to, and those for which there is none (any more), with a code."""
    reachable: list[OwnCredential] = []
    unusable: dict[str, str] = {}
    for row in rows:
        provider = config.catalogue.providers.get(row.provider)
        if provider is None:
            unusable[row.id] = "provider_unknown"
        elif provider.api.protocol not in SERVED_PROTOCOLS:
            unusable[row.id] = "not_served"
        else:
            base_url, problem = own_base_url(config, provider, row.declared.variables)
            if problem or region_of(row.declared.region, row.declared.variables)[1]:
                unusable[row.id] = "address_unusable"
                continue
            binding = Binding(row.account, row.provider, row.id, row.version)
            access = Access(base_url, provider.api.auth, row.declared.variables)
            reachable.append(OwnCredential(binding, Sealed(row.key_id, row.wrapped, row.ciphertext), access))
    return reachable, unusable
