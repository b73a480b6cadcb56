"""Output items of a response in a stream: each told by the events that open it, fill it and close it.

What an item holds is kept until the response is complete, because its last events repeat it: `LIMIT` bounds that for the whole response.
"""

import msgspec

from anyapi.upstream.translate import raw_reading
from anyapi.upstream.translate.openai_responses_echo import Echo
from anyapi.upstream.translate.openai_responses_items import NO_ARGUMENTS, call, message, reasoning, text_part, unwrapped
from anyapi.upstream.translate.openai_responses_reasoning import Gathered
from anyapi.upstream.translate.openai_responses_tools_to_openai_chat import Name
from anyapi.upstream.translate.openai_responses_wire import encode
from anyapi.upstream.translate.reading import Object

LIMIT = 4 * 1024 * 1024
"""Bytes of output that are kept of one response. A stream that says more is not continued: no model answers at such length."""

LOGPROBS_LIMIT = LIMIT // 2
"""Of these, what log probabilities may take. Beyond it they stand in the delta events alone, and the closing events list none."""

DELTA = (
    b'event: response.%b.delta\ndata: {"type":"response.%b.delta","sequence_number":%d,"item_id":"%b","output_index":%d,%b"delta":%b%b}\n\n'
)


_text = msgspec.json.Decoder(str).decode


class TooLong(Exception):
    """A response holds more than `LIMIT`."""


class Events:
    """Writes events with their numbers, and counts what is kept."""

    __slots__ = ("kept", "out", "sequence")

    def __init__(self) -> None:
        """Start at number 0."""
        self.out: list[bytes] = []
        self.sequence = 0
        self.kept = 0

    def put(self, kind: str, payload: bytes) -> None:
        """Write one event; `payload` is what follows type and number inside the braces."""
        name = kind.encode()
        self.out.append(b'event: %b\ndata: {"type":"%b","sequence_number":%d,%b}\n\n' % (name, name, self.sequence, payload))
        self.sequence += 1

    def put_delta(self, kind: bytes, place: "Place", delta: bytes, rest: bytes = b"") -> None:
        """Write a delta event, the most frequent of all; `delta` is a JSON string."""
        self.out.append(DELTA % (kind, kind, self.sequence, place.item, place.number, place.inner, delta, rest))
        self.sequence += 1

    def keep(self, size: int) -> None:
        """Count bytes that are kept until the end. Raises `TooLong`."""
        self.kept += size
        if self.kept > LIMIT:
            raise TooLong


class Place(msgspec.Struct):
    """Where an event belongs: the item's id, its position, and a member such as `"content_index":0,` for a part of it."""

    item: bytes
    number: int
    inner: bytes = b""

    @property
    def members(self) -> bytes:
        """The same as JSON members, with a comma at the end."""
        return b'"item_id":"%b","output_index":%d,%b' % (self.item, self.number, self.inner)


