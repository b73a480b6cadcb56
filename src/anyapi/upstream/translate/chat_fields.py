"""The outer fields of an OpenAI chat completion request, as a translator reads them: decoded when asked for, and none forgotten.

Three ends for a field: translated; refused with a `BadRequest` that names it; or left out and named in the adjustments. Knows no
provider's format: a translator brings its own lists.
"""

from collections.abc import Callable, Mapping

import msgspec

from anyapi.errors import BadRequest
from anyapi.upstream.translate import reading
from anyapi.upstream.translate.adjustments import Adjustments
from anyapi.upstream.translate.reading import Object

COMMON = frozenset(
    {
        "model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens", "temperature", "top_p", "top_k", "stop",
        "tools", "tool_choice", "parallel_tool_calls", "response_format", "reasoning_effort", "reasoning", "thinking",
    }
)  # fmt: skip
"""Fields that every format has words for."""

HINTS = frozenset(
    {
        "service_tier", "store", "metadata", "user", "safety_identifier", "prediction", "verbosity", "prompt_cache_key",
        "prompt_cache_options", "prompt_cache_retention", "include_reasoning", "min_p", "top_a", "repetition_penalty", "transforms",
        "route", "usage", "enable_thinking", "chat_template_kwargs", "extra_body",
    }
)  # fmt: skip
"""Fields that are hints, or mean something at another provider only. A translator that can say one of them takes it out of its list."""

UNSAID: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "top_logprobs": (lambda value: value == 0, "it names no tokens beside the chosen ones."),
    "n": (lambda value: value == 1, "it gives one choice. Send one request for each."),
    "logit_bias": (lambda value: value == {}, "it has no token bias."),
    "modalities": (lambda value: value == ["text"], "it is asked for text only."),
    "audio": (lambda _value: False, "it is asked for text only."),
    "functions": (lambda value: value == [], "send `tools`, which replaced it."),
    "function_call": (lambda _value: False, "send `tool_choice`, which replaced it."),
    "web_search_options": (lambda _value: False, "web search is not offered there."),
    "moderation": (lambda _value: False, "it has no such setting."),
}
"""Fields that formats other than OpenAI's have no words for, as in `Rules.refused`."""


class Rules(msgspec.Struct, frozen=True):
    """What a provider's format can do with each field. A name in none of the lists is left out and noted as `other`."""

    provider: str
    """Its name in messages."""
    translated: frozenset[str]
    refused: Mapping[str, tuple[Callable[[object], bool], str]]
    """Fields whose meaning would be lost: whether a value asks for nothing, and the reason why it cannot be sent."""
    left_out: frozenset[str]
    """Hints, and fields that mean something at another provider only."""


