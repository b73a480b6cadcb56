"""An OpenAI chat completion request as the body of Bedrock's Converse and ConverseStream. Pure; docs/translation.md is the list.

Three ends for a field: translated; refused with a `BadRequest` that names it; or left out and named in the adjustments. Nothing is left
out silently. What is sent is built from decoded values, so it holds no key twice. ChatFields: `ConverseRequest` of the Bedrock runtime API.
"""

from collections.abc import Mapping

import msgspec

from anyapi.domain.catalogue import Endpoint
from anyapi.errors import BadRequest
from anyapi.upstream.translate import openai_reasoning_to_anthropic as asking
from anyapi.upstream.translate import openai_reasoning_to_bedrock as reasoning
from anyapi.upstream.translate import openai_tools_to_bedrock as tools
from anyapi.upstream.translate import reading
from anyapi.upstream.translate.adjustments import Adjustments
from anyapi.upstream.translate.bedrock_family import Family, chooses_natively, claude_of, family_of
from anyapi.upstream.translate.chat_fields import ChatFields
from anyapi.upstream.translate.openai_fields_to_bedrock import RULES
from anyapi.upstream.translate.openai_messages_to_bedrock import Conversation
from anyapi.upstream.translate.openai_parts_to_bedrock import Parts
from anyapi.upstream.translate.reading import Object

DEFAULT_MAX_TOKENS = 4096
"""For Claude, when neither the client nor the catalogue says: a budget for thinking needs a number to stay under."""

BETAS = frozenset(
    {
        "context-1m-2025-08-07",
        "fine-grained-tool-streaming-2025-05-14",
        "interleaved-thinking-2025-05-14",
        "output-128k-2025-02-19",
        "token-efficient-tools-2025-02-19",
    }
)
"""Beta names of Anthropic's that Bedrock takes and that mean something for what is sent here; it refuses a request with any it lacks."""


class Request(msgspec.Struct):
    """The outer object of a Converse request, and the names of fields that were changed or left out. Holds content: never printed."""

    body: Object
    adjusted: tuple[str, ...]

    def __repr__(self) -> str:
        """Never the content."""
        return "<Request>"


class _Body:
    """The request as it grows. `additional` becomes `additionalModelRequestFields`, `sampling` and limits `inferenceConfig`."""

    __slots__ = ("additional", "family", "inference", "output", "unbounded")

    def __init__(self, family: Family) -> None:
        self.family = family
        self.additional: Object = {}
        self.inference: Object = {}
        self.output: Object = {}
        self.unbounded = False
        """Neither a limit nor sampling may be sent."""


def translate(
    fields: Mapping[str, msgspec.Raw], endpoint: Endpoint, *, drops: frozenset[str] = frozenset(), betas: tuple[bytes, ...] = ()
) -> Request:
    """Build the body for one endpoint; whether it streams is said by the path. `betas`: values of the client's `anthropic-beta` headers.

    `fields` is not changed. Raises `BadRequest` alone.
    """
    notes = Adjustments()
    source = ChatFields(fields, drops, notes)
    source.settle_rest(RULES)
    body = _Body(family_of(endpoint))
    parts = Parts(body.family, notes)
    talk = _conversation(source, endpoint, body.family, parts)
    native = body.family is Family.CLAUDE and chooses_natively(claude_of(endpoint))
    asked = tools.Asked(source.get("tools"), source.get("tool_choice"), source.get("parallel_tool_calls"))
    chosen = tools.translate(asked, talk.called, tools.Ground(body.family, native, endpoint.capabilities, parts))
    if chosen.native_choice is not None:
        body.additional["tool_choice"] = chosen.native_choice
    _add_thinking(body, source, endpoint, forced=chosen.forced, unsigned=talk.unsigned_calls)
    _add_sampling(body, source, endpoint)
    _add_stop(body, source)
    _add_format(body, source, endpoint)
    _add_betas(body, betas, notes)
    made: Object = {"messages": talk.turns}
    for name, value in (
        ("system", talk.system),
        ("inferenceConfig", body.inference),
        ("toolConfig", chosen.config),
        ("additionalModelRequestFields", body.additional),
        ("outputConfig", body.output),
    ):
        if value:
            made[name] = value
    return Request(made, notes.names)


def _conversation(source: ChatFields, endpoint: Endpoint, family: Family, parts: Parts) -> Conversation:
    """Translate the messages, and check that Bedrock can take the conversation as it stands."""
    talk = Conversation(family, parts)
    for number, message in enumerate(reading.sequence(source.get("messages"), "messages")):
        talk.add(message, f"messages[{number}]")
    if not talk.turns or talk.turns[0]["role"] != "user":
        raise BadRequest("`messages` must begin with a message of a user, after those of the system.", "messages")
    if talk.turns[-1]["role"] == "assistant" and not claude_of(endpoint).continues_assistant:
        raise BadRequest("`messages` ends with the assistant's turn, which this model cannot continue. End with a user's turn.", "messages")
    control = source.get("cache_control")
    if control is not None:
        talk.append_to_last(parts.cache_point({"cache_control": reading.mapping(control, "cache_control")}, "messages"))
    return talk


