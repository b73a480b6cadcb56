"""An OpenAI chat completion stream as Anthropic's events, event by event. Sans-I/O; what is held back is bounded.

Nothing is released before the first content, so that another endpoint can still be tried. `message_delta` and `message_stop` are released
together when `[DONE]` has come and not otherwise: a stream that was cut has no end. One block is open at a time, because clients count on
it; a tool call that begins before the arguments of the one before it are whole waits until the end.
"""

import msgspec

from anyapi.domain.decision import BEYOND_LIMITS, Outcome, OutcomeKind
from anyapi.domain.usage import TokenCount
from anyapi.upstream import sse
from anyapi.upstream.translate import carried_reasoning, raw_reading
from anyapi.upstream.translate import chat_completion_wire as wire
from anyapi.upstream.translate.anthropic_event_writer import EventWriter
from anyapi.upstream.translate.openai_chat_to_anthropic_messages import BAD, UNNAMED, stop_reason
from anyapi.upstream.translate.reading import Object
from anyapi.wire.utf8 import is_utf8

DONE = b"[DONE]"
TEXT, THINKING, SEALED, CALL = "text", "thinking", "sealed", "call"
PLAIN = object()
"""The key of reasoning that stands in no `reasoning_details`."""
JOINED = frozenset({"signature", "data"})
"""Parts of an entry that a stream may give in pieces, beside its text."""
NOT_KEPT = frozenset({"text", "summary", "index"})
CALL_COST = 64
"""Bytes that are counted for a call, beside its id and name."""

_encode = msgspec.json.Encoder().encode


class _Block(msgspec.Struct):
    """A block that is not ended yet."""

    kind: str
    key: object = None
    rest: Object = {}
    """Of reasoning: all that is not text."""
    id: str = ""
    name: str = ""
    extra: msgspec.Raw = wire.NULL
    arguments: list[str] = []
    size: int = 0
    """Bytes that are kept until the block ends."""
    forgotten: bool = False
    """Of a call: its arguments were too long to be looked at as a whole."""

    def is_whole(self) -> bool:
        """Whether another block may begin: a call's arguments have all come, as far as can be seen."""
        return self.kind != CALL or self.forgotten or raw_reading.is_object(msgspec.Raw("".join(self.arguments).encode()))

    def merge(self, detail: Object) -> int:
        """Add what is not text of an entry; give back by how many bytes that grew, at most."""
        grown = 0
        for key, value in detail.items():
            known = self.rest.get(key)
            joined = key in JOINED and isinstance(known, str) and isinstance(value, str)
            if key not in NOT_KEPT and value is not None and (joined or value != known):
                grown += len(key) + len(_encode(value))
                self.rest[key] = f"{known}{value}" if joined else value
        self.size += grown
        return grown

    def remember(self, arguments: str) -> None:
        """Keep the arguments of the open call, to see when they are whole; too long ones are taken to be."""
        if self.forgotten:
            return
        self.arguments.append(arguments)
        self.size += len(arguments)
        if self.size > sse.LIMIT:
            self.arguments, self.size, self.forgotten = [], 0, True


