"""A complete Anthropic message as an OpenAI chat completion. Pure; docs/translation.md is the list of what becomes what.

Blocks of types that are not known here (results of server tools, which no request of ours asks for) are left out.
"""

from collections.abc import Mapping

import msgspec

from anyapi.domain.decision import Outcome
from anyapi.upstream.adapter import Answer
from anyapi.upstream.classify import classify_anthropic_event
from anyapi.upstream.translate import anthropic_wire as wire
from anyapi.upstream.translate.chat_chunks import BAD, call_of, completion, message_of, says_nothing

FINISH: Mapping[str, str] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",  # a server tool paused: cannot happen to requests of ours, and OpenAI has no such end
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
"""OpenAI's `finish_reason` for Anthropic's `stop_reason`. One that is not listed is `stop`."""

FORMAT = "anthropic-claude-v1"
"""Marks `reasoning_details` as Anthropic's, so that a signature is given back to Anthropic alone."""

_message = msgspec.json.Decoder(wire.Message)


class _Gathered:
    """What the blocks of one answer hold, by kind."""

    __slots__ = ("calls", "details", "text", "thinking")

    def __init__(self) -> None:
        self.text: list[str] = []
        self.thinking: list[str] = []
        self.details: list[dict[str, object]] = []
        self.calls: list[dict[str, object]] = []

    def add(self, block: wire.Block) -> None:
        """Take one block. Raises ValueError when a tool call lacks its name, its id or an object of arguments."""
        if block.type == "text":
            self.text.append(block.text)
        elif block.type == "thinking":
            self.thinking.append(block.thinking)
            detail = {"type": "reasoning.text", "text": block.thinking, "signature": block.signature}
            self.details.append({**detail, "format": FORMAT, "index": len(self.details)})
        elif block.type == "redacted_thinking":
            self.details.append({"type": "reasoning.encrypted", "data": block.data, "format": FORMAT, "index": len(self.details)})
        elif block.type == "tool_use":
            self.calls.append(call_of(block.id, block.name, arguments(block.input)))


def translate(body: bytes, *, created: int, hide_reasoning: bool = False) -> Answer | Outcome:
    """Translate an answer's body; an `Outcome` when it is an error or cannot be understood. `created` in Unix seconds. Never raises."""
    try:
        message = _message.decode(body)
        if message.type == "error":
            return classify_anthropic_event(message.error)
        if message.content is None:
            return BAD
        gathered = _Gathered()
        for raw in message.content:
            gathered.add(wire.read_block(raw))
    except (ValueError, RecursionError):
        return BAD
    return _answer(message, gathered, created, hide_reasoning=hide_reasoning)


def _answer(message: wire.Message, gathered: _Gathered, created: int, *, hide_reasoning: bool) -> Answer:
    text = "".join(gathered.text)
    thinking, details = ("", []) if hide_reasoning else ("".join(gathered.thinking), gathered.details)
    said = message_of(text, thinking, details, gathered.calls)
    finish = FINISH.get(message.stop_reason or "", "stop")
    usage = wire.read_usage(message.usage)
    body = completion((message.id, created, message.model), said, finish, usage.as_openai())
    empty = says_nothing(text, gathered.details, gathered.calls)
    return Answer(body, usage.total(), message.stop_reason == "refusal", empty=empty)


def arguments(raw: msgspec.Raw) -> str:
    """The input of a tool call as OpenAI wants it, a string; the text is the provider's, checked to be a JSON object. None is `{}`."""
    text = bytes(raw).decode() or "{}"
    if not isinstance(msgspec.json.decode(text), dict):
        raise ValueError("tool input is not an object")  # noqa: TRY004 - the caller catches what decoding raises
    return text
