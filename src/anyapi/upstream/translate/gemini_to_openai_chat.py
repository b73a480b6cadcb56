"""A complete Gemini answer as an OpenAI chat completion. Pure; docs/translation.md is the list of what becomes what.

Thought signatures are carried twice, because clients differ in what they send back: in `reasoning_details` (as OpenRouter does), and on
a tool call in `extra_content.google.thought_signature` (as Google's own OpenAI endpoint does).
"""

from collections.abc import Mapping
from itertools import chain, repeat

import msgspec

from anyapi.domain.decision import Outcome, OutcomeKind
from anyapi.upstream.adapter import Answer
from anyapi.upstream.classify_gemini import classify_error
from anyapi.upstream.translate import gemini_wire as wire
from anyapi.upstream.translate.chat_chunks import logprobs_of as chat_logprobs
from anyapi.upstream.translate.reading import Object

FINISH: Mapping[str, str] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "ESCALATION": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
    "LANGUAGE": "content_filter",
    "OTHER": "content_filter",  # cut off by the provider for a reason it does not state: `stop` would call it whole
}
"""OpenAI's `finish_reason` for Gemini's `finishReason`. One that is not listed is `stop`, or `tool_calls` after a call."""

REFUSED = frozenset(reason for reason, finish in FINISH.items() if finish == "content_filter") - {"LANGUAGE", "OTHER"}
"""The provider declined for content reasons."""

BROKEN = frozenset(
    {
        "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "MISSING_THOUGHT_SIGNATURE", "MALFORMED_RESPONSE",
        "NO_IMAGE", "IMAGE_OTHER",
    }
)  # fmt: skip
"""The generation failed: what there is of an answer is no answer."""

UNFINISHED: frozenset[str | None] = BROKEN | {None}
"""The same, and no reason at all: then the model has not stopped, says Google's reference of `finishReason`."""

FORMAT = "google-gemini-v1"
"""Marks `reasoning_details` as Gemini's, so that a signature is given back to Gemini alone."""

BAD = Outcome(OutcomeKind.BAD_RESPONSE)

BLOCKED = wire.Candidate(finish_reason="PROHIBITED_CONTENT")
"""Stands for the answer to a prompt that was blocked."""

_response = msgspec.json.Decoder(wire.Response)
_logprobs = msgspec.json.Decoder(wire.Logprobs)
_encode = msgspec.json.Encoder().encode


class _Gathered:
    """What the parts of one candidate hold, by kind."""

    __slots__ = ("_base", "calls", "details", "hidden", "hide", "images", "text", "thinking")

    def __init__(self, base: str, *, hide: bool) -> None:
        """`base` makes ids for calls that have none."""
        self._base = base
        self.hide, self.hidden = hide, False
        self.text: list[str] = []
        self.images: list[Object] = []
        self.thinking: list[str] = []
        self.details: list[Object] = []
        self.calls: list[Object] = []

    def add(self, part: wire.Part) -> None:
        """Take one part. Raises ValueError when a call lacks its name or an object of arguments."""
        if part.function_call is not None:
            made = call_of(part.function_call, f"{self._base}_{len(self.calls)}")
            if part.thought_signature:
                made["extra_content"] = extra_content(part.thought_signature)
                self._detail(sealed(part.thought_signature, str(made["id"])))
            self.calls.append(made)
        elif part.thought:
            self._think(part.text or "", part.thought_signature)
        else:
            self.text.append(part.text or "")
            if part.inline_data is not None:
                self.images.append(part.inline_data.as_openai())
            if part.thought_signature:
                self._detail(sealed(part.thought_signature))

    def _think(self, text: str, signature: str | None) -> None:
        detail: Object = {} if self.hide else {"text": text}
        if signature:
            detail["signature"] = signature
        if self.hide:
            self.hidden = self.hidden or bool(text)
        else:
            self.thinking.append(text)
        if text or signature:
            self._detail({"type": "reasoning.text", **detail, "format": FORMAT})

    def _detail(self, detail: Object) -> None:
        if len(detail) > 2:  # more than type and format
            self.details.append({**detail, "index": len(self.details)})

    def says_nothing(self) -> bool:
        """Whether it holds nothing: no words, no call, and no reasoning, were it sealed or not to be shown."""
        return not (any(self.text) or self.hidden or self.calls or self.details or self.images)

    def message(self) -> Object:
        """OpenAI's message."""
        text = "".join(self.text)
        said: Object = {"role": "assistant", "content": text or (None if self.calls else ""), "refusal": None}
        if any(self.thinking):
            said["reasoning_content"] = "".join(self.thinking)
        if self.images:
            said["images"] = self.images
        if self.details:
            said["reasoning_details"] = self.details
        if self.calls:
            said["tool_calls"] = self.calls
        return said


