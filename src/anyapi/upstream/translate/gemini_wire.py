"""The parts of Gemini's answers and stream events that are read, as types. Unknown fields, and parts of other kinds, are ignored.

Source: `GenerateContentResponse` of the Gemini API (v1beta) and of Vertex AI (v1), November 2026. A stream's events are of the same type.
"""

import msgspec

from anyapi.domain.usage import Count, TokenCount
from anyapi.upstream.translate.chat_chunks import usage_of

NOTHING = msgspec.Raw()

UNSPECIFIED = "FINISH_REASON_UNSPECIFIED"


class FunctionCall(msgspec.Struct, rename="camel"):
    """A call. `will_continue` announces pieces of arguments, which no request of ours asks for."""

    name: str = ""
    id: str | None = None
    args: msgspec.Raw = NOTHING
    will_continue: bool = False

    def arguments(self) -> str:
        """The arguments as OpenAI wants them, a string; the text is the provider's, checked to be a JSON object. None is `{}`."""
        text = bytes(self.args).decode() or "{}"
        if not isinstance(msgspec.json.decode(text), dict):
            raise ValueError("arguments are not an object")  # noqa: TRY004 - the caller catches what decoding raises
        return text


class Blob(msgspec.Struct, rename="camel"):
    """A file in base64."""

    mime_type: str = ""
    data: str = ""

    def as_openai(self) -> dict[str, object]:
        """An entry of a message's `images`, as OpenRouter has them. Raises ValueError for what is no image: it has no place there."""
        if not self.mime_type.startswith("image/") or not self.data:
            raise ValueError("a file that is no image")
        return {"type": "image_url", "image_url": {"url": f"data:{self.mime_type};base64,{self.data}"}}


class Part(msgspec.Struct, rename="camel"):
    """Text, a thought, a call, a file, or something that is not read. A signature may stand on any, or alone."""

    text: str | None = None
    thought: bool = False
    thought_signature: str | None = None
    function_call: FunctionCall | None = None
    inline_data: Blob | None = None

    @property
    def says_something(self) -> bool:
        """Whether it holds words, a call or a file."""
        return bool(self.text) or self.function_call is not None or self.inline_data is not None


class Content(msgspec.Struct):
    """What one candidate says, or a piece of it."""

    parts: list[Part] | None = None


class LogToken(msgspec.Struct, rename="camel"):
    """A token and how likely it was."""

    token: str = ""
    log_probability: float = 0.0


class TopTokens(msgspec.Struct):
    """The likeliest tokens at one step."""

    candidates: list[LogToken] = []


class Logprobs(msgspec.Struct, rename="camel"):
    """The chosen token of each step, and the likeliest ones."""

    chosen_candidates: list[LogToken] = []
    top_candidates: list[TopTokens] = []


class Candidate(msgspec.Struct, rename="camel"):
    """One answer, or a piece of it."""

    content: Content | None = None
    finish_reason: str | None = None
    index: int = 0
    logprobs_result: msgspec.Raw = NOTHING

    def parts(self) -> list[Part]:
        """The parts, possibly none."""
        return (self.content and self.content.parts) or []

    @property
    def finish(self) -> str | None:
        """The finish reason, None if there is none yet."""
        return None if self.finish_reason in ("", UNSPECIFIED) else self.finish_reason


class PromptFeedback(msgspec.Struct, rename="camel"):
    """Why there is no answer."""

    block_reason: str | None = None


class Usage(msgspec.Struct, rename="camel"):
    """Token counts. In a stream every event may state them anew; the last ones are the totals. Zero is not written."""

    prompt_token_count: Count | None = None
    candidates_token_count: Count | None = None
    cached_content_token_count: Count | None = None
    thoughts_token_count: Count | None = None
    tool_use_prompt_token_count: Count | None = None

    def updated(self, later: "Usage") -> "Usage":
        """These counts, with those that the later ones state."""
        return Usage(*(mine if new is None else new for mine, new in zip(_values(self), _values(later), strict=True)))  # type: ignore[arg-type]

    def total(self) -> TokenCount | None:
        """The counts in our terms, None when the prompt's is not stated. Google counts thoughts beside the answer, OpenAI inside it."""
        if self.prompt_token_count is None:
            return None
        thoughts = self.thoughts_token_count or 0
        prompt = self.prompt_token_count + (self.tool_use_prompt_token_count or 0)
        cached = min(self.cached_content_token_count or 0, prompt)
        return TokenCount(prompt, (self.candidates_token_count or 0) + thoughts, cached, thoughts)

    def as_openai(self) -> dict[str, object] | None:
        """OpenAI's `usage` object, None when `total` is None."""
        return usage_of(self.total())


class Response(msgspec.Struct, rename="camel"):
    """A complete answer, or one event of a stream. `error` stands alone."""

    candidates: list[Candidate] = []
    prompt_feedback: PromptFeedback | None = None
    usage_metadata: msgspec.Raw = NOTHING
    model_version: str = ""
    response_id: str = ""
    error: msgspec.Raw = NOTHING

    @property
    def blocked(self) -> bool:
        """The prompt was refused: there is no answer."""
        return self.prompt_feedback is not None and bool(self.prompt_feedback.block_reason)

    @property
    def known(self) -> bool:
        """Whether it holds anything that is known here."""
        return bool(self.candidates or self.blocked or bytes(self.usage_metadata) or self.model_version or self.response_id)


NO_USAGE = Usage()

_usage = msgspec.json.Decoder(Usage)


def read_usage(raw: msgspec.Raw) -> Usage:
    """Decode token counts; what cannot be understood counts as not stated, because an answer is not worth less for it."""
    if not bytes(raw):
        return NO_USAGE
    try:
        return _usage.decode(raw)
    except (ValueError, RecursionError):
        return NO_USAGE


def _values(usage: Usage) -> tuple[object, ...]:
    return msgspec.structs.astuple(usage)
