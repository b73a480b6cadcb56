"""The adapter for providers that speak OpenAI chat completions: the same format on both sides, so a body passes as it is.

Only the model's name and what switches off storage are rewritten; answers go on whole. Streams are looked at event by event just
enough to find usage, errors and the end.
"""

import functools
import re
from typing import Annotated

import msgspec

from anyapi.domain.catalogue import Endpoint
from anyapi.domain.decision import Outcome, OutcomeKind
from anyapi.domain.usage import TokenCount
from anyapi.upstream.adapter import Answer, OutboundChat, Prepared, ProviderRow
from anyapi.upstream.classify import classify_openai

MAX_EVENT = 1024 * 1024
"""Bytes of one event that may be held back."""
INCLUDE_USAGE = msgspec.Raw(b'{"include_usage":true}')
FALSE = msgspec.Raw(b"false")
FIELD = re.compile(rb"(data|event|id|retry)?:")
SAYS = re.compile(
    rb'"(?:content|refusal|reasoning|reasoning_content|reasoning_details|tool_calls|function_call|audio|images)"\s*:\s*+(?!null|""|\[\])'
)
"""A member by which an answer says something. Searched for until it is found, which is in one of the first events."""
DONE = re.compile(rb"(?:\A|\n)data: ?\[DONE\]")

_encode = msgspec.json.Encoder().encode
_decode_options = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]
"""A number of tokens of one answer; a provider that states another is taken to have stated none, so that it cannot reach cost or store."""


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


class _Chunk(msgspec.Struct):
    choices: list[msgspec.Raw] = []
    usage: msgspec.Raw = msgspec.Raw(b"null")
    error: msgspec.Raw = msgspec.Raw(b"null")


class _Error(msgspec.Struct):
    code: int | str | None = None
    status: int | str | None = None


class _ErrorBody(msgspec.Struct):
    error: _Error | None = None


_decode_completion = msgspec.json.Decoder(_Completion).decode
_decode_odd = msgspec.json.Decoder(_OddCompletion).decode
_decode_usage = msgspec.json.Decoder(_Usage).decode
_decode_chunk = msgspec.json.Decoder(_Chunk).decode
_decode_raw = msgspec.json.Decoder(msgspec.Raw).decode
_decode_error = msgspec.json.Decoder(_ErrorBody).decode
EMPTY = frozenset({b"null", b'""', b"[]"})
MAYBE_NOTHING = frozenset({2, 4})
"""Lengths of `""`, `[]` and `null`: what has another length says something."""


@functools.lru_cache(1024)
def _raw_text(name: str) -> msgspec.Raw:
    """The JSON text of a model's name. Names come from the catalogue alone: a cache of what callers write would keep their text."""
    return msgspec.Raw(_encode(name))


class OpenAIChat:
    """The adapter; holds nothing."""

    def prepare(self, call: OutboundChat, endpoint: Endpoint, row: ProviderRow) -> Prepared:
        """The client's body with the provider's model name, `store` off, and usage asked for in streams."""
        fields = dict(call.fields)
        fields["model"] = _raw_text(endpoint.upstream_model)
        if row.accepts_store:
            fields["store"] = FALSE
        adjusted = self._quirks(fields, row) if row.drops or row.renames else ()
        if call.stream and not call.wants_usage and row.accepts_stream_options:
            options = fields.get("stream_options")
            if options is None or bytes(options) == b"null":
                fields["stream_options"] = INCLUDE_USAGE
            else:
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

    def read_answer(self, body: bytes, call: OutboundChat) -> Answer | Outcome:  # noqa: ARG002
        """Check that it is a completion and find its usage; a 200 that carries an error is an error."""
        try:
            completion = _decode_completion(body)
            tokens = count_of(completion.usage)
        except (msgspec.DecodeError, RecursionError):
            return self._read_odd(body)
        return answer_of(body, completion.choices, tokens)

    @staticmethod
    def _read_odd(body: bytes) -> Answer | Outcome:
        try:
            completion = _decode_odd(body)
        except (msgspec.DecodeError, RecursionError):
            return error_in(body) or Outcome(OutcomeKind.BAD_RESPONSE)
        return answer_of(body, completion.choices, None)

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
    first = choices[0]
    if (
        len(first.message.content) not in MAYBE_NOTHING
        and first.finish_reason != "content_filter"
        and len(first.message.refusal) in MAYBE_NOTHING
    ):
        return Answer(body, tokens)
    refused = first.finish_reason == "content_filter" or bytes(first.message.refusal) not in EMPTY
    return Answer(body, tokens, refused=refused, empty=all(_is_empty(choice.message) for choice in choices))


def _is_empty(message: _Message) -> bool:
    parts = (message.content, message.tool_calls, message.function_call, message.refusal, message.reasoning_content, message.audio)
    return all(bytes(part) in EMPTY for part in parts)


def read_usage(raw: msgspec.Raw) -> TokenCount | None:
    """The token counts of a `usage` object; None where there is none or it is not of that form."""
    try:
        usage = _decode_usage(raw)
    except (msgspec.DecodeError, RecursionError):
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


def error_in(body: bytes) -> Outcome | None:
    """The outcome that an `{"error": ...}` object stands for; None if there is no such object."""
    try:
        error = _decode_error(body).error
    except (msgspec.DecodeError, RecursionError):
        return Outcome(OutcomeKind.SERVER_ERROR) if b'"error"' in body[:200] else None
    if error is None:
        return None
    for value in (error.code, error.status):
        number = int(value) if isinstance(value, int) or (isinstance(value, str) and value.isdecimal() and len(value) == 3) else 0
        if 400 <= number <= 599:
            return classify_openai(number, None, body)
    return Outcome(OutcomeKind.SERVER_ERROR)


