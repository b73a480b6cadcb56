"""An OpenAI chat completion request as the body of Gemini's `generateContent`. Pure; docs/translation.md is the list of what becomes what.

Three ends for a field: translated; refused with a `BadRequest` that names it; or left out and named in the adjustments. Nothing is left
out silently. What is sent is built from decoded values, so it holds no key twice, whatever the client's body did. The model is not in
the body but in the path, which the adapter writes.
"""

from collections.abc import Mapping

import msgspec

from anyapi.domain.catalogue import Endpoint
from anyapi.errors import BadRequest
from anyapi.upstream.adapter import ProviderRow
from anyapi.upstream.translate import openai_reasoning_to_gemini as reasoning
from anyapi.upstream.translate import openai_tools_to_gemini as tools
from anyapi.upstream.translate import reading
from anyapi.upstream.translate.adjustments import Adjustments
from anyapi.upstream.translate.chat_fields import COMMON, HINTS, ChatFields, Rules
from anyapi.upstream.translate.gemini_generation import Generation, generation_of
from anyapi.upstream.translate.openai_messages_to_gemini import Conversation
from anyapi.upstream.translate.reading import Object

MOST_CHOICES = 8
MOST_LOGPROBS = 20
LARGEST_SEED = 2**31 - 1

TRANSLATED = COMMON | {"seed", "n", "logprobs", "top_logprobs", "frequency_penalty", "presence_penalty", "store"}
LEFT_OUT = HINTS - TRANSLATED | {"cache_control"}

RULES = Rules(
    provider="Gemini",
    translated=TRANSLATED,
    refused={
        "logit_bias": (lambda value: value == {}, "Gemini has no token bias."),
        "modalities": (lambda value: value == ["text"], "only text answers are translated."),
        "audio": (lambda _value: False, "only text answers are translated."),
        "functions": (lambda value: value == [], "send `tools`, which replaced it."),
        "function_call": (lambda _value: False, "send `tool_choice`, which replaced it."),
        "web_search_options": (lambda _value: False, "web search is not offered at Gemini's endpoints yet."),
        "moderation": (lambda _value: False, "Gemini has no such setting."),
    },
    left_out=LEFT_OUT,
)


class Request(msgspec.Struct):
    """The outer object of Gemini's request, and the names of fields that were changed or left out. Holds content: never printed."""

    body: Object
    adjusted: tuple[str, ...]

    def __repr__(self) -> str:
        """Never the content."""
        return "<Request>"


def translate(fields: Mapping[str, msgspec.Raw], endpoint: Endpoint, row: ProviderRow) -> Request:
    """Build the request for one endpoint. `fields` is not changed. Of the row, `drops` and `accepts_store` count.

    Raises `BadRequest` alone.
    """
    notes = Adjustments()
    source = ChatFields(fields, row.drops, notes)
    source.settle_rest(RULES)
    generation = generation_of(endpoint.upstream_model)
    talk = _conversation(source, generation)
    body: Object = {"contents": [{"role": role, "parts": parts} for role, parts in talk.turns]}
    if talk.system:
        body["systemInstruction"] = {"parts": talk.system}
    chosen = tools.translate(source.get("tools"), source.get("tool_choice"), source.get("parallel_tool_calls"), notes)
    if chosen.declarations is not None:
        body["tools"] = [{"functionDeclarations": chosen.declarations}]
    if chosen.config is not None:
        body["toolConfig"] = chosen.config
    config: Object = {}
    _add_thinking(config, source, generation, endpoint)
    _add_format(config, source, endpoint, mixes=generation.mixes_tools_and_json or chosen.declarations is None)
    _add_sampling(config, source, generation)
    _add_seed_and_stop(config, source)
    _add_choices(config, source)
    _add_logprobs(config, source)
    if config:
        body["generationConfig"] = config
    _settle_store(body, source, accepts=row.accepts_store)
    return Request(body, notes.names)


