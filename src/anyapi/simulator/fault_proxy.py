"""A TCP proxy that misbehaves on order: cuts, resets or stalls at a byte offset of either direction, delays, splits and slows.

Stands between gateway and simulator, or client and gateway. Understands no protocol: it carries bytes, so TLS passes through.
Standard library only, usable without the rest of the simulator. Single event loop; works on asyncio's own loops and on uvloop.
"""

import asyncio
import enum
import functools
import itertools
import socket
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from anyapi.simulator.tcp import all_acknowledged, reset_on_close

_READ = 65_536


class Action(enum.Enum):
    """What happens at the byte offset."""

    CLOSE = enum.auto()
    """Both connections are closed in good order."""
    RESET = enum.auto()
    """Both connections are reset, once the bytes before the offset were acknowledged."""
    STALL = enum.auto()
    """This direction carries nothing more until `stall_seconds` are over."""


@dataclass(frozen=True, slots=True)
class Flow:
    """How one direction of a connection is carried. The default carries everything at once."""

    delay: float = 0.0
    """Seconds before the first byte is carried."""
    pieces: tuple[int, ...] = ()
    """Sizes of the writes, used in turn over and over; empty: as the bytes were read."""
    bytes_per_second: float | None = None
    """Carry one write at a time at this rate; without `pieces`, byte by byte."""
    at: int | None = None
    """Byte offset of `action`: exactly so many bytes get through before it."""
    action: Action = Action.CLOSE
    stall_seconds: float | None = None
    """None stalls until the connection ends."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How one connection is carried."""

    to_server: Flow = field(default_factory=Flow)
    to_client: Flow = field(default_factory=Flow)
    refuse: bool = False
    """Reset the client's connection as soon as it is accepted; the server sees nothing."""


class Way:
    """One direction of one connection."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.carried = 0
        """Bytes written to the receiver's socket so far."""
        self.ended = asyncio.Event()
        """Set once the sender has said that nothing more comes."""

    @property
    def room(self) -> int:
        """The most bytes that the next write may carry without passing over the action."""
        left = 0 if self.flow.at is None else self.flow.at - self.carried
        return left if left > 0 else _READ


class Carried:
    """One connection that the proxy accepted."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.to_server = Way(plan.to_server)
        self.to_client = Way(plan.to_client)


def _close(sock: socket.socket, task: "asyncio.Task[None]") -> None:
    del task
    sock.close()


class _Cut(Exception):
    """The plan ends the connection here."""

    def __init__(self, action: Action) -> None:
        super().__init__(action.name)
        self.action = action


class FaultProxy:
    """The proxy: `async with FaultProxy(host, port, plans=[...]) as proxy`, then connect to `proxy.port`."""

    def __init__(self, host: str, port: int, plans: Sequence[Plan] = (), default: Plan | None = None) -> None:
        """Carry to `host` and `port`. Each connection uses one of `plans`, in order; after them, `default` (everything as it is)."""
        self.target = (host, port)
        self.plans = deque(plans)
        self.default = default or Plan()
        self.connections: list[Carried] = []
        """Every connection accepted so far, in order."""
        self.port = 0
        self._listener: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Listen on a free port of 127.0.0.1."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 0))
        listener.listen(1024)
        listener.setblocking(False)  # noqa: FBT003 - the standard library's own name
        self.port = listener.getsockname()[1]
        self._listener = listener
        self._accepting = asyncio.get_running_loop().create_task(self._accept(listener))

    async def close(self) -> None:
        """End every connection and stop listening."""
        tasks = [task for task in (self._accepting, *self._tasks) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._listener is not None:
            self._listener.close()

    async def finished(self) -> None:
        """Wait until no connection is open."""
        while self._tasks:
            await asyncio.gather(*self._tasks)

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            client, _ = await loop.sock_accept(listener)
            client.setblocking(False)  # noqa: FBT003 - the standard library's own name
            carried = Carried(self.plans.popleft() if self.plans else self.default)
            self.connections.append(carried)
            task = loop.create_task(self._connection(client, carried))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            # Here and not in the task: one that is cancelled before its first step never runs.
            task.add_done_callback(functools.partial(_close, client))

    async def _connection(self, client: socket.socket, carried: Carried) -> None:
        server = socket.socket(socket.AF_INET6 if ":" in self.target[0] else socket.AF_INET)
        try:
            if carried.plan.refuse:
                reset_on_close(client)
                return
            for sock in (client, server):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            server.setblocking(False)  # noqa: FBT003 - the standard library's own name
            await asyncio.get_running_loop().sock_connect(server, self.target)
            await self._both_ways(client, server, carried)
        except OSError:
            # One side was reset or never answered: the other side learns it in the same way.
            reset_on_close(client)
            reset_on_close(server)
        finally:
            server.close()

    async def _both_ways(self, client: socket.socket, server: socket.socket, carried: Carried) -> None:
        """Carry until both directions have ended, or one is cut."""
        loop = asyncio.get_running_loop()
        forth, back = carried.to_server, carried.to_client
        ways = [loop.create_task(_carry(client, server, forth, back)), loop.create_task(_carry(server, client, back, forth))]
        try:
            await asyncio.gather(*ways)
        except _Cut as cut:
            if cut.action is Action.RESET:
                for sock in (client, server):
                    await all_acknowledged(sock)
                    reset_on_close(sock)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)


async def _carry(source: socket.socket, sink: socket.socket, way: Way, opposite: Way) -> None:
    """Carry one direction until its end; raises `_Cut` where the plan says so."""
    loop = asyncio.get_running_loop()
    flow = way.flow
    sizes = itertools.cycle(flow.pieces or ((1,) if flow.bytes_per_second else (_READ,)))
    if flow.at == 0:
        await _act(flow, opposite)
    while data := await loop.sock_recv(source, _READ):
        if flow.delay and not way.carried:
            await asyncio.sleep(flow.delay)
        while data:
            piece = data[: min(next(sizes), way.room)]
            data = data[len(piece) :]
            await loop.sock_sendall(sink, piece)
            way.carried += len(piece)
            if flow.bytes_per_second:
                await asyncio.sleep(len(piece) / flow.bytes_per_second)
            if way.carried == flow.at:
                await _act(flow, opposite)
    way.ended.set()
    sink.shutdown(socket.SHUT_WR)


async def _act(flow: Flow, opposite: Way) -> None:
    """Do what the plan says at its offset: return after a stall, else raise `_Cut`."""
    if flow.action is not Action.STALL:
        raise _Cut(flow.action)
    if flow.stall_seconds is not None:
        await asyncio.sleep(flow.stall_seconds)
        return
    # Whoever waits for these bytes will not get them: once that side leaves, the connection is over.
    await opposite.ended.wait()
    raise _Cut(Action.CLOSE)
