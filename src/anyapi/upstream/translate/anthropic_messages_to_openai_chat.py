"""An Anthropic messages request as an OpenAI chat completion request. Pure; docs/translation.md is the list of what becomes what.

Three ends for a field: translated; refused with a `BadRequest` that names it; or left out and named in the adjustments. Nothing is left
out silently. Texts, images, schemas and the inputs of tools pass as they stand in the body.
"""

from collections.abc import Mapping

import msgspec

from anyapi.errors import BadRequest
from anyapi.upstream.translate import anthropic_output_to_openai_chat as output
from anyapi.upstream.translate import anthropic_tools_to_openai_tools as tools
from anyapi.upstream.translate import hub_target, raw_reading, reading
from anyapi.upstream.translate.anthropic_turns_to_openai_messages import Turns
from anyapi.upstream.translate.hub_target import HUB, Carrier, Target
from anyapi.upstream.translate.raw_reading import Fields, present
from anyapi.upstream.translate.reading import Object

TRANSLATED = frozenset(
    {
        "model", "messages", "system", "max_tokens", "stream", "stop_sequences", "temperature", "top_p", "top_k", "tools", "tool_choice",
        "thinking", "output_config", "output_format", "cache_control",
    }
)  # fmt: skip

REFUSED: Mapping[str, str] = {
    "container": "A container keeps files at the provider, which this gateway never asks for. Leave it out.",
    "mcp_servers": "The provider would pass what it reads on to other servers, which no data policy covers. Let the client call them.",
    "fallbacks": "The provider would choose a model that was not decided on here. Send `models`, which this gateway decides on.",
    "thread": "A thread keeps the conversation at the provider, which this gateway never asks for. Send the whole conversation.",
    "inference_geo": "Where it runs is decided here. Send `data_policy.regions`.",
}
"""Fields that keep something at a provider, or take a decision of ours away; refused at Anthropic's own endpoints too."""

LEFT_OUT = frozenset(
    {"metadata", "service_tier", "speed", "context_management", "compaction", "diagnostics", "billing_policy", "store"}
)  # fmt: skip
"""Fields that are hints, or mean something at Anthropic only. Left out and named; a name not listed here is named `other`."""

INCLUDE_USAGE = msgspec.Raw(b'{"include_usage":true}')
TRUE, FALSE = b"true", b"false"

_encode = msgspec.json.Encoder().encode


class ChatFields(msgspec.Struct):
    """The outer object of a chat request, and the names of fields that were changed or left out. Holds content: never printed."""

    fields: Fields
    adjusted: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Never the content."""
        return "<ChatFields>"


def translate(fields: Fields, target: Target = HUB) -> ChatFields:
    """Build the chat request for one target. `fields` is not changed. Raises `BadRequest` alone.

    A stream always asks for the usage chunk: `OutboundChat.wants_usage` must be set with it.
    """
    refuse(fields)
    carrier = Carrier(target)
    made: Object = {"model": raw_reading.raw_text(fields["model"], "model")} if "model" in fields else {}  # `models` may stand for it
    made["messages"] = _messages(fields, carrier)
    reading.integer(_value(fields, "max_tokens"), "max_tokens", 1)
    made["max_tokens"] = fields["max_tokens"]
    made.update(tools.translate(fields, carrier))
    made.update(output.translate(fields, carrier))
    _add_sampling(made, fields, carrier)
    _add_stream(made, fields)
    carrier.cache(fields, made)
    for name in fields.keys() - TRANSLATED:
        if present(fields, name) is not None:
            carrier.notes.note(name if name in LEFT_OUT else "other")
    return ChatFields({name: _raw(value) for name, value in made.items()}, carrier.notes.names)


def refuse(fields: Fields) -> None:
    """Raise `BadRequest` for what no provider may be asked, whoever it is."""
    for name, why in REFUSED.items():
        if name in fields and present(fields, name) is not None:
            raise BadRequest(f"`{name}` cannot be sent: {why}", name)


def _messages(fields: Fields, carrier: Carrier) -> list[Object]:
    turns = Turns(carrier)
    system = present(fields, "system")
    if system is not None:
        turns.add_system(system, "system")
    messages = raw_reading.sequence(fields.get("messages"), "messages")
    if not messages:
        raise BadRequest("`messages` must hold at least one message of a user.", "messages")
    for number, raw in enumerate(messages):
        turns.add(raw, f"messages[{number}]")
    return turns.out


def _add_sampling(made: Object, fields: Fields, carrier: Carrier) -> None:
    for name in ("temperature", "top_p"):
        value = _value(fields, name)
        if value is not None:
            reading.number(value, name, 0, 1)
            made[name] = fields[name]
    top_k = _value(fields, "top_k")
    if top_k is not None:
        reading.integer(top_k, "top_k", 0)
        if carrier.keeps(hub_target.TOP_K):
            made["top_k"] = fields["top_k"]
        else:
            carrier.notes.note("top_k")
    stop = present(fields, "stop_sequences")
    if stop is not None:
        sequences = raw_reading.sequence(stop, "stop_sequences")
        for sequence in sequences:
            raw_reading.raw_text(sequence, "stop_sequences")
        if sequences:
            made["stop"] = stop


def _add_stream(made: Object, fields: Fields) -> None:
    stream = present(fields, "stream")
    if stream is None:
        return
    if bytes(stream) not in (TRUE, FALSE):
        raise BadRequest("`stream` must be true or false.", "stream")
    made["stream"] = stream
    if bytes(stream) == TRUE:
        made["stream_options"] = INCLUDE_USAGE


def _value(fields: Fields, name: str) -> object:
    raw = present(fields, name)
    return None if raw is None else reading.decode(raw, name)


def _raw(value: object) -> msgspec.Raw:
    return value if isinstance(value, msgspec.Raw) else msgspec.Raw(_encode(value))
