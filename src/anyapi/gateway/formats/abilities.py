"""What a chat request needs an endpoint to be able to do, as far as rules may know: tags, tools, kinds of message parts, length.

Only kinds are looked at, never content; what cannot be read counts as needing everything.
"""

import msgspec

from anyapi.domain.call import Tag
from anyapi.errors import BadRequest
from anyapi.gateway.formats.strict_json import NULL, Fields

BIG = 256 * 1024
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
    try:
        found = _decode_messages(messages)
    except (msgspec.DecodeError, RecursionError):
        return set(PART_ABILITIES.values())
    parts = (part for message in found if isinstance(message.content, list) for part in message.content)
    return {PART_ABILITIES[part.type] for part in parts if part.type in PART_ABILITIES}


def needed_abilities(fields: Fields) -> frozenset[str]:
    """Abilities that the request's parameters need; only looked at under `require_parameters`."""
    needs: set[str] = set()
    if not all(bytes(fields.get(name, NULL)) in NO_TOOLS for name in ("tools", "functions")):
        needs.add("tools")
    if "response_format" in fields and b"json_schema" in bytes(fields["response_format"]):
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
    known = {f"chat_completions:{tag.value}": tag for tag in Tag}
    if not known.keys() >= set(names):
        raise BadRequest(f"tags holds a name that is not known. Known are: {', '.join(known)}.", "tags")
    return frozenset(known[name] for name in names)


def least_tokens(body: bytes) -> int:
    """A lower bound of the prompt's tokens: text never has more than 64 bytes a token; pictures and files are left out of it."""
    if len(body) <= BIG or b"base64" in body:
        return 0
    return 1 << ((len(body) // 64).bit_length() - 1)
