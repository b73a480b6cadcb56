"""A set of simulated providers, each on a port of its own: on the caller's event loop, or in a thread for callers without one."""

import asyncio
import concurrent.futures
import functools
import ssl
import threading
from collections.abc import Callable, Coroutine, Sequence
from types import TracebackType
from typing import Self, TypeVar

import msgspec

from anyapi.simulator.cast import DEFAULT_PROVIDERS, ProviderSpec
from anyapi.simulator.connection import Connection
from anyapi.simulator.faults import AnyFault
from anyapi.simulator.provider import RunningProvider

T = TypeVar("T")
Items = Sequence[AnyFault | Sequence[AnyFault] | None]
_PATIENCE = 30.0


class SimulationOptions(msgspec.Struct, frozen=True):
    """What all providers of a simulation have in common."""

    host: str = "127.0.0.1"
    port: int = 0
    """The first provider's port, the next ones' are the following; 0 gives each a free one."""
    ssl_context: ssl.SSLContext | None = None
    """A server context: every provider then speaks TLS."""
    record_bodies: bool = False
    """Keep raw requests, for `GET /ledger/bodies`."""


class Simulation:
    """Running providers, found by id: `simulation["sim-zero"].ledger`."""

    def __init__(self, providers: Sequence[ProviderSpec] = DEFAULT_PROVIDERS, options: SimulationOptions | None = None) -> None:
        """Prepare; nothing listens before `open` or `async with`. Raises `ValueError` when an id is given twice."""
        self.options = options or SimulationOptions()
        self.providers = {spec.id: RunningProvider(spec, self.options) for spec in providers}
        if len(self.providers) != len(providers):
            raise ValueError("Two simulated providers have the same id. Give each its own.")

    def __getitem__(self, provider: str) -> RunningProvider:
        """Return a provider by id."""
        return self.providers[provider]

    @property
    def base_urls(self) -> dict[str, str]:
        """What a client is given, by provider id."""
        return {identity: provider.base_url for identity, provider in self.providers.items()}

    @property
    def ports(self) -> dict[str, int]:
        """Ports by provider id."""
        return {identity: provider.port for identity, provider in self.providers.items()}

    async def open(self) -> None:
        """Listen. Raises `OSError` when a port is taken; nothing listens then."""
        try:
            for place, provider in enumerate(self.providers.values()):
                port = self.options.port + place if self.options.port else 0
                await provider.open(functools.partial(Connection, provider), port)
        except OSError:
            await self.close()
            raise

    async def close(self) -> None:
        """Close all connections and ports."""
        for provider in self.providers.values():
            await provider.close()

    async def idle(self) -> None:
        """Wait until no provider has a request in flight. Raises `TimeoutError` after ten seconds."""
        for provider in self.providers.values():
            await provider.ledger.idle()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()


async def start_simulation(providers: Sequence[ProviderSpec] = DEFAULT_PROVIDERS, options: SimulationOptions | None = None) -> Simulation:
    """Start providers on the running loop; the caller closes the simulation. Raises `OSError` when a port is taken."""
    simulation = Simulation(providers, options)
    await simulation.open()
    return simulation


class SimulationThread:
    """A simulation on an event loop of its own in a thread, for synchronous tests. Every method may be called from any thread."""

    def __init__(
        self,
        providers: Sequence[ProviderSpec] = DEFAULT_PROVIDERS,
        options: SimulationOptions | None = None,
        loop_factory: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop,
    ) -> None:
        self.simulation = Simulation(providers, options)
        self._loop_factory = loop_factory
        self._started: concurrent.futures.Future[asyncio.AbstractEventLoop] = concurrent.futures.Future()
        self._stop: asyncio.Event
        self._thread = threading.Thread(target=self._run, name="anyapi-simulation", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._loop = self._started.result(_PATIENCE)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(_PATIENCE)

    @property
    def base_urls(self) -> dict[str, str]:
        """What a client is given, by provider id."""
        return self.simulation.base_urls

    def script(self, provider: str, items: Items) -> None:
        """Set a provider's script; it is in force when this returns."""
        self.call(lambda: self.simulation[provider].script(items))

    def ledger(self, provider: str) -> dict[str, object]:
        """Return a provider's ledger as of now, as `GET /ledger` gives it."""
        return self.call(self.simulation[provider].ledger.as_json)

    def idle(self) -> None:
        """Wait until nothing is in flight. Raises `TimeoutError` after ten seconds."""
        self.run(self.simulation.idle())

    def reset(self) -> None:
        """Forget all ledgers."""
        for provider in self.simulation.providers.values():
            self.call(provider.ledger.reset)

    def call(self, function: Callable[[], T]) -> T:
        """Call a function on the simulation's loop and return what it returns."""

        async def on_loop() -> T:
            return function()

        return self.run(on_loop())

    def run(self, work: Coroutine[None, None, T]) -> T:
        """Run a coroutine on the simulation's loop and return what it returns."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_PATIENCE)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=self._loop_factory) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        try:
            await self.simulation.open()
        except OSError as error:
            self._started.set_exception(error)
            return
        self._started.set_result(asyncio.get_running_loop())
        await self._stop.wait()
        await self.simulation.close()
