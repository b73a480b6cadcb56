"""The token ledger of one simulated provider: what it received and what it sent, exactly, without content.

Content is kept apart, in `bodies`, and only when the simulation was started to record it.
"""

import asyncio
import base64
import enum
from collections import Counter, deque

import msgspec

from anyapi.simulator.tokens import tokens_for

ENTRIES_KEPT = 200_000
"""Older entries are dropped; the totals keep counting them."""


class Outcome(enum.StrEnum):
    """How a request ended, as the provider sees it."""

    IN_FLIGHT = "in_flight"
    ANSWERED = "answered"
    CONTENT_REFUSED = "content_refused"
    REJECTED = "rejected"
    """Our own 4xx: bad request, bad key, unknown model."""
    ERROR = "error"
    """A scripted error: status, body, event or redirect."""
    MALFORMED = "malformed"
    """A scripted answer that is not valid."""
    CUT = "cut"
    """A scripted early end."""
    CLIENT_GONE = "client_gone"
    """The client left before the last byte was written."""


class Entry(msgspec.Struct, gc=False):
    """One request for a completion."""

    serial: int
    path: str
    model: str
    """Without a fault suffix; empty when the body could not be read."""
    body_bytes: int
    tag: str | None = None
    """The request's `X-Sim-Tag` header."""
    stream: bool = False
    store: bool | str | None = "absent"
    """`absent`, true, false, null, or `other`."""
    leaked: tuple[str, ...] = ()
    """Names of policy fields and `X-AnyAPI-*` headers that should not have reached a provider."""
    faults: tuple[str, ...] = ()
    """Kinds of the faults that were applied."""
    status: int = 0
    outcome: Outcome = Outcome.IN_FLIGHT
    prompt_tokens: int = 0
    completion_tokens: int = 0
    """Of the whole answer, sent or not."""
    reported_prompt_tokens: int | None = None
    """As the client could read it; None when no usage was written to the connection."""
    reported_completion_tokens: int | None = None
    cache_read_tokens: int = 0
    """Of the prompt's; likewise `cache_written_tokens`, and `reasoning_tokens` of the completion's."""
    cache_written_tokens: int = 0
    reasoning_tokens: int = 0
    images: int = 0
    documents: int = 0
    tool_results: int = 0
    cache_marks: int = 0
    """How many `cache_control` and `cachePoint` marks there were."""
    chunks_sent: int = 0
    """Events of a stream written to the connection."""
    text_bytes_sent: int = 0
    completion_tokens_sent: int = 0
    at: float = 0.0
    """When it was received whole, in Unix seconds by this machine's clock."""


class Body(msgspec.Struct):
    """The raw request, kept only under `record_bodies`."""

    serial: int
    headers: list[tuple[str, str]]
    body: bytes

    def __repr__(self) -> str:
        """Never the content."""
        return f"<Body {self.serial}>"


class Totals(msgspec.Struct):
    """Sums over all requests since the start or the last reset."""

    requests: int = 0
    body_bytes: int = 0
    wire_bytes: int = 0
    """All bytes received besides those of control requests, complete requests or not."""
    connections: int = 0
    """Accepted connections, without those that only carried control requests."""
    refused_connections: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    reported_prompt_tokens: int = 0
    reported_completion_tokens: int = 0
    cache_read_tokens: int = 0
    cache_written_tokens: int = 0
    reasoning_tokens: int = 0
    disconnects: int = 0
    models: Counter[str] = msgspec.field(default_factory=Counter)
    outcomes: Counter[str] = msgspec.field(default_factory=Counter)
    store: Counter[str] = msgspec.field(default_factory=Counter)
    leaked: Counter[str] = msgspec.field(default_factory=Counter)
    other_requests: Counter[str] = msgspec.field(default_factory=Counter)
    """Requests for other paths than completions (not control), by method and path."""


class Ledger:
    """Counts of one provider. Not thread-safe: it lives on the provider's loop."""

    def __init__(self, provider: str) -> None:
        self.provider = provider
        self.totals = Totals()
        self.entries: deque[Entry] = deque(maxlen=ENTRIES_KEPT)
        self.bodies: deque[Body] = deque()
        self._in_flight: dict[int, Entry] = {}
        self._waiting: list[asyncio.Future[None]] = []
        self._serial = 0

    @property
    def in_flight(self) -> int:
        """Requests received and not yet ended."""
        return len(self._in_flight)

    def open(self, entry: Entry) -> None:
        """Take in a request that was received whole. Sets its serial, which starts at 1 and survives `reset`."""
        self._serial += 1
        entry.serial = self._serial
        self._in_flight[entry.serial] = entry
        self.entries.append(entry)
        totals = self.totals
        totals.requests += 1
        totals.body_bytes += entry.body_bytes

    def finish(self, entry: Entry, outcome: Outcome) -> None:
        """Settle a request once; later calls for the same one, or after a reset, change nothing."""
        if self._in_flight.pop(entry.serial, None) is None:
            return
        entry.outcome = outcome
        entry.completion_tokens_sent = tokens_for(entry.text_bytes_sent)
        totals = self.totals
        totals.models[entry.model] += 1
        totals.outcomes[outcome.value] += 1
        totals.store[_word(entry.store)] += 1
        totals.leaked.update(entry.leaked)
        totals.prompt_tokens += entry.prompt_tokens
        totals.completion_tokens += entry.completion_tokens
        totals.reported_prompt_tokens += entry.reported_prompt_tokens or 0
        totals.reported_completion_tokens += entry.reported_completion_tokens or 0
        totals.cache_read_tokens += entry.cache_read_tokens
        totals.cache_written_tokens += entry.cache_written_tokens
        totals.reasoning_tokens += entry.reasoning_tokens
        totals.disconnects += outcome is Outcome.CLIENT_GONE
        if not self._in_flight:
            self._wake()

    async def idle(self, timeout: float | None = 10.0) -> None:  # noqa: ASYNC109 - every caller would wrap it otherwise
        """Wait until no request is in flight. Raises `TimeoutError` after `timeout` seconds."""
        async with asyncio.timeout(timeout):
            while self._in_flight:
                future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                self._waiting.append(future)
                await future

    def reset(self) -> None:
        """Forget everything counted so far, requests in flight included."""
        self.totals = Totals()
        self.entries.clear()
        self.bodies.clear()
        self._in_flight.clear()
        self._wake()

    def as_json(self) -> dict[str, object]:
        """Return the ledger as `GET /ledger` gives it."""
        return {**self.totals_as_json(), "entries": [msgspec.to_builtins(entry) for entry in self.entries]}

    def totals_as_json(self) -> dict[str, object]:
        """Return the ledger without the single requests, as `GET /ledger?entries=0` gives it."""
        return {"provider": self.provider, **msgspec.to_builtins(self.totals), "in_flight": self.in_flight}

    def bodies_as_json(self) -> list[dict[str, object]]:
        """Return the recorded requests as `GET /ledger/bodies` gives them, bodies in base64."""
        return [{"serial": body.serial, "headers": body.headers, "body": base64.b64encode(body.body).decode()} for body in self.bodies]

    def _wake(self) -> None:
        for future in self._waiting:
            if not future.done():
                future.set_result(None)
        self._waiting.clear()


def _word(store: bool | str | None) -> str:  # noqa: FBT001 - a value of the wire, not a switch
    return store if isinstance(store, str) else {True: "true", False: "false", None: "null"}[store]
