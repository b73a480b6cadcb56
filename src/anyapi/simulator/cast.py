"""Who is simulated: providers, the models they serve, the data policies they claim, and the five of the demo. Opens nothing."""

import enum

import msgspec

from anyapi.simulator.anthropic_wire import AnthropicApi
from anyapi.simulator.bedrock_wire import BedrockApi
from anyapi.simulator.cohere_wire import CohereApi
from anyapi.simulator.faults import Turn
from anyapi.simulator.gemini_api import GeminiApi
from anyapi.simulator.google_tokens import TokenApi
from anyapi.simulator.openai_api import AzureApi, OpenAiApi
from anyapi.simulator.vertex_api import VertexApi
from anyapi.simulator.wire import Api


class WireName(enum.StrEnum):
    """The APIs a simulated provider can speak; one of them may hold several wire formats."""

    OPENAI = "openai"
    """Chat completions, responses and embeddings."""
    ANTHROPIC = "anthropic"
    GEMINI = "gemini"
    """The Gemini API, and Vertex AI's for Gemini by a fixed token."""
    BEDROCK = "bedrock"
    VERTEX = "vertex"
    """Vertex AI: Gemini, Claude and OpenAI's format, by the tokens of a provider of the next kind."""
    GOOGLE_TOKENS = "google-tokens"
    """No provider of models: Google's token endpoint."""
    AZURE = "azure"
    """Azure OpenAI, its newer paths and its older ones."""
    COHERE = "cohere"


FORMATS = tuple(wire for wire in WireName if wire not in {WireName.VERTEX, WireName.GOOGLE_TOKENS, WireName.AZURE})
"""Those with a format of their own, OpenAI's first; the others carry these to other addresses, or are no provider."""
APIS: dict[WireName, Api] = {
    WireName.OPENAI: OpenAiApi(),
    WireName.ANTHROPIC: AnthropicApi(),
    WireName.GEMINI: GeminiApi(),
    WireName.BEDROCK: BedrockApi(),
    WireName.VERTEX: VertexApi(),
    WireName.GOOGLE_TOKENS: TokenApi(),
    WireName.AZURE: AzureApi(),
    WireName.COHERE: CohereApi(),
}


class ModelSpec(msgspec.Struct, frozen=True):
    """A model as one provider serves it."""

    id: str
    """The catalogue's id, `author/slug`."""
    upstream: str
    """The provider's own name."""
    input_price: float = 0.0
    """US dollars per million prompt tokens; likewise for completion tokens."""
    output_price: float = 0.0
    vision: bool = True
    dimensions: int | None = None
    """Of a model that makes vectors: their length unless the request asks for another. It does nothing else then."""
    protocol: str | None = None
    """What is spoken there, in the catalogue's words, where it is not what the provider's other models speak."""
    region: str | None = None
    """Where it is locked to, likewise."""


class ClaimedPolicy(msgspec.Struct, frozen=True):
    """What the provider says it does with content, in the words of the catalogue."""

    training: str = "unknown"
    retention: str = "unknown"
    retention_days: float | None = None
    zero_retention: str = "unknown"
    human_review: str = "unknown"
    confidence: str = "primary"
    free: bool = False
    certifications: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()


class ProviderSpec(msgspec.Struct, frozen=True):
    """One simulated provider."""

    id: str
    name: str = ""
    sentence: str = "I am a simulated provider."
    """What every answer in words says."""
    wire: WireName = WireName.OPENAI
    models: tuple[ModelSpec, ...] = ()
    """Served models; with none, any name is served."""
    policy: ClaimedPolicy = ClaimedPolicy()
    api_key: str | None = None
    """The key that callers must send; None serves everybody. Bedrock: `ACCESS:SECRET` or `ACCESS:SECRET:SESSION` asks for a signature.
    Vertex AI and its token endpoint: `EMAIL:MODULUS`, see `google_tokens`."""
    chunk_delay: float = 0.0
    """Seconds before each event of a stream."""
    words: int = 0
    """The least number of words in an answer in words."""
    echo: str = ""
    """Put at the end of every answer in words."""
    reasoning: bool = False
    """Send reasoning even if it was not asked for."""
    faults: Turn = ()
    """Applied to every request that no script or model suffix decides."""

    def __repr__(self) -> str:
        """Never the key."""
        return f"<ProviderSpec {self.id}>"


def _models(discount: float, *skipped: str) -> tuple[ModelSpec, ...]:
    """Return the demo's models at a share of the usual price."""
    usual = (
        ModelSpec("anthropic/claude-3.5-sonnet", "claude-3.5-sonnet", 3.0, 15.0),
        ModelSpec("openai/gpt-4o-mini", "gpt-4o-mini", 0.15, 0.6),
        ModelSpec("meta-llama/llama-3.3-70b-instruct", "llama-3.3-70b-instruct", 0.6, 0.72, vision=False),
        ModelSpec("mistralai/mistral-small-4", "mistral-small-4", 0.1, 0.3),
    )
    return tuple(
        msgspec.structs.replace(
            model, input_price=round(model.input_price * discount, 4), output_price=round(model.output_price * discount, 4)
        )
        for model in usual
        if model.id not in skipped
    )


DEFAULT_PROVIDERS: tuple[ProviderSpec, ...] = (
    ProviderSpec(
        "sim-forever",
        "Sim Forever",
        "At sim-forever your words train the next model and are kept for good.",
        models=_models(0.5),
        policy=ClaimedPolicy("by_default", "indefinite", None, "no", "yes", regions=("us",)),
    ),
    ProviderSpec(
        "sim-30d",
        "Sim 30 Days",
        "At sim-30d nothing is trained on, and everything is deleted after thirty days.",
        models=_models(0.8),
        policy=ClaimedPolicy("never", "limited", 30, "contract", "no", certifications=("soc2-type2",), regions=("us",)),
    ),
    ProviderSpec(
        "sim-zero",
        "Sim Zero",
        "At sim-zero your words are forgotten as soon as they are answered.",
        models=_models(1.0),
        policy=ClaimedPolicy("never", "zero", 0, "default", "no", certifications=("soc2-type2", "iso27001"), regions=("eu",)),
    ),
    ProviderSpec(
        "sim-free",
        "Sim Free",
        "At sim-free you pay with your words: they are trained on.",
        models=_models(0.0),
        policy=ClaimedPolicy("by_default", "limited", 90, "no", "yes", free=True, regions=("us",)),
    ),
    ProviderSpec(
        "sim-unknown",
        "Sim Unknown",
        "Nobody has written down what sim-unknown does with your words.",
        models=_models(0.4, "openai/gpt-4o-mini"),
        policy=ClaimedPolicy(confidence="none"),
    ),
)
