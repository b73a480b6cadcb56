"""Adapters for requests in a format that the provider does not speak: by way of a chat completion, there and back.

Each wraps the adapter of the provider's own format, which takes chat completions. The translators are pure; this puts them together and
decides nothing.
"""

import time
from collections.abc import Callable

import msgspec

from anyapi.domain.catalogue import Endpoint
from anyapi.domain.decision import Outcome
from anyapi.domain.usage import TokenCount
from anyapi.upstream.adapter import Adapter, Answer, OutboundChat, Prepared, ProviderRow, StreamReader
from anyapi.upstream.translate import (
    anthropic_messages_to_openai_chat,
    openai_chat_to_anthropic_messages,
    openai_chat_to_openai_responses,
    openai_responses_to_openai_chat,
)
from anyapi.upstream.translate.hub_target import EXTENSIONS, REASONING_CONTENT, REASONING_DETAILS, Target
from anyapi.upstream.translate.openai_chat_stream_to_anthropic_messages import MessagesStream
from anyapi.upstream.translate.openai_chat_stream_to_openai_responses import ResponsesStream
from anyapi.upstream.translate.openai_responses_echo import Echo

REASONING = b'"reasoning_'
REASONING_FIELDS = frozenset({REASONING_CONTENT, REASONING_DETAILS})
LIMIT, NEWER_LIMIT = "max_tokens", "max_completion_tokens"

_encode = msgspec.json.Encoder().encode
_decode_messages = msgspec.json.Decoder(list[dict[str, msgspec.Raw]]).decode


class TranslatedStream:
    """Reads a provider's stream as chat completion chunks and passes those on in the client's format."""

    __slots__ = ("_inner", "_outer", "complete", "failure", "started", "tokens")

    def __init__(self, inner: StreamReader, outer: "MessagesStream | ResponsesStream") -> None:
        """`inner` reads the provider's events, `outer` what it releases."""
        self._inner, self._outer = inner, outer
        self.complete = self.started = False
        self.failure: Outcome | None = None
        self.tokens: TokenCount | None = None

    @property
    def sequence(self) -> int:
        """The number of the next event, in formats that number them."""
        return getattr(self._outer, "sequence", 0)

    def feed(self, data: bytes) -> bytes:
        """Take bytes as they came off the wire; give whole events of the client's format."""
        out = self._outer.feed(self._inner.feed(data))
        self.failure = self._inner.failure or self._outer.failure
        self.complete, self.started = self._outer.complete and self.failure is None, self._outer.started
        self.tokens = self._inner.tokens
        return out


class _OverChat:
    """What both have in common: the provider's adapter, driven with the translated request."""

    def __init__(self, inner: Adapter, *, native: bool) -> None:
        """`native`: the provider's format is not OpenAI's, so its adapter reads every extension of the chat format."""
        self._inner, self._native = inner, native

    def _target(self, endpoint: Endpoint, row: ProviderRow) -> Target:
        return Target(endpoint.capabilities.reasoning, EXTENSIONS if self._native else row.extensions)

    def _prepare(self, call: OutboundChat, endpoint: Endpoint, row: ProviderRow, adjusted: tuple[str, ...]) -> Prepared:
        chat = call.hub or call
        if row.renames_limit and LIMIT in chat.fields:
            chat.fields[NEWER_LIMIT] = chat.fields.pop(LIMIT)
        prepared = self._inner.prepare(chat, endpoint, row)
        prepared.adjusted = tuple(sorted({*adjusted, *prepared.adjusted}))
        return prepared

    def classify(self, status: int, retry_after: float | None, body: bytes) -> Outcome:
        """Map an error answer to an outcome."""
        return self._inner.classify(status, retry_after, body)


class MessagesOverChat(_OverChat):
    """Anthropic's messages to any provider but one that speaks them."""

    def prepare(self, call: OutboundChat, endpoint: Endpoint, row: ProviderRow) -> Prepared:
        """Build the provider's request. Raises `BadRequest` naming the field for what cannot be expressed."""
        made = anthropic_messages_to_openai_chat.translate(call.fields, self._target(endpoint, row))
        call.hub = OutboundChat(made.fields, stream=call.stream, wants_usage=True, beta_headers=call.beta_headers)
        return self._prepare(call, endpoint, row, made.adjusted)

    def read_answer(self, body: bytes, call: OutboundChat) -> Answer | Outcome:
        """Read a complete answer and translate it."""
        answer = self._inner.read_answer(body, call.hub or call)
        if isinstance(answer, Outcome):
            return answer
        translated = openai_chat_to_anthropic_messages.translate(answer.body)
        if isinstance(translated, Outcome):
            return translated
        return msgspec.structs.replace(answer, body=translated)

    def open_stream(self, call: OutboundChat) -> TranslatedStream:
        """Start reading an event stream."""
        return TranslatedStream(self._inner.open_stream(call.hub or call), MessagesStream())


class ResponsesOverChat(_OverChat):
    """OpenAI's responses to any provider but one that serves them."""

    def __init__(self, inner: Adapter, *, native: bool, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives Unix seconds, for the `created_at` of an answer."""
        super().__init__(inner, native=native)
        self._clock = clock

    def prepare(self, call: OutboundChat, endpoint: Endpoint, row: ProviderRow) -> Prepared:
        """Build the provider's request. Raises `BadRequest` naming the field for what cannot be expressed."""
        made = openai_responses_to_openai_chat.translate(call.fields)
        call.hub = OutboundChat(made.fields, stream=call.stream, wants_usage=True)
        call.echo = made.echo
        adjusted = made.adjusted
        if not self._native and _drop_reasoning(made.fields, row.extensions):
            adjusted = (*adjusted, "input.reasoning")
        return self._prepare(call, endpoint, row, adjusted)

    def read_answer(self, body: bytes, call: OutboundChat) -> Answer | Outcome:
        """Read a complete answer and translate it."""
        answer = self._inner.read_answer(body, call.hub or call)
        if isinstance(answer, Outcome):
            return answer
        return openai_chat_to_openai_responses.translate(answer, _echo(call), now=self._clock())

    def open_stream(self, call: OutboundChat) -> TranslatedStream:
        """Start reading an event stream."""
        return TranslatedStream(self._inner.open_stream(call.hub or call), ResponsesStream(_echo(call), self._clock))


def _drop_reasoning(fields: dict[str, msgspec.Raw], kept: frozenset[str]) -> bool:
    """Take reasoning off the messages for a provider that speaks OpenAI's format strictly; says whether there was any."""
    if REASONING not in bytes(fields["messages"]):
        return False
    messages = _decode_messages(fields["messages"])
    dropped = 0
    for message in messages:
        for name in REASONING_FIELDS - kept:
            dropped += message.pop(name, None) is not None
    if dropped:
        fields["messages"] = msgspec.Raw(_encode(messages))
    return dropped > 0


def _echo(call: OutboundChat) -> Echo:
    """What `prepare` noted for the answer; it always comes first."""
    if not isinstance(call.echo, Echo):
        raise TypeError  # INVARIANT: an answer is only read of a request that was prepared
    return call.echo
