"""A Gemini event stream (`streamGenerateContent?alt=sse`) as OpenAI chat completion chunks, event by event. Sans-I/O.

What is kept does not grow with the answer. Nothing is released before the first content, so that another endpoint can still be tried
when an error comes before it. Gemini has no terminal event: the stream is complete when every candidate has stated its finish reason,
or the prompt was blocked, and usage came with that or after it, or the message ended. The finish chunks, the usage chunk and `[DONE]` are
released together then and not otherwise.
"""

import msgspec

from anyapi.domain.decision import BEYOND_LIMITS, Outcome, OutcomeKind
from anyapi.domain.usage import TokenCount
from anyapi.upstream import sse
from anyapi.upstream.classify_gemini import classify_error
from anyapi.upstream.translate import gemini_to_openai_chat as whole
from anyapi.upstream.translate import gemini_wire as wire
from anyapi.upstream.translate.chat_chunks import chunk_head, ending
from anyapi.upstream.translate.reading import Object

BAD = Outcome(OutcomeKind.BAD_RESPONSE)

_response = msgspec.json.Decoder(wire.Response)
_encode = msgspec.json.Encoder().encode


class _Choice(msgspec.Struct):
    """One candidate on its way."""

    index: int
    role_due: bool = True
    calls: int = 0
    details: int = 0
    images: int = 0
    thinking: bool = False
    """The last detail is a thought that may go on."""
    finish: str | None = None
    """Gemini's finish reason, once stated."""
    logprobs: bytes = b"null"
    """Waits for the next chunk of this candidate."""


