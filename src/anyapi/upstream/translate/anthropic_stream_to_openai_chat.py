"""An Anthropic event stream as OpenAI chat completion chunks, event by event. Sans-I/O; what is kept does not grow with the answer.

Nothing is released before the first content, so that another endpoint can still be tried when an error comes before it. The finish
chunk, the usage chunk and `[DONE]` are released together at `message_stop` and not otherwise. Events and blocks of types that are not
known here are skipped: Anthropic announces that it will add some.
"""

from collections.abc import Callable

import msgspec

from anyapi.upstream.classify import classify_anthropic_event
from anyapi.upstream.translate import anthropic_wire as wire
from anyapi.upstream.translate.anthropic_to_openai_chat import FINISH, FORMAT, arguments
from anyapi.upstream.translate.chat_chunks import BAD, EventTranslator, chunk_head

EVENTS = frozenset({"message_start", "content_block_start", "content_block_stop", "message_delta", "message_stop", "error"})
"""Event types that are understood, beside `content_block_delta`: one that cannot be read is not skipped."""
DELTAS = frozenset({"text_delta", "input_json_delta", "thinking_delta", "signature_delta"})

_event = msgspec.json.Decoder(wire.Event)
_shape = msgspec.json.Decoder(wire.DeltaShape)
_encode = msgspec.json.Encoder().encode


class ChatStream(EventTranslator):
    """A `StreamReader` (see `anyapi.upstream.adapter`)."""

    __slots__ = ("_details", "_finish", "_handlers", "_usage")

    def __init__(self, *, created: int, wants_usage: bool, hide_reasoning: bool = False) -> None:
        """`created` in Unix seconds; `wants_usage` asks for the usage chunk; `hide_reasoning` keeps thinking back."""
        super().__init__(created=created, wants_usage=wants_usage, hide_reasoning=hide_reasoning)
        self._finish: str | None = None
        self._usage = wire.Usage()
        self._details = 0
        self._handlers: dict[str, Callable[[wire.Event], None]] = {
            "content_block_delta": self._on_delta,
            "content_block_start": self._on_block,
            "content_block_stop": self._on_block_stop,
            "message_start": self._on_start,
            "message_delta": self._on_message_delta,
            "message_stop": self._on_stop,
            "error": self._on_error,
        }

    def _take(self, data: bytes) -> None:
        """Read one event and hand it on; what is neither of the format nor of an unknown type ends the stream."""
        try:
            event = _event.decode(data)
            handler = self._handlers.get(event.type)
            if handler is None:
                return
            if not self._head and event.type not in ("message_start", "error"):
                self.failure = BAD
                return
            handler(event)
        except (ValueError, RecursionError):
            if not _unknown(data):
                self.failure = BAD

    def _on_start(self, event: wire.Event) -> None:
        message = event.message
        if self._head or message is None:
            self.failure = BAD
            return
        self._usage = wire.read_usage(message.usage)
        self._head = chunk_head(message.id, self.created, message.model)

    def _on_delta(self, event: wire.Event) -> None:
        delta = event.delta
        if delta is None:
            self.failure = BAD
        elif delta.type == "text_delta":
            if delta.text:
                self._release(b'"content":' + _encode(delta.text))
        elif delta.type == "input_json_delta":
            self._add_arguments(event.index, delta.partial_json)
        elif delta.type == "thinking_delta":
            self._release_thinking(delta.thinking)
        elif delta.type == "signature_delta":
            self._release_signature(delta.signature)

    def _on_block(self, event: wire.Event) -> None:
        block = wire.read_block(event.content_block)
        if block.type == "tool_use":
            whole = arguments(block.input)
            self._open_call(event.index, block.id, block.name)
            self._add_arguments(event.index, whole if whole != "{}" else "")
        elif block.type == "text" and block.text:
            self._release(b'"content":' + _encode(block.text))
        elif block.type == "thinking":
            self._release_thinking(block.thinking)
        elif block.type == "redacted_thinking":
            self._release_detail({"type": "reasoning.encrypted", "data": block.data, "format": FORMAT, "index": self._details})
            self._details += 1

    def _on_block_stop(self, event: wire.Event) -> None:
        self._close_call(event.index)

    def _on_message_delta(self, event: wire.Event) -> None:
        if event.delta is not None and event.delta.stop_reason:
            self._finish = FINISH.get(event.delta.stop_reason, "stop")
            self.refused = event.delta.stop_reason == "refusal"
        self._usage = self._usage.updated(wire.read_usage(event.usage))
        self.tokens = self._usage.total()  # not before: what `message_start` says is no total

    def _on_stop(self, _event: wire.Event) -> None:
        if self._finish is None:
            raise ValueError("a stop without its reason")
        self._release_end(self._finish, self._usage.as_openai())

    def _on_error(self, event: wire.Event) -> None:
        self.failure = classify_anthropic_event(event.error)

    def _release_thinking(self, text: str) -> None:
        if text:
            encoded = _encode(text)
            detail = b'{"type":"reasoning.text","text":%b,"index":%d}' % (encoded, self._details)
            self._release_reasoning(b'"reasoning_content":%b,"reasoning_details":[%b]' % (encoded, detail))

    def _release_signature(self, signature: str) -> None:
        """The end of a thinking block. `format` is said here once, because clients join the strings of one index."""
        self._release_detail({"type": "reasoning.text", "signature": signature, "format": FORMAT, "index": self._details})
        self._details += 1

    def _release_detail(self, detail: dict[str, object]) -> None:
        self._release_reasoning(b'"reasoning_details":' + _encode([detail]))


def _unknown(data: bytes) -> bool:
    """Whether an event that could not be read is of a type, or holds a delta of a type, that may be skipped."""
    try:
        kind = wire.type_of(data)
        if kind == "content_block_delta":
            return _shape.decode(data).delta.type not in DELTAS
    except (ValueError, RecursionError):
        return False
    return kind not in EVENTS
