"""The adapter for requests in Anthropic's messages format to providers that speak it: the same format on both sides.

The model's name is rewritten and `metadata` (the end user's id) is taken off; everything else passes byte for byte, fields nobody here
knows included. Answers pass whole. Of a stream the events pass unchanged (line ends become LF) and are looked at just enough to find
usage, errors and the end. Opens no connection and knows no credential.
"""

import re

import msgspec

from anyapi.domain.catalogue import Endpoint
from anyapi.domain.decision import BEYOND_LIMITS, Outcome, OutcomeKind
from anyapi.domain.usage import TokenCount
from anyapi.upstream import sse
from anyapi.upstream.adapter import Answer, OutboundChat, Prepared, ProviderRow
from anyapi.upstream.anthropic import PATH, VERSION, beta_lines
from anyapi.upstream.classify import classify_anthropic, classify_anthropic_event
from anyapi.upstream.translate import anthropic_wire as wire
from anyapi.upstream.translate.carried_reasoning import may_hold_ours, without_ours
from anyapi.wire.utf8 import is_utf8

BAD = Outcome(OutcomeKind.BAD_RESPONSE)
DELTA = b"event: content_block_delta\ndata: "
BETWEEN = b"\n\n" + DELTA
FIELD = re.compile(rb"(data|event|id|retry)?:")
NOTHING, METADATA = frozenset[str](), frozenset({"metadata"})
FIRST = frozenset({"message_start", "ping", "error"})
"""Events that may come before `message_start`."""

_encode = msgspec.json.Encoder().encode
_event = msgspec.json.Decoder(wire.Event).decode
_message = msgspec.json.Decoder(wire.Message).decode


class AnthropicPassthrough:
    """An `Adapter` whose requests are in Anthropic's format. Without state."""

    def prepare(self, call: OutboundChat, endpoint: Endpoint, row: ProviderRow) -> Prepared:
        """The client's body with the provider's model name. Of the row, `drops` counts."""
        fields = dict(call.fields)
        fields["model"] = msgspec.Raw(_encode(endpoint.upstream_model))
        gone = row.drops & fields.keys() if row.drops else NOTHING
        if "metadata" in fields:
            gone |= METADATA
        adjusted = sorted(gone)
        for name in adjusted:
            del fields[name]
        body = _encode(fields)
        cleaned = without_ours(fields["messages"]) if may_hold_ours(body) and "messages" in fields else None
        if cleaned is not None:
            fields["messages"] = cleaned
            body = _encode(fields)
            adjusted.append("messages.thinking")
        return Prepared(PATH, body, VERSION + beta_lines(call.beta_headers) if call.beta_headers else VERSION, tuple(adjusted))

    def walks(self, call: OutboundChat) -> bool:
        """Only a body that holds reasoning of ours is looked through."""
        return may_hold_ours(bytes(call.fields.get("messages", b"")))

    def read_answer(self, body: bytes, call: OutboundChat) -> Answer | Outcome:  # noqa: ARG002
        """Check that it is a message and find its usage; a 200 that carries an error is an error."""
        try:
            message = _message(body)
            if message.type == "error":
                return classify_anthropic_event(message.error)
            if message.content is None or not is_utf8(body):
                return BAD
            kinds = [wire.read_block(raw) for raw in message.content]
        except (ValueError, RecursionError):
            return BAD
        empty = not any(block.says_something for block in kinds)
        return Answer(body, wire.read_usage(message.usage).total(), refused=message.stop_reason == "refusal", empty=empty)

    def open_stream(self, call: OutboundChat) -> "EventStream":  # noqa: ARG002
        """Start reading an event stream."""
        return EventStream()

    def classify(self, status: int, retry_after: float | None, body: bytes) -> Outcome:
        """Map a non-2xx answer to an outcome."""
        return classify_anthropic(status, retry_after, body)


