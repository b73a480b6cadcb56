"""Makes requests full of canaries against one gateway, and says how they ended. Judges nothing."""

import contextlib
import http.client
import json
import socket
import struct
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from anyapi.prove import dialects
from anyapi.prove.planted import Mark, Planted, chat_body, headers
from anyapi.simulator import SimulationThread

PATIENCE = 20.0
LINGER_RESET = struct.pack("ii", 1, 0)


class Answer(Protocol):
    """An HTTP answer, read whole; names of headers in small letters."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> dict[str, str]:
        """By name."""
        ...

    @property
    def body(self) -> bytes:
        """All of it."""
        ...


class Place(Protocol):
    """A gateway and an API key for it."""

    key: str

    def connect(self, timeout: float) -> socket.socket:
        """A new connection to the data plane."""
        ...

    def request(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None, timeout: float = 30.0
    ) -> Answer:
        """One request on a connection of its own, with the key unless `headers` say otherwise."""
        ...


class Ended(NamedTuple):
    """How a request ended for the client: the status, and whether an error event ended a stream."""

    status: int
    broken: bool = False

    def __str__(self) -> str:
        return f"{self.status}{' with an error event' if self.broken else ''}"


@dataclass
class Caller:
    """Makes requests full of canaries against one gateway."""

    gateway: Place
    simulation: SimulationThread | None
    """None: no provider here is simulated."""
    planted: Planted
    named: dict[bytes, bytes] = field(default_factory=dict)
    """Models of the cast, each with the one of this gateway that is asked for in its place; of none, the cast's own."""

    def chat(self, mark: Mark, model: str = "acme/good", **over: object) -> Ended:
        """A chat completion with canaries everywhere, also in headers and query."""
        return self.post(mark, json.dumps(chat_body(mark, model, **over)).encode())

    def post(self, mark: Mark, body: bytes, path: str = "/v1/chat/completions", method: str = "POST", **more: str) -> Ended:
        """Any request with canaries in its headers and query."""
        return ended(self.gateway.request(method, f"{path}?q={mark('query')}", self._renamed(body), headers(mark) | more, PATIENCE))

    def _renamed(self, body: bytes) -> bytes:
        for name, here in self.named.items():
            body = body.replace(b'"%b"' % name, b'"%b"' % here)
        return body

    def raw(self, data: bytes, then: Callable[[socket.socket], None] | None = None) -> Ended:
        """Bytes as they are; `then` may do more on the socket before the answer is read to its end."""
        with self.gateway.connect(PATIENCE) as client:
            client.sendall(data)
            if then is not None:
                then(client)
            answer = b""
            with contextlib.suppress(OSError):
                while part := client.recv(65536):
                    answer += part
        return Ended(int(answer[9:12]) if answer.startswith(b"HTTP/1.1 ") else 0)

    def head(self, mark: Mark, *lines: str, method: str = "POST", path: str = "/v1/chat/completions") -> bytes:
        """A request head with canaries; `lines` are more header lines."""
        own = [f"{name}: {value}" for name, value in headers(mark).items()]
        start = [f"{method} {path}?q={mark('query')} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {self.gateway.key}"]
        return ("\r\n".join([*start, *own, *lines]) + "\r\n\r\n").encode()

    def leave(self, mark: Mark, model: str, provider: str, *, after: int, stream: bool) -> Ended:
        """Ask, read so many bytes, and go away with a reset."""
        body = self._renamed(json.dumps(chat_body(mark, model, stream=stream, response_format=None, stop=None)).encode())
        with self.gateway.connect(PATIENCE) as client:
            client.sendall(self.head(mark, f"Content-Length: {len(body)}") + body)
            read = 0
            while read < after:
                read += len(client.recv(4096))
            if not after:
                self._wait_until_asked(provider)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)
        return Ended(499)

    def _wait_until_asked(self, provider: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while self.simulation is not None and time.monotonic() < deadline and not self.simulation.ledger(provider)["in_flight"]:
            time.sleep(0.005)


def ended(answer: Answer) -> Ended:
    """What a client makes of an answer."""
    broken = answer.headers.get("content-type", "").startswith("text/event-stream") and not any(end in answer.body for end in dialects.ENDS)
    return Ended(answer.status, broken)


class Outcome(NamedTuple):
    """A class of outcomes: a name, how it must end, and the request that ends so."""

    name: str
    wanted: tuple[Ended, ...]
    call: Callable[[Caller, Mark], Ended]


def ends(status: int, *others: int, broken: bool = False) -> tuple[Ended, ...]:
    """Ends with one of these statuses."""
    return tuple(Ended(each, broken) for each in (status, *others))


def all_at_once(caller: Caller, every: Sequence[Outcome]) -> list[tuple[Outcome, Ended]]:
    """Each class once, sixteen at a time, and how it ended; with status 0 where there was no answer."""

    def one(outcome: Outcome) -> Ended:
        try:
            return outcome.call(caller, caller.planted.new(outcome.name))
        except (OSError, http.client.HTTPException):
            return Ended(0)

    with ThreadPoolExecutor(16) as threads:
        return list(zip(every, threads.map(one, every), strict=True))