class ChatStream:
    """A `StreamReader` (see `anyapi.upstream.adapter`)."""

    __slots__ = (
        "_choices", "_fallback_id", "_head", "_hidden", "_hide", "_id", "_model", "_out", "_splitter", "_usage", "_wants_usage", "complete",
        "created", "failure", "refused", "started", "tokens",
    )  # fmt: skip

    def __init__(self, *, created: int, fallback_id: str, wants_usage: bool, hide_reasoning: bool = False, choices: int = 1) -> None:
        """`created` in Unix seconds; `fallback_id`, unique, stands in where the provider gave no id; `choices`: how many were asked for.

        `wants_usage` asks for the usage chunk; `hide_reasoning` keeps thoughts back, but not their signatures.
        """
        self.complete = False
        self.failure: Outcome | None = None
        self.tokens: TokenCount | None = None
        """Known at the end: what earlier events state is no total."""
        self.started = False
        self.refused = False
        """The provider declined for content reasons."""
        self.created = created
        self._wants_usage = wants_usage
        self._hide, self._hidden = hide_reasoning, False
        self._fallback_id = fallback_id
        self._id = ""
        self._model = ""
        self._head = b""
        self._splitter = sse.Splitter()
        self._out: list[bytes] = []
        self._usage = wire.Usage()
        self._choices = [_Choice(index) for index in range(choices)]

    @property
    def empty(self) -> bool:
        """Whether no content has come, nor a thought that is not shown."""
        return not (self.started or self._hidden)

    def __repr__(self) -> str:
        """Never the content."""
        return "<ChatStream>"

    def feed(self, data: bytes) -> bytes:
        """Take bytes as they came off the wire; return whole events for the client, possibly none."""
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

    def end(self) -> bytes:
        """The message is whole: an event that lacks its blank line counts, if it is the end. Usage comes no more."""
        last = self.feed(sse.BLANK) if self._splitter.holding else b""
        if not self._ended() and self._all_stopped():  # and no usage was stated
            self._end()
        return last + self._released() if self.complete else b""

    def _released(self) -> bytes:
        released = b"".join(self._out)
        self._out.clear()
        return released

    def _all_stopped(self) -> bool:
        return all(choice.finish for choice in self._choices)

    def _ended(self) -> bool:
        return self.complete or self.failure is not None

    def _take(self, data: bytes) -> None:
        """Read one event; what is not of the format ends the stream, and nothing of an event that ends it badly is released."""
        kept, started = len(self._out), self.started
        try:
            event = _response.decode(data)
            if bytes(event.error):
                self.failure = classify_error(event.error)
            elif not event.known:
                self.failure = BAD
            else:
                self._on_event(event)
        except (ValueError, RecursionError):
            self.failure = BAD
        if self.failure is not None:
            del self._out[kept:]
            self.started = started

    def _on_event(self, event: wire.Response) -> None:
        self._id = self._id or event.response_id
        self._model = self._model or event.model_version
        usage = wire.read_usage(event.usage_metadata)
        self._usage = self._usage.updated(usage)
        for candidate in event.candidates:
            self._on_candidate(candidate)
        if event.blocked and not event.candidates:
            for choice in self._choices:
                choice.finish = whole.BLOCKED.finish
        if self._all_stopped() and usage.total() is not None:
            self._end()

    def _on_candidate(self, candidate: wire.Candidate) -> None:
        if not 0 <= candidate.index < len(self._choices):
            raise ValueError("a candidate that was not asked for")
        choice = self._choices[candidate.index]
        parts = candidate.parts()
        if choice.finish is not None and any(part.says_something for part in parts):
            raise ValueError("content after the end of a candidate")
        choice.logprobs = _encode(whole.logprobs_of(candidate.logprobs_result))
        for part in parts:
            self._on_part(choice, part)
        if choice.logprobs != b"null":
            self._release(choice, b"")
        if candidate.finish_reason in whole.BROKEN:
            raise ValueError("a generation that failed")
        choice.finish = choice.finish or candidate.finish

    def _on_part(self, choice: _Choice, part: wire.Part) -> None:
        signature = part.thought_signature
        if part.function_call is not None:
            self._on_call(choice, part.function_call, signature)
        elif part.thought:
            self._on_thought(choice, part.text or "", signature)
        else:
            if part.text:
                choice.thinking = False
                self._release(choice, b'"content":' + _encode(part.text))
            if part.inline_data is not None:
                choice.thinking = False
                self._release(choice, b'"images":' + _encode([{"index": choice.images, **part.inline_data.as_openai()}]))
                choice.images += 1
            if signature:
                self._release_detail(choice, whole.sealed(signature))

    def _on_call(self, choice: _Choice, call: wire.FunctionCall, signature: str | None) -> None:
        made = whole.call_of(call, f"{self._id or self._fallback_id}_{choice.index}_{choice.calls}")
        if signature:  # before its call, where readers that know one item at a time expect what belongs to it
            made["extra_content"] = whole.extra_content(signature)
            self._release_detail(choice, whole.sealed(signature, str(made["id"])))
        self._release(choice, b'"tool_calls":' + _encode([{"index": choice.calls, **made}]))
        choice.calls += 1
        choice.thinking = False

    def _on_thought(self, choice: _Choice, text: str, signature: str | None) -> None:
        """`type` and `index` are said with every piece of a thought, `format` once, because clients join the strings of one index."""
        detail: Object = {"type": "reasoning.text"}
        if text and self._hide:
            self._hidden = True
        elif text:
            detail["text"] = text
        if signature:
            detail["signature"] = signature
        if len(detail) == 1:
            return
        if not choice.thinking:
            detail["format"] = whole.FORMAT
            choice.details += 1
            choice.thinking = True
        shown = b'"reasoning_content":%b,' % _encode(text) if "text" in detail else b""
        self._release(choice, shown + b'"reasoning_details":' + _encode([{**detail, "index": choice.details - 1}]))
        if signature:
            choice.thinking = False

    def _release_detail(self, choice: _Choice, detail: Object) -> None:
        self._release(choice, b'"reasoning_details":' + _encode([{**detail, "index": choice.details}]))
        choice.details += 1
        choice.thinking = False

    def _release(self, choice: _Choice, delta: bytes) -> None:
        """Put one chunk out; `delta` is what stands between the braces of `delta`."""
        role = b'"role":"assistant"' if choice.role_due else b""
        joined = role + b"," + delta if role and delta else role + delta
        self._out.append(self._start() + _chunk(choice, joined, b"null"))
        choice.role_due = False
        choice.logprobs = b"null"
        self.started = True

    def _start(self) -> bytes:
        """What every chunk begins with: the id and model of the first one."""
        if not self._head:
            self._head = chunk_head(self._id or self._fallback_id, self.created, self._model)
        return self._head

    def _end(self) -> None:
        head = self._start()
        for choice in self._choices:
            role = b'"role":"assistant","content":""' if choice.role_due else b""
            finish = whole.finish_of(choice.finish, calls=choice.calls > 0)
            self._out.append(head + _chunk(choice, role, b'"%b"' % finish.encode()))
        self.tokens = self._usage.total()
        self._out.append(ending(head, self._usage.as_openai() if self._wants_usage else None))
        self.refused = all(choice.finish in whole.REFUSED for choice in self._choices)
        self.complete = True


def _chunk(choice: _Choice, delta: bytes, finish: bytes) -> bytes:
    return b'{"index":%d,"delta":{%b},"logprobs":%b,"finish_reason":%b}]}\n\n' % (choice.index, delta, choice.logprobs, finish)