class EventStream:
    """Reads a stream of Anthropic's events and passes them on."""

    __slots__ = (
        "_begun",
        "_finished",
        "_handlers",
        "_head",
        "_holding",
        "_splitter",
        "_usage",
        "complete",
        "empty",
        "failure",
        "refused",
        "started",
        "tokens",
    )

    def __init__(self) -> None:
        """Start with nothing held."""
        self.complete = self.started = self.refused = False
        self.empty = True
        self.failure: Outcome | None = None
        self.tokens: TokenCount | None = None
        self._begun = False
        """`message_start` was seen."""
        self._finished = False
        """A stop reason was stated: `message_stop` alone, without the `message_delta` that says it, is no proof of a whole answer."""
        self._head: list[bytes] = []
        self._holding = 0
        """Events before the first content: they wait for it, so that another endpoint can still be tried."""
        self._splitter = sse.Splitter()
        self._usage = wire.Usage()
        self._handlers = {
            "error": self._on_error,
            "message_start": self._on_start,
            "message_delta": self._on_delta,
            "message_stop": self._on_stop,
        }

    def __repr__(self) -> str:
        """Never the content."""
        return "<EventStream>"

    def feed(self, data: bytes) -> bytes:
        """Whole events of what came so far; the common read, nothing but pieces of text, passes on as it is."""
        if self._ended():
            return b""
        data = self._splitter.feed(data)
        if self.started and _is_plain(data):
            self.empty = False
        else:
            data = self._read(data)
        if self._splitter.overflow and not self._ended():
            self.failure = BEYOND_LIMITS
        return data

    def end(self) -> bytes:
        """The message is whole: an event that lacks its blank line counts, if it is the end."""
        return sse.ended(self, holding=self._splitter.holding)

    def _ended(self) -> bool:
        return self.complete or self.failure is not None

    def _read(self, data: bytes) -> bytes:
        """Event by event. What follows the end, or a failure, is not part of the answer."""
        out: list[bytes] = []
        for part in sse.with_plain_ends(data).split(b"\n\n"):
            block = part.lstrip(b"\n")  # blank lines more than one, or the LF of a CR that was the end already
            if not block:
                continue
            if not self._take(block):
                break
            self._hold_or_release(block + b"\n\n", out)
            if self.complete:
                break
        return b"".join(out)

    def _take(self, block: bytes) -> bool:
        """Read one event; False if it must not go on because the stream has failed."""
        lines = block.split(b"\n")
        if not is_utf8(block) or not all(FIELD.match(line) for line in lines if line):
            self.failure = BAD
            return False
        try:
            for name, data in sse.events(block):
                self._understand(name.decode(), data)
        except (ValueError, RecursionError):
            self.failure = BAD
        return self.failure is None

    def _understand(self, name: str, data: bytes) -> None:
        """What one event says of the whole. Raises ValueError for one that is not of the format or does not stand where it may."""
        kind = wire.type_of(data)
        if name not in (kind, "message"):
            raise ValueError("an event of two names")
        if not self._begun and kind not in FIRST:
            raise ValueError("no start")
        handler = self._handlers.get(kind)
        if handler is not None:
            handler(_event(data))
        elif kind.startswith("content_block_"):
            self.started = True
            self.empty = self.empty and not _says(kind, data)

    def _on_error(self, event: wire.Event) -> None:
        self.failure = classify_anthropic_event(event.error)

    def _on_start(self, event: wire.Event) -> None:
        if self._begun or event.message is None:
            raise ValueError("a start that is none")
        self._begun = True
        self._usage = wire.read_usage(event.message.usage)

    def _on_stop(self, _event: wire.Event) -> None:
        if not self._finished:
            raise ValueError("a stop without its reason")
        self.complete = True

    def _on_delta(self, event: wire.Event) -> None:
        self._usage = self._usage.updated(wire.read_usage(event.usage))
        self.tokens = self._usage.total()
        reason = None if event.delta is None else event.delta.stop_reason
        self._finished, self.refused = self._finished or bool(reason), reason == "refusal"

    def _hold_or_release(self, block: bytes, out: list[bytes]) -> None:
        if self.started or self.complete:
            out += self._head
            out.append(block)
            self._head = []
            return
        self._head.append(block)
        self._holding += len(block)
        if self._holding > sse.LIMIT:
            self.failure, self._head = BEYOND_LIMITS, []


def _says(kind: str, data: bytes) -> bool:
    """Whether the event of a block is something to the client: a piece of one, or the start of one that may have no pieces."""
    return kind == "content_block_delta" or (kind == "content_block_start" and b'"text"' not in data and b'"thinking"' not in data)


def _is_plain(data: bytes) -> bool:
    """Whether `data` (whole events) is nothing but pieces of content, each of two lines, of that name and that type."""
    if not (data.startswith(DELTA) and data.endswith(b"\n\n") and is_utf8(data)):
        return False
    events = data[len(DELTA) : -2].split(BETWEEN)
    if data.count(b"\n") != 3 * len(events) or b"\r" in data:
        return False
    try:
        return all(wire.type_of(event) == "content_block_delta" for event in events)
    except (ValueError, RecursionError):
        return False
