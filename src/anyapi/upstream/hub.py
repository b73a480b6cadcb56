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
from anyapi.errors import BadRequest
from anyapi.upstream.adapter import Adapter, Answer, OutboundChat, Prepared, ProviderRow, StreamReader
from anyapi.upstream.translate import (
    anthropic_messages_to_openai_chat,
    openai_chat_to_anthropic_messages,
    openai_chat_to_openai_responses,
    openai_responses_to_openai_chat,
)
from anyapi.upstream.translate.hub_target import EXTENSIONS, Target
from anyapi.upstream.translate.openai_chat_stream_to_anthropic_messages import MessagesStream
from anyapi.upstream.translate.openai_chat_stream_to_openai_responses import ResponsesStream
from anyapi.upstream.translate.openai_responses_echo import Echo
from anyapi.wire.surrogates import Events, without_halves

Fields = dict[str, msgspec.Raw]
ON_THE_WAY = "The request reaches this provider by way of a chat completion, and the field is named as it is there."
LIMIT, NEWER_LIMIT = "max_tokens", "max_completion_tokens"


class TranslatedStream:
    """Reads a provider's stream as chat completion chunks and passes those on in the client's format."""

    __slots__ = ("_events", "_inner", "_outer", "complete", "failure", "tokens")

    def __init__(self, inner: StreamReader, outer: "MessagesStream | ResponsesStream") -> None:
        """`inner` reads the provider's events, `outer` what it releases."""
        self._inner, self._outer, self._events = inner, outer, Events()
        self.complete = False
        self.failure: Outcome | None = None
        self.tokens: TokenCount | None = None

    @property
    def refused(self) -> bool:
        """Whether the provider declined for content reasons."""
        return self._inner.refused

    @property
    def started(self) -> bool:
        """Whether the provider sent any content."""
        return self._inner.started

    @property
    def empty(self) -> bool:
        """Whether the provider sent nothing, as of a whole answer: also what is not to be shown, or has no place in the client's format."""
        return self._inner.empty

    @property
    def sequence(self) -> int:
        """The number of the next event, in formats that number them."""
        return getattr(self._outer, "sequence", 0)

    def failed(self, code: str, message: str) -> bytes:
        """The format's own event for an answer that failed, in formats that have one; `message` is ours."""
        return self._outer.failed(code, message) if isinstance(self._outer, ResponsesStream) else b""

    def feed(self, data: bytes) -> bytes:
        """Take bytes as they came off the wire; give whole events of the client's format."""
        return self._translated(self._inner.feed(data))

    def end(self) -> bytes:
        """The provider's message is whole."""
        return self._translated(self._inner.end())

    def _translated(self, data: bytes) -> bytes:
        out = self._outer.feed(self._events.feed(data, last=self._inner.complete))
        self.failure = self._inner.failure or self._outer.failure
        self.complete = self._outer.complete and self.failure is None
        self.tokens = self._inner.tokens
        return out


class _OverChat:
    """What both have in common: the provider's adapter, driven with the translated request."""

    def __init__(self, inner: Adapter, *, native: bool) -> None:
        """`native`: the provider's format is not OpenAI's, so its adapter reads every extension of the chat format."""
        self._inner, self._native = inner, native

    def prepare(self, call: OutboundChat, endpoint: Endpoint, row: ProviderRow) -> Prepared:
        """Build the provider's request. Raises `BadRequest` naming the field for what cannot be expressed."""
        extensions = EXTENSIONS if self._native else row.extensions
        fields, adjusted = self._to_chat(call, Target(endpoint.capabilities.reasoning, extensions))
        if row.renames_limit and LIMIT in fields:
            fields[NEWER_LIMIT] = fields.pop(LIMIT)
        call.hub = OutboundChat(fields, stream=call.stream, wants_usage=True, beta_headers=call.beta_headers)
        try:
            prepared = self._inner.prepare(call.hub, endpoint, row)
        except BadRequest as error:
            raise (BadRequest(f"{error.message} {ON_THE_WAY}", error.field) if error.field else error) from None
        prepared.adjusted = tuple(sorted({*adjusted, *prepared.adjusted}))
        return prepared

    def walks(self, call: OutboundChat) -> bool:  # noqa: ARG002 - the contract's signature
        """It builds every message anew, twice perhaps."""
        return True

    def read_answer(self, body: bytes, call: OutboundChat) -> Answer | Outcome:
        """Read a complete answer and translate it."""
        answer = self._inner.read_answer(body, _chat(call))
        if isinstance(answer, Outcome):
            return answer
        return self._from_chat(msgspec.structs.replace(answer, body=without_halves(answer.body)), call)

    def open_stream(self, call: OutboundChat) -> TranslatedStream:
        """Start reading an event stream."""
        return TranslatedStream(self._inner.open_stream(_chat(call)), self._stream(call))

    def classify(self, status: int, retry_after: float | None, body: bytes) -> Outcome:
        """Map an error answer to an outcome."""
        return self._inner.classify(status, retry_after, body)

    def _to_chat(self, call: OutboundChat, target: Target) -> tuple[Fields, tuple[str, ...]]:
        """The fields of the chat request, and what was changed or left out."""
        raise NotImplementedError

    def _from_chat(self, answer: Answer, call: OutboundChat) -> Answer | Outcome:
        raise NotImplementedError

    def _stream(self, call: OutboundChat) -> "MessagesStream | ResponsesStream":
        raise NotImplementedError


class MessagesOverChat(_OverChat):
    """Anthropic's messages to any provider but one that speaks them."""

    def _to_chat(self, call: OutboundChat, target: Target) -> tuple[Fields, tuple[str, ...]]:
        made = anthropic_messages_to_openai_chat.translate(call.fields, target)
        return made.fields, made.adjusted

    def _from_chat(self, answer: Answer, call: OutboundChat) -> Answer | Outcome:
        translated = openai_chat_to_anthropic_messages.translate(answer.body, _asked(call))
        return translated if isinstance(translated, Outcome) else msgspec.structs.replace(answer, body=translated)

    def _stream(self, call: OutboundChat) -> MessagesStream:
        return MessagesStream(_asked(call))


class ResponsesOverChat(_OverChat):
    """OpenAI's responses to any provider but one that serves them."""

    def __init__(self, inner: Adapter, *, native: bool, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives Unix seconds, for the `created_at` of an answer."""
        super().__init__(inner, native=native)
        self._clock = clock

    def _to_chat(self, call: OutboundChat, target: Target) -> tuple[Fields, tuple[str, ...]]:
        made = openai_responses_to_openai_chat.translate(call.fields, target)
        call.echo = made.echo
        return made.fields, made.adjusted

    def _from_chat(self, answer: Answer, call: OutboundChat) -> Answer | Outcome:
        return openai_chat_to_openai_responses.translate(answer, _echo(call), now=self._clock())

    def _stream(self, call: OutboundChat) -> ResponsesStream:
        return ResponsesStream(_echo(call), self._clock)


def _chat(call: OutboundChat) -> OutboundChat:
    """The request as `prepare` translated it; it always comes first."""
    if call.hub is None:
        raise TypeError  # INVARIANT: an answer is only read of a request that was prepared
    return call.hub


def _asked(call: OutboundChat) -> str:
    """The model as the client named it, if it named one: Claude Code gives thinking back only to the model that it asked for."""
    return call.echo if isinstance(call.echo, str) else ""


def _echo(call: OutboundChat) -> Echo:
    """What `prepare` noted for the answer; it always comes first."""
    if not isinstance(call.echo, Echo):
        raise TypeError  # INVARIANT: an answer is only read of a request that was prepared
    return call.echo