def translate(body: bytes, *, created: int, fallback_id: str, hide_reasoning: bool = False) -> Answer | Outcome:
    """Translate an answer's body; an `Outcome` when it is an error or cannot be understood. Never raises.

    `created` in Unix seconds. `fallback_id`, unique, stands in where the provider gave no id.
    """
    try:
        response = _response.decode(body)
        if bytes(response.error):
            return classify_error(response.error)
        return _answer(response, created, fallback_id, hide=hide_reasoning)
    except (ValueError, RecursionError):
        return BAD


def _answer(response: wire.Response, created: int, fallback_id: str, *, hide: bool) -> Answer:
    """Raises ValueError for what is no answer."""
    candidates = response.candidates or [BLOCKED] * response.blocked
    reasons = {candidate.finish for candidate in candidates}
    if not candidates or reasons & UNFINISHED or len({one.index for one in candidates}) < len(candidates):
        raise ValueError("no answer, one that failed or has not stopped, or two of one index")
    id_ = response.response_id or fallback_id
    gathered = [_gathered(candidate, id_, hide=hide) for candidate in candidates]
    usage = wire.read_usage(response.usage_metadata)
    stated = usage.as_openai()
    completion: Object = {
        "id": id_,
        "object": "chat.completion",
        "created": created,
        "model": response.model_version,
        "choices": list(map(_choice, candidates, gathered)),
        **({} if stated is None else {"usage": stated}),
    }
    return Answer(_encode(completion), usage.total(), reasons <= REFUSED, empty=all(map(_Gathered.says_nothing, gathered)))


def finish_of(reason: str | None, *, calls: bool) -> str:
    """OpenAI's `finish_reason`. Gemini has no end of its own for calls."""
    finish = FINISH.get(reason or "", "stop")
    return "tool_calls" if calls and finish == "stop" else finish


def call_of(call: wire.FunctionCall, fallback_id: str) -> Object:
    """OpenAI's tool call. Raises ValueError when it lacks a name or an object of arguments, or comes in pieces."""
    if not call.name or call.will_continue:
        raise ValueError("a call without name, or a piece of one")
    return {
        "id": call.id or f"call_{fallback_id}",
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments()},
    }


def extra_content(signature: str) -> Object:
    """What stands on a tool call."""
    return {"google": {"thought_signature": signature}}


def sealed(signature: str, call_id: str | None = None) -> Object:
    """The `reasoning_details` entry for a signature on a call, or on text; without its index."""
    detail: Object = {"type": "reasoning.encrypted", "data": signature, "format": FORMAT}
    return detail if call_id is None else {**detail, "id": call_id}


def logprobs_of(raw: msgspec.Raw) -> Object | None:
    """OpenAI's `logprobs`, None if there are none or they cannot be understood: an answer is not worth less for it."""
    if not bytes(raw):
        return None
    try:
        found = _logprobs.decode(raw)
    except (ValueError, RecursionError):
        return None
    tops = [[(token.token, token.log_probability) for token in top.candidates] for top in found.top_candidates]
    padded = zip(found.chosen_candidates, chain(tops, repeat([])), strict=False)
    return chat_logprobs([(chosen.token, chosen.log_probability, top) for chosen, top in padded])


def _gathered(candidate: wire.Candidate, base: str, *, hide: bool) -> _Gathered:
    gathered = _Gathered(f"{base}_{candidate.index}", hide=hide)
    for part in candidate.parts():
        gathered.add(part)
    return gathered


def _choice(candidate: wire.Candidate, gathered: _Gathered) -> Object:
    return {
        "index": candidate.index,
        "message": gathered.message(),
        "logprobs": logprobs_of(candidate.logprobs_result),
        "finish_reason": finish_of(candidate.finish_reason, calls=bool(gathered.calls)),
    }
