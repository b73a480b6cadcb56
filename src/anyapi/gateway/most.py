"""The most that a request can cost, before it is sent: what is held of a spend cap until the true cost is known.

An upper bound for text: a token has at least one byte, an answer at most the tokens that request or endpoint allow. Files (images, sound,
documents) are estimated, and so is an answer that nothing limits. Reads sizes and limits, never content.
"""

from collections.abc import Iterable, Iterator
from math import ceil

import msgspec

from anyapi.domain.call import Sort
from anyapi.domain.catalogue import Endpoint, Operation
from anyapi.domain.ids import AUTO
from anyapi.gateway.formats.choice import FILE_BYTES_A_TOKEN, TOKENS_A_FILE, longest_answer
from anyapi.gateway.formats.openai_chat import ChatRequest
from anyapi.gateway.formats.strict_json import NULL, Fields
from anyapi.gateway.memo import Asked, Decided

UNSTATED_ANSWER = 32_768
"""Tokens of an answer that neither the request nor the endpoint's record limits."""
TRIED_BY_AUTO = 16
"""Of the endpoints that `anyapi/auto` may choose, it goes from the cheapest on and never beyond these."""
SHORTEST_FILE = 1024
HOLDERS, FILE_KEYS = ("messages", "input", "system"), frozenset({b"data", b"file_data", b"url", b"image_url"})
"""Fields that may hold files, and the names that a file stands behind, in every format."""
MOST_LOOKED_AT = 1024 * 1024
"""Bytes of a request that are looked through for files, which takes a millisecond; a larger one counts byte by byte."""
MOST_ANSWERS = 128
"""What OpenAI's reference allows for `n`."""

_decode_count = msgspec.json.Decoder(float).decode


class Most(msgspec.Struct, frozen=True):
    """The most that a request can cost at one endpoint, in nano-dollars."""

    amount: int
    prompt: int
    """The part that the prompt costs."""
    answer_token: int
    """What one more token of every answer costs; 0 where the endpoint's price is not known."""


NOTHING = Most(0, 0, 0)


def most_of(request: ChatRequest, asked: Asked, decided: Decided) -> Most:
    """The most that the request can cost at any endpoint that may see it. One without a price counts as free of charge."""
    fields = request.fields
    prompt, answer, answers = _prompt_tokens(fields), longest_answer(request), _answers(fields)
    found: list[Most] = [NOTHING]
    for decision in decided.decisions:
        each = (_at(candidate.endpoint, prompt, answer, answers) for candidate in decision.permitted)
        if decision.model == AUTO and asked.preference.sort in {None, Sort.PRICE}:
            found += sorted(each, key=_amount)[:TRIED_BY_AUTO]
        else:
            found += each
    return dearest(found)


def dearest(found: Iterable[Most]) -> Most:
    """The one with the highest amount."""
    return max(found, key=_amount)


def _amount(most: Most) -> int:
    return most.amount


def _at(endpoint: Endpoint, prompt: int, answer: int, answers: int) -> Most:
    price = endpoint.price
    longest = 0
    if Operation.EMBEDDINGS not in endpoint.operations:  # there each of the inputs, not their sum, fits in the context
        prompt = min(prompt, endpoint.context_length or prompt)
        longest = _longest(endpoint, answer)
    # A price per million tokens in dollars is a thousand times that in nano-dollars a token.
    before = ceil(prompt * 1000 * max(price.input or 0.0, price.cached_input or 0.0))
    token = answers * 1000 * (price.output or 0.0)
    return Most(before + ceil(longest * token), before, ceil(token))


def _longest(endpoint: Endpoint, asked: int) -> int:
    """Tokens of the longest answer that can come."""
    longest = asked or endpoint.max_output_tokens or endpoint.context_length or UNSTATED_ANSWER
    return min(longest, endpoint.max_output_tokens or longest)


def _prompt_tokens(fields: Fields) -> int:
    size = sum(len(raw) for raw in fields.values())
    if size > MOST_LOOKED_AT:
        return size
    held = (piece for name in HOLDERS if name in fields for piece in _files(fields[name]))
    return size + sum(_file_tokens(piece) - len(piece) for piece in held)


def _files(raw: msgspec.Raw) -> Iterator[bytes]:
    """The texts in it that are files in base64: long, without the spaces and escapes of words, and where a format has a file.

    A text of one long word is none: a provider counts each of its tokens.
    """
    if len(raw) < SHORTEST_FILE:
        return
    pieces = bytes(raw).split(b'"')
    for at, piece in enumerate(pieces):
        if len(piece) >= SHORTEST_FILE and pieces[at - 1].strip() == b":" and pieces[at - 2] in FILE_KEYS and _is_file(piece):
            yield piece


def _is_file(piece: bytes) -> bool:
    return b" " not in piece and b"\\" not in piece and piece.isascii()


def _file_tokens(file: bytes) -> int:
    return max(TOKENS_A_FILE, len(file) // FILE_BYTES_A_TOKEN)


def _answers(fields: Fields) -> int:
    raw = bytes(fields.get("n", b"1"))
    if raw == NULL:
        return 1
    try:
        return max(1, min(ceil(_decode_count(raw)), MOST_ANSWERS))
    except (msgspec.DecodeError, OverflowError):
        return MOST_ANSWERS  # some servers read a number out of a text
