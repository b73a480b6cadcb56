"""The outer fields of an OpenAI chat completion request, as a translator reads them: decoded when asked for, and none forgotten.

Three ends for a field: translated; refused with a `BadRequest` that names it; or left out and named in the adjustments. Knows no
provider's format: a translator brings its own lists.
"""

from collections.abc import Callable, Mapping

import msgspec

from anyapi.errors import BadRequest
from anyapi.upstream.translate import reading
from anyapi.upstream.translate.adjustments import Adjustments


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
