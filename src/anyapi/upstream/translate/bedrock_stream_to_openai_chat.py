"""A ConverseStream answer as OpenAI chat completion chunks, event by event. Sans-I/O; what is kept does not grow with the answer.

Nothing is released before the first content, so that another endpoint can still be tried when an error comes before it. The finish chunk,
the usage chunk and `[DONE]` are released together when both `messageStop` and `metadata` have come, and not otherwise: `metadata` is the
last event of every stream. Events and additions of kinds that are not known here are skipped.
"""

from collections.abc import Callable

import msgspec

from anyapi.upstream.bedrock_errors import classify_bedrock_event
from anyapi.upstream.event_stream import Decoder, Message
from anyapi.upstream.translate import bedrock_wire as wire
from anyapi.upstream.translate.chat_chunks import BAD, MOST_OPEN, ChunkWriter, chunk_head

_start = msgspec.json.Decoder(wire.StartEvent)
_delta = msgspec.json.Decoder(wire.DeltaEvent)
_stop = msgspec.json.Decoder(wire.StopEvent)
_message_stop = msgspec.json.Decoder(wire.MessageStopEvent)
_metadata = msgspec.json.Decoder(wire.MetadataEvent)
_encode = msgspec.json.Encoder().encode


class ChatStream(ChunkWriter):
    """A `StreamReader` (see `anyapi.upstream.adapter`)."""

    __slots__ = ("_begun", "_decoder", "_details", "_finish", "_handlers", "_metered", "_stamp", "_thoughts", "_usage")

    def __init__(self, stamp: wire.Stamp, *, wants_usage: bool, hide_reasoning: bool = False) -> None:
        """`stamp` goes on every chunk; `wants_usage` asks for the usage chunk; `hide_reasoning` keeps thinking back."""
        super().__init__(chunk_head(stamp.id, stamp.created, stamp.model), wants_usage=wants_usage, hide_reasoning=hide_reasoning)
        self._stamp = stamp
        self._decoder = Decoder()
        self._begun = self._metered = False
        self._finish: str | None = None
        self._usage = wire.Usage()
        self._thoughts: dict[int, int] = {}
        """The number among the details, by the block whose reasoning is arriving."""
        self._details = 0
        self._handlers: dict[str, Callable[[bytes], None]] = {
            "contentBlockDelta": self._on_delta,
            "contentBlockStart": self._on_block,
            "contentBlockStop": self._on_block_stop,
            "messageStart": self._on_start,
            "messageStop": self._on_stop,
            "metadata": self._on_metadata,
        }

    def feed(self, data: bytes) -> bytes:
        """Take bytes as they came off the wire; return whole events for the client, possibly none."""
        if self._ended():
            return b""
        for message in self._decoder.feed(data):
            self._take(message)
            if self._ended():
                break
        else:
            if self._decoder.broken:
                self.failure = BAD
        return self._released()

    def end(self) -> bytes:
        """Nothing: a frame states its length, so none is whole that lacks anything."""
        return b""

    def _take(self, message: Message) -> None:
        """Read one message and hand it on; what is not of the format ends the stream, an event of an unknown type is skipped."""
        kind = message.text(":message-type")
        if kind == "exception":
            self.failure = classify_bedrock_event(message.text(":exception-type"), message.payload)
        elif kind == "error":
            self.failure = classify_bedrock_event(message.text(":error-code"), message.payload)
        elif kind != "event":
            self.failure = BAD
        else:
            self._take_event(message.text(":event-type"), message.payload)

    def _take_event(self, kind: str, payload: bytes) -> None:
        handler = self._handlers.get(kind)
        if handler is None:
            return
        if self._begun is (kind == "messageStart") or (self._finish is not None and kind != "metadata"):
            self.failure = BAD  # out of order
            return
        try:
            handler(payload)
        except (ValueError, RecursionError):
            self.failure = BAD

    def _on_start(self, _payload: bytes) -> None:
        self._begun = True

    def _on_delta(self, payload: bytes) -> None:
        event = _delta.decode(payload)
        delta = event.delta
        if delta.text:
            self._release(b'"content":' + _encode(delta.text))
        if delta.tool_use is not None:
            self._add_arguments(event.content_block_index, delta.tool_use.input)
        if delta.reasoning_content is not None:
            self._reason(event.content_block_index, delta.reasoning_content)

    def _on_block(self, payload: bytes) -> None:
        event = _start.decode(payload)
        use = event.start.tool_use
        if use is not None and use.type is None:
            self._open_call(event.content_block_index, use.tool_use_id, use.name)

    def _on_block_stop(self, payload: bytes) -> None:
        index = _stop.decode(payload).content_block_index
        self._thoughts.pop(index, None)
        self._close_call(index)

    def _on_stop(self, payload: bytes) -> None:
        reason = _message_stop.decode(payload).stop_reason
        if not reason or reason in wire.MALFORMED:
            raise ValueError("no reason, or the model's output could not be read")
        self._finish = wire.finish_of(reason, calls=self._calls > 0)
        self.refused = self._finish == "content_filter"
        self._end()

    def _on_metadata(self, payload: bytes) -> None:
        self._usage = wire.read_usage(_metadata.decode(payload).usage)
        self.tokens = self._usage.total()
        self._metered = True
        self._end()

    def _end(self) -> None:
        """Release the end, once both events are here that make it."""
        if self._finish is None or not self._metered:
            return
        self._release_end(self._finish, self._usage.as_openai())

    def _reason(self, index: int, delta: wire.ReasoningDelta) -> None:
        """A piece of reasoning. `format` is said once for each block, because clients join the strings of one index."""
        if delta.redacted_content:
            sealed = {"type": "reasoning.encrypted", "data": delta.redacted_content, "format": wire.FORMAT, "index": self._details}
            self._details += 1
            self._release_detail(b"", sealed)
        if not delta.text and not delta.signature:
            return
        detail: dict[str, object] = {"type": "reasoning.text"}
        if index not in self._thoughts:
            if len(self._thoughts) >= MOST_OPEN:
                raise ValueError("too many blocks at once")
            self._thoughts[index] = self._details
            self._details += 1
            detail["format"] = self._stamp.format
        detail["index"] = self._thoughts[index]
        if delta.signature:
            detail["signature"] = delta.signature
        if delta.text:
            detail["text"] = delta.text
        self._release_detail(b'"reasoning_content":%b,' % _encode(delta.text) if delta.text else b"", detail)

    def _release_detail(self, text: bytes, detail: dict[str, object]) -> None:
        self._release_reasoning(text + b'"reasoning_details":' + _encode([detail]))
