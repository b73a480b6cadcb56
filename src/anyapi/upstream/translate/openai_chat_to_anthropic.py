"""An OpenAI chat completion request as an Anthropic messages request. Pure; docs/translation.md is the list of what becomes what.

Three ends for a field: translated; refused with a `BadRequest` that names it; or left out and named in the adjustments. Nothing is left
out silently. What is sent is built from decoded values, so it holds no key twice, whatever the client's body did.
"""

from collections.abc import Callable, Mapping

import msgspec

from anyapi.domain.catalogue import Endpoint
from anyapi.errors import BadRequest
from anyapi.upstream.translate import openai_reasoning_to_anthropic as reasoning
from anyapi.upstream.translate import openai_tools_to_anthropic as tools
from anyapi.upstream.translate import reading
from anyapi.upstream.translate.adjustments import Adjustments
from anyapi.upstream.translate.chat_fields import COMMON, HINTS, ChatFields, Rules
from anyapi.upstream.translate.claude_generation import Generation, generation_of
from anyapi.upstream.translate.openai_messages_to_anthropic import Conversation
from anyapi.upstream.translate.reading import Object

DEFAULT_MAX_TOKENS = 4096
"""Sent when neither the client nor the catalogue says; every Claude model can give as many."""

LONGEST_USER_ID = 256

TRANSLATED = COMMON | {"user", "safety_identifier", "cache_control"}

REFUSED: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "n": (lambda value: value == 1, "Anthropic gives one choice. Send one request for each."),
    "logprobs": (lambda value: value is False, "Anthropic gives no log probabilities."),
    "top_logprobs": (lambda value: value == 0, "Anthropic gives no log probabilities."),
    "logit_bias": (lambda value: value == {}, "Anthropic has no token bias."),
    "frequency_penalty": (lambda value: value == 0, "Anthropic has no penalties."),
    "presence_penalty": (lambda value: value == 0, "Anthropic has no penalties."),
    "modalities": (lambda value: value == ["text"], "Anthropic answers in text only."),
    "audio": (lambda _value: False, "Anthropic answers in text only."),
    "functions": (lambda value: value == [], "Send `tools`, which replaced it."),
    "function_call": (lambda _value: False, "Send `tool_choice`, which replaced it."),
    "web_search_options": (lambda _value: False, "Web search is not offered at Anthropic's endpoints yet."),
    "moderation": (lambda _value: False, "Anthropic has no such setting."),
}
"""Fields whose meaning would be lost, each with the values that ask for nothing, and the reason."""

LEFT_OUT = HINTS - TRANSLATED | {"seed"}
"""Left out and named; a name not listed here is named `other`."""

RULES = Rules("Anthropic", TRANSLATED, REFUSED, LEFT_OUT)


class Request(msgspec.Struct):
    """The outer object of Anthropic's request, and the names of fields that were changed or left out. Holds content: never printed."""

    body: Object
    adjusted: tuple[str, ...]

    def __repr__(self) -> str:
        """Never the content."""
        return "<Request>"


def translate(fields: Mapping[str, msgspec.Raw], endpoint: Endpoint, *, stream: bool, drops: frozenset[str] = frozenset()) -> Request:
    """Build the request for one endpoint. `fields` is not changed. Raises `BadRequest` alone."""
    notes = Adjustments()
    source = ChatFields(fields, drops, notes)
    source.settle_rest(RULES)
    generation = generation_of(endpoint.upstream_model)
    limit = source.max_tokens(endpoint.max_output_tokens) or endpoint.max_output_tokens or DEFAULT_MAX_TOKENS
    body: Object = {"model": endpoint.upstream_model, "max_tokens": limit}
    talk = _conversation(source, generation)
    if talk.system:
        body["system"] = talk.system
    body["messages"] = talk.turns
    chosen = tools.translate(
        source.get("tools"), source.get("tool_choice"), source.get("parallel_tool_calls"), endpoint.capabilities, notes
    )
    if chosen.tools is not None:
        body["tools"] = chosen.tools
    if chosen.choice is not None:
        body["tool_choice"] = chosen.choice
    around = reasoning.Circumstances(limit, endpoint.capabilities.reasoning, chosen.forced, talk.unsigned_calls)
    _add_thinking(body, source, generation, around)
    _add_format(body, source, endpoint)
    _add_sampling(body, source, generation)
    _add_rest(body, source)
    if stream:
        body["stream"] = True
    return Request(body, notes.names)