class ChatFields:
    """The client's fields. `null` is absent; so is what the provider's row drops, which is noted."""

    __slots__ = ("_fields", "notes")

    def __init__(self, fields: Mapping[str, msgspec.Raw], drops: frozenset[str], notes: Adjustments) -> None:
        """`fields` is not changed. `notes` collects what is changed or left out."""
        self.notes = notes
        for name in sorted(drops & fields.keys()):
            notes.note(name)
        self._fields = {name: raw for name, raw in fields.items() if name not in drops and bytes(raw) != b"null"}

    def get(self, name: str) -> object:
        """A field's decoded value, None if absent. Raises `BadRequest` for JSON that cannot be read."""
        raw = self._fields.get(name)
        return None if raw is None else reading.decode(raw, name)

    def settle_rest(self, rules: Rules) -> None:
        """Refuse or note every field that is not translated."""
        for name in self._fields:
            if name in rules.translated:
                continue
            refusal = rules.refused.get(name)
            if refusal is None:
                self.notes.note(name if name in rules.left_out else "other")
            elif not refusal[0](self.get(name)):
                raise BadRequest(f"`{name}` cannot be sent to {rules.provider}: {refusal[1]}", name)

    def max_tokens(self, most: int | None) -> int | None:
        """The limit on output that the client set, at most what the endpoint can (noted when lowered); None without one."""
        asked = None
        for name in ("max_tokens", "max_completion_tokens"):
            value = self.get(name)
            if value is None:
                continue
            limit = reading.integer(value, name, 1)
            if asked is not None and limit != asked:
                raise BadRequest("`max_tokens` and `max_completion_tokens` differ. Send one of them.", "max_tokens")
            asked = limit
            if most is not None and limit > most:
                self.notes.note(name)
        return asked if asked is None or most is None else min(asked, most)

    def number(self, name: str, low: float, high: float) -> float | None:
        """A number inside the limits, both included; None if absent."""
        value = self.get(name)
        return None if value is None else reading.number(value, name, low, high)

    def nearest(self, name: str, limits: tuple[float, float], able: tuple[float, float]) -> float | None:
        """A number inside the limits, brought inside of what the provider is able to take, which is noted; None if absent."""
        value = self.number(name, *limits)
        if value is None or able[0] <= value <= able[1]:
            return value
        self.notes.note(name)
        return min(max(value, able[0]), able[1])

    def integer(self, name: str, low: int, high: int | None = None) -> int | None:
        """A whole number inside the limits, both included; None if absent."""
        value = self.get(name)
        if value is None:
            return None
        found = reading.integer(value, name, low)
        if high is not None and found > high:
            raise reading.wrong(name, f"a whole number, at most {high}")
        return found

    def flag(self, name: str) -> bool | None:
        """True or false; None if absent."""
        value = self.get(name)
        return None if value is None else reading.flag(value, name)

    def seed(self, low: int, high: int) -> int | None:
        """The seed. One that the provider has no room for is left out and noted: it is a hint."""
        seed = self.integer("seed", -(2**63))
        if seed is None or low <= seed <= high:
            return seed
        self.notes.note("seed")
        return None

    def stops(self, provider: str, most: int | None = None) -> list[str]:
        """The stop sequences, none of them empty, and at most so many."""
        stop = self.get("stop")
        asked = [stop] if isinstance(stop, str) else reading.sequence([] if stop is None else stop, "stop")
        found = [reading.text(one, "stop") for one in asked]
        if not all(found):
            raise BadRequest(f"`stop` holds an empty sequence, which {provider} does not accept.", "stop")
        if most is not None and len(found) > most:
            raise BadRequest(f"`stop` must hold at most {most} sequences at {provider}.", "stop")
        return found

    def json_format(self, *, able: bool | None, mixes: bool) -> Object | None:
        """`response_format` where it asks for JSON: its schema, an empty one for any JSON object; None for text.

        `able`: the endpoint can keep to a schema; None where that is not known. `mixes`: it gives JSON beside `tools`.
        """
        value = self.get("response_format")
        if value is None:
            return None
        asked, where = reading.mapping(value, "response_format"), "response_format.json_schema"
        kind = asked.get("type")
        if kind not in ("text", "json_object", "json_schema"):
            raise BadRequest("`response_format.type` must be text, json_object or json_schema.", "response_format.type")
        if kind == "text":
            return None
        if not mixes and self.get("tools"):
            raise BadRequest(
                "`response_format` asks for JSON beside `tools`, which this model cannot do. Send one of them.", "response_format"
            )
        if kind == "json_object":
            return {}
        named = _schema_named(asked, where, able=able)
        if named.get("description") is not None:
            self.notes.note(f"{where}.description")
        return reading.mapping(named["schema"], f"{where}.schema")

    def json_schema(self, provider: str, *, able: bool | None) -> Object | None:
        """`response_format.json_schema`, its `schema` an object, for a provider without a JSON mode; None for text. `able` as above."""
        value = self.get("response_format")
        if value is None:
            return None
        asked, where = reading.mapping(value, "response_format"), "response_format.json_schema"
        kind = asked.get("type")
        if kind == "text":
            return None
        if kind != "json_schema":
            raise BadRequest(
                f"`response_format.type` must be text or json_schema: {provider} has no JSON mode without a schema.", "response_format.type"
            )
        return _schema_named(asked, where, able=able)


def _schema_named(asked: Object, where: str, *, able: bool | None) -> Object:
    """What stands at `where`, its `schema` an object. Raises `BadRequest`, also where the endpoint cannot keep to one."""
    if able is False:
        raise BadRequest("`response_format` asks for structured output, which this endpoint does not have.", "response_format")
    named = reading.mapping(asked.get("json_schema"), where)
    reading.mapping(named.get("schema"), f"{where}.schema")
    return named


def hides_reasoning(fields: Mapping[str, msgspec.Raw]) -> bool:
    """Whether the client asked to think without showing it (`reasoning.exclude`). Never raises: the request's translator refuses."""
    asked = peek(fields, "reasoning")
    return isinstance(asked, dict) and asked.get("exclude") is True


def choices_asked(fields: Mapping[str, msgspec.Raw]) -> int:
    """How many choices the client asked for (`n`), 1 if it did not or not sensibly. Never raises."""
    asked = peek(fields, "n")
    return asked if isinstance(asked, int) and not isinstance(asked, bool) and asked > 0 else 1


def peek(fields: Mapping[str, msgspec.Raw], name: str) -> object:
    """A field's decoded value; None if it is absent or cannot be read. Never raises."""
    raw = fields.get(name)
    if raw is None:
        return None
    try:
        return reading.decode(raw, name)
    except BadRequest:
        return None
