"""The adapter for embeddings at the Gemini API. Puts the pure translators together; opens no connection and knows no credential.

Vertex AI is not served by it: its embedding models have other paths and, some of them, another format.
"""

from urllib.parse import quote

import msgspec

from anyapi.domain.catalogue import Endpoint
from anyapi.domain.decision import Outcome
from anyapi.upstream.adapter import Answer, OutboundChat, Prepared, ProviderRow
from anyapi.upstream.classify_gemini import classify_gemini
from anyapi.upstream.openai_embeddings import BAD, NoStream
from anyapi.upstream.translate import gemini_to_openai_embeddings, openai_embeddings_to_gemini
from anyapi.upstream.translate.embedding_vectors import Form, count_inputs, wanted_form

NO_NAME = msgspec.Raw(b'""')

_encode = msgspec.json.Encoder().encode


class GeminiEmbeddings:
    """An `Adapter`. Holds nothing."""

    def prepare(self, call: OutboundChat, endpoint: Endpoint, row: ProviderRow) -> Prepared:
        """Build the request. Of the row, `drops` counts; the other fields are about OpenAI's format."""
        request = openai_embeddings_to_gemini.translate(call.fields, endpoint, drops=row.drops)
        path = f"/models/{quote(endpoint.upstream_model, safe='')}:batchEmbedContents".encode()
        return Prepared(path, _encode(request.body), adjusted=request.adjusted)

    def walks(self, call: OutboundChat) -> bool:  # noqa: ARG002 - the contract's signature
        """It builds every input anew."""
        return True

    def read_answer(self, body: bytes, call: OutboundChat) -> Answer | Outcome:
        """Read a complete 2xx answer."""
        try:
            inputs = count_inputs(call.fields)
        except msgspec.DecodeError:
            return BAD
        model, form = call.fields.get("model", NO_NAME), wanted_form(call.fields) or Form.NUMBERS
        return gemini_to_openai_embeddings.translate(body, model=model, inputs=inputs, form=form)

    def open_stream(self, call: OutboundChat) -> NoStream:  # noqa: ARG002
        """Never of use: no embeddings request is a stream."""
        return NoStream()

    def classify(self, status: int, retry_after: float | None, body: bytes) -> Outcome:
        """Map a non-2xx answer to an outcome."""
        return classify_gemini(status, retry_after, body)