class ChatStream:
    """Reads a chat completion stream and passes its events on byte for byte, less the usage chunk nobody asked for."""

    __slots__ = ("_hide_usage", "_rest", "complete", "empty", "failure", "tokens")

    def __init__(self, *, hide_usage: bool) -> None:
        """`hide_usage`: the client did not ask for the usage chunk, we did."""
        self._hide_usage = hide_usage
        self._rest = b""
        self.complete, self.empty = False, True
        self.failure: Outcome | None = None
        self.tokens: TokenCount | None = None

    def feed(self, data: bytes) -> bytes:
        """Whole events of what came so far; the common read passes on untouched after a few searches."""
        if self.failure is not None or self.complete:
            return b""
        if self._rest or b"\r" in data or not data.endswith(b"\n\n"):
            data = self._whole_events(data)
        if not is_plain(data):
            data = self._read_odd(data)
        if b'"usage"' in data:
            data = self._take_usage(data)
        if b'"error"' in data:
            data = self._take_error(data)
        self.empty = self.empty and SAYS.search(data) is None
        return data

    def _whole_events(self, data: bytes) -> bytes:
        """What was held back and what came now, up to the last event that is whole; possibly nothing."""
        rest, self._rest = self._rest, b""
        if rest.endswith(b"\r"):
            rest, data = rest[:-1], data.removeprefix(b"\n")
        if b"\r" in data:
            data = self._plain_ends(data)
        data = rest + data
        return data if data.endswith(b"\n\n") else self._hold(data)

    def _read_odd(self, data: bytes) -> bytes:
        """What is not one JSON value an event: the terminal marker, comments, fields without a space, and what is no event stream."""
        if b"[DONE]" in data:
            data = self._end(data)
        if all(_is_event(event) for event in data.split(b"\n\n")):
            return data
        self.failure, self.complete = Outcome(OutcomeKind.BAD_RESPONSE), False
        return b""

    def _plain_ends(self, data: bytes) -> bytes:
        """Line ends CRLF and CR become LF. A CR at the very end counts at once; `_rest` then ends with it, since an LF may follow."""
        if data.endswith(b"\r"):
            self._rest = b"\r"
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _hold(self, data: bytes) -> bytes:
        cut = data.rfind(b"\n\n")
        whole, rest = (data[: cut + 2], data[cut + 2 :]) if cut >= 0 else (b"", data)
        self._rest = rest + self._rest
        if len(self._rest) > MAX_EVENT:
            self.failure = Outcome(OutcomeKind.BAD_RESPONSE)
            self._rest = b""
            return b""
        return whole

    def _end(self, data: bytes) -> bytes:
        """What follows the terminal marker is not part of the answer."""
        found = DONE.search(data)
        if found is None:
            return data
        self.complete = True
        return data[: found.end()] + b"\n\n"

    def _take_usage(self, data: bytes) -> bytes:
        if data.count(b'"usage":null') == data.count(b'"usage"'):  # many providers write it in every chunk
            return data
        return b"".join(b"%b\n\n" % event for event in data.split(b"\n\n")[:-1] if self._concerns_client(event))

    def _concerns_client(self, event: bytes) -> bool:
        """Take the token counts of an event; False if it is the usage chunk that only we asked for."""
        chunk = read_chunk(event) if b'"usage"' in event else None
        tokens = None if chunk is None else read_usage(chunk.usage)
        if chunk is None or tokens is None:
            return True
        self.tokens = tokens
        return bool(chunk.choices) or not self._hide_usage

    def _take_error(self, data: bytes) -> bytes:
        """Stop before an event that is an error; the error itself is told in our words."""
        kept = []
        for event in data.split(b"\n\n")[:-1]:
            chunk = read_chunk(event) if b'"error"' in event else None
            if chunk is not None and bytes(chunk.error) not in EMPTY:
                self.failure = error_in(b'{"error":%b}' % bytes(chunk.error)) or Outcome(OutcomeKind.SERVER_ERROR)
                self.complete = False
                break
            kept.append(event)
        return b"\n\n".join([*kept, b""]) if kept else b""


def is_plain(data: bytes) -> bool:
    """Whether `data` (whole events, LF line ends) is nothing but events of one `data: ` line each, all JSON."""
    if not data.startswith(b"data: "):
        return False
    events = data[6:-2].split(b"\n\ndata: ")
    if data.count(b"\n") != 2 * len(events):  # a further line, which JSON would take for a space
        return False
    try:
        for event in events:  # joined, two halves could make a whole
            _decode_raw(event)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _is_event(event: bytes) -> bool:
    lines = [line for line in event.split(b"\n") if line]
    if not all(FIELD.match(line) for line in lines):
        return False
    text = b"\n".join(line[5:].removeprefix(b" ") for line in lines if line.startswith(b"data:"))
    if not text or text == b"[DONE]":
        return True
    try:
        _decode_raw(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def read_chunk(event: bytes) -> _Chunk | None:
    """The JSON object of one event's data lines; None where it is not one."""
    lines = [line[5:].removeprefix(b" ") for line in event.split(b"\n") if line.startswith(b"data:")]
    try:
        return _decode_chunk(b"\n".join(lines))
    except (msgspec.DecodeError, RecursionError):
        return None
