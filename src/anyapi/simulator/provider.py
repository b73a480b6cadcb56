"""One simulated provider while it runs: port, script, ledger. Answers nothing itself; `exchange` decides, `connection` talks."""

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from anyapi.simulator.answer import Voice
from anyapi.simulator.cast import APIS, ProviderSpec
from anyapi.simulator.faults import AnyFault, Turn, script_of
from anyapi.simulator.faults.delivery import Refuse
from anyapi.simulator.ledger import Ledger
from anyapi.simulator.request import Request
from anyapi.simulator.wire import Target, Wire

_BACKLOG = 4_096


class OpenConnection(Protocol):
    """What the provider must be able to ask of a connection."""

    def drop_if_idle(self) -> None:
        """Reset the connection now if it is idle, else close it after the answer it is giving."""
        ...

    def abort(self) -> None:
        """Close at once."""
        ...


class Options(Protocol):
    """What the whole simulation has in common."""

    @property
    def host(self) -> str:
        """The address to listen on."""
        ...

    @property
    def ssl_context(self) -> ssl.SSLContext | None:
        """TLS for every provider, if any."""
        ...

    @property
    def record_bodies(self) -> bool:
        """Whether raw requests are kept."""
        ...


class RunningProvider:
    """State of one provider. Lives on one event loop; `SimulationThread` is the way in from another thread."""

    def __init__(self, spec: ProviderSpec, options: Options) -> None:
        self.spec = spec
        self.api = APIS[spec.wire]
        self.voice = Voice(spec.sentence, spec.words, spec.echo, spec.reasoning)
        self.names = tuple(model.upstream for model in spec.models)
        self.dimensions = {model.upstream: model.dimensions for model in spec.models if model.dimensions is not None}
        self.ledger = Ledger(spec.id)
        self.record_bodies = options.record_bodies
        self.connections: set[OpenConnection] = set()
        self.port = 0
        self._options = options
        self._script: deque[Turn] = deque()
        self._refusals_left: float = 0
        self._place_holder: socket.socket | None = None
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._factory: Callable[[], asyncio.Protocol] | None = None

    @property
    def origin(self) -> str:
        """Scheme, host and port: where `/ledger` and `/script` are."""
        return f"{'https' if self._options.ssl_context else 'http'}://{self._options.host}:{self.port}"

    @property
    def base_url(self) -> str:
        """What a client of the wire format is given."""
        return self.origin + self.api.base_path

    @property
    def turns_left(self) -> int:
        """Items of the script that no request has taken yet."""
        return len(self._script)

    def find(self, request: Request) -> tuple[Wire, Target] | None:
        """Return the wire format that the request is in, and what its path says; None when it is in none."""
        if request.method != "POST":
            return None
        for wire in self.api.wires:
            target = wire.target(request.path, request.query)
            if target is not None:
                return wire, target
        return None

    async def open(self, factory: Callable[[], asyncio.Protocol], port: int) -> None:
        """Listen; port 0 takes a free one. Raises `OSError` when the port is taken."""
        self._factory = factory
        if port:
            _check_free(self._options.host, port)
        # A bound socket that never listens keeps the port ours while the listening one is closed by a `refuse` fault.
        self._place_holder = _bound(self._options.host, port)
        self.port = self._place_holder.getsockname()[1]
        standing = next((fault for fault in self.spec.faults if isinstance(fault, Refuse)), None)
        if standing and standing.mode == "closed":
            return
        if standing:
            self._refusals_left = float("inf")
        await self.listen()

    async def listen(self) -> None:
        """Listen (again)."""
        if self._server is None and self._factory is not None:
            sock = _bound(self._options.host, self.port)
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(self._factory, sock=sock, ssl=self._options.ssl_context, backlog=_BACKLOG)

    async def close(self) -> None:
        """Close everything; the port is free afterwards."""
        if self._timer:
            self._timer.cancel()
        server = self.stop_listening()
        for connection in list(self.connections):
            connection.abort()
        if server is not None:
            await server.wait_closed()
        await asyncio.gather(*self._tasks)
        if self._place_holder is not None:
            self._place_holder.close()

    def stop_listening(self) -> asyncio.Server | None:
        """Refuse connections from now on; `listen` ends that."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        return server

    def script(self, items: Sequence[AnyFault | Sequence[AnyFault] | None]) -> None:
        """Replace the script: one item a request, then normal answers. A `refuse` at its head is in force before this returns."""
        self._script = deque(script_of(items))
        self._refusals_left = 0
        self._arm()

    def take_turn(self, from_model: Turn) -> Turn:
        """Return the faults of the next request: the script's, else the model suffix's, else the standing ones."""
        if self._script:
            turn = self._script.popleft()
            self._arm()
            return turn
        return from_model or self.spec.faults

    def refuses(self) -> bool:
        """Say whether the connection that was just accepted has to be reset, and count it."""
        if self._refusals_left <= 0:
            return False
        self._refusals_left -= 1
        self.ledger.totals.refused_connections += 1
        if not self._refusals_left:
            self._arm()
        return True

    def _arm(self) -> None:
        """Put a `refuse` at the head of the script in force."""
        fault = self._script[0][0] if self._script and self._script[0] else None
        if not isinstance(fault, Refuse):
            return
        self._script.popleft()
        for connection in list(self.connections):
            connection.drop_if_idle()
        if fault.mode == "reset":
            self._refusals_left = float("inf") if fault.count is None else fault.count
            return
        self.stop_listening()
        if fault.seconds is not None:
            self._timer = asyncio.get_running_loop().call_later(fault.seconds, self._listen_soon)

    def _listen_soon(self) -> None:
        task = asyncio.get_running_loop().create_task(self._listen_and_arm())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _listen_and_arm(self) -> None:
        await self.listen()
        self._arm()


def _check_free(host: str, port: int) -> None:
    """Raise `OSError` if somebody listens: with SO_REUSEPORT two simulators would share the port in silence."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))


def _bound(host: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind((host, port))
    return sock
