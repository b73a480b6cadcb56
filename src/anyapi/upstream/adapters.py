"""Which adapter serves which client format at which provider. A provider's own format passes through; the rest goes by way of chat."""

from collections.abc import Callable

from anyapi.domain.catalogue import ProviderApi
from anyapi.upstream.adapter import Adapter, Dialect
from anyapi.upstream.anthropic import AnthropicAdapter
from anyapi.upstream.anthropic_passthrough import AnthropicPassthrough
from anyapi.upstream.bedrock import BedrockAdapter
from anyapi.upstream.cohere import CohereAdapter
from anyapi.upstream.gemini import AT_VERTEX, GeminiAdapter
from anyapi.upstream.gemini_embeddings import GeminiEmbeddings
from anyapi.upstream.hub import MessagesOverChat, ResponsesOverChat
from anyapi.upstream.openai_chat import OpenAIChat
from anyapi.upstream.openai_embeddings import OpenAIEmbeddings
from anyapi.upstream.readdressed import AzureDated, ClaudeAtVertex, OpenAIAtVertex
from anyapi.upstream.responses_passthrough import ResponsesPassthrough

OPENAI, AZURE_DATED, VERTEX_OPENAI = "openai-chat", "azure-openai", "vertex-openai"
ANTHROPIC, VERTEX_ANTHROPIC = "anthropic-messages", "vertex-anthropic"
OWN_MESSAGES = frozenset({ANTHROPIC, VERTEX_ANTHROPIC})
"""What is spoken where a request in Anthropic's format passes through as it is."""
RESPONSES = "openai-responses"
"""What `also_speaks` of a provider says when it serves `/responses` beside `/chat/completions`."""
CHATS: dict[str, Callable[[], Adapter]] = {
    OPENAI: OpenAIChat,
    AZURE_DATED: OpenAIChat,
    ANTHROPIC: AnthropicAdapter,
    "gemini": GeminiAdapter,
    "vertex": lambda: GeminiAdapter(models=AT_VERTEX),
    VERTEX_ANTHROPIC: AnthropicAdapter,
    VERTEX_OPENAI: OpenAIChat,
    "bedrock": BedrockAdapter,
    "cohere": CohereAdapter,
}
EMBEDDINGS: dict[str, Callable[[], Adapter]] = {OPENAI: OpenAIEmbeddings, AZURE_DATED: OpenAIEmbeddings, "gemini": GeminiEmbeddings}
SERVED_PROTOCOLS = frozenset(CHATS)
SERVED_EMBEDDINGS = frozenset(EMBEDDINGS)


def adapter_for(dialect: Dialect, api: ProviderApi) -> Adapter:
    """The adapter for requests of this format at a provider. Raises `KeyError` for a protocol that is not served."""
    protocol = api.protocol
    if dialect is Dialect.EMBEDDINGS:
        return _addressed(EMBEDDINGS[protocol](), api)
    chat, native = _addressed(CHATS[protocol](), api), protocol not in {OPENAI, AZURE_DATED, VERTEX_OPENAI}
    if dialect is Dialect.MESSAGES:
        return _addressed(AnthropicPassthrough(), api) if protocol in OWN_MESSAGES else MessagesOverChat(chat, native=native)
    if dialect is Dialect.RESPONSES:
        own = RESPONSES in api.also_speaks and not native
        return _addressed(ResponsesPassthrough(), api) if own else ResponsesOverChat(chat, native=native)
    return chat


def _addressed(adapter: Adapter, api: ProviderApi) -> Adapter:
    """The adapter with the addresses of the protocol, where they are not those of the format itself."""
    if api.protocol == AZURE_DATED:
        return AzureDated(adapter, api.api_version or "")
    if api.protocol == VERTEX_ANTHROPIC:
        return ClaudeAtVertex(adapter)
    return OpenAIAtVertex(adapter) if api.protocol == VERTEX_OPENAI else adapter
