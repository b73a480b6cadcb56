"""Writing OpenAI's chat format, a stream chunk by chunk above all: what a translator needs whatever the provider's format is."""

import secrets
from collections.abc import Sequence

import msgspec

from anyapi.domain.decision import BEYOND_LIMITS, Outcome, OutcomeKind
from anyapi.domain.usage import TokenCount
from anyapi.upstream import sse
from anyapi.upstream.translate.reading import Object

DONE = b"data: [DONE]\n\n"
BAD = Outcome(OutcomeKind.BAD_RESPONSE)
SAID = frozenset({"text", "signature", "data"})
"""What an entry of `reasoning_details` holds, besides what it is."""
MOST_OPEN = 256
"""Calls that may be open at once. They come one after the other; more are no answer."""

_encode = msgspec.json.Encoder().encode


def chunk_head(answer_id: str | None, created: int, model: str) -> bytes:
    """What every chunk of an answer begins with; `created` in Unix seconds, without an id a new one. Choices, or `]`, follow."""
    return b'data: {"id":%b,"object":"chat.completion.chunk","created":%d,"model":%b,"choices":[' % (
        _encode(answer_id or new_id()),
        created,
        _encode(model),
    )


def ending(head: bytes, usage: Object | None) -> bytes:
    """What follows the finish chunk: the usage chunk, where one is wanted, and the terminal marker."""
    return (b"" if usage is None else head + b'],"usage":' + _encode(usage) + b"}\n\n") + DONE


def usage_of(count: TokenCount | None, *, cache_written: int | None = None, thinks: bool = True) -> Object | None:
    """OpenAI's `usage` object, None for None. `cache_written` where a provider states it; `thinks`: it states what reasoning took."""
    if count is None:
        return None
    prompt = {"cached_tokens": count.cached}
    if cache_written is not None:
        prompt["cache_write_tokens"] = cache_written
    return {
        "prompt_tokens": count.prompt,
        "completion_tokens": count.completion,
        "total_tokens": count.prompt + count.completion,
        "prompt_tokens_details": prompt,
        **({"completion_tokens_details": {"reasoning_tokens": count.reasoning}} if thinks else {}),
    }


def new_id() -> str:
    """An id for an answer that came without one."""
    return f"chatcmpl-{secrets.token_hex(12)}"


def logprobs_of(tokens: Sequence[tuple[str, float, Sequence[tuple[str, float]]]]) -> Object | None:
    """`logprobs` of chosen tokens, each with the likeliest beside it; None without any."""
    content = [{**_token(text, number), "top_logprobs": [_token(*one) for one in top]} for text, number, top in tokens]
    return {"content": content, "refusal": None} if content else None


def _token(text: str, logprob: float) -> Object:
    return {"token": text, "logprob": logprob, "bytes": list(text.encode())}


def call_of(call_id: str, name: str, arguments: str) -> Object:
    """A tool call of a whole answer. Raises ValueError where it lacks its id or name."""
    if not call_id or not name:
        raise ValueError("a tool call without id or name")
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def message_of(text: str, thinking: str, details: Sequence[Object], calls: Sequence[Object]) -> Object:
    """The message of a whole answer, without what it lacks."""
    said: Object = {"role": "assistant", "content": text or (None if calls else ""), "refusal": None}
    found = {"reasoning_content": thinking, "reasoning_details": details, "tool_calls": calls}
    return said | {name: value for name, value in found.items() if value}


def says_nothing(text: str, details: Sequence[Object], calls: Sequence[Object]) -> bool:
    """Whether a whole answer holds nothing: no text, no call, and no reasoning, were it sealed or not to be shown."""
    return not (text or calls or any(any(map(detail.get, SAID)) for detail in details))


def completion(head: tuple[str | None, int, str], said: Object, finish: str, usage: Object | None, logprobs: Object | None = None) -> bytes:
    """A whole answer with one choice. `head`: its id (without one a new one), `created` in Unix seconds, its model."""
    answer_id, created, model = head
    made: Object = {
        "id": answer_id or new_id(),
        "object": "chat.completion",
        "created": created,
        "model": model,
        "choices": [{"index": 0, "message": said, "logprobs": logprobs, "finish_reason": finish}],
    }
    return _encode(made if usage is None else {**made, "usage": usage})


