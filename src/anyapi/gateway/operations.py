"""The other formats in which a model can be asked. Each reads its own body and then goes the one request path of `handle`."""

from anyapi.gateway.call import Call
from anyapi.gateway.client import Connection
from anyapi.gateway.formats import anthropic_messages, openai_embeddings, openai_responses
from anyapi.gateway.handle import answer
from anyapi.gateway.plane import DataPlane


async def messages(call: Call, plane: DataPlane, reply: Connection) -> None:
    """Answer `POST /v1/messages`."""
    await answer(call, plane, reply, anthropic_messages.parse)


async def responses(call: Call, plane: DataPlane, reply: Connection) -> None:
    """Answer `POST /v1/responses`."""
    await answer(call, plane, reply, openai_responses.parse)


async def embeddings(call: Call, plane: DataPlane, reply: Connection) -> None:
    """Answer `POST /v1/embeddings`."""
    await answer(call, plane, reply, openai_embeddings.parse)
