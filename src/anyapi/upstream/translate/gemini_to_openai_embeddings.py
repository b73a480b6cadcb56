"""The answer of Gemini's `batchEmbedContents` as OpenAI's list of embeddings. Pure; docs/translation.md is the list of what becomes what.

Vectors pass as they are. Gemini's are of length 1 only at the model's full number of dimensions; shortening is not undone here.
"""

import msgspec

from anyapi.domain.decision import Outcome, OutcomeKind
from anyapi.domain.usage import Count, TokenCount
from anyapi.upstream.adapter import Answer
from anyapi.upstream.classify_gemini import classify_error
from anyapi.upstream.translate.embedding_vectors import Form, form_of, numbers_to_base64

BAD = Outcome(OutcomeKind.BAD_RESPONSE)
NOTHING = msgspec.Raw(b"null")


class _Embedding(msgspec.Struct):
    values: msgspec.Raw


class _Batch(msgspec.Struct, rename="camel"):
    embeddings: list[_Embedding] | None = None
    usage_metadata: msgspec.Raw = NOTHING
    error: msgspec.Raw = NOTHING


class _Usage(msgspec.Struct, rename="camel"):
    prompt_token_count: Count | None = None


_decode_batch = msgspec.json.Decoder(_Batch).decode
_decode_usage = msgspec.json.Decoder(_Usage | None).decode
_decode_numbers = msgspec.json.Decoder(list[float]).decode
_encode = msgspec.json.Encoder().encode


def translate(body: bytes, *, model: msgspec.Raw, inputs: int, form: Form) -> Answer | Outcome:
    """Translate a 2xx body; an `Outcome` when it is an error, cannot be understood or has not a vector for each input. Never raises.

    `model` is the JSON text of the name that the client used.
    """
    try:
        batch = _decode_batch(body)
        if bytes(batch.error) != bytes(NOTHING):
            return classify_error(batch.error)
        if batch.embeddings is None or len(batch.embeddings) != inputs:
            return BAD
        vectors = [_vector(embedding.values, form) for embedding in batch.embeddings]
    except (ValueError, RecursionError):
        return BAD
    tokens = _tokens(batch.usage_metadata)
    stated = 0 if tokens is None else tokens.prompt  # the field is required; servers that do not count write 0
    answer: dict[str, object] = {
        "object": "list",
        "data": [{"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(vectors)],
        "model": model,
        "usage": {"prompt_tokens": stated, "total_tokens": stated},
    }
    return Answer(_encode(answer), tokens)


def _vector(raw: msgspec.Raw, form: Form) -> msgspec.Raw:
    """The vector in the form that the client wants; numbers keep the text that Gemini wrote. Raises ValueError for what is none."""
    if form_of(raw) is not Form.NUMBERS:
        raise ValueError("no numbers")
    if form is Form.BASE64:
        return numbers_to_base64(raw)
    _decode_numbers(raw)
    return raw


def _tokens(raw: msgspec.Raw) -> TokenCount | None:
    try:
        usage = _decode_usage(raw)
    except (ValueError, RecursionError):
        return None
    return None if usage is None or usage.prompt_token_count is None else TokenCount(usage.prompt_token_count, 0)
