"""An estimate of a prompt's tokens for `POST /v1/messages/count_tokens`, made here: no provider sees the prompt to count it.

It is an estimate and meant to be a little high, because clients ask in order to stay below a limit. It knows no tokenizer: the models
behind this path have different ones. docs/translation.md states the rates. Nothing of the content is kept.
"""

from collections.abc import Iterator

import msgspec

from anyapi.gateway.formats.anthropic_messages import MessagesRequest
from anyapi.gateway.formats.strict_json import plain_value

ASCII_BYTES_A_TOKEN = 3.5
"""English and code have 3.5 to 4.5."""
TOKENS_A_WIDE_CHARACTER = 1.2
"""For every character outside ASCII: one token for most Chinese and Japanese characters, less for accents, more for rare scripts."""
TOKENS_A_BLOCK = 4
"""For what stands around a turn or a block."""
TOKENS_WITH_TOOLS = 350
"""For the instructions that a provider adds when there are tools."""
TOKENS_AN_IMAGE = 1600
"""What an image costs at most at its usual largest size; how large it is would have to be decoded."""
PDF_BASE64_A_PAGE = 100_000
"""Base64 characters of a page, about; a page is text and an image of it."""
TOKENS_A_PAGE = 3000

_encode = msgspec.json.Encoder().encode


def count_tokens(request: MessagesRequest) -> bytes:
    """The answer's body: `input_tokens`."""
    return _encode({"input_tokens": estimate(request)})


def estimate(request: MessagesRequest) -> int:
    """Tokens of messages, system and tools, about. Raises `BadRequest` for what is not JSON that can be read."""
    fields = request.fields
    tokens = 0.0
    for name in ("messages", "system"):
        if name in fields:
            tokens += sum(_tokens_of(value) for value in _pieces(plain_value(fields[name], name)))
    tools = fields.get("tools")
    if tools is not None and len(tools) > 2:
        tokens += TOKENS_WITH_TOOLS + _text(bytes(tools).decode())
    return max(1, round(tokens))


def _pieces(value: object) -> Iterator[object]:
    """All strings and numbers, and images and documents as the objects that they are."""
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, list):
            waiting += found
        elif not isinstance(found, dict) or found.get("type") in ("base64", "url"):
            yield found
        else:
            yield TOKENS_A_BLOCK if "type" in found or "role" in found else None
            waiting += [inner for key, inner in found.items() if key not in ("type", "role", "cache_control", "signature", "id")]


def _tokens_of(piece: object) -> float:
    if isinstance(piece, str):
        return _text(piece)
    if not isinstance(piece, dict):
        return 0.0 if piece is None else TOKENS_A_BLOCK
    if str(piece.get("media_type", "image/")).startswith("image/"):
        return TOKENS_AN_IMAGE
    pages = 1 + len(str(piece.get("data", ""))) // PDF_BASE64_A_PAGE
    return pages * TOKENS_A_PAGE


def _text(text: str) -> float:
    if text.isascii():
        return len(text) / ASCII_BYTES_A_TOKEN
    narrow = len(text.encode("ascii", "ignore"))
    return narrow / ASCII_BYTES_A_TOKEN + (len(text) - narrow) * TOKENS_A_WIDE_CHARACTER
