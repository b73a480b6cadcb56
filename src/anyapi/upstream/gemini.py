"""The adapter for Gemini's generateContent, at Google AI Studio and at Vertex AI. Puts the pure translators together.

Opens no connection and knows no credential: an access token for Vertex is the upstream's (`token_bearing`). The base URL of AI Studio
ends in the version (`/v1beta`), that of Vertex in project and location (`/v1/projects/{project}/locations/{location}`).
"""

import secrets
import time
from collections.abc import Callable
from urllib.parse import quote

from anyapi.domain.catalogue import Endpoint
from anyapi.domain.decision import Outcome
from anyapi.upstream.adapter import Answer, OutboundChat, Prepared, ProviderRow, Translating
from anyapi.upstream.classify_gemini import classify_gemini
from anyapi.upstream.translate import gemini_to_openai_chat, openai_chat_to_gemini
from anyapi.upstream.translate.chat_fields import choices_asked, hides_reasoning
from anyapi.upstream.translate.chat_reading import written
from anyapi.upstream.translate.gemini_stream_to_openai_chat import ChatStream

MODELS = "/models/"
"""Where models are found below the base URL of AI Studio."""
AT_VERTEX = "/publishers/google/models/"
"""Where they are below that of Vertex AI."""


def _fresh_id() -> str:
    return secrets.token_hex(12)


class GeminiAdapter(Translating):
    """An `Adapter`. Without state: one serves every endpoint of the protocol."""

    def __init__(self, clock: Callable[[], float] = time.time, *, fresh_id: Callable[[], str] = _fresh_id, models: str = MODELS) -> None:
        """`clock` gives Unix seconds, for the `created` of an answer; `fresh_id` a unique id, for an answer that has none.

        `models` is where they are found below the base URL.
        """
        super().__init__(clock)
        self._models, self._fresh_id = models, fresh_id

    def prepare(self, call: OutboundChat, endpoint: Endpoint, row: ProviderRow) -> Prepared:
        """Build the request. Of the row, `drops` and `accepts_store` count; the other fields are about OpenAI's format."""
        request = openai_chat_to_gemini.translate(call.fields, endpoint, row)
        model = self._models + quote(endpoint.upstream_model, safe="")
        method = ":streamGenerateContent?alt=sse" if call.stream else ":generateContent"
        return Prepared((model + method).encode(), written(request.body), adjusted=request.adjusted)

    def read_answer(self, body: bytes, call: OutboundChat) -> Answer | Outcome:
        """Read a complete 2xx answer."""
        return gemini_to_openai_chat.translate(
            body, created=int(self._clock()), fallback_id=self._fresh_id(), hide_reasoning=hides_reasoning(call.fields)
        )

    def open_stream(self, call: OutboundChat) -> ChatStream:
        """Start reading a 2xx event stream."""
        return ChatStream(
            created=int(self._clock()),
            fallback_id=self._fresh_id(),
            wants_usage=call.wants_usage,
            hide_reasoning=hides_reasoning(call.fields),
            choices=min(choices_asked(call.fields), openai_chat_to_gemini.MOST_CHOICES),
        )

    def classify(self, status: int, retry_after: float | None, body: bytes) -> Outcome:
        """Map a non-2xx answer to an outcome."""
        return classify_gemini(status, retry_after, body)
