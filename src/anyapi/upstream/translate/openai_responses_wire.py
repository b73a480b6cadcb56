"""The pieces of chat completions that are read, and the pieces of Responses objects and events that are written.

Sources: the `ChatCompletion`, `ChatCompletionChunk`, `Response` and `ResponseStreamEvent` types of OpenAI's API reference. Fields whose
form differs among providers are read leniently: an answer is not worth less for them.
"""

import re

import msgspec

from anyapi.domain.usage import Count
from anyapi.upstream.translate.openai_responses_echo import Echo
from anyapi.upstream.translate.reading import Object

NOTHING = msgspec.Raw()
EMPTY = frozenset({b"", b"null", b'""', b"[]"})
ODD = re.compile(r"[^A-Za-z0-9]")
LONGEST_BASE = 40
"""Characters of a completion's id that are kept: item ids may have 64."""
TIERS = frozenset({"default", "flex", "scale", "priority", "fast", "ultrafast"})

encode = msgspec.json.Encoder().encode


class Function(msgspec.Struct):
    """A function call, or a piece of one."""

    name: str | None = None
    arguments: str | None = None


class Call(msgspec.Struct):
    """A tool call, or a piece of one."""

    index: int | None = None
    id: str | None = None
    function: Function | None = None


class Part(msgspec.Struct):
    """A part of a content that is a list, as some providers have it."""

    type: str = ""
    text: str = ""
    thinking: "str | list[Part] | None" = None


class Said(msgspec.Struct):
    """A message, or a delta."""

    content: str | list[Part] | None = None
    refusal: str | None = None
    reasoning_content: msgspec.Raw = NOTHING
    reasoning: msgspec.Raw = NOTHING
    reasoning_details: msgspec.Raw = NOTHING
    annotations: msgspec.Raw = NOTHING
    tool_calls: list[Call] | None = None

    @property
    def speaks(self) -> bool:
        """Whether it holds anything but calls."""
        return self.size > 0

    @property
    def size(self) -> int:
        """Length of what is not calls, about."""
        raws = (self.reasoning_content, self.reasoning, self.reasoning_details, self.annotations)
        return len(self.text) + len(self.thinking) + len(self.refusal or "") + sum(len(raw) for raw in raws if bytes(raw) not in EMPTY)

    @property
    def text(self) -> str:
        """The content's text."""
        if isinstance(self.content, list):
            return "".join(part.text for part in self.content if part.type == "text")
        return self.content or ""

    @property
    def thinking(self) -> str:
        """The thinking among the parts of the content, as Mistral's models state it."""
        found = [part.thinking or "" for part in self.content if part.type == "thinking"] if isinstance(self.content, list) else []
        return "".join(piece if isinstance(piece, str) else "".join(inner.text for inner in piece) for piece in found)


class Choice(msgspec.Struct):
    """A choice of a completion or of a chunk."""

    index: int = 0
    message: Said | None = None
    delta: Said | None = None
    finish_reason: str | None = None
    logprobs: msgspec.Raw = NOTHING


class Completion(msgspec.Struct):
    """A completion, or a chunk of one."""

    choices: list[Choice] = []
    id: str = ""
    model: str = ""
    created: float = 0
    usage: msgspec.Raw = NOTHING
    service_tier: msgspec.Raw = NOTHING
    error: msgspec.Raw = NOTHING


class _PromptDetails(msgspec.Struct):
    cached_tokens: Count | None = None
    cache_write_tokens: Count | None = None


class _CompletionDetails(msgspec.Struct):
    reasoning_tokens: Count | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: Count
    completion_tokens: Count
    prompt_tokens_details: _PromptDetails | None = None
    completion_tokens_details: _CompletionDetails | None = None


class _Logprob(msgspec.Struct):
    token: str
    logprob: float
    bytes: list[int] | None = None
    top_logprobs: list["_Logprob"] = []


class _Logprobs(msgspec.Struct):
    content: list[_Logprob] | None = None


class _Citation(msgspec.Struct):
    url: str
    title: str = ""
    start_index: int = 0
    end_index: int = 0


class _Annotation(msgspec.Struct):
    type: str
    url_citation: _Citation | None = None


completion = msgspec.json.Decoder(Completion).decode
_usage = msgspec.json.Decoder(_Usage).decode
_logprobs = msgspec.json.Decoder(_Logprobs | None).decode
_annotations = msgspec.json.Decoder(list[_Annotation] | None).decode
_text = msgspec.json.Decoder(str | None).decode
_details = msgspec.json.Decoder(list[dict[str, object]] | None).decode


class Head(msgspec.Struct):
    """What tells one response from another. `created` in Unix seconds."""

    id: str = ""
    model: str = ""
    created: int = 0
    tier: str = "default"

    def named(self, kind: str, number: int) -> str:
        """The id of the response's item at a position: always the same for the same completion."""
        return f"{kind}_{self.id}_{number}"


