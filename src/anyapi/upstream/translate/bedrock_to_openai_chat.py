"""A complete Converse answer as an OpenAI chat completion. Pure; docs/translation.md is the list of what becomes what.

Blocks of kinds that are not known here (results of tools that Bedrock runs, images), which no request of ours asks for, are left out.
"""

import msgspec

from anyapi.domain.decision import Outcome
from anyapi.upstream.adapter import Answer
from anyapi.upstream.translate import bedrock_wire as wire
from anyapi.upstream.translate.anthropic_to_openai_chat import arguments
from anyapi.upstream.translate.chat_chunks import BAD, call_of, completion, message_of, says_nothing

_response = msgspec.json.Decoder(wire.Response)


class _Gathered:
    """What the blocks of one answer hold, by kind."""

    __slots__ = ("calls", "details", "text", "thinking")

    def __init__(self) -> None:
        self.text: list[str] = []
        self.thinking: list[str] = []
        self.details: list[dict[str, object]] = []
        self.calls: list[dict[str, object]] = []

    def add(self, block: wire.Block, signed_format: str) -> None:
        """Take one block. Raises ValueError when a tool call lacks its name, its id or an object of arguments."""
        self.text.append(block.text)
        if block.citations_content is not None:
            self.text += [piece.text for piece in block.citations_content.content]
        if block.reasoning_content is not None:
            self._reason(block.reasoning_content, signed_format)
        if block.tool_use is not None and block.tool_use.type is None:
            use = block.tool_use
            self.calls.append(call_of(use.tool_use_id, use.name, arguments(use.input)))

    def _reason(self, reasoning: wire.Reasoning, signed_format: str) -> None:
        said = reasoning.reasoning_text
        if said is not None:
            self.thinking.append(said.text)
            detail: dict[str, object] = {"type": "reasoning.text", "text": said.text}
            if said.signature:
                detail["signature"] = said.signature
            self.details.append({**detail, "format": signed_format if said.signature else wire.FORMAT, "index": len(self.details)})
        if reasoning.redacted_content:
            sealed = {"type": "reasoning.encrypted", "data": reasoning.redacted_content}
            self.details.append({**sealed, "format": wire.FORMAT, "index": len(self.details)})


def translate(body: bytes, stamp: wire.Stamp, *, hide_reasoning: bool = False) -> Answer | Outcome:
    """Translate an answer's body; an `Outcome` when it cannot be understood or is not usable. Never raises."""
    try:
        response = _response.decode(body)
        if response.stop_reason in wire.MALFORMED:
            return BAD
        gathered = _Gathered()
        for block in response.output.message.content:
            gathered.add(block, stamp.format)
    except (ValueError, RecursionError):
        return BAD
    return _answer(response, gathered, stamp, hide_reasoning=hide_reasoning)


def _answer(response: wire.Response, gathered: _Gathered, stamp: wire.Stamp, *, hide_reasoning: bool) -> Answer:
    text = "".join(gathered.text)
    thinking, details = ("", []) if hide_reasoning else ("".join(gathered.thinking), gathered.details)
    said = message_of(text, thinking, details, gathered.calls)
    finish = wire.finish_of(response.stop_reason, calls=bool(gathered.calls))
    usage = wire.read_usage(response.usage)
    body = completion((stamp.id, stamp.created, stamp.model), said, finish, usage.as_openai())
    return Answer(body, usage.total(), finish == "content_filter", empty=says_nothing(text, gathered.details, gathered.calls))
