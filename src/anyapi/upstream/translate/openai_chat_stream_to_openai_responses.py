"""A stream of chat completion chunks as the events of OpenAI's Responses API, event by event. Sans-I/O.

Nothing is released before the first content, so that another endpoint can still be tried when an error comes before it. What the last
events must repeat is kept, at most `openai_responses_open_items.LIMIT` bytes. `response.completed` (or `response.incomplete`) is
released at `[DONE]` after a finish reason and not otherwise. Only the first choice is read.
"""

from collections.abc import Callable

from anyapi.domain.decision import BEYOND_LIMITS, Outcome, OutcomeKind
from anyapi.upstream import sse
from anyapi.upstream.translate import openai_responses_wire as wire
from anyapi.upstream.translate.chat_completion_wire import begins_anew
from anyapi.upstream.translate.openai_responses_echo import Echo
from anyapi.upstream.translate.openai_responses_open_items import Events, OpenCall, OpenMessage, OpenReasoning, TooLong
from anyapi.upstream.translate.openai_responses_reasoning import Gathered

BAD = Outcome(OutcomeKind.BAD_RESPONSE)
DONE = b"[DONE]"
ITEM = 1024
"""Bytes that an item counts, besides what it holds, against the limit of what is kept."""


class ResponsesStream:
    """Reads what an adapter's `StreamReader` releases in OpenAI's chat format."""

    __slots__ = (
        "_calls", "_clock", "_created", "_echo", "_ending", "_events", "_head", "_open", "_output", "_splitter", "_unsaid", "_usage",
        "_waiting", "complete", "failure",
    )  # fmt: skip

    def __init__(self, echo: Echo, clock: Callable[[], float]) -> None:
        """`echo` comes from the translation of the request; `clock` gives Unix seconds."""
        self.complete = False
        """`response.completed` or `response.incomplete` was released."""
        self.failure: Outcome | None = None
        """What came is not a chat stream, was cut, or is too long. Nothing is released after that but by `failed`."""
        self._echo, self._clock = echo, clock
        self._splitter = sse.Splitter()
        self._events = Events()
        self._head: wire.Head | None = None
        self._created = False
        self._open: OpenMessage | OpenReasoning | OpenCall | None = None
        self._calls: dict[int, OpenCall] = {}
        self._waiting: list[OpenCall] = []
        """Calls that began before the arguments of the one before were whole: they are told at the end."""
        self._unsaid: list[tuple[wire.Said, wire.Choice]] = []
        """What was said meanwhile: it is told when that call is over."""
        self._output: list[bytes] = []
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
        return not (self._output or self._open or self._calls)

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
                self.failure = BEYOND_LIMITS
        return self._released()

    def failed(self, code: str, message: str) -> bytes:
        """The event `response.failed`, which follows an `error` event; empty where no response was begun, or after `complete`.

        `message` is ours, never a provider's; `code` is one that the API knows for a failed response.
        """
        if self.complete:
            return b""
        self.failure = self.failure or BAD
        if not self._created:
            return b""
        self._events.sequence += 1  # of the `error` event
        error = wire.encode({"code": code, "message": message})
        self._put_response("response.failed", wire.Outcome(wire.Ending("failed", error=error), tuple(self._output), self._usage))
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
        except TooLong:
            self.failure = BEYOND_LIMITS
        except (ValueError, RecursionError):
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
        if said.speaks and (self._unsaid or self._call_runs()):
            self._events.keep(ITEM + said.size + len(choice.logprobs))
            self._unsaid.append((said, choice))
        elif said.speaks:
            self._say(said, choice)
        for call in said.tool_calls or []:
            self._take_call(call)

    def _say_what_waits(self) -> None:
        unsaid, self._unsaid = self._unsaid, []
        for said, choice in unsaid:
            self._say(said, choice)

    def _say(self, said: wire.Said, choice: wire.Choice) -> None:
        self._take_reasoning(said)
        text = said.text
        if text:
            self._message_open().text(text, wire.logprobs_of(choice.logprobs))
        if said.refusal:
            self._message_open().refusal(said.refusal)
        for annotation in wire.annotations_of(said.annotations):
            self._message_open().annotate(annotation)

    def _take_reasoning(self, said: wire.Said) -> None:
        details = wire.details_of(said)
        shown = False
        for detail in details:
            if not Gathered.says(detail):
                continue
            if isinstance(self._open, OpenReasoning) and not self._open.gathered.takes(detail):
                self._close()
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
        if function.arguments:
            call.add(function.arguments)
        if not function.name or call.name:
            return
        call.name = function.name
        if self._waiting or self._call_runs():
            self._waiting.append(call)
        else:
            self._say_what_waits()
            self._open_call(call)

    def _call_runs(self) -> bool:
        """Whether a call is open whose arguments have not all come."""
        return isinstance(self._open, OpenCall) and not self._open.is_whole()

    def _call_of(self, piece: wire.Call) -> OpenCall:
        """The call that a piece belongs to, by its index; without one, by its id, else the last one. Some servers call every index 0."""
        index = piece.index
        if index is None:
            known = [number for number, call in self._calls.items() if call.call_id == (piece.id or call.call_id)]
            index = known[-1] if known else max(self._calls, default=-1) + 1
        call = self._calls.get(index)
        if call is None or (call.name and begins_anew(piece.id, call.call_id, (piece.function or wire.Function()).name)):
            self._events.keep(ITEM)
            call = self._calls[index] = OpenCall(self._events, self._echo)
        return call

    def _open_call(self, call: OpenCall) -> None:
        number = self._begin()
        call.open(self._named("fc", number), number)
        self._open = call

    def _message_open(self) -> OpenMessage:
        if not isinstance(self._open, OpenMessage):
            number = self._begin()
            self._open = OpenMessage(self._events, self._named("msg", number), number)
        return self._open

    def _reasoning_open(self) -> OpenReasoning:
        if not isinstance(self._open, OpenReasoning):
            number = self._begin()
            self._open = OpenReasoning(self._events, self._named("rs", number), number, self._echo)
        return self._open

    def _close(self, status: str = "completed") -> None:
        """Close the item that is open: one at a time is, because clients build the output in the order of its events."""
        if self._open is not None:
            self._output.append(self._open.close(status))
            self._open = None

    def _begin(self) -> int:
        """Close what is open and begin an item: its number. The response itself begins with its first item."""
        self._close()
        self._begin_response()
        self._events.keep(ITEM)
        return len(self._output)

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
        if not all(call.name for call in self._calls.values()):
            raise ValueError("a tool call without a name")
        self._begin_response()
        self._say_what_waits()
        self._close(ending.item)
        for call in self._waiting:
            self._open_call(call)
            self._close(ending.item)
        completed = int(self._clock()) if ending is wire.COMPLETED else None
        self._put_response(f"response.{ending.status}", wire.Outcome(ending, tuple(self._output), self._usage, completed))
        self.complete = True

    def _put_response(self, kind: str, outcome: wire.Outcome) -> None:
        head = self._head or wire.Head()
        self._events.put(kind, b'"response":' + wire.response(head, self._echo, outcome))
