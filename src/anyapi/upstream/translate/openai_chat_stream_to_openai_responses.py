"""A stream of chat completion chunks as the events of OpenAI's Responses API, event by event. Sans-I/O.

Nothing is released before the first content, so that another endpoint can still be tried when an error comes before it. What the last
events must repeat is kept, at most `openai_responses_open_items.LIMIT` bytes. `response.completed` (or `response.incomplete`) is
released at `[DONE]` after a finish reason and not otherwise. Only the first choice is read.
"""

from collections.abc import Callable

from anyapi.domain.decision import Outcome, OutcomeKind
from anyapi.upstream import sse
from anyapi.upstream.translate import openai_responses_wire as wire
from anyapi.upstream.translate.openai_responses_echo import Echo
from anyapi.upstream.translate.openai_responses_open_items import Events, OpenCall, OpenMessage, OpenReasoning, TooLong
from anyapi.upstream.translate.openai_responses_reasoning import Gathered

BAD = Outcome(OutcomeKind.BAD_RESPONSE)
DONE = b"[DONE]"
ITEM = 1024
"""Bytes that an item counts, besides what it holds, against the limit of what is kept."""
CODES = frozenset({"server_error", "rate_limit_exceeded", "invalid_prompt"})
"""Codes of a failed response that are used here; the API knows no others that fit."""


