"""Keeps what a key's owner asked to have kept of its requests, until the answer is out; the seal comes after that, elsewhere.

Only requests of keys with a log target get here: their admission sees the plane through `Recorded`, which hands out adapters that note
what passes to the client. Nobody else's request runs a line of this. What is held counts against a budget of bytes; what does not fit is
let go and counted as lost, and the request goes on.
"""

from hashlib import sha256
from random import random
from typing import cast

import msgspec

from anyapi.domain.call import Principal
from anyapi.domain.catalogue import Endpoint
from anyapi.domain.decision import Outcome
from anyapi.domain.ids import EndpointId
from anyapi.domain.prompt_log import Keeps, Kept, LogEntry, LogRule, LogTarget
from anyapi.domain.usage import UsageRow
from anyapi.gateway.call import Call
from anyapi.gateway.outlets import LogSink, UsageSink
from anyapi.gateway.plane import DataPlane
from anyapi.gateway.plane_view import PlaneView
from anyapi.upstream.adapter import Adapter, Answer, OutboundChat, Prepared, ProviderRow, StreamReader

DAY = 86400.0
WHOLE = 200
"""Status of a request that was answered; a client that left before got nothing, unless a stream had begun."""
PROMPTS, RESPONSES = frozenset({Keeps.BOTH, Keeps.PROMPTS}), frozenset({Keeps.BOTH, Keeps.RESPONSES})


class _Store(msgspec.Struct):
    """The one field that says whether this request may be kept."""

    store: bool | None = None


_decode_store = msgspec.json.Decoder(_Store).decode


def recorded(plane: DataPlane, target: LogTarget, call: Call) -> DataPlane:
    """The plane as a request of a logged key sees it; the plane itself where this request is not drawn, or says `store: false`."""
    if target.rule.share < 1.0 and random() >= target.rule.share:  # noqa: S311 a draw, no secret
        return plane
    try:
        if _decode_store(call.body).store is False:
            return plane
    except msgspec.DecodeError:  # a format whose `store` is something else would have been refused
        return plane
    return cast("DataPlane", Recorded(plane, Recording(plane, target, call)))


class Recording:
    """One request's content, between admission and its usage row, which passes through here. Holds content: never printed."""

    __slots__ = ("_answers", "_held", "_log", "_parts", "_plane", "_prompt", "_rule", "_sha256", "_streamed", "_usage")

    def __init__(self, plane: DataPlane, target: LogTarget, call: Call) -> None:
        """Nothing counts yet: the request may still be refused."""
        self._plane, self._rule = plane, target.rule
        self._usage: UsageSink = plane.outlets.usage
        self._log: LogSink = plane.outlets.logs
        self._sha256 = sha256(call.credential or b"").digest()
        self._prompt = call.body if target.rule.keeps in PROMPTS else b""
        self._answers: dict[EndpointId, list[bytes]] = {}
        self._parts: list[bytes] | None = []
        self._held, self._streamed = 0, False

    def __repr__(self) -> str:
        """Never the content."""
        return "<Recording>"

    def accept(self) -> None:
        """Count the request as accepted, and what is held of it."""
        self._usage.accept()
        self._hold(len(self._prompt))

    def begin(self, endpoint: EndpointId, *, streamed: bool) -> None:
        """An endpoint's answer begins. Of an earlier attempt's the client got nothing, but may get a refusal after all."""
        if self._parts is not None:
            self._parts = self._answers[endpoint] = []
        self._streamed = streamed

    def part(self, data: bytes) -> None:
        """This goes to the client, or is a refusal that goes to it unless another endpoint answers."""
        if data and self._parts is not None and self._rule.keeps in RESPONSES and self._hold(len(data)):
            self._parts.append(data)

    def put(self, row: UsageRow) -> None:
        """The request is over: pass its row on, and what was kept to the seal, if the owner still asks for that."""
        self._usage.put(row)
        prompt, parts, held = self._prompt, self._sent(row), self._held
        self._prompt, self._parts, self._answers, self._held = b"", None, {}, 0
        target = self._in_force()
        if target is None or not (prompt or parts):
            self._log.release(held)
            return
        kept = Kept(self._entry(row, target), prompt or None, tuple(parts or ()) or None, self._streamed)
        self._log.put(kept, held)

    def _sent(self, row: UsageRow) -> list[bytes] | None:
        """What the client got: the answer of the endpoint that the row names, if it got any."""
        return self._answers.get(row.endpoint) if row.endpoint is not None and (row.streamed or row.status == WHOLE) else None

    def _in_force(self) -> LogTarget | None:
        """The target as it is now: what was switched off meanwhile is not kept, and a recipient who was removed reads it no more."""
        principal: Principal | None = self._plane.principals.get(self._sha256)
        return None if principal is None else principal.log

    def _entry(self, row: UsageRow, target: LogTarget) -> LogEntry:
        return LogEntry(
            decision=row.decision,
            account=row.account,
            key=row.key,
            project=row.project,
            at=row.at,
            expires_at=row.at + _shorter(self._rule, target.rule) * DAY,
            operation=row.operation,
            model=row.model,
            outcome=row.outcome,
            keeps=self._rule.keeps,
            recipients=target.recipients,
        )

    def _hold(self, size: int) -> bool:
        if self._log.hold(size):
            self._held += size
            return True
        self._prompt, self._parts, self._answers = b"", None, {}
        self._log.release(self._held)
        self._held = 0
        return False


