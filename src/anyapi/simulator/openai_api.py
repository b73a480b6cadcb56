"""OpenAI as a provider: chat completions, responses and embeddings under one key. Azure's paths and header are served too."""

from anyapi.simulator.call import Rejected
from anyapi.simulator.embeddings_wire import EmbeddingsWire
from anyapi.simulator.openai_errors import CREATED
from anyapi.simulator.openai_wire import OpenAiWire
from anyapi.simulator.request import Request
from anyapi.simulator.responses_wire import ResponsesWire
from anyapi.simulator.wire import Wire, bearer, same_key


class OpenAiApi:
    """What is at `https://api.openai.com`."""

    wires: tuple[Wire, ...] = (OpenAiWire(), ResponsesWire(), EmbeddingsWire())
    base_path = "/v1"
    models_paths: tuple[str, ...] = ("/v1/models", "/openai/v1/models")

    def admits(self, request: Request, key: str) -> bool:
        """The key is a bearer token; Azure has a header for it."""
        headers = request.header()
        return same_key(bearer(headers) or headers.get("api-key"), key)

    def no_admittance(self, request: Request) -> Rejected:  # noqa: ARG002 - the contract's
        """Return a 401."""
        return Rejected(401, "Incorrect API key provided.")

    def models(self, names: tuple[str, ...]) -> object:
        """Return the list object."""
        return {"object": "list", "data": [{"id": name, "object": "model", "created": CREATED, "owned_by": "simulator"} for name in names]}


class AzureApi(OpenAiApi):
    """What is at `https://RESOURCE.openai.azure.com`: the same by another header, and under Azure's paths alone."""

    base_path = "/openai/v1"
    models_paths: tuple[str, ...] = ("/openai/v1/models",)

    def admits(self, request: Request, key: str) -> bool:
        """The key is in a header of its own."""
        return request.path.startswith("/openai/") and same_key(request.header().get("api-key"), key)

    def no_admittance(self, request: Request) -> Rejected:  # noqa: ARG002 - the contract's
        """Return a 401."""
        return Rejected(401, "Access denied due to invalid subscription key or wrong API endpoint.")
