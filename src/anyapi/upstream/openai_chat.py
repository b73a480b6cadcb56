"""The adapter for providers that speak OpenAI chat completions: the same format on both sides, so a body passes as it is.

Only the model's name and what switches off storage are rewritten; answers go on whole. Streams are looked at event by event just
enough to find usage, errors and the end.
"""

import functools
import operator
import re

import msgspec

from anyapi.domain.catalogue import Endpoint
from anyapi.domain.decision import BEYOND_LIMITS, Outcome, OutcomeKind
from anyapi.domain.usage import Count, TokenCount
from anyapi.upstream.adapter import Answer, OutboundChat, Prepared, ProviderRow
from anyapi.upstream.classify import classify_openai
from anyapi.upstream.openai_errors import error_in, failure_in
from anyapi.upstream.openai_events import EMPTY, FAILED, adds, decoded, is_chunk, is_plain, read_chunk, says_something
from anyapi.upstream.sse import ended, with_plain_ends
from anyapi.wire.utf8 import is_utf8

MAX_EVENT = 1024 * 1024
"""Bytes of one event that may be held back."""
NOTHING = bytearray()
"""What holds nothing: one for all streams, so nobody may write into it."""
INCLUDE_USAGE = msgspec.Raw(b'{"include_usage":true}')
FALSE = msgspec.Raw(b"false")
USAGE = b'"usage"'
DONE = re.compile(rb"(?:\A|\n)data: ?\[DONE\]")
LAST = b"data: [DONE]\n\n"
"""The terminal marker as nearly every server writes it."""
FINISH = re.compile(rb'"finish_reason"\s*:\s*"[^"]')
"""A stated reason. In the text of an answer its quotes would be escaped; some servers write an empty one where others write null."""
FILTERED = re.compile(rb'"finish_reason"\s*:\s*"content_filter"')
FINISH_KEY = b'"finish_reason"'
REFUSAL = b'"refusal"'
DECLINES = re.compile(rb'"refusal"\s*:\s*"[^"]')
CR = 13
FINISH_MARKS = {b'"finish_reason":null': b'"finish_reason":"', b'"finish_reason": null': b'"finish_reason": "'}
"""How a reason begins, by how the same server spells that there is none yet: one search then tells the common read from the last."""

_encode = msgspec.json.Encoder().encode
_decode_options = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class _Details(msgspec.Struct, gc=False):
    cached_tokens: Count | None = None
    reasoning_tokens: Count | None = None


class _Usage(msgspec.Struct, gc=False):
    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None


class _Message(msgspec.Struct, gc=False):
    content: msgspec.Raw = msgspec.Raw(b"null")
    refusal: msgspec.Raw = msgspec.Raw(b"null")
    tool_calls: msgspec.Raw = msgspec.Raw(b"null")
    function_call: msgspec.Raw = msgspec.Raw(b"null")
    reasoning_content: msgspec.Raw = msgspec.Raw(b"null")
    audio: msgspec.Raw = msgspec.Raw(b"null")


class _Choice(msgspec.Struct, gc=False):
    message: _Message
    finish_reason: str | None = None


class _Completion(msgspec.Struct, gc=False):
    choices: list[_Choice]
    usage: _Usage | None = None


class _OddCompletion(msgspec.Struct, gc=False):
    """The same with a usage object of whatever form: odd counts are no reason to refuse an answer."""

    choices: list[_Choice]


_decode_completion = msgspec.json.Decoder(_Completion).decode
_decode_odd = msgspec.json.Decoder(_OddCompletion).decode
_decode_usage = msgspec.json.Decoder(_Usage).decode
_reason = operator.attrgetter("finish_reason")
MAYBE_NOTHING = frozenset({2, 4})
"""Lengths of `""`, `[]` and `null`: what has another length says something."""


@functools.lru_cache(1024)
def _raw_text(name: str) -> msgspec.Raw:
    """The JSON text of a model's name. Names come from the catalogue alone: a cache of what callers write would keep their text."""
    return msgspec.Raw(_encode(name))