class MessagesStream:
    """A `StreamReader` (see `anyapi.upstream.adapter`) over what another `StreamReader` releases in OpenAI's format."""

    __slots__ = (
        "_calls", "_finish", "_held", "_id", "_model", "_open", "_pending", "_splitter", "_spoke", "_usage", "_writer", "complete",
        "failure",
    )  # fmt: skip

    def __init__(self, model: str = "") -> None:
        """Start with nothing held. `model` is the name that the message states, by default the provider's own."""
        self.complete = False
        self.failure: Outcome | None = None
        self._splitter = sse.Splitter()
        self._writer = EventWriter()
        self._id, self._model, self._spoke = "", model, False
        self._finish: str | None = None
        self._usage: wire.Usage | None = None
        self._open: _Block | None = None
        self._calls: dict[int, _Block] = {}
        self._pending: list[_Block] = []
        self._held = 0
        """Bytes of reasoning marks, of waiting calls and of the names of all calls."""

    def __repr__(self) -> str:
        """Never the content."""
        return "<MessagesStream>"

    @property
    def tokens(self) -> TokenCount | None:
        """The counts, once the provider has stated them."""
        return None if self._usage is None else self._usage.total()

    @property
    def started(self) -> bool:
        """Whether any content has been released."""
        return self._writer.blocks > 0

    @property
    def empty(self) -> bool:
        """Whether no content has come."""
        return not self.started

    def feed(self, data: bytes) -> bytes:
        """Take whole or partial events in OpenAI's format; return whole events for the client, possibly none."""
        if self._ended():
            return b""
        whole = self._splitter.feed(data)
        try:
            for _name, event in sse.events(whole):
                self._take(event)
                if self._ended():
                    break
        except (ValueError, RecursionError):
            self.failure = BAD
        if self._splitter.overflow or self._held > sse.LIMIT:
            self.failure = BEYOND_LIMITS
        if self.failure is not None:
            self.complete = False
        return self._writer.take()

    def _ended(self) -> bool:
        return self.complete or self.failure is not None

    def _take(self, event: bytes) -> None:
        """Read one chunk, an error or the end. Raises ValueError for what is not of the format."""
        if event == DONE:
            self._end()
            return
        if not is_utf8(event):  # values pass as they stand, so nothing else would notice
            raise ValueError("not UTF-8")
        chunk = wire.decode(event)
        if not wire.is_empty(chunk.error):
            self.failure = Outcome(OutcomeKind.SERVER_ERROR)
            return
        self._note(chunk)
        for choice in chunk.choices or ():
            if choice.index == 0:
                self._choose(choice)

    def _note(self, chunk: wire.Completion) -> None:
        if not self._id:
            self._id, self._model = chunk.id or "", self._model or chunk.model or ""
        if not wire.is_empty(chunk.usage):
            self._usage = wire.read_usage(chunk.usage) or self._usage

    def _choose(self, choice: wire.Choice) -> None:
        if choice.delta is not None:
            self._say(choice.delta)
        if choice.finish_reason is not None:
            self._finish = choice.finish_reason
            self._end_all()

    def _say(self, delta: wire.Said) -> None:
        if raw_reading.is_text(delta.content):
            if delta.reasons():
                self._think(delta, "")
            if not wire.is_empty(delta.content):
                self._say_text(delta.content)
        else:
            text, thinking = wire.texts_of(delta.content)
            self._think(delta, thinking)
            if text:
                self._say_text(_encode(text))
        if delta.refusal:
            self._say_text(_encode(delta.refusal))
        for call in delta.tool_calls or ():
            self._call(call)

    def _say_text(self, text: bytes | msgspec.Raw) -> None:
        """`text` is a JSON string."""
        if self._open is None or self._open.kind != TEXT:
            self._begin(_Block(TEXT), b'{"type":"text","text":""}')
        self._writer.text(text)
        self._spoke = True

    # --- reasoning

    def _think(self, delta: wire.Said, thinking: str) -> None:
        """Plain reasoning counts only where the entries of `reasoning_details` hold no text, since providers give both."""
        details = delta.details()
        if not any(carried_reasoning.words_of(detail) for detail in details):
            plain = delta.plain_reasoning() or thinking
            if plain:
                if not self._is_open(THINKING, PLAIN):
                    self._begin_thinking(PLAIN)
                self._writer.thinking(plain)
        for detail in details:
            self._detail(detail)

    def _detail(self, detail: Object) -> None:
        """One entry: pieces of one index belong together, their strings joined; what is not text waits for the end of the block."""
        words = carried_reasoning.words_of(detail)
        block = self._block_for(detail, words)
        if words:
            self._writer.thinking(words)
        self._held += block.merge(detail)

    def _block_for(self, detail: Object, words: str | None) -> _Block:
        """The open block that an entry belongs to, or a new one. The signature of plain reasoning belongs to it."""
        index = detail.get("index")
        kind = THINKING if carried_reasoning.is_readable(detail) else SEALED
        block = self._open
        if block is not None and self._is_open(kind, PLAIN) and not words:
            block.key = index
        if block is not None and self._is_open(kind, index):
            return block
        if kind == THINKING:
            return self._begin_thinking(index)
        self._end_block()
        self._open = sealed = _Block(SEALED, index)
        return sealed

    def _is_open(self, kind: str, key: object) -> bool:
        return self._open is not None and self._open.kind == kind and self._open.key == key

    def _begin_thinking(self, key: object) -> _Block:
        block = _Block(THINKING, key)
        self._begin(block, b'{"type":"thinking","thinking":"","signature":""}')
        return block

    # --- tool calls

    def _call(self, piece: wire.ToolCall) -> None:
        """A new call, or more of its arguments."""
        number = piece.index if piece.index is not None else len(self._calls) - (0 if piece.id else 1)
        function = piece.function or wire.Function()
        call = self._calls.get(number)
        if call is None or wire.begins_anew(piece.id, call.id, function.name):
            call = self._calls[number] = self._new_call(piece, function)
        arguments = wire.arguments_of(function.arguments)
        if arguments:
            self._argue(call, arguments)

    def _new_call(self, piece: wire.ToolCall, function: wire.Function) -> _Block:
        """Begin a call, or let it wait. Raises ValueError for one without id or name."""
        if not piece.id or not function.name:
            raise ValueError("a tool call without id or name")
        call = _Block(CALL, id=piece.id, name=function.name, extra=piece.extra_content)
        self._held += CALL_COST + len(piece.id) + len(function.name)
        if self._pending or (self._open is not None and not self._open.is_whole()):
            self._pending.append(call)
        else:
            self._begin_call(call)
        return call

    def _argue(self, call: _Block, arguments: str) -> None:
        """More arguments. Raises ValueError for a call that has ended."""
        if call is self._open:
            self._writer.arguments(arguments)
            call.remember(arguments)
        elif any(call is waiting for waiting in self._pending):
            self._held += len(arguments)
            call.size += len(arguments)
            call.arguments.append(arguments)
        else:
            raise ValueError("more of a tool call that had ended")

    def _begin_call(self, call: _Block) -> None:
        if not wire.is_empty(call.extra):
            if self._open is not None and self._open.kind == SEALED and carried_reasoning.hangs_on(self._open.rest, (call.id,)):
                self._held -= self._open.size
                self._open = None
            self._end_block()
            self._say_whole(carried_reasoning.extra_block(call.id, call.extra))
        self._begin(call, b'{"type":"tool_use","id":%b,"name":%b,"input":{}}' % (_encode(call.id), _encode(call.name)))

    # --- blocks

    def _begin(self, block: _Block, content: bytes) -> None:
        """End what is open and begin a block; `content` is its JSON."""
        self._end_block()
        self._writer.begin(self._id or UNNAMED, self._model, wire.NOT_STATED)
        self._writer.begin_block(content)
        self._open = block

    def _say_whole(self, block: Object) -> None:
        """A block that has no deltas."""
        self._writer.begin(self._id or UNNAMED, self._model, wire.NOT_STATED)
        self._writer.begin_block(_encode(block))
        self._writer.end_block()

    def _end_block(self) -> None:
        block, self._open = self._open, None
        if block is None:
            return
        if block.kind == SEALED:
            self._say_whole(carried_reasoning.block_of(block.rest))
        else:
            if block.kind == THINKING:
                self._writer.signature(carried_reasoning.signature_of(block.rest))
            self._writer.end_block()
        if block.kind != CALL:
            self._held -= block.size
        block.arguments = []

    def _end_all(self) -> None:
        """End the open block, then say the calls that waited. A mark behind the last words has no place: they are the answer."""
        if self._open is not None and self._open.kind == SEALED and self._spoke and not self._calls:
            self._held -= self._open.size
            self._open = None
        self._end_block()
        waiting, self._pending = self._pending, []
        for call in waiting:
            self._held -= call.size
            self._begin_call(call)
            if call.arguments:
                self._writer.arguments("".join(call.arguments))
            self._end_block()

    def _end(self) -> None:
        if self._finish is None:
            raise ValueError("a terminal marker without a finish reason")
        self._end_all()
        self._writer.begin(self._id or UNNAMED, self._model, wire.NOT_STATED)
        usage = wire.NOT_STATED if self._usage is None else self._usage.as_anthropic()
        self._writer.end(stop_reason(self._finish, called=bool(self._calls)), usage)
        self.complete = True
