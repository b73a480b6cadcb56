"""Adapters for a known format at other addresses: Claude and OpenAI's format at Vertex AI, and Azure OpenAI's dated API.

Each wraps the adapter of the format itself, changes where a request goes and the little that its body says otherwise there, and leaves the
answer alone. Opens no connection and knows no credential.
"""

from urllib.parse import quote

import msgspec

from anyapi.domain.catalogue import Endpoint
from anyapi.domain.decision import Outcome
from anyapi.upstream.adapter import Adapter, Answer, OutboundChat, Prepared, ProviderRow, StreamReader
from anyapi.upstream.anthropic import beta_lines

VERTEX_VERSION = msgspec.Raw(b'"vertex-2023-10-16"')
"""Of Anthropic's format at Vertex AI: in the body, where Anthropic's own API has a header."""
DEPLOYED = frozenset({b"/chat/completions", b"/embeddings"})
"""Operations of Azure's dated API whose path names the deployment; of the others the body does."""

_encode = msgspec.json.Encoder().encode
_outer = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class _Readdressed:
    """An adapter whose requests go elsewhere."""

    def __init__(self, inner: Adapter) -> None:
        """`inner` speaks the format."""
        self._inner = inner

    def prepare(self, call: OutboundChat, endpoint: Endpoint, row: ProviderRow) -> Prepared:
        """Build the provider's request. Raises `BadRequest` naming the field for what cannot be expressed."""
        return self._moved(self._inner.prepare(call, endpoint, row), call, endpoint)

    def read_answer(self, body: bytes, call: OutboundChat) -> Answer | Outcome:
        """Read a complete 2xx answer."""
        return self._inner.read_answer(body, call)

    def open_stream(self, call: OutboundChat) -> StreamReader:
        """Start reading a 2xx event stream."""
        return self._inner.open_stream(call)

    def classify(self, status: int, retry_after: float | None, body: bytes) -> Outcome:
        """Map a non-2xx answer to an outcome."""
        return self._inner.classify(status, retry_after, body)

    def _moved(self, made: Prepared, call: OutboundChat, endpoint: Endpoint) -> Prepared:
        raise NotImplementedError


class ClaudeAtVertex(_Readdressed):
    """Anthropic's format at Vertex AI: the path names model and manner, the body its version."""

    def _moved(self, made: Prepared, call: OutboundChat, endpoint: Endpoint) -> Prepared:
        fields = _outer(made.body)
        fields.pop("model", None)
        fields["anthropic_version"] = VERTEX_VERSION
        manner = "streamRawPredict" if call.stream else "rawPredict"
        path = f"/publishers/anthropic/models/{quote(endpoint.upstream_model, safe='@')}:{manner}"
        return Prepared(path.encode(), _encode(fields), beta_lines(call.beta_headers), made.adjusted)


class OpenAIAtVertex(_Readdressed):
    """OpenAI's format at Vertex AI, for models of others that Google serves."""

    def _moved(self, made: Prepared, call: OutboundChat, endpoint: Endpoint) -> Prepared:  # noqa: ARG002 - the others need them
        return Prepared(b"/endpoints/openapi%b" % made.path, made.body, made.headers, made.adjusted)


class AzureDated(_Readdressed):
    """Azure OpenAI by a dated version: it is stated in the query, and the path names the deployment where one is asked."""

    def __init__(self, inner: Adapter, version: str) -> None:
        """`version` is the `api-version`, for example `2024-10-21`."""
        super().__init__(inner)
        self._query = f"?api-version={quote(version, safe='')}".encode()

    def prepare(self, call: OutboundChat, endpoint: Endpoint, row: ProviderRow) -> Prepared:
        """Build the request. Versions of before 2025 refuse `store`, and keep nothing."""
        return super().prepare(call, endpoint, msgspec.structs.replace(row, accepts_store=False) if row.accepts_store else row)

    def _moved(self, made: Prepared, call: OutboundChat, endpoint: Endpoint) -> Prepared:  # noqa: ARG002 - the others need it
        place = f"/deployments/{quote(endpoint.upstream_model, safe='')}".encode() if made.path in DEPLOYED else b""
        return Prepared(place + made.path + self._query, made.body, made.headers, made.adjusted)