class ChunkWriter:
    """The state and the output of a `StreamReader` (see `anyapi.upstream.adapter`) whose answers have one choice."""

    __slots__ = (
        "_calls", "_head", "_hidden", "_hide", "_open", "_out", "_role_due", "_wants_usage", "complete", "failure", "refused", "started",
        "tokens",
    )  # fmt: skip

    def __init__(self, head: bytes = b"", *, wants_usage: bool, hide_reasoning: bool) -> None:
        """`head` from `chunk_head`, once known; `wants_usage` asks for the usage chunk; `hide_reasoning` keeps thinking back."""
        self.complete = self.started = False
        self.failure: Outcome | None = None
        self.tokens: TokenCount | None = None
        self.refused = False
        """The provider declined for content reasons; known before the finish chunk is released."""
        self._head = head
        self._wants_usage, self._hide = wants_usage, hide_reasoning
        self._hidden = False
        """Reasoning has come that is not shown."""
        self._out: list[bytes] = []
        self._role_due = True
        self._calls = 0
        self._open: dict[int, int] = {}
        """The numbers of the calls whose arguments are arriving, below zero until some have, by the provider's index."""

    @property
    def empty(self) -> bool:
        """Whether no content has come, nor reasoning that is not shown."""
        return not (self.started or self._hidden)

    def __repr__(self) -> str:
        """Never the content."""
        return f"<{type(self).__name__}>"

    def _ended(self) -> bool:
        return self.complete or self.failure is not None

    def _released(self) -> bytes:
        """What was put out since the last call."""
        released = b"".join(self._out)
        self._out.clear()
        return released

    def _release(self, delta: bytes, logprobs: bytes = b"null") -> None:
        """Put one chunk out; `delta` is what stands between the braces of `delta`."""
        role = b'"role":"assistant",' if self._role_due else b""
        self._role_due = False
        self.started = True
        self._out.append(self._head + b'{"index":0,"delta":{%b%b},"logprobs":%b,"finish_reason":null}]}\n\n' % (role, delta, logprobs))

    def _release_reasoning(self, delta: bytes) -> None:
        """Put out a piece of reasoning, unless it is not to be shown."""
        if self._hide:
            self._hidden = True
        else:
            self._release(delta)

    def _open_call(self, index: int, call_id: str, name: str) -> None:
        """Begin a tool call; `index` is the provider's. Raises ValueError for one without id or name, one twice, or too many."""
        if index in self._open or len(self._open) >= MOST_OPEN:
            raise ValueError("a tool call twice, or too many at once")
        made = {"index": self._calls, **call_of(call_id, name, "")}
        self._release(b'"tool_calls":' + _encode([made]))
        self._open[index] = -1 - self._calls
        self._calls += 1

    def _add_arguments(self, index: int, text: str) -> None:
        """Put out a piece of an open call's arguments; of a call that is not open nothing is."""
        number = self._open.get(index)
        if number is not None and text:
            self._open[index] = max(number, -1 - number)
            self._release(b'"tool_calls":[{"index":%d,"function":{"arguments":%b}}]' % (self._open[index], _encode(text)))

    def _close_call(self, index: int) -> None:
        """End an open call; one without arguments gets an empty object."""
        if self._open.get(index, 0) < 0:
            self._add_arguments(index, "{}")
        self._open.pop(index, None)

    def _release_end(self, finish: str, usage: Object | None) -> None:
        """Put out the finish chunk, the usage and the terminal marker: the answer is whole. Calls that are still open end first."""
        for index in [*self._open]:
            self._close_call(index)
        role = b'"role":"assistant","content":""' if self._role_due else b""
        self._out.append(b'%b{"index":0,"delta":{%b},"logprobs":null,"finish_reason":"%b"}]}\n\n' % (self._head, role, finish.encode()))
        self._out.append(ending(self._head, usage if self._wants_usage else None))
        self.complete = True


class EventTranslator(ChunkWriter):
    """One whose provider sends server-sent events. MUST define `_take`."""

    __slots__ = ("_model", "_splitter", "created")

    def __init__(self, *, created: int, model: str = "", wants_usage: bool, hide_reasoning: bool = False) -> None:
        """`created` in Unix seconds; `model` where the provider does not name it; the others as for `ChunkWriter`."""
        super().__init__(wants_usage=wants_usage, hide_reasoning=hide_reasoning)
        self._splitter = sse.Splitter()
        self.created, self._model = created, model

    def feed(self, data: bytes) -> bytes:
        """Take bytes as they came off the wire; return whole events for the client, possibly none."""
        if self._ended():
            return b""
        for _name, text in sse.events(self._splitter.feed(data)):
            try:
                self._take(text)
            except (ValueError, RecursionError):
                self.failure = BAD
            if self._ended():
                break
        else:
            if self._splitter.overflow:
                self.failure = BEYOND_LIMITS
        return self._released()

    def end(self) -> bytes:
        """The message is whole: an event that lacks its blank line counts, if it is the end."""
        return sse.ended(self, holding=self._splitter.holding)

    def _take(self, data: bytes) -> None:
        """Read the data of one event, and release what it says or set `failure`; a ValueError sets it too."""
        raise NotImplementedError
