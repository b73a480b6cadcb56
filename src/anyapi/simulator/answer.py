"""What a simulated model says: the same answer for the same request, independent of the wire format. Sends nothing."""

import enum
import re

import msgspec

from anyapi.simulator.call import Call, Quiet
from anyapi.simulator.schema_instance import instance_of
from anyapi.simulator.tokens import BYTES_PER_TOKEN, size_of, tokens_for

_PIECES = re.compile(r"\S+\s*|\s+")
_FILLER = "Nothing in this answer comes from a model."


class Finish(enum.Enum):
    """Why a choice ends."""

    STOP = enum.auto()
    LENGTH = enum.auto()
    TOOL_CALLS = enum.auto()
    STOP_SEQUENCE = enum.auto()
    CONTENT_FILTER = enum.auto()
    FAILED = enum.auto()
    """The provider itself gave up half way."""


class Usage(enum.Enum):
    """What the answer says about its tokens."""

    RIGHT = enum.auto()
    ZERO = enum.auto()
    MISSING = enum.auto()


class ToolCall(Quiet, frozen=True):
    """One call of a tool; `arguments` is JSON text."""

    name: str
    arguments: str


class Choice(Quiet, frozen=True):
    """One of the alternatives a caller asked for with `n`."""

    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish: Finish = Finish.STOP
    stopped_by: str | None = None

    @property
    def size(self) -> int:
        """Bytes of completion in this choice."""
        return (
            size_of(self.text) + size_of(self.reasoning) + size_of(self.refusal) + sum(size_of(call.arguments) for call in self.tool_calls)
        )


class Answer(Quiet, frozen=True):
    """All choices, and the token counts that go with them."""

    choices: tuple[Choice, ...]
    prompt_tokens: int
    usage: Usage = Usage.RIGHT
    padding: int = 0
    """Bytes of uncounted text that one event or one string carries besides (the giant line fault)."""
    cache_read: int = 0
    """Tokens of the prompt that came from the cache; likewise for those that went into it."""
    cache_written: int = 0

    @property
    def completion_tokens(self) -> int:
        """Tokens of all choices; each is rounded up apart."""
        return sum(tokens_for(choice.size) for choice in self.choices)

    @property
    def reported(self) -> tuple[int, int] | None:
        """Prompt and completion tokens as the answer states them; None when it does not."""
        if self.usage is Usage.MISSING:
            return None
        return (0, 0) if self.usage is Usage.ZERO else (self.prompt_tokens, self.completion_tokens)

    @property
    def reported_cache(self) -> tuple[int, int]:
        """Tokens from and into the cache as the answer states them, where it states any."""
        return (self.cache_read, self.cache_written) if self.usage is Usage.RIGHT else (0, 0)

    @property
    def reasoning_tokens(self) -> int:
        """Tokens of reasoning among those of the completion."""
        return min(sum(tokens_for(size_of(choice.reasoning)) for choice in self.choices), self.completion_tokens)

    @property
    def reported_reasoning(self) -> int:
        """Tokens of reasoning as the answer states them, where it states any."""
        return self.reasoning_tokens if self.usage is Usage.RIGHT else 0


class Voice(Quiet, frozen=True):
    """How one provider speaks."""

    sentence: str
    words: int = 0
    """The least number of words in an answer in words."""
    echo: str = ""
    """Text that is put at the end of every answer in words."""
    reasoning: bool = False
    """Reasoning is sent even if it was not asked for."""


def spoken(text: str) -> list[str]:
    """Divide text into the pieces that a stream sends one by one; together they are the text again."""
    return _PIECES.findall(text)


def halves(arguments: str) -> list[str]:
    """Divide a tool's arguments into the pieces that a stream sends: two, one, or none when there is nothing."""
    half = -(-len(arguments) // 2)
    return [piece for piece in (arguments[:half], arguments[half:]) if piece]


def compose(call: Call, model: str, voice: Voice) -> Answer:
    """Return the answer of `model` (the name without a fault suffix) to `call`."""
    if call.embedding is not None:
        return Answer((), tokens_for(call.prompt_bytes))
    read = tokens_for(call.cache.read)
    written = tokens_for(call.cache.read + call.cache.written) - read
    return Answer(_choices(call, model, voice), tokens_for(call.prompt_bytes), cache_read=read, cache_written=written)


def _choices(call: Call, model: str, voice: Voice) -> tuple[Choice, ...]:
    reasoning = f"The request names {model}; I say what I always say." if call.reasoning or voice.reasoning else ""
    if call.uses:
        calls = tuple(
            ToolCall(tool.name, _json(instance_of(tool.schema) if tool.arguments is None else tool.arguments)) for tool in call.uses
        )
        choice = Choice(reasoning=reasoning, tool_calls=calls, finish=Finish.TOOL_CALLS)
        return (choice,) * call.choices
    return tuple(_limit(_text(call, model, voice, index), reasoning, call) for index in range(call.choices))


def _text(call: Call, model: str, voice: Voice, index: int) -> str:
    if call.schema is not None:
        return _json(instance_of(call.schema))
    text = f"This is {model}. {voice.sentence}"
    if index:
        text += f" (Alternative {index + 1}.)"
    missing = voice.words - len(text.split())
    if missing > 0:
        filler = _FILLER.split()
        text += "".join(f" {filler[number % len(filler)]}" for number in range(missing))
    if voice.echo:
        text += f" {voice.echo}"
    return _json({"answer": text}) if call.json_object else text


def _limit(text: str, reasoning: str, call: Call) -> Choice:
    """Apply stop sequences, then the longest length."""
    finish, stopped_by = Finish.STOP, None
    cuts = [(text.index(stop), stop) for stop in call.stops if stop and stop in text]
    if cuts:
        position, stopped_by = min(cuts)
        text, finish = text[:position], Finish.STOP_SEQUENCE
    if call.max_tokens is not None and tokens_for(size_of(text)) > call.max_tokens:
        text = text.encode()[: call.max_tokens * BYTES_PER_TOKEN].decode(errors="ignore")
        finish, stopped_by = Finish.LENGTH, None
    return Choice(text=text, reasoning=reasoning, finish=finish, stopped_by=stopped_by)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
