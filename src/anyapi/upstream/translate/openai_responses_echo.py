"""What a response object of OpenAI's Responses API repeats of its request, and what writing the answer must know of it.

Source: the `Response` type of OpenAI's API reference, and the required fields of the Open Responses specification. What was not asked
for is stated with the API's default. `metadata` is not repeated: it was taken off for what is ours.
"""

from collections.abc import Callable, Mapping

import msgspec

from anyapi.errors import BadRequest
from anyapi.upstream.translate import reading
from anyapi.upstream.translate.openai_responses_tools_to_openai_chat import Name, Tools
from anyapi.upstream.translate.reading import Object

EFFORTS = frozenset({"none", "minimal", "low", "medium", "high", "xhigh", "max"})
SUMMARIES = frozenset({"auto", "concise", "detailed"})
TIERS = frozenset({"auto", "default", "flex", "scale", "priority", "fast", "ultrafast"})
VERBOSITIES = frozenset({"low", "medium", "high"})
TRUNCATIONS = frozenset({"auto", "disabled"})
RETENTIONS = frozenset({"in_memory", "24h"})
LOGPROBS = "message.output_text.logprobs"
SEALED = "reasoning.encrypted_content"

Get = Callable[[str], object]
"""The decoded value of a request's field, None where it is absent or null."""

_encode = msgspec.json.Encoder().encode


class Echo(msgspec.Struct, frozen=True):
    """What the answer needs of its request. Holds content: never printed."""

    settings: bytes = b""
    """The members of the response object that never change, as JSON without braces."""
    names: Mapping[str, Name] = {}
    """Tools that the client knows under another name or kind, by the name that the model sees."""
    summary: bool = False
    """Reasoning is shown as a summary, because the client asked for one; else as reasoning text."""
    sealed: bool = False
    """The client asked for `reasoning.encrypted_content`."""

    def __repr__(self) -> str:
        """Never the content."""
        return "<Echo>"


class Reasoning(msgspec.Struct, frozen=True):
    """The request's `reasoning`, as far as it is understood."""

    effort: str | None = None
    summary: str | None = None
    others: tuple[str, ...] = ()
    """Names of its fields that ask for something chat completions do not have."""


def included(get: Get) -> frozenset[str]:
    """The request's `include`."""
    value = get("include")
    listed = [] if value is None else reading.sequence(value, "include")
    return frozenset(reading.text(name, "include") for name in listed)


def reasoning_of(get: Get) -> Reasoning:
    """Read `reasoning`."""
    value = get("reasoning")
    if value is None:
        return Reasoning()
    asked = reading.mapping(value, "reasoning")
    effort = one_of(asked.get("effort"), "reasoning.effort", EFFORTS)
    summary = one_of(asked.get("summary"), "reasoning.summary", SUMMARIES)
    older = one_of(asked.get("generate_summary"), "reasoning.generate_summary", SUMMARIES)
    plain = {"context": (None, "auto"), "mode": (None, "standard")}
    others = tuple(f"reasoning.{name}" for name, usual in plain.items() if asked.get(name) not in usual)
    return Reasoning(effort, summary or older, others)


def echo_of(get: Get, tools: Tools) -> Echo:
    """Read the settings that are repeated. `BadRequest` names one of a wrong type or out of range."""
    reasoning = reasoning_of(get)
    include = included(get)
    parallel = get("parallel_tool_calls")
    settings: Object = {
        "background": False,
        "store": False,
        "previous_response_id": None,
        "metadata": {},
        "instructions": _text(get, "instructions"),
        "tools": tools.echo_tools,
        "tool_choice": tools.echo_choice,
        "parallel_tool_calls": True if parallel is None else parallel,
        "temperature": number(get, "temperature", 0, 2, 1.0),
        "top_p": number(get, "top_p", 0, 1, 1.0),
        "presence_penalty": number(get, "presence_penalty", -2, 2, 0.0),
        "frequency_penalty": number(get, "frequency_penalty", -2, 2, 0.0),
        "top_logprobs": top_logprobs(get) or 0,
        "max_output_tokens": whole(get, "max_output_tokens"),
        "max_tool_calls": whole(get, "max_tool_calls"),
        "reasoning": {"effort": reasoning.effort, "summary": reasoning.summary},
        "text": _text_settings(get),
        "truncation": one_of(get("truncation"), "truncation", TRUNCATIONS) or "disabled",
        "safety_identifier": _text(get, "safety_identifier"),
        "prompt_cache_key": _text(get, "prompt_cache_key"),
        "prompt_cache_retention": one_of(get("prompt_cache_retention"), "prompt_cache_retention", RETENTIONS),
    }
    if get("user") is not None:
        settings["user"] = _text(get, "user")  # OpenAI's reference has no null here
    one_of(get("service_tier"), "service_tier", TIERS)
    return Echo(written(settings)[1:-1], tools.names, reasoning.summary is not None, SEALED in include)


def written(value: object) -> bytes:
    """JSON of decoded values. `BadRequest` for what cannot be written again, such as a number far out of range."""
    try:
        return _encode(value)
    except (ValueError, OverflowError, RecursionError):
        pass  # raised below, so that no traceback holds the value
    raise BadRequest("A value of the request cannot be written as JSON again. Check for numbers far out of range.")


def one_of(value: object, field: str, known: frozenset[str]) -> str | None:
    """Take one of the known words, or None."""
    if value is None:
        return None
    if not isinstance(value, str) or value not in known:
        raise BadRequest(f"`{field}` must be one of {', '.join(sorted(known))}.", field)
    return value


def number(get: Get, name: str, low: float, high: float, usual: float) -> float:
    """Take a number inside the limits; absent is the usual one."""
    value = get(name)
    return usual if value is None else reading.number(value, name, low, high)


def whole(get: Get, name: str) -> int | None:
    """Take a positive whole number, or None."""
    value = get(name)
    return None if value is None else reading.integer(value, name, 1)


def top_logprobs(get: Get) -> int | None:
    """Take `top_logprobs`, or None."""
    value = get("top_logprobs")
    if value is None:
        return None
    if reading.integer(value, "top_logprobs", 0) > 20:
        raise BadRequest("`top_logprobs` must be at most 20.", "top_logprobs")
    return reading.integer(value, "top_logprobs", 0)


def _text(get: Get, name: str) -> str | None:
    value = get(name)
    return None if value is None else reading.text(value, name)


def _text_settings(get: Get) -> Object:
    """`text` with its format stated."""
    value = get("text")
    asked = {} if value is None else reading.mapping(value, "text")
    said: Object = {"format": asked.get("format") or {"type": "text"}}
    if asked.get("verbosity") is not None:
        said["verbosity"] = one_of(asked["verbosity"], "text.verbosity", VERBOSITIES)
    return said
