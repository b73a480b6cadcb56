"""The parts of OpenAI's chat completions and chunks that are read to say them in another format, as types. Unknown fields are ignored.

Source: OpenAI's API reference, and what providers of the format add to it: `reasoning_content` (DeepSeek, vLLM), `reasoning` and
`reasoning_details` (OpenRouter), content in parts (Mistral), `extra_content` (Gemini). Values may be null where providers write null.
"""

import msgspec

from anyapi.domain.usage import Count, TokenCount
from anyapi.upstream.translate import raw_reading
from anyapi.upstream.translate.reading import Object

NULL = msgspec.Raw(b"null")
EMPTY = frozenset({b"null", b'""', b"[]", b"{}", b"false"})


class Function(msgspec.Struct):
    """A call's name and arguments: a string, of which a stream gives pieces; some providers send the object itself."""

    name: str | None = None
    arguments: msgspec.Raw = NULL


class ToolCall(msgspec.Struct):
    """A call, or a piece of one. Holds content."""

    index: int | None = None
    id: str | None = None
    function: Function | None = None
    extra_content: msgspec.Raw = NULL

    def said(self) -> tuple[str, str, str]:
        """The id, the name and the arguments, each empty where it is not there. Raises ValueError for arguments of another kind."""
        function = self.function or Function()
        return self.id or "", function.name or "", arguments_of(function.arguments)


class Said(msgspec.Struct):
    """A message, or a piece of one."""

    content: msgspec.Raw = NULL
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: msgspec.Raw = NULL
    reasoning_details: list[msgspec.Raw] | None = None
    tool_calls: list[ToolCall] | None = None

    def reasons(self) -> bool:
        """Whether there is reasoning beside the content."""
        return bool(self.reasoning_content or self.reasoning_details) or not is_empty(self.reasoning)

    def plain_reasoning(self) -> str:
        """Reasoning nobody signed, under either of its names."""
        if self.reasoning_content:
            return self.reasoning_content
        return str(_any(self.reasoning)) if raw_reading.is_text(self.reasoning) else ""

    def details(self) -> list[Object]:
        """The entries of `reasoning_details`. Raises ValueError for one that is not an object."""
        return [_object(raw) for raw in self.reasoning_details or ()]


class Choice(msgspec.Struct):
    """One of the answers. A chunk has `delta`, a whole completion `message`."""

    index: int = 0
    message: Said | None = None
    delta: Said | None = None
    finish_reason: str | None = None


class Completion(msgspec.Struct):
    """A completion or a chunk of one."""

    id: str | None = None
    model: str | None = None
    choices: list[Choice] | None = None
    usage: msgspec.Raw = NULL
    error: msgspec.Raw = NULL


class PromptDetails(msgspec.Struct):
    """What the cache gave and took."""

    cached_tokens: Count | None = None
    cache_write_tokens: Count | None = None


class CompletionDetails(msgspec.Struct):
    """How many of the completion's tokens were reasoning."""

    reasoning_tokens: Count | None = None


class Usage(msgspec.Struct):
    """Token counts as OpenAI states them: what the cache gave is a part of the prompt."""

    prompt_tokens: Count
    completion_tokens: Count
    prompt_tokens_details: PromptDetails | None = None
    completion_tokens_details: CompletionDetails | None = None

    def total(self) -> TokenCount:
        """The counts in our terms."""
        return TokenCount(self.prompt_tokens, self.completion_tokens, self._cached(), self._reasoning() or 0)

    def as_anthropic(self) -> Object:
        """Anthropic's `usage` object, in which input is what the cache neither gave nor took."""
        cached = self._cached()
        details = self.prompt_tokens_details
        written = min((details and details.cache_write_tokens) or 0, self.prompt_tokens - cached)
        found: Object = {
            "input_tokens": self.prompt_tokens - cached - written,
            "cache_creation_input_tokens": written,
            "cache_read_input_tokens": cached,
            "output_tokens": self.completion_tokens,
        }
        reasoning = self._reasoning()
        if reasoning is not None:
            found["output_tokens_details"] = {"thinking_tokens": reasoning}
        return found

    def _cached(self) -> int:
        details = self.prompt_tokens_details
        return min((details and details.cached_tokens) or 0, self.prompt_tokens)

    def _reasoning(self) -> int | None:
        details = self.completion_tokens_details
        found = None if details is None else details.reasoning_tokens
        return None if found is None else min(found, self.completion_tokens)


class _Part(msgspec.Struct):
    type: str = ""
    text: str | None = None
    thinking: "str | list[_Part] | None" = None


NOT_STATED: Object = {"input_tokens": 0, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 0}
"""What stands in Anthropic's `usage`, which must hold numbers, when the provider stated none."""

decode = msgspec.json.Decoder(Completion).decode
_usage = msgspec.json.Decoder(Usage).decode
_parts = msgspec.json.Decoder(list[_Part]).decode
_object = msgspec.json.Decoder(dict[str, object]).decode
_any = msgspec.json.Decoder().decode


def read_usage(raw: msgspec.Raw) -> Usage | None:
    """Decode token counts; None where there are none or they are not of the form, because an answer is not worth less for it."""
    try:
        return _usage(raw)
    except (ValueError, RecursionError):
        return None


def is_empty(raw: msgspec.Raw) -> bool:
    """Whether a value says nothing."""
    return len(raw) < 6 and bytes(raw) in EMPTY


def texts_of(content: msgspec.Raw) -> tuple[str, str]:
    """Text and reasoning of a `content` in parts. Raises ValueError when it is neither parts nor null nor a string."""
    if raw_reading.is_text(content):
        return str(_any(content)), ""
    if is_empty(content):
        return "", ""
    text: list[str] = []
    thinking: list[str] = []
    for part in _parts(content):
        if part.thinking is None:
            text.append(part.text or "")
        else:
            inner = part.thinking
            thinking.append(inner if isinstance(inner, str) else "".join(piece.text or "" for piece in inner))
    return "".join(text), "".join(thinking)


def arguments_of(raw: msgspec.Raw) -> str:
    """The text of a call's arguments, or of a piece of them. Raises ValueError for what is neither a string nor an object nor null."""
    if raw_reading.is_text(raw):
        return str(_any(raw))
    if bytes(raw) == b"null":
        return ""
    _object(raw)
    return bytes(raw).decode()


def begins_anew(piece: str | None, known: str, name: str | None) -> bool:
    """Whether a piece of a tool call is another call under an index that is in use, by its id and its name.

    Servers that call every index 0 give each call both; one that draws a new id for every piece gives a name to the first alone.
    """
    return bool(piece and name) and piece != known