class OpenMessage:
    """A message in the making: text, or a refusal, or one after the other."""

    __slots__ = ("_annotations", "_content", "_events", "_id", "_kind", "_logprobs", "_logprobs_size", "_place", "_text")

    def __init__(self, events: Events, item_id: str, number: int) -> None:
        """Write the events that open it."""
        self._events, self._id = events, item_id
        self._place = Place(item_id.encode(), number)
        self._content: list[bytes] = []
        self._kind = ""
        self._text = bytearray()
        self._annotations: list[Object] = []
        self._logprobs: list[Object] = []
        self._logprobs_size = 0
        opened = encode(message(item_id, "in_progress", []))
        events.put("response.output_item.added", b'"output_index":%d,"item":%b' % (number, opened))

    def text(self, text: str, logprobs: list[Object]) -> None:
        """Add text."""
        self._part("output_text")
        encoded, chances = encode(text), b"[]"
        if logprobs:
            chances = encode(logprobs)
            self._logprobs_size += len(chances)
            if self._logprobs_size <= LOGPROBS_LIMIT:
                self._events.keep(len(chances))
                self._logprobs += logprobs
        self._events.keep(len(encoded))
        self._text += encoded[1:-1]
        self._events.put_delta(b"output_text", self._place, encoded, b',"logprobs":%b' % chances)

    def refusal(self, text: str) -> None:
        """Add to a refusal."""
        self._part("refusal")
        encoded = encode(text)
        self._events.keep(len(encoded))
        self._text += encoded[1:-1]
        self._events.put_delta(b"refusal", self._place, encoded)

    def annotate(self, annotation: Object) -> None:
        """Add a citation to the text."""
        self._part("output_text")
        encoded = encode(annotation)
        self._events.keep(len(encoded))
        payload = b'%b"annotation_index":%d,"annotation":%b' % (self._place.members, len(self._annotations), encoded)
        self._annotations.append(annotation)
        self._events.put("response.output_text.annotation.added", payload)

    def close(self, status: str) -> bytes:
        """Write the events that close it; return the item."""
        self._close_part()
        item = b'{"type":"message","id":"%b","status":"%b","role":"assistant","content":[%b]}' % (
            self._place.item,
            status.encode(),
            b",".join(self._content),
        )
        self._events.put("response.output_item.done", b'"output_index":%d,"item":%b' % (self._place.number, item))
        return item

    def _part(self, kind: str) -> None:
        """Have a part of this kind open."""
        if self._kind == kind:
            return
        self._close_part()
        self._kind = kind
        self._place.inner = b'"content_index":%d,' % len(self._content)
        part = text_part("") if kind == "output_text" else {"type": "refusal", "refusal": ""}
        self._events.put("response.content_part.added", b'%b"part":%b' % (self._place.members, encode(part)))

    def _close_part(self) -> None:
        if not self._kind:
            return
        text = b'"%b"' % bytes(self._text)
        if self._kind == "refusal":
            done, part = b'"refusal":%b' % text, b'{"type":"refusal","refusal":%b}' % text
        else:
            chances = encode(self._logprobs if self._logprobs_size <= LOGPROBS_LIMIT else [])
            done = b'"text":%b,"logprobs":%b' % (text, chances)
            part = b'{"type":"output_text","text":%b,"annotations":%b,"logprobs":%b}' % (text, encode(self._annotations), chances)
        self._events.put(f"response.{self._kind}.done", self._place.members + done)
        self._events.put("response.content_part.done", b'%b"part":%b' % (self._place.members, part))
        self._content.append(part)
        self._kind = ""
        self._text = bytearray()
        self._annotations, self._logprobs, self._logprobs_size = [], [], 0


class OpenReasoning:
    """A reasoning item in the making, shown as a summary or as reasoning text."""

    __slots__ = ("_echo", "_events", "_id", "_place", "_shown", "gathered")

    def __init__(self, events: Events, item_id: str, number: int, echo: Echo) -> None:
        """Write the event that opens it."""
        self._events, self._id, self._echo = events, item_id, echo
        self.gathered = Gathered()
        inner = b'"summary_index":0,' if echo.summary else b'"content_index":0,'
        self._place = Place(item_id.encode(), number, inner)
        self._shown = False
        opened = b'{"type":"reasoning","id":"%b","summary":[],"status":"in_progress"}' % self._place.item
        events.put("response.output_item.added", b'"output_index":%d,"item":%b' % (number, opened))

    def add(self, detail: Object) -> None:
        """Take a detail, or a piece of one."""
        self._events.keep(len(encode(detail)))
        self._show(self.gathered.add(detail))

    def say(self, text: str) -> None:
        """Take text that came without details."""
        self._events.keep(len(encode(text)))
        self._show(self.gathered.say(text))

    def close(self, status: str) -> bytes:
        """Write the events that close it; return the item."""
        if self._shown:
            text = encode(self.gathered.text)
            kind = "reasoning_summary_text" if self._echo.summary else "reasoning_text"
            self._events.put(f"response.{kind}.done", self._place.members + b'"text":' + text)
            self._put_part("done", text)
        item = encode(reasoning(self._id, status, self.gathered, self._echo))
        self._events.put("response.output_item.done", b'"output_index":%d,"item":%b' % (self._place.number, item))
        return item

    def _show(self, text: str) -> None:
        if not text:
            return
        if not self._shown:
            self._shown = True
            self._put_part("added", b'""')
        kind = b"reasoning_summary_text" if self._echo.summary else b"reasoning_text"
        self._events.put_delta(kind, self._place, encode(text))

    def _put_part(self, moment: str, text: bytes) -> None:
        kind, part = ("reasoning_summary_part", b"summary_text") if self._echo.summary else ("content_part", b"reasoning_text")
        self._events.put(f"response.{kind}.{moment}", b'%b"part":{"type":"%b","text":%b}' % (self._place.members, part, text))