def _conversation(source: ChatFields, generation: Generation) -> Conversation:
    """Translate the messages, and check that Anthropic can take the conversation as it stands."""
    messages = source.get("messages")
    talk = Conversation(source.notes)
    for number, message in enumerate(reading.sequence(messages, "messages")):
        talk.add(message, f"messages[{number}]")
    if not talk.turns:
        raise BadRequest("`messages` must hold at least one message of a user.", "messages")
    if talk.ends_with_assistant and not generation.continues_assistant:
        raise BadRequest("`messages` ends with the assistant's turn, which this model cannot continue. End with a user's turn.", "messages")
    return talk


def _add_thinking(body: Object, source: ChatFields, generation: Generation, around: reasoning.Circumstances) -> None:
    """Anthropic's own `thinking` object goes through as it is, and wins over an effort's translation."""
    asked = reasoning.read(source.get("reasoning_effort"), source.get("reasoning"))
    thinking = reasoning.translate(asked, generation, around, source.notes)
    own = source.get("thinking")
    config = thinking.config if own is None else reading.mapping(own, "thinking")
    if config is not None:
        body["thinking"] = config
    if thinking.effort is not None:
        body["output_config"] = {"effort": thinking.effort}


def _add_format(body: Object, source: ChatFields, endpoint: Endpoint) -> None:
    """`json_schema` becomes `output_config.format` (Anthropic, structured outputs, general availability without a beta header)."""
    named = source.json_schema("Anthropic", able=endpoint.capabilities.structured_outputs)
    if named is None:
        return
    if named.get("description") is not None:
        source.notes.note("response_format.json_schema.description")
    config = reading.mapping(body.setdefault("output_config", {}), "output_config")
    config["format"] = {"type": "json_schema", "schema": named["schema"]}


def _add_sampling(body: Object, source: ChatFields, generation: Generation) -> None:
    """Temperature and the like, where the model and its thinking leave room for them; noted where not."""
    sampling = _sampling(source)
    free = generation.samples_freely and not isinstance(body.get("thinking"), dict)
    both = generation.takes_both_samplers or "temperature" not in sampling
    for name, value in sampling.items():
        if free and (both or name != "top_p"):
            body[name] = value
        else:
            source.notes.note(name)


def _sampling(source: ChatFields) -> Object:
    """What the client asks for beyond the defaults. `BadRequest` outside Anthropic's ranges: a clamp would be another request."""
    found: Object = {}
    for name in ("temperature", "top_p"):
        value = source.number(name, 0, 1)
        if value is not None and value != 1:
            found[name] = value
    top_k = source.integer("top_k", 1)
    if top_k is not None:
        found["top_k"] = top_k
    return found


def _add_rest(body: Object, source: ChatFields) -> None:
    """Stop sequences, the end user's id, and Anthropic's automatic caching."""
    stop = source.get("stop")
    if stop is not None:
        sequences = [stop] if isinstance(stop, str) else reading.sequence(stop, "stop")
        for sequence in sequences:
            if not reading.text(sequence, "stop").strip():
                raise BadRequest("`stop` holds a blank sequence, which Anthropic does not accept.", "stop")
        if sequences:
            body["stop_sequences"] = sequences
    for name in ("user", "safety_identifier"):
        value = source.get(name)
        if value is None:
            continue
        user = reading.text(value, name)
        if len(user) > LONGEST_USER_ID:
            raise BadRequest(f"`{name}` must have at most {LONGEST_USER_ID} characters.", name)
        body["metadata"] = {"user_id": user}
    control = source.get("cache_control")
    if control is not None:
        body["cache_control"] = reading.mapping(control, "cache_control")
