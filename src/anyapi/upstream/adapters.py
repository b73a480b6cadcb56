"""Which adapter serves which client format at which provider. A provider's own format passes through; the rest goes by way of chat."""

from collections.abc import Callable

from anyapi.domain.catalogue import ProviderApi
from anyapi.upstream.adapter import Adapter, Dialect
from anyapi.upstream.anthropic import AnthropicAdapter
from anyapi.upstream.anthropic_passthrough import AnthropicPassthrough
from anyapi.upstream.bedrock import BedrockAdapter
from anyapi.upstream.gemini import GeminiAdapter
from anyapi.upstream.gemini_embeddings import GeminiEmbeddings
from anyapi.upstream.hub import MessagesOverChat, ResponsesOverChat
from anyapi.upstream.openai_chat import OpenAIChat
from anyapi.upstream.openai_embeddings import OpenAIEmbeddings
from anyapi.upstream.responses_passthrough import ResponsesPassthrough

OPENAI = "openai-chat"
RESPONSES = "openai-responses"
"""What `also_speaks` of a provider says when it serves `/responses` beside `/chat/completions`."""
CHATS: dict[str, Callable[[], Adapter]] = {
    OPENAI: OpenAIChat,
    "anthropic-messages": AnthropicAdapter,
    "gemini": GeminiAdapter,
    "bedrock": BedrockAdapter,
}
EMBEDDINGS: dict[str, Callable[[], Adapter]] = {OPENAI: OpenAIEmbeddings, "gemini": GeminiEmbeddings}
SERVED_PROTOCOLS = frozenset(CHATS)
SERVED_EMBEDDINGS = frozenset(EMBEDDINGS)


def adapter_for(dialect: Dialect, api: ProviderApi) -> Adapter:
    """The adapter for requests of this format at a provider. Raises `KeyError` for a protocol that is not served."""
    if dialect is Dialect.EMBEDDINGS:
        return EMBEDDINGS[api.protocol]()
    chat, native = CHATS[api.protocol](), api.protocol != OPENAI
    if dialect is Dialect.MESSAGES:
        return AnthropicPassthrough() if api.protocol == "anthropic-messages" else MessagesOverChat(chat, native=native)
    if dialect is Dialect.RESPONSES:
        return ResponsesPassthrough() if RESPONSES in api.also_speaks and not native else ResponsesOverChat(chat, native=native)
    return chat