def _says_null(data: bytes) -> bool:
    """Whether every usage in it is stated to be none."""
    return data.count(b'"usage":null') == data.count(USAGE)


class OpenAIChat:
    """The adapter; holds nothing."""

    def prepare(self, call: OutboundChat, endpoint: Endpoint, row: ProviderRow) -> Prepared:
        """The client's body with the provider's model name, `store` off, and usage asked for in streams."""
        fields = dict(call.fields)
        fields["model"] = _raw_text(endpoint.upstream_model)
        if row.accepts_store:
            fields["store"] = FALSE
        adjusted = self._quirks(fields, row) if row.drops or row.renames else ()
        if call.stream and row.accepts_stream_options:
            options = fields.get("stream_options")
            if options is None or bytes(options) == b"null":
                fields["stream_options"] = INCLUDE_USAGE
            elif options != INCLUDE_USAGE:  # also for a client that asks, by one of two equal keys perhaps: limits go by what was used
                fields["stream_options"] = msgspec.Raw(_encode({**_decode_options(options), "include_usage": True}))
        elif not row.accepts_stream_options:
            fields.pop("stream_options", None)
        return Prepared(b"/chat/completions", _encode(fields), adjusted=adjusted)

    @staticmethod
    def _quirks(fields: dict[str, msgspec.Raw], row: ProviderRow) -> tuple[str, ...]:
        adjusted = [name for name in row.drops if fields.pop(name, None) is not None]
        for ours, theirs in row.renames.items():
            if ours in fields:
                fields.setdefault(theirs, fields.pop(ours))
                adjusted.append(ours)
        return tuple(sorted(adjusted))

    def walks(self, call: OutboundChat) -> bool:  # noqa: ARG002 - the contract's signature
        """The body passes as it is."""
        return False

    def read_answer(self, body: bytes, call: OutboundChat) -> Answer | Outcome:  # noqa: ARG002
        """Check that it is a completion and find its usage; a 200 that carries an error is an error."""
        if not is_utf8(body):  # values pass as they stand, so nothing else would notice
            return error_in(body) or Outcome(OutcomeKind.BAD_RESPONSE)
        completion = decoded(_decode_completion, body)
        if completion is not None:
            return answer_of(body, completion.choices, count_of(completion.usage))
        odd = decoded(_decode_odd, body)
        return answer_of(body, odd.choices, None) if odd is not None else error_in(body) or Outcome(OutcomeKind.BAD_RESPONSE)

    def open_stream(self, call: OutboundChat) -> "ChatStream":
        """Start reading an event stream."""
        return ChatStream(hide_usage=not call.wants_usage)

    def classify(self, status: int, retry_after: float | None, body: bytes) -> Outcome:
        """Map an error answer to an outcome."""
        return classify_openai(status, retry_after, body)


def answer_of(body: bytes, choices: list[_Choice], tokens: TokenCount | None) -> Answer | Outcome:
    """The answer, once it is known to be a completion."""
    if not choices:
        return error_in(body) or Outcome(OutcomeKind.BAD_RESPONSE)
    if FAILED in map(_reason, choices):
        return error_in(body) or Outcome(OutcomeKind.SERVER_ERROR)
    first = choices[0]
    if (
        len(first.message.content) not in MAYBE_NOTHING
        and first.finish_reason != "content_filter"
        and len(first.message.refusal) in MAYBE_NOTHING
    ):
        return Answer(body, tokens)
    refused = first.finish_reason == "content_filter" or bytes(first.message.refusal) not in EMPTY
    return Answer(body, tokens, refused=refused, empty=_is_empty(body, choices))


def _is_empty(body: bytes, choices: list[_Choice]) -> bool:
    return all(_says_nothing(choice.message) for choice in choices) and not adds(body)


def _says_nothing(message: _Message) -> bool:
    parts = (message.content, message.tool_calls, message.function_call, message.refusal, message.reasoning_content, message.audio)
    return all(len(part) in MAYBE_NOTHING and bytes(part) in EMPTY for part in parts)


