"""The parts of Bedrock's answers and stream events that are read, as types. Unknown fields are ignored: blocks are padded with some.

Source: `ConverseResponse` and `ConverseStreamOutput` of the Bedrock runtime API, version 2023-09-30.
"""

from collections.abc import Mapping
from typing import Annotated

import msgspec

from anyapi.domain.usage import Count, TokenCount
from anyapi.upstream.translate import anthropic_to_openai_chat
from anyapi.upstream.translate.chat_chunks import usage_of

NOTHING = msgspec.Raw()
Index = Annotated[int, msgspec.Meta(ge=0)]

FORMAT = "amazon-bedrock-v1"
"""Marks `reasoning_details` as Bedrock's, so that a signature is given back to Bedrock alone."""

FINISH: Mapping[str, str] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
    "refusal": "content_filter",
}
"""OpenAI's `finish_reason` for Converse's `stopReason`. One that is not listed is `stop`."""

MALFORMED = frozenset({"malformed_model_output", "malformed_tool_use"})
"""The model said something that Bedrock could not read: not a usable answer."""


class Stamp(msgspec.Struct, frozen=True):
    """What an answer of ours states and Bedrock's does not."""

    id: str
    model: str
    created: int
    """Unix seconds."""

    @property
    def format(self) -> str:
        """Of signed reasoning: Claude's signatures hold at Anthropic too, where the client named a Claude."""
        return anthropic_to_openai_chat.FORMAT if "claude" in self.model else FORMAT


class ToolUse(msgspec.Struct, rename="camel"):
    """A tool call; in a stream its start, without the input. `type` is set for tools that Bedrock runs itself."""

    tool_use_id: str = ""
    name: str = ""
    input: msgspec.Raw = NOTHING
    type: str | None = None


class ReasoningText(msgspec.Struct):
    """Reasoning, with the signature of the model that made it."""

    text: str = ""
    signature: str = ""


class Reasoning(msgspec.Struct, rename="camel"):
    """Reasoning in the open, or sealed (base64)."""

    reasoning_text: ReasoningText | None = None
    redacted_content: str = ""


class CitedText(msgspec.Struct):
    """A piece of text that has citations, which are not read."""

    text: str = ""


class Citations(msgspec.Struct):
    """Text that has citations."""

    content: list[CitedText] = []


class Block(msgspec.Struct, rename="camel"):
    """A content block: one of these is set; none for a block of another kind."""

    text: str = ""
    tool_use: ToolUse | None = None
    reasoning_content: Reasoning | None = None
    citations_content: Citations | None = None


class Message(msgspec.Struct):
    """What the model said."""

    content: list[Block]


class Output(msgspec.Struct):
    """Holds the message."""

    message: Message


class Response(msgspec.Struct, rename="camel"):
    """A complete answer."""

    output: Output
    stop_reason: str
    usage: msgspec.Raw = NOTHING


class Start(msgspec.Struct, rename="camel"):
    """How a block begins; only tool calls say it."""

    tool_use: ToolUse | None = None


class StartEvent(msgspec.Struct, rename="camel"):
    """`contentBlockStart`."""

    content_block_index: Index
    start: Start


class ToolDelta(msgspec.Struct):
    """A piece of a tool call's input, as text."""

    input: str = ""


class ReasoningDelta(msgspec.Struct, rename="camel"):
    """A piece of reasoning; one of these is set."""

    text: str = ""
    signature: str = ""
    redacted_content: str = ""


class Delta(msgspec.Struct, rename="camel"):
    """What is added to a block: one of these is set; none for an addition of another kind."""

    text: str = ""
    tool_use: ToolDelta | None = None
    reasoning_content: ReasoningDelta | None = None


class DeltaEvent(msgspec.Struct, rename="camel"):
    """`contentBlockDelta`."""

    content_block_index: Index
    delta: Delta


class StopEvent(msgspec.Struct, rename="camel"):
    """`contentBlockStop`."""

    content_block_index: Index


class MessageStopEvent(msgspec.Struct, rename="camel"):
    """`messageStop`."""

    stop_reason: str


class MetadataEvent(msgspec.Struct):
    """`metadata`, the last event of a stream."""

    usage: msgspec.Raw = NOTHING


class Usage(msgspec.Struct, rename="camel"):
    """Token counts. Reasoning is part of the output and not stated apart."""

    input_tokens: Count | None = None
    output_tokens: Count | None = None
    total_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None
    cache_write_input_tokens: Count | None = None

    def total(self) -> TokenCount | None:
        """The counts in our terms; None when input or output is not stated. Prompt tokens include what the cache gave and took.

        Most models state the input without them. One whose total is input plus output, cache and all, has counted them already.
        """
        if self.input_tokens is None or self.output_tokens is None:
            return None
        cached = self.cache_read_input_tokens or 0
        through_cache = cached + (self.cache_write_input_tokens or 0)
        counted = self.total_tokens == self.input_tokens + self.output_tokens and self.input_tokens >= through_cache
        return TokenCount(self.input_tokens + (0 if counted else through_cache), self.output_tokens, cached)

    def as_openai(self) -> dict[str, object] | None:
        """OpenAI's `usage` object, None when `total` is None."""
        return usage_of(self.total(), cache_written=self.cache_write_input_tokens or 0, thinks=False)


_usage = msgspec.json.Decoder(Usage)


def read_usage(raw: msgspec.Raw) -> Usage:
    """Decode token counts; what cannot be understood counts as not stated, because an answer is not worth less for it."""
    try:
        return _usage.decode(raw)
    except (ValueError, RecursionError):
        return Usage()


def finish_of(reason: str, *, calls: bool) -> str:
    """OpenAI's `finish_reason`. Whether tool calls came counts more than `tool_use` and `end_turn`, which some models mix up."""
    finish = FINISH.get(reason, "stop")
    if finish in ("stop", "tool_calls"):
        return "tool_calls" if calls else "stop"
    return finish