def _conversation(source: ChatFields, generation: Generation) -> Conversation:
    talk = Conversation(generation, source.notes)
    for number, message in enumerate(reading.sequence(source.get("messages"), "messages")):
        talk.add(message, f"messages[{number}]")
    talk.finish()
    if not talk.turns:
        raise BadRequest("`messages` must hold at least one message of a user.", "messages")
    return talk


def _add_thinking(config: Object, source: ChatFields, generation: Generation, endpoint: Endpoint) -> None:
    """The limit on output, and thinking, which counts as output. Without a limit Gemini takes the model's own."""
    limit = source.max_tokens(endpoint.max_output_tokens)
    if limit is not None:
        config["maxOutputTokens"] = limit
    asked = reasoning.read(source.get("reasoning_effort"), source.get("reasoning"), source.get("thinking"))
    thinking = reasoning.translate(asked, generation, source.notes, able=endpoint.capabilities.reasoning, limit=limit)
    if thinking is not None:
        config["thinkingConfig"] = thinking


def _add_format(config: Object, source: ChatFields, endpoint: Endpoint, *, mixes: bool) -> None:
    """`json_object` is a media type, `json_schema` that and a schema in JSON Schema, which Gemini always enforces."""
    schema = source.json_format(able=endpoint.capabilities.structured_outputs, mixes=mixes)
    if schema is None:
        return
    config["responseMimeType"] = "application/json"
    if schema:
        config["responseJsonSchema"] = schema


def _add_sampling(config: Object, source: ChatFields, generation: Generation) -> None:
    """Temperature and the like, noted where the model ignores them; and penalties."""
    found: list[tuple[str, str, float]] = []
    for name, theirs, high in (("temperature", "temperature", 2), ("top_p", "topP", 1)):
        value = source.number(name, 0, high)
        if value is not None:
            found.append((name, theirs, value))
    top_k = source.integer("top_k", 1)
    if top_k is not None:
        found.append(("top_k", "topK", top_k))
    for name, theirs, number in found:
        if generation.samples_freely:
            config[theirs] = number
        else:
            source.notes.note(name)
    for name, theirs in (("frequency_penalty", "frequencyPenalty"), ("presence_penalty", "presencePenalty")):
        penalty = source.number(name, -2, 2)
        if penalty:
            config[theirs] = penalty


def _add_seed_and_stop(config: Object, source: ChatFields) -> None:
    """A seed that does not fit is left out, since it is a hint; a stop sequence must not be empty."""
    seed = source.seed(-LARGEST_SEED, LARGEST_SEED)
    if seed is not None:
        config["seed"] = seed
    sequences = source.stops("Gemini")
    if sequences:
        config["stopSequences"] = sequences


def _add_choices(config: Object, source: ChatFields) -> None:
    """How many answers."""
    count = source.integer("n", 1) or 1
    if count > MOST_CHOICES:
        raise BadRequest(f"`n` must be at most {MOST_CHOICES} at Gemini.", "n")
    if count > 1:
        config["candidateCount"] = count


def _add_logprobs(config: Object, source: ChatFields) -> None:
    """Log probabilities of the answer, and of the likeliest tokens beside it."""
    count = source.integer("top_logprobs", 0) or 0
    if source.flag("logprobs"):
        config["responseLogprobs"] = True
    elif count:
        raise BadRequest("`top_logprobs` needs `logprobs: true`.", "top_logprobs")
    if count > MOST_LOGPROBS:
        raise BadRequest(f"`top_logprobs` must be at most {MOST_LOGPROBS}.", "top_logprobs")
    if count:
        config["logprobs"] = count


def _settle_store(body: Object, source: ChatFields, *, accepts: bool) -> None:
    """Logging is switched off for the request where Google has a field for it, whatever the client says."""
    if accepts:
        body["store"] = False
    elif source.get("store") is not None:
        source.notes.note("store")