class Recorded(PlaneView):
    """The plane, with adapters that note what passes and a sink of usage rows that hears of the end."""

    def __init__(self, plane: DataPlane, recording: Recording) -> None:
        super().__init__(plane, usage=recording)
        self._recording = recording

    def adapter_of(self, request: OutboundChat, endpoint: Endpoint) -> tuple[Adapter, ProviderRow]:
        """The plane's adapter, noting what it gives for the client."""
        adapter, row = self._plane.adapter_of(request, endpoint)
        return _Noting(adapter, self._recording, endpoint.id), row


class _Noting:
    """An adapter whose answers are noted."""

    def __init__(self, adapter: Adapter, recording: Recording, endpoint: EndpointId) -> None:
        self._adapter, self._recording, self._endpoint = adapter, recording, endpoint

    def prepare(self, call: OutboundChat, endpoint: Endpoint, row: ProviderRow) -> Prepared:
        return self._adapter.prepare(call, endpoint, row)

    def walks(self, call: OutboundChat) -> bool:
        return self._adapter.walks(call)

    def classify(self, status: int, retry_after: float | None, body: bytes) -> Outcome:
        return self._adapter.classify(status, retry_after, body)

    def read_answer(self, body: bytes, call: OutboundChat) -> Answer | Outcome:
        answer = self._adapter.read_answer(body, call)
        if isinstance(answer, Answer) and not call.stream:  # a stream's request gets no whole answer
            self._recording.begin(self._endpoint, streamed=False)
            self._recording.part(answer.body)
        return answer

    def open_stream(self, call: OutboundChat) -> StreamReader:
        self._recording.begin(self._endpoint, streamed=True)
        return cast("StreamReader", _NotingReader(self._adapter.open_stream(call), self._recording))


class _NotingReader:
    """A stream's reader whose output is noted. To whoever asks what it is, it is that reader."""

    def __init__(self, reader: StreamReader, recording: Recording) -> None:
        self._reader, self._recording = reader, recording

    def __getattr__(self, name: str) -> object:
        return getattr(self._reader, name)

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return type(self._reader)

    def feed(self, data: bytes) -> bytes:
        return self._noted(self._reader.feed(data))

    def end(self) -> bytes:
        return self._noted(self._reader.end())

    def _noted(self, out: bytes) -> bytes:
        self._recording.part(out)
        return out


def _shorter(begun: LogRule, now: LogRule) -> float:
    """Days: what was shortened meanwhile is shorter for this request too."""
    return min(begun.ttl_days, now.ttl_days)
