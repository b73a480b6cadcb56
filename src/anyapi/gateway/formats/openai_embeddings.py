"""OpenAI embeddings as clients send them: wire to typed, once. The inputs stay raw bytes; only their kind and their length are looked at.

Source: `POST /v1/embeddings` of OpenAI's API reference. Fields that are not known here pass as they are: providers have more of them.
"""

import re
from typing import Annotated, ClassVar

import msgspec

from anyapi.domain.call import PLAIN_FACTS
from anyapi.domain.catalogue import Operation
from anyapi.domain.ids import AUTO
from anyapi.errors import BadRequest
from anyapi.gateway.formats import beyond
from anyapi.gateway.formats.extent import refuse_many
from anyapi.gateway.formats.openai_chat import ChatRequest, read_question
from anyapi.gateway.formats.stored import take_off
from anyapi.gateway.formats.strict_json import NULL, Fields, flag
from anyapi.upstream.adapter import Dialect

ENCODINGS = frozenset({"float", "base64"})
LARGEST_TOKEN = 2**32 - 1
MOST_DIMENSIONS = 1_000_000
MOST_INPUTS = 1_000_000
"""Texts, lists and tokens of a request together: OpenAI takes 300,000 tokens."""
BYTES_OF_A_TOKEN = 64
"""Text never has more bytes a token, so it has at least as many tokens as its characters divided by this."""
SHORTEST_CONTEXT = 512
"""Tokens. No endpoint takes fewer, so a shorter input needs no fact of its own, and the common request shares the plain ones."""
PLAIN = PLAIN_FACTS[Operation.EMBEDDINGS]
FIRST_ITEM = re.compile(rb"\[[ \t\r\n]*(.)", re.DOTALL)

Token = Annotated[int, msgspec.Meta(ge=0, le=LARGEST_TOKEN)]
Tokens = Annotated[list[Token], msgspec.Meta(min_length=1)]

_decode_text = msgspec.json.Decoder(str).decode
_decode_texts = msgspec.json.Decoder(Annotated[list[str], msgspec.Meta(min_length=1)]).decode
_decode_tokens = msgspec.json.Decoder(Tokens).decode
_decode_token_lists = msgspec.json.Decoder(Annotated[list[Tokens], msgspec.Meta(min_length=1)]).decode
_decode_dimensions = msgspec.json.Decoder(Annotated[int, msgspec.Meta(ge=1, le=MOST_DIMENSIONS)]).decode


class EmbeddingsRequest(ChatRequest):
    """An embeddings request: what routing needs, and the rest raw. Never a stream. Holds content: never printed, never stored."""

    dialect: ClassVar[Dialect] = Dialect.EMBEDDINGS

    def __repr__(self) -> str:
        """Never the content."""
        return "<EmbeddingsRequest>"

    def abilities(self) -> frozenset[str]:
        """Abilities that the request's fields need: none but the operation, which the facts state."""
        return frozenset()


def parse(body: bytes) -> EmbeddingsRequest:
    """Read a request. Raises `BadRequest` naming the field."""
    question: ChatRequest = read_question(body)
    _refuse_choice(question)
    fields = question.fields
    request = EmbeddingsRequest(
        fields, models=question.models, policy=question.policy, policy_raw=question.policy_raw, adjusted=question.adjusted
    )
    least = _least_tokens(fields)
    request.prompt_bytes = len(fields["input"])
    _check_form(fields)
    _refuse_stream(fields)
    _take_off(request)
    request.facts = PLAIN if least < SHORTEST_CONTEXT else msgspec.structs.replace(PLAIN, least_tokens=1 << (least.bit_length() - 1))
    return request


def _refuse_choice(question: ChatRequest) -> None:
    """One model, named: the vectors of two models cannot be compared, so neither a chain nor a choice of ours would be of use."""
    if "models" in question.policy:
        raise BadRequest("models is not offered for embeddings: vectors of two models cannot be compared. Name one in model.", "models")
    if question.models[0] == AUTO:
        raise BadRequest(f"{AUTO} is not offered for embeddings: vectors of two models cannot be compared. Name a model.", "model")
    if question.facts.tags:
        raise BadRequest("tags name abilities of chat completions, which embeddings do not have. Leave them out.", "tags")


def _least_tokens(fields: Fields) -> int:
    """A lower bound of the tokens of the longest input: each of them, and not their sum, has to fit in the context. Checks the inputs."""
    raw = fields.get("input")
    if raw is None:
        raise BadRequest("input is missing.", "input")
    refuse_many(raw, "input", MOST_INPUTS)
    try:
        if bytes(memoryview(raw)[:1]) == b'"':
            return len(_decode_text(raw)) // BYTES_OF_A_TOKEN
        first = FIRST_ITEM.match(memoryview(raw))
        if first is not None and first[1] == b'"':
            return max(map(len, _decode_texts(raw))) // BYTES_OF_A_TOKEN
        if first is not None and first[1] == b"[":
            return max(map(len, _decode_token_lists(raw)))
        return len(_decode_tokens(raw))
    except (msgspec.DecodeError, RecursionError):
        pass  # raised below, so that no traceback holds the text
    raise BadRequest("input must be a string, or a list that is not empty, of strings, of tokens, or of lists of tokens.", "input")


def _check_form(fields: Fields) -> None:
    """How the vectors are wanted. `null` is absent."""
    for name in ("encoding_format", "dimensions"):
        if name in fields and bytes(fields[name]) == NULL:
            del fields[name]
    if "encoding_format" in fields and _text(fields, "encoding_format") not in ENCODINGS:
        raise BadRequest("encoding_format must be float or base64.", "encoding_format")
    if "dimensions" in fields:
        try:
            _decode_dimensions(fields["dimensions"])
        except msgspec.DecodeError:
            raise BadRequest(f"dimensions must be a whole number from 1 to {MOST_DIMENSIONS}.", "dimensions") from None


def _text(fields: Fields, name: str) -> str:
    try:
        return _decode_text(fields[name])
    except msgspec.DecodeError:
        raise BadRequest(f"{name} must be a string.", name) from None


def _refuse_stream(fields: Fields) -> None:
    if flag(fields, "stream"):
        raise BadRequest("Embeddings are not streamed. Leave stream out.", "stream")
    fields.pop("stream", None)


def _take_off(request: EmbeddingsRequest) -> None:
    """What names an end user, or is only of use to what is stored, goes to nobody. Each that said something is named in the adjustments."""
    fields = request.fields
    beyond.searches(fields)  # what reaches further is refused; there is nothing to search for
    kept = beyond.take_keeping(fields)
    request.app, adjusted = take_off(fields)
    if "user" in fields:
        if bytes(fields["user"]) != NULL:
            _text(fields, "user")
            adjusted.append("user")
        del fields["user"]
    request.adjusted += (*kept, *adjusted)