def _add_thinking(body: _Body, source: ChatFields, endpoint: Endpoint, *, forced: bool, unsigned: bool) -> None:
    """Reasoning, and the limit on output that it depends on. Claude's own `thinking` object goes through as it is, and wins."""
    asked_limit = source.max_tokens(endpoint.max_output_tokens)
    limit = asked_limit or endpoint.max_output_tokens or DEFAULT_MAX_TOKENS
    around = asking.Circumstances(limit, endpoint.capabilities.reasoning, forced, unsigned)
    asked = asking.read(source.get("reasoning_effort"), source.get("reasoning"))
    thinking = reasoning.translate(asked, endpoint, around, source.notes, limited=asked_limit is not None)
    body.additional.update(thinking.additional)
    body.unbounded = thinking.unbounded
    if thinking.effort is not None:
        body.output["effort"] = thinking.effort
    own = source.get("thinking")
    if own is not None:
        config = reading.mapping(own, "thinking")
        if body.family is Family.CLAUDE:
            body.additional["thinking"] = config
        else:
            source.notes.note("thinking")
    if asked_limit is not None or body.family is Family.CLAUDE:
        body.inference["maxTokens"] = limit


def _add_sampling(body: _Body, source: ChatFields, endpoint: Endpoint) -> None:
    """Temperature and the like, where the model and its thinking leave room for them; noted where not."""
    found = _sampling(source)
    if body.family is Family.CLAUDE:  # 1 is its default, and said to a model that takes neither it would be refused
        found = {name: value for name, value in found.items() if name == "top_k" or value != 1}
    refused = _refused_sampling(body, endpoint, heated="temperature" in found)
    for name, value in found.items():
        if name in refused:
            source.notes.note(name)
        else:
            _sample(body, name, value)


def _refused_sampling(body: _Body, endpoint: Endpoint, *, heated: bool) -> set[str]:
    """What the model does not take now; `heated`: a temperature is asked for, beside which newer Claudes take no `top_p`."""
    generation = claude_of(endpoint)
    thinks = body.family is Family.CLAUDE and "thinking" in body.additional
    if body.unbounded or thinks or not generation.samples_freely:
        return {"temperature", "top_p", "top_k"}
    refused = set() if body.family in (Family.CLAUDE, Family.NOVA) else {"top_k"}
    if heated and not generation.takes_both_samplers:
        refused.add("top_p")
    return refused


def _sampling(source: ChatFields) -> Object:
    """What the client asks for. `BadRequest` outside Converse's ranges: a clamp would be another request."""
    found: Object = {}
    for name in ("temperature", "top_p"):
        value = source.number(name, 0, 1)
        if value is not None:
            found[name] = value
    top_k = source.integer("top_k", 1)
    if top_k is not None:
        found["top_k"] = top_k
    return found


def _sample(body: _Body, name: str, value: object) -> None:
    """Write one of them where it belongs: `top_k` is no part of Converse."""
    if name != "top_k":
        body.inference["topP" if name == "top_p" else name] = value
    elif body.family is Family.CLAUDE:
        body.additional["top_k"] = value
    else:
        body.additional["inferenceConfig"] = {"topK": value}


def _add_stop(body: _Body, source: ChatFields) -> None:
    stop = source.get("stop")
    if stop is None:
        return
    sequences = [stop] if isinstance(stop, str) else reading.sequence(stop, "stop")
    for sequence in sequences:
        text = reading.text(sequence, "stop")
        if not (text.strip() if body.family is Family.CLAUDE else text):
            raise BadRequest("`stop` holds an empty or blank sequence, which this model at Bedrock does not accept.", "stop")
    if sequences:
        body.inference["stopSequences"] = sequences


def _add_format(body: _Body, source: ChatFields, endpoint: Endpoint) -> None:
    """`json_schema` becomes `outputConfig.textFormat`, which takes the schema as text."""
    named, where = source.json_schema("Bedrock", able=endpoint.capabilities.structured_outputs), "response_format.json_schema"
    if named is None:
        return
    try:
        definition: Object = {"schema": msgspec.json.encode(named["schema"]).decode()}
    except (ValueError, OverflowError, RecursionError):
        definition = {}
    if not definition:
        raise BadRequest(f"`{where}.schema` holds a number out of range.", f"{where}.schema")
    for name in ("name", "description"):
        if named.get(name) is not None:
            definition[name] = reading.text(named[name], f"{where}.{name}")
    body.output["textFormat"] = {"type": "json_schema", "structure": {"jsonSchema": definition}}


def _add_betas(body: _Body, betas: tuple[bytes, ...], notes: Adjustments) -> None:
    """Anthropic's beta names that Bedrock takes; the others are noted."""
    names = [name.strip().decode("ascii", "replace") for value in betas for name in value.split(b",") if name.strip()]
    kept = [name for name in dict.fromkeys(names) if name in BETAS and body.family is Family.CLAUDE]
    if len(kept) < len(set(names)):
        notes.note("anthropic-beta")
    if kept:
        body.additional["anthropic_beta"] = kept
