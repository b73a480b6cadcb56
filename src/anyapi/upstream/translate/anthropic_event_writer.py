"""Anthropic's stream events, written. Knows the order of events and nothing of where the content comes from.

Source: Anthropic's API reference, streaming messages. Values of JSON type string are given as JSON, so that they can pass as they came.
"""

import msgspec

from anyapi.upstream.translate.reading import Object

_encode = msgspec.json.Encoder().encode


class EventWriter:
    """Writes one message. INVARIANT: blocks are numbered from 0 in their order, and at most one is begun and not ended."""

    __slots__ = ("_begun", "_index", "_out")

    def __init__(self) -> None:
        """Nothing is written yet."""
        self._out: list[bytes] = []
        self._index = -1
        self._begun = False

    def take(self) -> bytes:
        """What was written since the last time."""
        written = b"".join(self._out)
        self._out.clear()
        return written

    @property
    def blocks(self) -> int:
        """How many blocks were begun."""
        return self._index + 1

    def begin(self, message_id: str, model: str, usage: Object) -> None:
        """`message_start`, unless it is written already."""
        if self._begun:
            return
        self._begun = True
        message: Object = {"id": message_id, "type": "message", "role": "assistant", "model": model, "content": []}
        message |= {"stop_reason": None, "stop_sequence": None, "usage": usage}
        self._write(b"message_start", b'"message":%b' % _encode(message))

    def begin_block(self, content: bytes) -> None:
        """`content_block_start`; `content` is the block's JSON."""
        self._index += 1
        self._write(b"content_block_start", b'"index":%d,"content_block":%b' % (self._index, content))

    def text(self, text: bytes | msgspec.Raw) -> None:
        """More of a text block; `text` is a JSON string."""
        self._delta(b"text_delta", b"text", bytes(text))

    def thinking(self, words: str) -> None:
        """More of a thinking block."""
        self._delta(b"thinking_delta", b"thinking", _encode(words))

    def signature(self, signature: str) -> None:
        """What comes at the end of a thinking block."""
        self._delta(b"signature_delta", b"signature", _encode(signature))

    def arguments(self, text: str) -> None:
        """More of a tool call's input."""
        self._delta(b"input_json_delta", b"partial_json", _encode(text))

    def end_block(self) -> None:
        """`content_block_stop`."""
        self._write(b"content_block_stop", b'"index":%d' % self._index)

    def end(self, stop_reason: str, usage: Object) -> None:
        """`message_delta` and `message_stop`."""
        ended: Object = {"stop_reason": stop_reason, "stop_sequence": None}
        self._write(b"message_delta", b'"delta":%b,"usage":%b' % (_encode(ended), _encode(usage)))
        self._out.append(b'event: message_stop\ndata: {"type":"message_stop"}\n\n')

    def _delta(self, kind: bytes, name: bytes, value: bytes) -> None:
        self._write(b"content_block_delta", b'"index":%d,"delta":{"type":"%b","%b":%b}' % (self._index, kind, name, value))

    def _write(self, name: bytes, rest: bytes) -> None:
        self._out.append(b'event: %b\ndata: {"type":"%b",%b}\n\n' % (name, name, rest))
