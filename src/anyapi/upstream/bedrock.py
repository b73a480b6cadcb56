"""The adapter for Amazon Bedrock: Converse and ConverseStream. Puts the pure translators together; opens no connection, signs nothing.

Bedrock states neither an id nor a model in its answers: the id is made here, the model is the one that the client named.
"""

import time
from collections.abc import Callable
from urllib.parse import quote

from anyapi.domain.catalogue import Endpoint
from anyapi.domain.decision import Outcome
from anyapi.upstream.adapter import Answer, OutboundChat, Prepared, ProviderRow, Translating
from anyapi.upstream.bedrock_errors import classify_bedrock
from anyapi.upstream.translate import bedrock_to_openai_chat, openai_chat_to_bedrock
from anyapi.upstream.translate.bedrock_stream_to_openai_chat import ChatStream
from anyapi.upstream.translate.bedrock_wire import Stamp
from anyapi.upstream.translate.chat_chunks import new_id
from anyapi.upstream.translate.chat_fields import hides_reasoning
from anyapi.upstream.translate.chat_reading import written

BETA = b"anthropic-beta"


class BedrockAdapter(Translating):
    """An `Adapter`. Without state: one serves every endpoint of the protocol."""

    def __init__(self, clock: Callable[[], float] = time.time, ids: Callable[[], str] = new_id) -> None:
        """`clock` gives Unix seconds, for the `created` of an answer; `ids` its id."""
        super().__init__(clock)
        self._ids = ids

    def prepare(self, call: OutboundChat, endpoint: Endpoint, row: ProviderRow) -> Prepared:
        """Build the request. Of the row, `drops` counts; the other fields are about OpenAI's format."""
        betas = tuple(value for name, value in call.beta_headers if name.lower() == BETA)
        call.echo = endpoint.model  # Bedrock's answers name none
        request = openai_chat_to_bedrock.translate(call.fields, endpoint, drops=row.drops, betas=betas)
        return Prepared(path_of(endpoint.upstream_model, stream=call.stream), written(request.body), b"", request.adjusted)

    def read_answer(self, body: bytes, call: OutboundChat) -> Answer | Outcome:
        """Read a complete 2xx answer."""
        return bedrock_to_openai_chat.translate(body, self._stamp(call), hide_reasoning=hides_reasoning(call.fields))

    def open_stream(self, call: OutboundChat) -> ChatStream:
        """Start reading a 2xx event stream, `application/vnd.amazon.eventstream`."""
        hidden = hides_reasoning(call.fields)
        return ChatStream(self._stamp(call), wants_usage=call.wants_usage, hide_reasoning=hidden)

    def classify(self, status: int, retry_after: float | None, body: bytes) -> Outcome:
        """Map a non-2xx answer to an outcome."""
        return classify_bedrock(status, retry_after, body)

    def _stamp(self, call: OutboundChat) -> Stamp:
        return Stamp(self._ids(), str(call.echo or ""), int(self._clock()))


def path_of(model: str, *, stream: bool) -> bytes:
    """The path of an operation on a model; an ARN's colons and slashes are encoded, as the API wants it."""
    operation = "converse-stream" if stream else "converse"
    return f"/model/{quote(model, safe='')}/{operation}".encode("ascii")
