"""Vertex AI as Google speaks it: Gemini, Claude in Anthropic's format, and others' models in OpenAI's, all for an access token.

Source: the API references of Google and Anthropic (Claude on Vertex AI), as of 2026.
"""

import re
import urllib.parse
from collections.abc import Mapping

import msgspec

from anyapi.simulator.anthropic_wire import AnthropicWire
from anyapi.simulator.call import Call, Rejected
from anyapi.simulator.gemini_wire import VertexWire
from anyapi.simulator.google_tokens import is_good
from anyapi.simulator.openai_wire import OpenAiWire
from anyapi.simulator.request import Request
from anyapi.simulator.wire import Target, Wire, bearer

PLACE = "/v1/projects/sim-project/locations/europe-west4"
_ANY_PLACE = r"/v1/projects/[^/]+/locations/[^/]+"
_VERSION = b'"vertex-2023-10-16"'
_outer = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class VertexClaudeWire(AnthropicWire):
    """`POST .../publishers/anthropic/models/MODEL:rawPredict` and `:streamRawPredict`."""

    completion_path = "/v1/projects/PROJECT/locations/LOCATION/publishers/anthropic/models/MODEL:rawPredict"
    _path = re.compile(_ANY_PLACE + r"/publishers/anthropic/models/([^/:]+):(rawPredict|streamRawPredict)")

    def target(self, path: str, query: str) -> Target | None:  # noqa: ARG002 - the contract's
        """The path names the model and says whether to stream."""
        match = self._path.fullmatch(path)
        return Target(urllib.parse.unquote(match[1]), match[2] == "streamRawPredict") if match else None

    def read(self, body: bytes, headers: Mapping[str, str], target: Target) -> Call:
        """Understand a request; `Rejected` 400 when it is not one, names a model, or does not state its version in the body."""
        try:
            fields = _outer(body)
        except msgspec.MsgspecError:
            raise Rejected(400, "The request body is not valid.") from None
        if bytes(fields.pop("anthropic_version", b"")) != _VERSION or "anthropic-version" in headers:
            raise Rejected(400, "anthropic_version: must be vertex-2023-10-16, in the body.")
        if "model" in fields:
            raise Rejected(400, "model: Extra inputs are not permitted.")
        if (bytes(fields.get("stream", b"false")) == b"true") != target.stream:
            raise Rejected(400, "stream: does not say what the path says.")
        fields["model"] = msgspec.Raw(msgspec.json.encode(target.model))
        return super().read(msgspec.json.encode(fields), {**headers, "anthropic-version": "2023-06-01"}, Target())


class VertexOpenAiWire(OpenAiWire):
    """`POST .../endpoints/openapi/chat/completions`."""

    completion_path = "/v1/projects/PROJECT/locations/LOCATION/endpoints/openapi/chat/completions"
    _path = re.compile(_ANY_PLACE + r"/endpoints/openapi/chat/completions")

    def target(self, path: str, query: str) -> Target | None:  # noqa: ARG002 - the contract's
        """The path says nothing."""
        return Target() if self._path.fullmatch(path) else None


class VertexApi:
    """What is at `https://LOCATION-aiplatform.googleapis.com`, for the tokens of `google_tokens`."""

    wires: tuple[Wire, ...] = (VertexWire(), VertexClaudeWire(), VertexOpenAiWire())
    base_path = PLACE
    models_paths: tuple[str, ...] = ()

    def admits(self, request: Request, key: str) -> bool:
        """Say whether the request carries a good access token of the account that the key names."""
        return is_good(bearer(request.header()), key)

    def no_admittance(self, request: Request) -> Rejected:  # noqa: ARG002 - the contract's
        """Return a 401."""
        return Rejected(401, "Request had invalid authentication credentials.")

    def models(self, names: tuple[str, ...]) -> object:
        """Nothing lists them here."""
        return {"models": [{"name": name} for name in names]}
