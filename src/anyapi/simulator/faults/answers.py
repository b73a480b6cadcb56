"""Faults in what is said: the wire is fine, the answer is not what the caller hoped for."""

from typing import Literal

import msgspec

from anyapi.simulator.answer import Answer, Choice, Finish, ToolCall, Usage
from anyapi.simulator.faults.base import Fault
from anyapi.simulator.ledger import Outcome

_REFUSAL = "I cannot help with that."
_MIB = 1024 * 1024


class Say(Fault, frozen=True, tag="say"):
    """Answer with this text instead (no fault at all: for canaries and for answers of a given size)."""

    text: str = ""
    words: int = 0
    """Repeat the text until it has so many words."""
    reasoning: str = ""

    def on_answer(self, answer: Answer) -> Answer:
        """Replace text and reasoning."""
        words = self.text.split() or ["word"]
        text = " ".join(words[place % len(words)] for place in range(self.words)) if self.words > len(words) else self.text
        return msgspec.structs.replace(answer, choices=tuple(Choice(text=text, reasoning=self.reasoning) for _ in answer.choices))

    def __repr__(self) -> str:
        """Never the text."""
        return "<Say>"


class CallTool(Fault, frozen=True, tag="call"):
    """Call a tool with these arguments (no fault at all: for clients whose tests look for the arguments that their prompt asks for)."""

    arguments: dict[str, object] = {}
    tool: str = ""
    """Call this one, whatever was asked. Without it, only the arguments of the calls that the answer has anyway are other ones."""

    def on_answer(self, answer: Answer) -> Answer:
        """Replace every choice, or the arguments in it."""
        text = msgspec.json.encode(self.arguments).decode()

        def with_calls(choice: Choice) -> Choice:
            names = [self.tool] if self.tool else [call.name for call in choice.tool_calls]
            calls = tuple(ToolCall(name, text) for name in names)
            return Choice(reasoning=choice.reasoning, tool_calls=calls, finish=Finish.TOOL_CALLS) if calls else choice

        return msgspec.structs.replace(answer, choices=tuple(with_calls(choice) for choice in answer.choices))

    def __repr__(self) -> str:
        """Never the arguments."""
        return "<CallTool>"


class Refusal(Fault, frozen=True, tag="refusal"):
    """The provider declines for reasons of content."""

    style: Literal["content_filter", "field", "late"] = "content_filter"
    """`content_filter`: the finish reason; `field`: OpenAI's `refusal` text; `late`: the finish reason after half of what is said.

    With Anthropic both are stop reason `refusal`; with Gemini the second means a blocked prompt, with Bedrock a guardrail's words.
    """

    def on_answer(self, answer: Answer) -> Answer:
        """Replace every choice, or cut it short."""
        if self.style == "late":
            cut = tuple(Choice(each.text[: len(each.text) // 2], finish=Finish.CONTENT_FILTER) for each in answer.choices)
            return msgspec.structs.replace(answer, choices=cut)
        filtered = Choice(finish=Finish.CONTENT_FILTER)
        choice = filtered if self.style == "content_filter" else Choice(refusal=_REFUSAL)
        return msgspec.structs.replace(answer, choices=tuple(choice for _ in answer.choices))


class Failed(Fault, frozen=True, tag="failed"):
    """The provider gives up half way and says so in the answer itself: a status or finish reason that means failure."""

    OUTCOME = Outcome.ERROR

    def on_answer(self, answer: Answer) -> Answer:
        """Keep half of what is said."""
        return msgspec.structs.replace(
            answer, choices=tuple(Choice(text=choice.text[: len(choice.text) // 2], finish=Finish.FAILED) for choice in answer.choices)
        )


class Empty(Fault, frozen=True, tag="empty"):
    """A completion without any text, with the ordinary finish."""

    def on_answer(self, answer: Answer) -> Answer:
        """Take everything away."""
        return msgspec.structs.replace(answer, choices=tuple(Choice() for _ in answer.choices))


class WrongUsage(Fault, frozen=True, tag="usage"):
    """Usage is left out, or states zero tokens. The ledger still knows the true counts."""

    mode: Literal["missing", "zero"] = "missing"

    def on_answer(self, answer: Answer) -> Answer:
        """Change what is reported."""
        return msgspec.structs.replace(answer, usage=Usage.ZERO if self.mode == "zero" else Usage.MISSING)


class GiantLine(Fault, frozen=True, tag="giant_line"):
    """One valid event (or the JSON body) is this long. The filling is not counted as tokens."""

    mib: float = 2.0

    def on_answer(self, answer: Answer) -> Answer:
        """Add the filling."""
        return msgspec.structs.replace(answer, padding=int(self.mib * _MIB))
