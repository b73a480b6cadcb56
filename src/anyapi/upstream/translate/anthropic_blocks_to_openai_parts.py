"""Anthropic content blocks as parts of an OpenAI message: text, images, documents, search results. Nothing is fetched or decoded here.

A block that has no counterpart is a `BadRequest` with its path: files stored at the provider, and what belongs to server tools.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import msgspec

from anyapi.errors import BadRequest
from anyapi.upstream.translate import raw_reading
from anyapi.upstream.translate.hub_target import Carrier
from anyapi.upstream.translate.raw_reading import Fields, present
from anyapi.upstream.translate.reading import Object

IMAGES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
PDF = "application/pdf"
UNTITLED = "document.pdf"
"""The name of a PDF without a title: OpenAI wants one."""

BlockReader: TypeAlias = Callable[[Fields, str, Carrier], list[Object]]

_TEXT = frozenset({"type", "text", "cache_control", "citations"})
_IMAGE = frozenset({"type", "source", "cache_control", "transformations"})
_DOCUMENT = frozenset({"type", "source", "cache_control", "citations", "context", "title"})
_SEARCH = frozenset({"type", "content", "source", "title", "cache_control", "citations"})


def parts_of(block: Fields, where: str, carrier: Carrier, kinds: Mapping[str, BlockReader]) -> list[Object]:
    """Translate one block, found at `where`. A block may become several parts; its cache mark is on the last."""
    read = kinds.get(raw_reading.kind_of(block, where))
    if read is None:
        known = f"one of {', '.join(sorted(kinds))}"
        raise raw_reading.refuse_other_kind(where, known, "other blocks of this role have no counterpart at this provider.")
    found = read(block, where, carrier)
    if found:
        carrier.cache(block, found[-1])
    return found


def as_content(parts: list[Object]) -> object:
    """What stands in `content`: a lone text without a mark as a string, which every provider takes."""
    if not parts:
        return ""
    only = parts[0]
    return only["text"] if len(parts) == 1 and only.keys() == {"type", "text"} else parts


def text_part(words: object) -> Object:
    """A part of text."""
    return {"type": "text", "text": words}


def _text(block: Fields, where: str, carrier: Carrier) -> list[Object]:
    if present(block, "citations") is not None:
        carrier.notes.note("messages.text.citations")
    carrier.note_rest(block, _TEXT, "messages")
    return [text_part(raw_reading.raw_text(block.get("text"), f"{where}.text"))]


def _image(block: Fields, where: str, carrier: Carrier) -> list[Object]:
    if present(block, "transformations") is not None:
        carrier.notes.note("messages.image.transformations")
    carrier.note_rest(block, _IMAGE, "messages")
    at = f"{where}.source"
    source = raw_reading.mapping(block.get("source"), at)
    kind = raw_reading.kind_of(source, at)
    if kind == "url":
        return [{"type": "image_url", "image_url": {"url": raw_reading.raw_text(source.get("url"), f"{at}.url")}}]
    if kind != "base64":
        raise _stored(at, "base64 or url")
    media = raw_reading.text(source.get("media_type"), f"{at}.media_type")
    if media not in IMAGES:
        raise BadRequest(f"`{at}.media_type` must be one of {', '.join(sorted(IMAGES))}.", f"{at}.media_type")
    return [{"type": "image_url", "image_url": {"url": _data_url(media, source, at)}}]


def _document(block: Fields, where: str, carrier: Carrier) -> list[Object]:
    """A PDF becomes a file, plain text and blocks become text; a title of these, and any context, stand before them as text."""
    citations = present(block, "citations")
    if citations is not None and b"true" in bytes(citations):
        carrier.notes.note("messages.document.citations")
    carrier.note_rest(block, _DOCUMENT, "messages")
    at = f"{where}.source"
    source = raw_reading.mapping(block.get("source"), at)
    kind = raw_reading.kind_of(source, at)
    title, context = present(block, "title"), present(block, "context")
    before: list[Object] = []
    if kind in ("text", "content"):
        carrier.notes.note("messages.document")
        if title is not None:
            before.append(text_part(raw_reading.raw_text(title, f"{where}.title")))
    if context is not None:
        carrier.notes.note("messages.document.context")
        before.append(text_part(raw_reading.raw_text(context, f"{where}.context")))
    if kind == "text":
        return [*before, text_part(raw_reading.raw_text(source.get("data"), f"{at}.data"))]
    if kind == "content":
        return before + _inner(source, at, carrier)
    name: object = UNTITLED if title is None else raw_reading.raw_text(title, f"{where}.title")
    return [*before, {"type": "file", "file": {"filename": name, "file_data": _pdf(source, kind, at)}}]


def _pdf(source: Fields, kind: str, at: str) -> msgspec.Raw:
    if kind == "url":
        return raw_reading.raw_text(source.get("url"), f"{at}.url")
    if kind != "base64":
        raise _stored(at, "base64, url, text or content")
    if raw_reading.text(source.get("media_type"), f"{at}.media_type") != PDF:
        raise BadRequest(f"`{at}.media_type` must be {PDF}.", f"{at}.media_type")
    return _data_url(PDF, source, at)


def _inner(source: Fields, at: str, carrier: Carrier) -> list[Object]:
    content = source.get("content")
    if content is not None and raw_reading.is_text(content):
        return [text_part(content)]
    found: list[Object] = []
    for number, raw in enumerate(raw_reading.sequence(content, f"{at}.content")):
        where = f"{at}.content[{number}]"
        found += parts_of(raw_reading.mapping(raw, where), where, carrier, TEXT_AND_IMAGES)
    return found


def _search_result(block: Fields, where: str, carrier: Carrier) -> list[Object]:
    """Title, source and text of a result, as text."""
    carrier.notes.note("messages.search_result")
    carrier.note_rest(block, _SEARCH, "messages")
    found = [text_part(raw_reading.raw_text(block.get(name), f"{where}.{name}")) for name in ("title", "source")]
    return found + _inner(block, where, carrier)


def _data_url(media: str, source: Fields, at: str) -> msgspec.Raw:
    return raw_reading.joined(f"data:{media};base64,".encode(), raw_reading.raw_text(source.get("data"), f"{at}.data"))


def _stored(at: str, known: str) -> BadRequest:
    return raw_reading.refuse_other_kind(at, known, "a file stored at a provider cannot be reached from another. Send the file itself.")


TEXT: Mapping[str, BlockReader] = {"text": _text}
TEXT_AND_IMAGES: Mapping[str, BlockReader] = {"text": _text, "image": _image}
USER: Mapping[str, BlockReader] = {"text": _text, "image": _image, "document": _document, "search_result": _search_result}