def read_usage(raw: msgspec.Raw) -> TokenCount | None:
    """The token counts of a `usage` object; None where there is none or it is not of that form."""
    try:
        usage = _decode_usage(raw)
    except (ValueError, RecursionError):
        return None
    return count_of(usage)


def count_of(usage: _Usage | None) -> TokenCount | None:
    """Token counts; None where one of the two that matter is missing."""
    if usage is None or usage.prompt_tokens is None or usage.completion_tokens is None:
        return None
    cached = usage.prompt_tokens_details.cached_tokens if usage.prompt_tokens_details else None
    reasoning = usage.completion_tokens_details.reasoning_tokens if usage.completion_tokens_details else None
    prompt, completion = usage.prompt_tokens, usage.completion_tokens
    return TokenCount(prompt, completion, min(cached or 0, prompt), min(reasoning or 0, completion))


class ChatStream:
    """Reads a chat completion stream and passes its events on byte for byte, less the usage chunk nobody asked for."""

    __slots__ = (
        "_declined", "_finish_mark", "_finished", "_hide_usage", "_opening", "_rest", "complete", "failure", "refused", "started", "tokens",
    )  # fmt: skip

    def __init__(self, *, hide_usage: bool) -> None:
        """`hide_usage`: the client did not ask for the usage chunk, we did."""
        self._hide_usage = hide_usage
        self._finish_mark, self._finished, self._declined = FINISH_KEY, False, False
        self._rest = NOTHING
        self._opening: bytes | bytearray = b""
        self.complete = self.refused = self.started = False
        self.failure: Outcome | None = None
        self.tokens: TokenCount | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing was said yet, not even a refusal."""
        return not (self.started or self._declined)

    def feed(self, data: bytes) -> bytes:
        """Whole events of what came so far; the common read passes on untouched after a few searches."""
        if self.failure is not None or self.complete:
            return b""
        if self._rest or not data.endswith(b"\n\n"):
            data = self._whole_events(data)
        if data.rfind(self._finish_mark) >= 0:
            self._note_finish(data)
        if not self._is_plain(data):
            data = self._read_odd(data)
        data = self._sift(data)
        return data if self.started else self._hold_opening(data)

    def _sift(self, data: bytes) -> bytes:
        """Take usage, stop at an error, note a refusal: the common read holds none of them."""
        if data.rfind(USAGE) >= 0:
            data = self._take_usage(data)
        if data.rfind(b'"error"') >= 0:
            data = self._take_error(data)
        if data.rfind(REFUSAL) >= 0 and DECLINES.search(data):
            self._declined = self.refused = True
        return data

    def end(self) -> bytes:
        """The message is whole: an event that lacks its blank line counts, if it is the end."""
        return ended(self, holding=bool(self._rest))

    def _hold_opening(self, data: bytes) -> bytes:
        """Events that say nothing yet, a role or a refusal, wait for one that does, so that another endpoint can still be tried.

        Comments before all of them go on at once: they keep the client's connection alive.
        """
        if not self._opening and b"data:" not in data:
            return data
        self.started = any(map(says_something, data.split(b"\n\n")))
        if self.started or self.complete:
            held, self._opening = self._opening, b""
            return bytes(held) + data if held else data
        if isinstance(self._opening, bytearray):
            self._opening += data
        else:  # nearly always this is all there will be
            self._opening = bytearray(self._opening + data) if self._opening else data
        if len(self._opening) > MAX_EVENT:
            self.failure = BEYOND_LIMITS
        return b""

    def _whole_events(self, data: bytes) -> bytes:
        """What was held back and what came now, up to the last event that is whole; possibly nothing. Looks at no byte twice.

        Line ends CRLF and CR become LF. A CR at the very end counts at once; `_rest` then ends with it, since an LF may follow.
        """
        held, self._rest, place = self._rest, NOTHING, 0
        due = data[-1:] == b"\r"
        if held:
            if held[-1] == CR:
                del held[-1]
                data = data.removeprefix(b"\n")
            held += with_plain_ends(data)
            place = -len(data) - 1  # the first LF of a blank line may be the last byte held
        else:
            held = bytearray(with_plain_ends(data))
        cut = held.rfind(b"\n\n", place) + 2
        whole = b""
        if cut > 1:
            whole = bytes(held[:cut])
            del held[:cut]
        if due:
            held.append(CR)
        if len(held) > MAX_EVENT:
            self.failure = BEYOND_LIMITS
            return b""
        if held:
            self._rest = held
        return whole

    def _is_plain(self, data: bytes) -> bool:
        """Whether these are plain chunks, and then perhaps the terminal marker of an answer that is whole."""
        if not data.endswith(LAST):
            return is_plain(data)
        self.complete = self._finished and is_plain(data[: -len(LAST)])
        return self.complete

    def _read_odd(self, data: bytes) -> bytes:
        """What is not one chunk an event: the terminal marker, comments, other line ends, errors, and what is no event stream."""
        data = with_plain_ends(data)
        if data.find(b"[DONE]") >= 0:
            data = self._end(data)
        kinds = list(map(is_chunk, data.split(b"\n\n")))
        if None not in kinds:
            return self._take_error(data) if False in kinds else data
        self.failure, self.complete = Outcome(OutcomeKind.BAD_RESPONSE), False
        return b""

    def _note_finish(self, data: bytes) -> None:
        """A chunk states why the model stopped, or the first one how this server spells that it has not."""
        if self._finish_mark is FINISH_KEY:
            self._finish_mark = next((mark for null, mark in FINISH_MARKS.items() if null in data), FINISH_KEY)
        self._finished = self._finished or FINISH.search(data) is not None
        self.refused = self.refused or FILTERED.search(data) is not None

    def _end(self, data: bytes) -> bytes:
        """What follows the terminal marker is not part of the answer. The marker alone is no proof of one that is whole.

        A server that broke off may still write it; only a finish reason says that the model has stopped (`choices[].finish_reason`).
        """
        found = DONE.search(data)
        if found is None:
            return data
        if not self._finished:
            self.failure = Outcome(OutcomeKind.BAD_RESPONSE)
            cut = data.rfind(b"\n\n", 0, found.start() + 1) + 2  # a comment may stand before the marker in its event
            return data[:cut] if cut > 1 else b""
        self.complete = True
        return data[: found.end()] + b"\n\n"

    def _take_usage(self, data: bytes) -> bytes:
        """Take the token counts, and the chunk that holds nothing else if the client did not ask for it."""
        if _says_null(data):  # many providers write it in every chunk
            return data
        kept, done, at = [], 0, data.find(USAGE)
        while at >= 0:
            cut, end = data.rfind(b"\n\n", done, at), data.index(b"\n\n", at) + 2  # there is one: what gets here are whole events
            start = done if cut < 0 else cut + 2
            event = data[start:end]
            if not (_says_null(event) or self._concerns_client(event)):
                kept.append(data[done:start])
                done = end
            at = data.find(USAGE, end)
        return b"".join((*kept, data[done:]))

    def _concerns_client(self, event: bytes) -> bool:
        """Take the token counts of an event; False if it is the usage chunk that only we asked for."""
        chunk = read_chunk(event)
        tokens = None if chunk is None else read_usage(chunk.usage)
        if chunk is None or tokens is None:
            return True
        self.tokens = tokens
        return bool(chunk.choices) or not self._hide_usage

    def _take_error(self, data: bytes) -> bytes:
        """Stop before an event that is an error, or anything but a chunk; the error itself is told in our words."""
        kept = []
        *events, rest = data.split(b"\n\n")  # the last is nothing, or a blank line more
        for event in events:
            failure = failure_in(event)
            if failure is not None:  # it says more than a terminal marker that stands behind it
                self.failure, self.complete, rest = failure, False, b""
                break
            kept.append(event)
        return b"\n\n".join([*kept, rest]) if kept else b""