def head_of(found: Completion, now: float) -> Head:
    """The head of a response for a completion, or for the first chunk of one."""
    created = found.created if 0 < found.created < 2**53 else now
    return Head(ODD.sub("", found.id)[-LONGEST_BASE:] or "0", found.model, int(created), tier_of(found.service_tier))


def tier_of(raw: msgspec.Raw) -> str:
    """The service tier that the provider states."""
    tier = text_of(raw)
    return tier if tier in TIERS else "default"


def text_of(raw: msgspec.Raw) -> str:
    """A string; empty if it is anything else."""
    if not bytes(raw):
        return ""
    try:
        return _text(raw) or ""
    except (ValueError, RecursionError):
        return ""


def thought_of(said: Said) -> str:
    """Reasoning that came as plain text; providers call it one or the other, or have it among the parts of the content."""
    return text_of(said.reasoning_content) or text_of(said.reasoning) or said.thinking


def details_of(said: Said) -> list[Object]:
    """The `reasoning_details`; none if they cannot be understood."""
    if not bytes(said.reasoning_details):
        return []
    try:
        return _details(said.reasoning_details) or []
    except (ValueError, RecursionError):
        return []


def logprobs_of(raw: msgspec.Raw) -> list[Object]:
    """A choice's log probabilities of content tokens, as output text has them."""
    if not bytes(raw) or bytes(raw) == b"null":
        return []
    try:
        found = _logprobs(raw)
    except (ValueError, RecursionError):
        return []
    return [_as_logprob(one) for one in (found.content or [])] if found else []


def _as_logprob(one: _Logprob) -> Object:
    return {**_as_top(one), "top_logprobs": [_as_top(top) for top in one.top_logprobs]}


def _as_top(one: _Logprob) -> Object:
    return {"token": one.token, "bytes": list(one.token.encode()) if one.bytes is None else one.bytes, "logprob": one.logprob}


def annotations_of(raw: msgspec.Raw) -> list[Object]:
    """A message's citations, as output text has them."""
    if not bytes(raw):
        return []
    try:
        found = _annotations(raw) or []
    except (ValueError, RecursionError):
        return []
    return [
        {"type": "url_citation", **msgspec.structs.asdict(annotation.url_citation)}
        for annotation in found
        if annotation.type == "url_citation" and annotation.url_citation is not None
    ]


def usage_of(raw: msgspec.Raw) -> bytes:
    """A response's `usage` for a completion's, as JSON; null if it is not stated or cannot be understood."""
    try:
        found = _usage(raw)
    except (ValueError, RecursionError):
        return b"null"
    prompt, completed = found.prompt_tokens_details, found.completion_tokens_details
    return b'{"input_tokens":%d,"input_tokens_details":{"cached_tokens":%d,"cache_write_tokens":%d},"output_tokens":%d,%b' % (
        found.prompt_tokens,
        (prompt and prompt.cached_tokens) or 0,
        (prompt and prompt.cache_write_tokens) or 0,
        found.completion_tokens,
        b'"output_tokens_details":{"reasoning_tokens":%d},"total_tokens":%d}'
        % ((completed and completed.reasoning_tokens) or 0, found.prompt_tokens + found.completion_tokens),
    )


class Ending(msgspec.Struct, frozen=True):
    """How a response ended: its status, and why it is incomplete or failed, as JSON."""

    status: str
    incomplete: bytes = b"null"
    error: bytes = b"null"

    @property
    def item(self) -> str:
        """The status of the item that was being written at the end."""
        return "completed" if self.status == "completed" else "incomplete"


RUNNING = Ending("in_progress")
COMPLETED = Ending("completed")
ENDINGS = {
    "length": Ending("incomplete", b'{"reason":"max_output_tokens"}'),
    "content_filter": Ending("incomplete", b'{"reason":"content_filter"}'),
}
"""Endings by a completion's `finish_reason`; any other is `COMPLETED`."""


class Outcome(msgspec.Struct, frozen=True):
    """What a response object holds besides its head and its settings."""

    ending: Ending = RUNNING
    output: tuple[bytes, ...] = ()
    usage: bytes = b"null"
    completed: int | None = None
    """Unix seconds."""


def response(head: Head, echo: Echo, outcome: Outcome) -> bytes:
    """A response object as JSON."""
    ending = outcome.ending
    return b"".join(
        (
            b'{"id":"resp_%b","object":"response","created_at":%d,' % (head.id.encode(), head.created),
            b'"status":"%b","completed_at":%b,' % (ending.status.encode(), encode(outcome.completed)),
            b'"error":%b,"incomplete_details":%b,"model":%b,' % (ending.error, ending.incomplete, encode(head.model)),
            b'"output":[%b],"usage":%b,' % (b",".join(outcome.output), outcome.usage),
            b'"service_tier":"%b",%b}' % (head.tier.encode(), echo.settings),
        )
    )