class OpenCall:
    """A tool call in the making. It can open when its name is known; until then, and while it waits, its arguments are kept."""

    __slots__ = ("_arguments", "_closed", "_echo", "_events", "_item_id", "_name", "_place", "call_id", "name")

    def __init__(self, events: Events, echo: Echo) -> None:
        """Write nothing yet."""
        self._events, self._echo = events, echo
        self._arguments = bytearray()
        """Between the quotes of a JSON string."""
        self._item_id = ""
        self._name: Name | None = None
        self._place: Place | None = None
        self._closed = False
        self.call_id = self.name = ""
        """`name` is the one that the model sees."""

    def is_whole(self) -> bool:
        """Whether another item may begin: the arguments have all come, as far as can be seen."""
        return raw_reading.is_object(msgspec.Raw(_text(b'"%b"' % bytes(self._arguments)).encode()))

    def open(self, item_id: str, number: int) -> None:
        """Write the event that opens it."""
        self._events.keep(len(self.name) + len(self.call_id))
        self._name = self._echo.names.get(self.name) or Name(self.name)
        self._item_id = item_id
        self.call_id = self.call_id or f"call_{item_id}"
        self._place = Place(item_id.encode(), number)
        self._events.put("response.output_item.added", b'"output_index":%d,"item":%b' % (number, encode(self._item("in_progress", ""))))
        if self._arguments and not self._name.custom:
            self._events.put_delta(b"function_call_arguments", self._place, b'"%b"' % bytes(self._arguments))

    def add(self, arguments: str) -> None:
        """Take arguments, or a piece of them. Those of a custom tool are wrapped, so they are given out when they are whole.

        Raises ValueError for more of a call that was closed; white space adds nothing.
        """
        if self._closed:
            if arguments.strip():
                raise ValueError("more of a tool call that had ended")
            return
        encoded = encode(arguments)
        self._events.keep(len(encoded))
        self._arguments += encoded[1:-1]
        if self._place is not None and self._name is not None and not self._name.custom:
            self._events.put_delta(b"function_call_arguments", self._place, encoded)

    def close(self, status: str) -> bytes:
        """Write the events that close it; return the item. Raises ValueError when it was never opened."""
        if self._place is None or self._name is None:
            raise ValueError("a tool call that was not opened")
        if not self._name.custom and not _text(b'"%b"' % bytes(self._arguments)).strip():
            self.add(NO_ARGUMENTS)
        self._closed = True
        encoded = b'"%b"' % bytes(self._arguments)
        arguments = _text(encoded)
        if self._name.custom:
            given = encode(unwrapped(arguments))
            self._events.put_delta(b"custom_tool_call_input", self._place, given)
            self._events.put("response.custom_tool_call_input.done", b'%b"input":%b' % (self._place.members, given))
        else:
            named = b'"name":%b,"arguments":%b' % (encode(self._name.name), encoded)
            self._events.put("response.function_call_arguments.done", self._place.members + named)
        item = encode(self._item(status, arguments))
        self._events.put("response.output_item.done", b'"output_index":%d,"item":%b' % (self._place.number, item))
        return item

    def _item(self, status: str, arguments: str) -> Object:
        return call(self._item_id, status, self.call_id, self._name or Name(""), arguments)
