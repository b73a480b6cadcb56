"""Content parts of an OpenAI message as Anthropic content blocks: text, images, PDF files. Nothing is ever fetched or decoded here.

A part that has no counterpart is a `BadRequest` with its path: audio, video, file ids, other media types, plain `http:` addresses.
"""

import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

from anyapi.errors import BadRequest
from anyapi.upstream.translate import reading
from anyapi.upstream.translate.adjustments import Adjustments
from anyapi.upstream.translate.chat_reading import IMAGE, image_of, parts_of
from anyapi.upstream.translate.reading import Object

PDF = re.compile(r"data:application/pdf;base64,", re.IGNORECASE)

PartReader: TypeAlias = Callable[[Object, str, Adjustments], Object | None]


def blocks(content: object, where: str, notes: Adjustments, kinds: Mapping[str, PartReader]) -> list[Object]:
    """Translate `content` (a string or parts), found at `where`, into blocks. Blank text gives no block: Anthropic refuses it."""
    found: list[Object] = []
    for kind, part, at in parts_of(content, where, kinds, "Anthropic"):
        block = kinds[kind](part, at, notes)
        if block is not None:
            keep_cache_control(part, block, at)
            found.append(block)
    return found


def keep_cache_control(source: Object, block: Object, where: str) -> None:
    """Carry Anthropic's own `cache_control` over, where the client set it."""
    control = source.get("cache_control")
    if control is not None:
        block["cache_control"] = reading.mapping(control, f"{where}.cache_control")


def _text(part: Object, where: str, _notes: Adjustments) -> Object | None:
    words = reading.text(part.get("text"), f"{where}.text")
    return {"type": "text", "text": words} if words.strip() else None


def _refusal(part: Object, where: str, _notes: Adjustments) -> Object | None:
    words = reading.text(part.get("refusal"), f"{where}.refusal")
    return {"type": "text", "text": words} if words.strip() else None


def _image(part: Object, where: str, notes: Adjustments) -> Object:
    url, _ = image_of(part, where, ("auto",), notes)
    data = IMAGE.match(url)
    if data is None:
        return {"type": "image", "source": {"type": "url", "url": url}}
    media = data[1].lower().replace("jpg", "jpeg")
    return {"type": "image", "source": {"type": "base64", "media_type": media, "data": url[data.end() :]}}


def _file(part: Object, where: str, _notes: Adjustments) -> Object:
    file = reading.mapping(part.get("file"), f"{where}.file")
    if file.get("file_id") is not None:
        field = f"{where}.file.file_id"
        raise BadRequest(f"`{field}` names a file stored at OpenAI. Send the file itself as `file_data`.", field)
    field = f"{where}.file.file_data"
    url = reading.text(file.get("file_data"), field)
    data = PDF.match(url)
    block: Object
    if data is not None:
        block = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": url[data.end() :]}}
    elif url.startswith("https://"):
        block = {"type": "document", "source": {"type": "url", "url": url}}
    else:
        raise BadRequest(f"`{field}` must be base64 data of application/pdf or an https: address of a PDF.", field)
    name = file.get("filename")
    if name is not None:
        block["title"] = reading.text(name, f"{where}.file.filename")
    return block


TEXT: Mapping[str, PartReader] = {"text": _text}
ASSISTANT: Mapping[str, PartReader] = {"text": _text, "refusal": _refusal}
TOOL: Mapping[str, PartReader] = {"text": _text, "image_url": _image}
USER: Mapping[str, PartReader] = {"text": _text, "image_url": _image, "file": _file}
