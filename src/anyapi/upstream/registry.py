"""OpenAI-compatible providers as rows: what differs is data. A provider that needs behaviour is a module instead.

Defaults are conservative: `store` is not sent, since a strict provider refuses fields it does not know. A row says what its provider's
own API reference documents.
"""

from anyapi.domain.ids import ProviderId
from anyapi.upstream.adapter import ProviderRow
from anyapi.upstream.evidence import Evidence
from anyapi.upstream.routers import HUGGINGFACE, OPENROUTER, VERCEL

DEFAULT = ProviderRow()

ROWS: dict[str, ProviderRow] = {
    "openai": ProviderRow(accepts_store=True, renames_limit=True, evidence=Evidence(store=True)),
    "azure": ProviderRow(accepts_store=True, renames_limit=True, evidence=Evidence(store=True)),
    "xai": ProviderRow(accepts_store=True, evidence=Evidence(zero_retention=b"x-zero-data-retention", store=True)),
    "openrouter": ProviderRow(evidence=Evidence(host=True, store=True), router=OPENROUTER),
    "vercel": ProviderRow(evidence=Evidence(host=True, store=True), router=VERCEL),
    "huggingface": ProviderRow(evidence=Evidence(host_header=b"x-inference-provider"), router=HUGGINGFACE),
    "mistral": ProviderRow(
        accepts_stream_options=False,  # usage always comes in the last chunk
        renames={"max_completion_tokens": "max_tokens", "seed": "random_seed", "dimensions": "output_dimension"},
        drops=frozenset({"user", "logprobs", "top_logprobs", "logit_bias", "service_tier"}),
    ),
    "scaleway": ProviderRow(drops=frozenset({"encoding_format"})),  # vectors come as arrays, and are rewritten where base64 is asked for
    "perplexity": ProviderRow(accepts_stream_options=False),  # usage comes with every chunk
    "groq": ProviderRow(drops=frozenset({"logit_bias", "logprobs", "top_logprobs"})),
    "cerebras": ProviderRow(drops=frozenset({"frequency_penalty", "presence_penalty", "logit_bias"})),
}


def row_of(provider: ProviderId) -> ProviderRow:
    """How a provider differs; the default row where nothing is recorded."""
    return ROWS.get(provider, DEFAULT)
