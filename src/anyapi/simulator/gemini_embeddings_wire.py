"""Gemini's `batchEmbedContents` as Google speaks it: a vector for each content of the batch. The vectors are those of `embeddings_wire`.

Source: the API reference of Google (Gemini API), as of 2026. Unknown fields are refused, as Google refuses them.
"""

import re
from collections.abc import Mapping

import msgspec

from anyapi.simulator.answer import Answer
from anyapi.simulator.call import Call, Embedding, Rejected
from anyapi.simulator.embeddings_wire import DIMENSIONS, LONGEST, vector
from anyapi.simulator.gemini_wire import GeminiWire
from anyapi.simulator.ledger import Outcome
from anyapi.simulator.reply import Reply, answered
from anyapi.simulator.steps import Send
from anyapi.simulator.wire import Target, unreadable

MOST_INPUTS = 100
_write = msgspec.json.Encoder().encode


class _Part(msgspec.Struct, forbid_unknown_fields=True):
    text: str


class _Content(msgspec.Struct, forbid_unknown_fields=True):
    parts: list[_Part]
    role: str | None = None


class _One(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    model: str
    content: _Content
    output_dimensionality: int | None = None
    task_type: str | None = None
    title: str | None = None


class _Batch(msgspec.Struct, forbid_unknown_fields=True):
    requests: list[_One]


_read = msgspec.json.Decoder(_Batch).decode


class GeminiEmbeddingsWire(GeminiWire):
    """`POST .../models/MODEL:batchEmbedContents`."""

    completion_path = "/v1beta/models/MODEL:batchEmbedContents"
    _path = re.compile(r"/v1(?:alpha|beta)?/models/(.+):(\w+)")
    _methods: Mapping[str, tuple[bool, bool]] = {"batchEmbedContents": (False, False)}

    def read(self, body: bytes, headers: Mapping[str, str], target: Target) -> Call:  # noqa: ARG002 - other wires need them
        """Understand a request; `Rejected` 400 when it is not one."""
        try:
            requests = _read(body).requests
        except msgspec.MsgspecError as error:
            raise unreadable(error) from None
        if not 1 <= len(requests) <= MOST_INPUTS:
            raise Rejected(400, f"requests must hold between 1 and {MOST_INPUTS} items.")
        if any(one.model != f"models/{target.model}" for one in requests):
            raise Rejected(400, "The model of each request must be that of the path.")
        texts = tuple("".join(part.text for part in one.content.parts).encode() for one in requests)
        if not all(texts):
            raise Rejected(400, "content must not be empty.")
        embedding = Embedding(texts, _length({one.output_dimensionality for one in requests}))
        return Call(model=target.model or "", prompt_bytes=sum(map(len, texts)), include_usage=True, embedding=embedding)

    def render(self, call: Call, model: str, answer: Answer, serial: int) -> Reply:  # noqa: ARG002 - the contract's signature
        """Write the batch of vectors."""
        wanted = call.embedding or Embedding(())
        vectors = [list(vector(model, text, wanted.dimensions or DIMENSIONS)) for text in wanted.inputs]
        body: dict[str, object] = {"embeddings": [{"values": values} for values in vectors]}
        if answer.reported is not None:
            body["usageMetadata"] = {"promptTokenCount": answer.reported[0]}
        reply = answered(answer, Outcome.ANSWERED)
        reply.body = [Send(_write(body) + b" " * answer.padding, usage=answer.reported is not None)]
        return reply


def _length(asked: set[int | None]) -> int | None:
    """Return the length that all requests of a batch ask for."""
    if len(asked) > 1 or not all(length is None or 1 <= length <= LONGEST for length in asked):
        raise Rejected(400, f"outputDimensionality must be one number between 1 and {LONGEST}.")
    return asked.pop()
