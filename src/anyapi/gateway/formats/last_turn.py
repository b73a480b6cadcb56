"""The words of a request that say what it is about: what the user said last. Gives content away, to be dropped where it is used."""

import msgspec

from anyapi.upstream.adapter import Dialect, OutboundChat

LARGEST = 128 * 1024
"""Bytes of messages up to which they are looked at: decoding more would take longer than a sample is worth."""
HEAD, TAIL = 240, 80
"""Characters of a long text that are taken: its beginning says most, and a question may stand at its end."""
LISTS = {Dialect.CHAT_COMPLETIONS: "messages", Dialect.MESSAGES: "messages", Dialect.RESPONSES: "input"}
"""Where the turns stand, by format. Embeddings have none."""


class _Part(msgspec.Struct, gc=False):
    text: str = ""


class _Turn(msgspec.Struct, gc=False):
    role: str = ""
    content: msgspec.Raw = msgspec.Raw(b"null")


_turns = msgspec.json.Decoder(str | list[_Turn]).decode
_words = msgspec.json.Decoder(str | list[_Part] | None).decode


def last_turn(request: OutboundChat) -> str:
    """The text of the last turn of the user that has one; empty where there is none, or where it is too large or of no known form."""
    raw = request.fields.get(LISTS.get(request.dialect, ""))
    if raw is None or len(memoryview(raw)) > LARGEST:
        return ""
    try:
        turns = _turns(raw)
        if isinstance(turns, str):
            return _shortened(turns)
        texts = (_text(turn.content) for turn in reversed(turns) if turn.role == "user")
        return _shortened(next(filter(None, texts), ""))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return ""


def _text(content: msgspec.Raw) -> str:
    found = _words(content)
    return " ".join(part.text for part in found) if isinstance(found, list) else found or ""


def _shortened(text: str) -> str:
    text = text.strip()
    return text if len(text) <= HEAD + TAIL else f"{text[:HEAD]} {text[-TAIL:]}"
