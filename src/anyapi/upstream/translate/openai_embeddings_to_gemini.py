"""An OpenAI embeddings request as Gemini's `batchEmbedContents`. Pure; docs/translation.md is the list of what becomes what.

Each text is a request of its own in the batch: several parts of one content would come back as one vector. What is sent is built from
decoded values, so it holds no key twice. Source: `models.batchEmbedContents` of the Gemini API reference, v1beta.
"""

from collections.abc import Mapping

import msgspec

from anyapi.domain.catalogue import Endpoint
from anyapi.errors import BadRequest
from anyapi.upstream.translate import reading
from anyapi.upstream.translate.adjustments import Adjustments
from anyapi.upstream.translate.reading import Object

MOST_INPUTS = 100
"""Texts in one batch; with more, Gemini refuses the whole."""
NULL = b"null"
TRANSLATED = frozenset({"model", "input", "dimensions", "encoding_format", "output_dtype"})
"""`encoding_format` is fulfilled on the way back: Gemini gives arrays."""
LEFT_OUT = frozenset({"input_type", "task_type", "title", "truncate", "truncate_prompt_tokens", "service_tier", "priority"})
"""Fields of other providers, left out and named; a name not listed here is named `other`."""


class Request(msgspec.Struct):
    """The outer object of Gemini's request, and the names of fields that were left out. Holds content: never printed."""

    body: Object
    adjusted: tuple[str, ...]

    def __repr__(self) -> str:
        """Never the content."""
        return "<Request>"


def translate(fields: Mapping[str, msgspec.Raw], endpoint: Endpoint, *, drops: frozenset[str] = frozenset()) -> Request:
    """Build the request for one endpoint. `fields` is not changed. Raises `BadRequest` alone, naming the field."""
    notes = Adjustments()
    asked = {name: raw for name, raw in fields.items() if bytes(raw) != NULL}
    for name in sorted(drops & asked.keys()):
        notes.note(name)
        del asked[name]
    for name in asked:
        if name not in TRANSLATED:
            notes.note(name if name in LEFT_OUT else "other")
    if "output_dtype" in asked and reading.decode(asked["output_dtype"], "output_dtype") != "float":
        raise BadRequest("`output_dtype` cannot be sent to Gemini: its vectors are floats.", "output_dtype")
    model = f"models/{endpoint.upstream_model}"
    more: Object = {}
    if "dimensions" in asked:
        more["outputDimensionality"] = reading.integer(reading.decode(asked["dimensions"], "dimensions"), "dimensions", 1)
    requests = [{"model": model, "content": {"parts": [{"text": text}]}, **more} for text in _texts(asked)]
    return Request({"requests": requests}, notes.names)


def _texts(fields: Mapping[str, msgspec.Raw]) -> list[str]:
    """The inputs, each a text."""
    raw = fields.get("input")
    value = None if raw is None else reading.decode(raw, "input")
    if isinstance(value, str):
        return [value]
    items = reading.sequence(value, "input")
    if not items:
        raise BadRequest("`input` must hold at least one text.", "input")
    if len(items) > MOST_INPUTS:
        raise BadRequest(f"`input` may hold {MOST_INPUTS} texts at Gemini. Send it in parts.", "input")
    if any(isinstance(item, int | list) for item in items):
        raise BadRequest("`input` holds tokens, which Gemini does not take: they are of another model's vocabulary. Send texts.", "input")
    return [reading.text(item, f"input[{number}]") for number, item in enumerate(items)]
