"""Google as a provider: generateContent and embeddings of the Gemini API, and Vertex AI's paths, under one key."""

from anyapi.simulator.call import Rejected
from anyapi.simulator.gemini_embeddings_wire import GeminiEmbeddingsWire
from anyapi.simulator.gemini_wire import BAD_KEY, GeminiWire, VertexWire
from anyapi.simulator.request import Request
from anyapi.simulator.wire import Wire, bearer, same_key


class GeminiApi:
    """What is at `https://generativelanguage.googleapis.com`, and at `https://LOCATION-aiplatform.googleapis.com`."""

    wires: tuple[Wire, ...] = (GeminiWire(), GeminiEmbeddingsWire(), VertexWire())
    base_path = "/v1beta"
    models_paths: tuple[str, ...] = ("/v1beta/models", "/v1/models")

    def admits(self, request: Request, key: str) -> bool:
        """The key is in `x-goog-api-key`, else in the query; Vertex AI takes a bearer token."""
        headers = request.header()
        return same_key(headers.get("x-goog-api-key") or request.parameter("key") or bearer(headers), key)

    def no_admittance(self, request: Request) -> Rejected:
        """Return what Google answers: a 400 to a wrong key, a 401 to a wrong token."""
        return (
            Rejected(401, "Request had invalid authentication credentials.") if "/publishers/" in request.path else Rejected(400, BAD_KEY)
        )

    def models(self, names: tuple[str, ...]) -> object:
        """Return one page that holds everything."""
        methods = ["generateContent", "countTokens"]
        return {"models": [{"name": f"models/{name}", "displayName": name, "supportedGenerationMethods": methods} for name in names]}
