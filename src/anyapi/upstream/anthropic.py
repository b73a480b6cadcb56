"""The adapter for Anthropic's messages API. Puts the pure translators together; opens no connection and knows no credential.

The wire version is 2023-06-01: it still takes `temperature` for the models that have one; 2026-10-21 takes it from all of them.
"""

from anyapi.domain.catalogue import Endpoint
from anyapi.domain.decision import Outcome
from anyapi.upstream.adapter import Answer, OutboundChat, Prepared, ProviderRow, Translating
from anyapi.upstream.classify import classify_anthropic
from anyapi.upstream.translate import anthropic_to_openai_chat, openai_chat_to_anthropic
from anyapi.upstream.translate.anthropic_stream_to_openai_chat import ChatStream
from anyapi.upstream.translate.chat_fields import hides_reasoning
from anyapi.upstream.translate.chat_reading import written

PATH = b"/v1/messages"
VERSION = b"anthropic-version: 2023-06-01\r\n"
BETA = b"anthropic-beta"


class AnthropicAdapter(Translating):
    """An `Adapter`. Without state: one serves every endpoint of the protocol."""

    def prepare(self, call: OutboundChat, endpoint: Endpoint, row: ProviderRow) -> Prepared:
        """Build the request. Of the row, `drops` counts; the other fields are about OpenAI's format."""
        request = openai_chat_to_anthropic.translate(call.fields, endpoint, stream=call.stream, drops=row.drops)
        return Prepared(PATH, written(request.body), VERSION + beta_lines(call.beta_headers), request.adjusted)

    def read_answer(self, body: bytes, call: OutboundChat) -> Answer | Outcome:
        """Read a complete 2xx answer."""
        hidden = hides_reasoning(call.fields)
        return anthropic_to_openai_chat.translate(body, created=int(self._clock()), hide_reasoning=hidden)

    def open_stream(self, call: OutboundChat) -> ChatStream:
        """Start reading a 2xx event stream."""
        hidden = hides_reasoning(call.fields)
        return ChatStream(created=int(self._clock()), wants_usage=call.wants_usage, hide_reasoning=hidden)

    def classify(self, status: int, retry_after: float | None, body: bytes) -> Outcome:
        """Map a non-2xx answer to an outcome."""
        return classify_anthropic(status, retry_after, body)


def beta_lines(headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
    """The client's `anthropic-beta` headers as lines. A value with a line end cannot come from a parsed header, and goes nowhere."""
    kept = [value for name, value in headers if name.lower() == BETA and b"\r" not in value and b"\n" not in value]
    return b"".join(b"%b: %b\r\n" % (BETA, value) for value in kept)