class ResponsesStream:
    """Reads what an adapter's `StreamReader` releases in OpenAI's chat format."""

    __slots__ = (
        "_calls", "_clock", "_created", "_echo", "_ending", "_events", "_head", "_items", "_message", "_output", "_reasoning",
        "_splitter", "_usage", "complete", "failure",
    )  # fmt: skip

    def __init__(self, echo: Echo, clock: Callable[[], float]) -> None:
        """`echo` comes from the translation of the request; `clock` gives Unix seconds."""
        self.complete = False
        """`response.completed` or `response.incomplete` was released."""
        self.failure: Outcome | None = None
        """What came is not a chat stream, was cut, or is too long. Nothing is released after that but by `fail`."""
        self._echo, self._clock = echo, clock
        self._splitter = sse.Splitter()
        self._events = Events()
        self._head: wire.Head | None = None
        self._created = False
        self._message: OpenMessage | None = None
        self._reasoning: OpenReasoning | None = None
        self._calls: dict[int, OpenCall] = {}
        self._output: dict[int, bytes] = {}
        self._items = 0
        self._ending: wire.Ending | None = None
        self._usage = b"null"

    def __repr__(self) -> str:
        """Never the content."""
        return "<ResponsesStream>"

    @property
    def started(self) -> bool:
        """Whether anything has been released."""
        return self._created

    @property
    def empty(self) -> bool:
        """Whether no item has come."""
        return self._items == 0

    @property
    def sequence(self) -> int:
        """The number that the next event will have."""
        return self._events.sequence

    def feed(self, data: bytes) -> bytes:
        """Take bytes of a chat stream; return whole events for the client, possibly none."""
        if self._ended():
            return b""
        for _name, text in sse.events(self._splitter.feed(data)):
            self._take(text)
            if self._ended():
                break
        else:
            if self._splitter.overflow:
                self.failure = BAD
        return self._released()

    def fail(self, code: str, message: str) -> bytes:
        """The events that end a stream that went wrong: `error`, which SDKs raise on, and `response.failed` if it had begun.

        `message` is ours, never a provider's; `code` names our kind of error. Empty after `complete`.
        """
        if self.complete:
            return b""
        self.failure = self.failure or BAD
        self._events.out.clear()
        said = wire.encode({"code": code, "message": message, "param": None})
        self._events.put("error", b'%b,"error":%b' % (said[1:-1], said))
        if self._created and self._head is not None:
            known = code if code in CODES else "server_error"
            error = wire.encode({"code": known, "message": message})
            self._put_response("response.failed", wire.Outcome(wire.Ending("failed", error=error), self._whole(), self._usage))
        return self._released()

    def _ended(self) -> bool:
        return self.complete or self.failure is not None

    def _released(self) -> bytes:
        released = b"".join(self._events.out)
        self._events.out.clear()
        return released

    def _take(self, data: bytes) -> None:
        try:
            if data == DONE:
                self._finish()
                return
            chunk = wire.completion(data)
            if bytes(chunk.error) not in (b"", b"null"):
                self.failure = BAD
                return
            self._take_chunk(chunk)
        except (ValueError, RecursionError, TooLong):
            self.failure = BAD

    def _take_chunk(self, chunk: wire.Completion) -> None:
        if self._head is None:
            self._head = wire.head_of(chunk, self._clock())
        elif bytes(chunk.service_tier) not in (b"", b"null"):
            self._head.tier = wire.tier_of(chunk.service_tier)
        if bytes(chunk.usage) not in (b"", b"null"):
            self._usage = wire.usage_of(chunk.usage)
        for choice in chunk.choices:
            if choice.index != 0:
                continue
            if choice.delta is not None:
                self._take_delta(choice.delta, choice)
            if choice.finish_reason is not None:
                self._ending = wire.ENDINGS.get(choice.finish_reason, wire.COMPLETED)

    def _take_delta(self, said: wire.Said, choice: wire.Choice) -> None:
        self._take_reasoning(said)
        text = said.text
        if text:
            self._message_open().text(text, wire.logprobs_of(choice.logprobs))
        if said.refusal:
            self._message_open().refusal(said.refusal)
        for annotation in wire.annotations_of(said.annotations):
            self._message_open().annotate(annotation)
        for call in said.tool_calls or []:
            self._take_call(call)

    def _take_reasoning(self, said: wire.Said) -> None:
        details = wire.details_of(said)
        shown = False
        for detail in details:
            if not Gathered.says(detail):
                continue
            if self._reasoning is not None and not self._reasoning.gathered.takes(detail):
                self._close_text()
            self._reasoning_open().add(detail)
            shown = shown or bool(detail.get("text") or detail.get("summary"))
        text = wire.thought_of(said)
        if text and not shown:
            self._reasoning_open().say(text)

    def _take_call(self, piece: wire.Call) -> None:
        call = self._call_of(piece)
        function = piece.function or wire.Function()
        if piece.id and not call.call_id:
            call.call_id = piece.id
        if function.name and not call.opened:
            self._close_text()
            number = self._begin()
            call.open(function.name, self._named("fc", number), number)
        if function.arguments:
            call.add(function.arguments)

    def _call_of(self, piece: wire.Call) -> OpenCall:
        """The call that a piece belongs to, by its index; without one, by its id, else the last one."""
        index = piece.index
        if index is None:
            known = [number for number, call in self._calls.items() if call.call_id == (piece.id or call.call_id)]
            index = known[-1] if known else max(self._calls, default=-1) + 1
        call = self._calls.get(index)
        if call is None:
            self._events.keep(ITEM)
            call = self._calls[index] = OpenCall(self._events, self._echo)
        return call

    def _message_open(self) -> OpenMessage:
        if self._message is None:
            self._close_text()
            number = self._begin()
            self._message = OpenMessage(self._events, self._named("msg", number), number)
        return self._message

    def _reasoning_open(self) -> OpenReasoning:
        if self._reasoning is None:
            self._close_text()
            number = self._begin()
            self._reasoning = OpenReasoning(self._events, self._named("rs", number), number, self._echo)
        return self._reasoning

    def _close_text(self, status: str = "completed") -> None:
        """Close the message or the reasoning that is open: one at a time is. Calls stay open, because their pieces may mix."""
        for item in (self._message, self._reasoning):
            if item is not None:
                self._output[item.number] = item.close(status)
        self._message = self._reasoning = None

    def _begin(self) -> int:
        """Begin an item: its number. The response itself begins with its first item."""
        self._begin_response()
        self._events.keep(ITEM)
        number, self._items = self._items, self._items + 1
        return number

    def _begin_response(self) -> None:
        if not self._created:
            self._created = True
            self._put_response("response.created", wire.Outcome())
            self._put_response("response.in_progress", wire.Outcome())

    def _named(self, kind: str, number: int) -> str:
        return self._head.named(kind, number) if self._head is not None else ""

    def _finish(self) -> None:
        ending = self._ending
        if ending is None or self._head is None:
            self.failure = BAD  # a terminal marker without a finish reason: the provider broke off
            return
        self._begin_response()
        self._close_text(ending.item)
        for call in self._calls.values():
            self._output[call.number] = call.close(ending.item)
        completed = int(self._clock()) if ending is wire.COMPLETED else None
        self._put_response(f"response.{ending.status}", wire.Outcome(ending, self._whole(), self._usage, completed))
        self.complete = True

    def _whole(self) -> tuple[bytes, ...]:
        """The items that are complete, in their order."""
        return tuple(self._output[number] for number in sorted(self._output))

    def _put_response(self, kind: str, outcome: wire.Outcome) -> None:
        head = self._head or wire.Head()
        self._events.put(kind, b'"response":' + wire.response(head, self._echo, outcome))
