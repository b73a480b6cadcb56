"""The adapter for embeddings at providers that speak OpenAI's format: the same on both sides, so a body passes as it is.

Only the model's name is rewritten. An answer goes on whole, unless the provider writes vectors in the other of the two forms than the
client asked for: then they alone are rewritten. Official clients ask for base64 and many servers know only arrays.
"""

import msgspec

from anyapi.domain.catalogue import Endpoint
from anyapi.domain.decision import Outcome, OutcomeKind
from anyapi.domain.usage import Count, TokenCount
from anyapi.upstream.adapter import Answer, OutboundChat, Prepared, ProviderRow
from anyapi.upstream.classify import classify_openai
from anyapi.upstream.openai_errors import error_in
from anyapi.upstream.translate.embedding_vectors import Form, count_inputs, form_of, rewritten, wanted_form
from anyapi.wire.utf8 import is_utf8

PATH = b"/embeddings"
UNSEEN = frozenset({"encoding_format"})
"""Fields whose removal changes nothing for the client: the answer is rewritten into what was asked."""
BAD = Outcome(OutcomeKind.BAD_RESPONSE)


class _Usage(msgspec.Struct):
    prompt_tokens: Count | None = None
    total_tokens: Count | None = None


class _Item(msgspec.Struct):
    embedding: msgspec.Raw


class _List(msgspec.Struct):
    object: str
    data: list[_Item]
    usage: msgspec.Raw = msgspec.Raw(b"null")


_encode = msgspec.json.Encoder().encode
_decode_list = msgspec.json.Decoder(_List).decode
_decode_usage = msgspec.json.Decoder(_Usage | None).decode
_decode_outer = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_items = msgspec.json.Decoder(list[dict[str, msgspec.Raw]]).decode


class OpenAIEmbeddings:
    """An `Adapter`. Holds nothing."""

    def prepare(self, call: OutboundChat, endpoint: Endpoint, row: ProviderRow) -> Prepared:
        """The client's body with the provider's model name. Of the row, `drops` and `renames` count: the rest is about chats."""
        fields = dict(call.fields)
        fields["model"] = msgspec.Raw(_encode(endpoint.upstream_model))
        adjusted = {name for name in row.drops if fields.pop(name, None) is not None}
        for ours, theirs in row.renames.items():
            if ours in fields:
                fields.setdefault(theirs, fields.pop(ours))
                adjusted.add(ours)
        return Prepared(PATH, _encode(fields), adjusted=tuple(sorted(adjusted - UNSEEN)))

    def walks(self, call: OutboundChat) -> bool:  # noqa: ARG002 - the contract's signature
        """The body passes as it is."""
        return False

    def read_answer(self, body: bytes, call: OutboundChat) -> Answer | Outcome:
        """Check that there is a vector for each input, and find the usage; a 200 that carries an error is an error."""
        try:
            found = _decode_list(body)
            whole = _is_whole(found, call) and is_utf8(body)
        except (ValueError, RecursionError):
            whole = False
        if not whole:
            return error_in(body) or BAD
        forms = {form_of(item.embedding) for item in found.data}
        if None in forms:
            return BAD
        tokens, wanted = read_usage(found.usage), wanted_form(call.fields)
        if wanted is None or forms == {wanted}:
            return Answer(body, tokens)
        try:
            return Answer(_rewritten(body, wanted), tokens)
        except (ValueError, RecursionError):
            return BAD

    def open_stream(self, call: OutboundChat) -> "NoStream":  # noqa: ARG002
        """Never of use: no embeddings request is a stream."""
        return NoStream()

    def classify(self, status: int, retry_after: float | None, body: bytes) -> Outcome:
        """Map an error answer to an outcome."""
        return classify_openai(status, retry_after, body)


def _is_whole(found: _List, call: OutboundChat) -> bool:
    return found.object == "list" and len(found.data) == count_inputs(call.fields)


class NoStream:
    """The reader of an event stream that nobody asked for: it releases nothing."""

    complete = empty = refused = started = False
    failure: Outcome | None = BAD
    tokens: TokenCount | None = None

    def feed(self, data: bytes) -> bytes:  # noqa: ARG002
        """Nothing, whatever came."""
        return b""

    def end(self) -> bytes:
        """Nothing."""
        return b""


def read_usage(raw: msgspec.Raw) -> TokenCount | None:
    """The tokens of the inputs; None where the provider states none, or in a way that is not understood."""
    try:
        usage = _decode_usage(raw)
    except (ValueError, RecursionError):
        return None
    prompt = None if usage is None else usage.total_tokens if usage.prompt_tokens is None else usage.prompt_tokens
    return None if prompt is None else TokenCount(prompt, 0)


def _rewritten(body: bytes, form: Form) -> bytes:
    """The answer with its vectors in this form, and everything else as it was. Raises ValueError for a vector in neither form."""
    outer = _decode_outer(body)
    items = _decode_items(outer["data"])
    for item in items:
        item["embedding"] = rewritten(item["embedding"], form)
    outer["data"] = msgspec.Raw(_encode(items))
    return _encode(outer)
