"""OpenAI embeddings as the provider speaks them. The same text gets the same vector from the same model; vectors mean nothing.

Source: the API reference of OpenAI (embeddings), as of 2026. A token in an input given as tokens counts as one.
"""

import array
import base64
import hashlib
import math
import struct
import sys
from collections.abc import Mapping

import msgspec

from anyapi.simulator.answer import Answer
from anyapi.simulator.call import Call, Embedding, Rejected
from anyapi.simulator.ledger import Outcome
from anyapi.simulator.openai_errors import OpenAiErrors
from anyapi.simulator.openai_wire import deployment_in
from anyapi.simulator.reply import Reply, answered
from anyapi.simulator.steps import Send
from anyapi.simulator.tokens import BYTES_PER_TOKEN
from anyapi.simulator.wire import GatewayFields, Target, unreadable

DIMENSIONS = 1536
"""The length of a vector when neither the request nor the model's record says another."""
LONGEST = 3072
MOST_INPUTS = 2048
_write = msgspec.json.Encoder().encode


class _Request(GatewayFields, kw_only=True):
    model: str
    input: str | list[str | int | list[int]]
    encoding_format: str | None = None
    dimensions: int | None = None


_read = msgspec.json.Decoder(_Request).decode


class EmbeddingsWire(OpenAiErrors):
    """`POST /v1/embeddings`."""

    completion_path = "/v1/embeddings"

    def target(self, path: str, query: str) -> Target | None:
        """Azure serves the same under `/openai`, and names a deployment in the path of its older API."""
        return Target() if path.removeprefix("/openai") == self.completion_path else deployment_in(path, query, "embeddings")

    def read(self, body: bytes, headers: Mapping[str, str], target: Target) -> Call:  # noqa: ARG002 - other wires need them
        """Understand a request; `Rejected` 400 when it is not one."""
        try:
            request = _read(body)
        except msgspec.MsgspecError as error:
            raise unreadable(error) from None
        inputs, size = _inputs(request.input)
        if request.encoding_format not in {None, "float", "base64"}:
            raise Rejected(400, "encoding_format is float or base64.")
        if request.dimensions is not None and not 1 <= request.dimensions <= LONGEST:
            raise Rejected(400, f"dimensions must be between 1 and {LONGEST}.")
        return Call(
            model=target.model or request.model,
            prompt_bytes=size,
            include_usage=True,
            embedding=Embedding(inputs, request.dimensions, request.encoding_format == "base64"),
            store=request.store_value,
            leaked=request.leaked,
        )

    def render(self, call: Call, model: str, answer: Answer, serial: int) -> Reply:
        """Write the list of vectors."""
        wanted = call.embedding or Embedding(())
        reply = answered(answer, Outcome.ANSWERED)
        reply.headers = [(b"x-request-id", b"req_sim_%d" % serial)]
        data = [
            {"object": "embedding", "index": index, "embedding": _shown(wanted, model, text)} for index, text in enumerate(wanted.inputs)
        ]
        body: dict[str, object] = {"object": "list", "data": data, "model": model}
        if answer.reported is not None:
            body["usage"] = {"prompt_tokens": answer.reported[0], "total_tokens": answer.reported[0]}
        reply.body = [Send(_write(body) + b" " * answer.padding, usage=answer.reported is not None)]
        return reply


def vector(model: str, text: bytes, dimensions: int) -> "array.array[float]":
    """Return a vector of length 1 in single precision. A shorter one is the beginning of the longer one, made length 1 again."""
    raw = hashlib.shake_256(model.encode() + b"\0" + text).digest(4 * dimensions)
    values = [value / 2**31 for (value,) in struct.iter_unpack("<i", raw)]
    length = math.sqrt(math.fsum(value * value for value in values)) or 1.0
    return array.array("f", [value / length for value in values])


def _shown(wanted: Embedding, model: str, text: bytes) -> object:
    values = vector(model, text, wanted.dimensions or DIMENSIONS)
    if not wanted.base64:
        return list(values)
    if sys.byteorder == "big":
        values.byteswap()
    return base64.b64encode(values.tobytes()).decode()


def _inputs(given: str | list[str | int | list[int]]) -> tuple[tuple[bytes, ...], int]:
    """Return each input as bytes, and the bytes of text that they count as."""
    items = _listed(given)
    if not 1 <= len(items) <= MOST_INPUTS:
        raise Rejected(400, f"input must hold between 1 and {MOST_INPUTS} items.")
    if not all(items):
        raise Rejected(400, "input must not hold anything empty.")
    texts = [item.encode() if isinstance(item, str) else repr(item).encode() for item in items]
    sizes = [len(text) if isinstance(item, str) else BYTES_PER_TOKEN * len(item) for item, text in zip(items, texts, strict=True)]
    return tuple(texts), sum(sizes)


def _listed(given: str | list[str | int | list[int]]) -> list[str | list[int]]:
    """Return the inputs one by one: a text, or the numbers of its tokens."""
    if isinstance(given, str):
        return [given]
    numbers = [item for item in given if isinstance(item, int)]
    if not numbers:
        return [item for item in given if not isinstance(item, int)]
    if len(numbers) < len(given):
        raise Rejected(400, "input must not hold tokens beside texts.")
    return [numbers]
