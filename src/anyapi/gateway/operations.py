"""The formats in which a model can be asked. Each reads its own body and then goes the one request path of `handle`."""

from functools import partial

from anyapi.gateway.formats import anthropic_messages, openai_chat, openai_embeddings, openai_responses
from anyapi.gateway.handle import answer

chat_completions = partial(answer, parse=openai_chat.parse)
"""Answer `POST /v1/chat/completions`."""
messages = partial(answer, parse=anthropic_messages.parse)
"""Answer `POST /v1/messages`."""
responses = partial(answer, parse=openai_responses.parse)
"""Answer `POST /v1/responses`."""
embeddings = partial(answer, parse=openai_embeddings.parse)
"""Answer `POST /v1/embeddings`."""
