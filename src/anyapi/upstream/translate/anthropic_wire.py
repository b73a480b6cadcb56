"""The parts of Anthropic's answers and stream events that are read, as types. Unknown fields are ignored, as Anthropic asks clients to.

Source: the `Message` and `RawMessageStreamEvent` types of Anthropic's API reference, version 2023-06-01.
"""

import msgspec

from anyapi.domain.usage import Count, TokenCount
from anyapi.upstream.translate.chat_chunks import usage_of

NOTHING = msgspec.Raw()


class Block(msgspec.Struct):
    """A content block: `text`, `thinking`, `redacted_thinking` or `tool_use`; any other type is read for its type alone."""

    type: str
    text: str = ""
    thinking: str = ""
    signature: str = ""
    data: str = ""
    id: str = ""
    name: str = ""
    input: msgspec.Raw = NOTHING

    @property
    def says_something(self) -> bool:
        """Whether it holds anything: words, reasoning, even if it is sealed, or a block of any other type."""
        if self.type == "text":
            return bool(self.text)
        return self.type != "thinking" or bool(self.thinking or self.signature)


class Delta(msgspec.Struct):
    """What a `content_block_delta` adds to a block, or a `message_delta` to the message."""

    type: str = ""
    text: str = ""
    thinking: str = ""
    signature: str = ""
    partial_json: str = ""
    stop_reason: str | None = None


class OutputDetails(msgspec.Struct):
    """How many of the output tokens were spent on thinking."""

    thinking_tokens: Count | None = None


class Usage(msgspec.Struct):
    """Token counts. In a stream, those of `message_delta` are totals and replace those of `message_start`."""

    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None
    cache_creation_input_tokens: Count | None = None
    output_tokens_details: OutputDetails | None = None

    def updated(self, later: "Usage") -> "Usage":
        """These counts, with those that the later ones state."""
        return Usage(*(mine if new is None else new for mine, new in zip(_values(self), _values(later), strict=True)))  # type: ignore[arg-type]

    def total(self) -> TokenCount | None:
        """The counts in our terms; None when input or output is not stated. Prompt tokens include what the cache gave and took."""
        if self.input_tokens is None or self.output_tokens is None:
            return None
        cached = self.cache_read_input_tokens or 0
        thinking = (self.output_tokens_details and self.output_tokens_details.thinking_tokens) or 0
        prompt = self.input_tokens + cached + (self.cache_creation_input_tokens or 0)
        return TokenCount(prompt, self.output_tokens, cached, min(thinking, self.output_tokens))

    def as_openai(self) -> dict[str, object] | None:
        """OpenAI's `usage` object, None when `total` is None."""
        return usage_of(self.total(), cache_written=self.cache_creation_input_tokens or 0)


class Message(msgspec.Struct):
    """A complete answer, or the empty one at the start of a stream; `type` is `error` for an error body."""

    type: str = ""
    id: str = ""
    model: str = ""
    content: list[msgspec.Raw] | None = None
    stop_reason: str | None = None
    usage: msgspec.Raw = NOTHING
    error: msgspec.Raw = NOTHING


class Event(msgspec.Struct):
    """A stream event of any type."""

    type: str
    index: int = -1
    delta: Delta | None = None
    content_block: msgspec.Raw = NOTHING
    message: Message | None = None
    usage: msgspec.Raw = NOTHING
    error: msgspec.Raw = NOTHING


class _Typed(msgspec.Struct):
    type: str


class DeltaShape(msgspec.Struct):
    """What tells whether the delta of a `content_block_delta` is of a type that is known here."""

    delta: _Typed


READABLE_BLOCKS = frozenset({"text", "thinking", "redacted_thinking", "tool_use"})

_block = msgspec.json.Decoder(Block)
_typed = msgspec.json.Decoder(_Typed)
_usage = msgspec.json.Decoder(Usage)


def type_of(data: bytes) -> str:
    """The type of an event or block, whatever else it holds. Raises ValueError or RecursionError when it states none as it should."""
    return _typed.decode(data).type


def read_block(raw: msgspec.Raw) -> Block:
    """Decode a block; one of an unknown type has its type alone. Raises ValueError or RecursionError when a known one is malformed."""
    kind = type_of(raw)
    return _block.decode(raw) if kind in READABLE_BLOCKS else Block(kind)


def read_usage(raw: msgspec.Raw) -> Usage:
    """Decode token counts; what cannot be understood counts as not stated, because an answer is not worth less for it."""
    try:
        return _usage.decode(raw)
    except (ValueError, RecursionError):
        return Usage()


def _values(usage: Usage) -> tuple[object, ...]:
    return msgspec.structs.astuple(usage)
