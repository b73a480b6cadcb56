"""Content parts of an OpenAI message as Gemini parts: text, images, documents, audio. Nothing is ever fetched or decoded here.

An `https:` address becomes `fileData`, which Google fetches. It must be told the media type, so the address must end in a known
suffix. A part that has no counterpart is a `BadRequest` with its path: video, file ids, other media types, plain `http:` addresses.
"""

import re
from collections.abc import Callable, Mapping
from typing import TypeAlias
from urllib.parse import urlsplit

from anyapi.errors import BadRequest
from anyapi.upstream.translate import reading
from anyapi.upstream.translate.adjustments import Adjustments
from anyapi.upstream.translate.chat_reading import parts_of
from anyapi.upstream.translate.reading import Object

DATA = re.compile(r"data:([a-z]+/[a-z0-9.+-]+);base64,", re.IGNORECASE)

IMAGES: Mapping[str, str] = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "heic": "image/heic",
    "heif": "image/heif",
}
DOCUMENTS: Mapping[str, str] = {
    "pdf": "application/pdf",
    "txt": "text/plain",
    "md": "text/markdown",
    "html": "text/html",
    "csv": "text/csv",
    "xml": "text/xml",
    "css": "text/css",
    "rtf": "text/rtf",
    "json": "application/json",
}
AUDIO: Mapping[str, str] = {
    "wav": "audio/wav",
    "mp3": "audio/mp3",
    "aiff": "audio/aiff",
    "aac": "audio/aac",
    "ogg": "audio/ogg",
    "flac": "audio/flac",
}
"""Suffixes (for audio: OpenAI's `format`) and the media types that Gemini takes."""

PartReader: TypeAlias = Callable[[Object, str, Adjustments], Object | None]


def parts(content: object, where: str, notes: Adjustments, kinds: Mapping[str, PartReader]) -> list[Object]:
    """Translate `content` (a string or parts), found at `where`. Empty text gives no part: Gemini refuses it."""
    found: list[Object] = []
    for kind, part, at in parts_of(content, where, kinds, "Gemini"):
        note_cache_control(part, notes)
        made = kinds[kind](part, at, notes)
        if made is not None:
            found.append(made)
    return found


def note_cache_control(source: Object, notes: Adjustments) -> None:
    """Gemini caches by itself: Anthropic's `cache_control` has no counterpart."""
    if source.get("cache_control") is not None:
        notes.note("cache_control")


def _text(part: Object, where: str, _notes: Adjustments) -> Object | None:
    words = reading.text(part.get("text"), f"{where}.text")
    return {"text": words} if words else None


def _refusal(part: Object, where: str, _notes: Adjustments) -> Object | None:
    words = reading.text(part.get("refusal"), f"{where}.refusal")
    return {"text": words} if words else None


def _image(part: Object, where: str, notes: Adjustments) -> Object:
    image = reading.mapping(part.get("image_url"), f"{where}.image_url")
    if image.get("detail") not in (None, "auto"):
        notes.note("messages.image_url.detail")
    return _media(image.get("url"), f"{where}.image_url.url", IMAGES)


def _file(part: Object, where: str, notes: Adjustments) -> Object:
    file = reading.mapping(part.get("file"), f"{where}.file")
    if file.get("file_id") is not None:
        field = f"{where}.file.file_id"
        raise BadRequest(f"`{field}` names a file stored at OpenAI. Send the file itself as `file_data`.", field)
    if file.get("filename") is not None:
        reading.text(file["filename"], f"{where}.file.filename")
        notes.note("messages.file.filename")
    return _media(file.get("file_data"), f"{where}.file.file_data", DOCUMENTS)


def _audio(part: Object, where: str, _notes: Adjustments) -> Object:
    audio = reading.mapping(part.get("input_audio"), f"{where}.input_audio")
    field = f"{where}.input_audio.format"
    media = AUDIO.get(reading.text(audio.get("format"), field))
    if media is None:
        raise BadRequest(f"`{field}` must be one of {', '.join(sorted(AUDIO))} at Gemini.", field)
    return _inline(media, reading.text(audio.get("data"), f"{where}.input_audio.data"))


def _media(value: object, field: str, types: Mapping[str, str]) -> Object:
    """Base64 data goes inline, an `https:` address by its name."""
    url = reading.text(value, field)
    data = DATA.match(url)
    if data is not None:
        media = data[1].lower().replace("image/jpg", "image/jpeg")
        if media in types.values():
            return _inline(media, url[data.end() :])
    elif url.startswith("https://"):
        named = types.get(_suffix(url))
        if named is not None:
            return {"fileData": {"fileUri": url, "mimeType": named}}
    raise BadRequest(
        f"`{field}` must be base64 data of {', '.join(sorted(set(types.values())))}, or an https: address that ends in one of "
        f"{', '.join(types)}: Gemini must be told the media type.",
        field,
    )


def _suffix(url: str) -> str:
    try:
        path = urlsplit(url).path
    except ValueError:
        return ""
    return path.rpartition(".")[2].lower()


def _inline(media: str, data: str) -> Object:
    return {"inlineData": {"mimeType": media, "data": data}}


TEXT: Mapping[str, PartReader] = {"text": _text}
ASSISTANT: Mapping[str, PartReader] = {"text": _text, "refusal": _refusal}
TOOL: Mapping[str, PartReader] = {"text": _text, "image_url": _image, "file": _file}
USER: Mapping[str, PartReader] = {"text": _text, "image_url": _image, "file": _file, "input_audio": _audio}
