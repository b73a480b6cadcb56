"""What a chat request needs an endpoint to be able to do, as far as rules may know: tags, tools, kinds of message parts, length.

Only kinds are looked at, never content; what cannot be read counts as needing everything.
"""

from collections.abc import Mapping

import msgspec

from anyapi.domain.call import Tag
from anyapi.errors import BadRequest
from anyapi.gateway.formats.strict_json import NULL, Fields, holds_twice
from anyapi.policy.question import tags_named

BIG = 256 * 1024
"""Bytes from which on nothing is decoded to find out what it needs: this runs on the event loop."""
LETTERS = (b"\\u005", b"\\u006", b"\\u007", b"\\u004")
"""How letters of ASCII, and `_`, begin where they are escaped, which no encoder does."""
ESCAPED = b"\\u00"
"""How a character of ASCII begins where it is escaped."""
_decode_texts = msgspec.json.Decoder(list[str]).decode


class _Typed(msgspec.Struct):
    """A part of a message, as far as its kind goes."""

    type: str = ""


class _Parts(msgspec.Struct):
    """A message, as far as its parts go."""

    content: str | list[_Typed] | None = None


_decode_messages = msgspec.json.Decoder(list[_Parts]).decode
NO_TOOLS = frozenset({NULL, b"[]"})
NO_REASONING = frozenset({NULL, b'"none"'})
PART_ABILITIES = {"image_url": "vision", "input_audio": "audio_input", "file": "pdf_input"}


def abilities_of_parts(messages: msgspec.Raw) -> set[str]:
    """The abilities that message parts need; all of them where the messages cannot be read."""
    if len(messages) > BIG:
        return named_abilities(messages, PART_ABILITIES)
    try:
        found = _decode_messages(messages)
    except (msgspec.DecodeError, RecursionError):
        return set(PART_ABILITIES.values())
    parts = (part for message in found if isinstance(message.content, list) for part in message.content)
    return with_doubted({PART_ABILITIES[part.type] for part in parts if part.type in PART_ABILITIES}, messages, PART_ABILITIES)


def named_abilities(raw: msgspec.Raw, kinds: Mapping[str, str]) -> set[str]:
    """Of a large field, the abilities of the kinds that stand in it as a word of JSON: where one is no part's, one too many is needed.

    Quotes inside a text are escaped, so a prompt names none. A letter that is escaped could spell any of them.
    """
    text = bytes(raw)
    if any(letter in text for letter in LETTERS):
        return set(kinds.values())
    return {ability for kind, ability in kinds.items() if b'"%b"' % kind.encode() in text}


def with_doubted(found: set[str], raw: msgspec.Raw, kinds: Mapping[str, str]) -> set[str]:
    """What was found in a field that was decoded; where a key stands twice in it, all that it names: either of the two may count."""
    named = named_abilities(raw, kinds)
    return found | named if named - found and holds_twice(raw) else found


def may_say(raw: bytes | msgspec.Raw, word: bytes) -> bool:
    """Whether a text of JSON, or a field, holds a word, in whatever spelling."""
    text = bytes(raw)
    return word in text or ESCAPED in text


def needed_abilities(fields: Fields) -> frozenset[str]:
    """Abilities that the request's parameters need; only looked at under `require_parameters`."""
    needs: set[str] = set()
    if not all(bytes(fields.get(name, NULL)) in NO_TOOLS for name in ("tools", "functions")):
        needs.add("tools")
    if "response_format" in fields and may_say(fields["response_format"], b"json_schema"):
        needs.add("structured_outputs")
    if bytes(fields.get("reasoning_effort", NULL)) not in NO_REASONING or bytes(fields.get("reasoning", NULL)) != NULL:
        needs.add("reasoning")
    if "messages" in fields:  # absent from a question to explain, and from embeddings
        needs |= abilities_of_parts(fields["messages"])
    return frozenset(needs)


def read_tags(raw: msgspec.Raw) -> frozenset[Tag]:
    """The abilities asked for. Raises `BadRequest` listing the known ones."""
    try:
        names = _decode_texts(raw)
    except msgspec.DecodeError:
        raise BadRequest("tags must be a list of strings.", "tags") from None
    return tags_named(names)


def least_tokens(body: bytes) -> int:
    """A lower bound of the prompt's tokens: text never has more than 64 bytes a token; pictures and files are left out of it."""
    if len(body) <= BIG or b"base64" in body:
        return 0
    return 1 << ((len(body) // 64).bit_length() - 1)
