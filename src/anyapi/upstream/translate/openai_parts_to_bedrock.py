"""Content parts of an OpenAI message as Converse content blocks: text, images, documents, audio. Nothing is ever fetched or decoded here.

Converse takes the data itself, in base64, and no address but S3's. A part that has no counterpart is a `BadRequest` with its path.
"""

import re
from collections.abc import Mapping
from typing import TypeAlias

from anyapi.errors import BadRequest
from anyapi.upstream.translate import reading
from anyapi.upstream.translate.adjustments import Adjustments
from anyapi.upstream.translate.bedrock_family import Family
from anyapi.upstream.translate.chat_reading import parts_of
from anyapi.upstream.translate.reading import Object

IMAGE = re.compile(r"data:image/(jpe?g|png|gif|webp);base64,", re.IGNORECASE)
DATA = re.compile(r"data:([a-z0-9.+/-]{1,100});base64,", re.IGNORECASE)
NAME = re.compile(r"[^A-Za-z0-9()\[\] -]")
SPACES = re.compile(r"\s+")

DOCUMENTS: Mapping[str, str] = {
    "application/pdf": "pdf",
    "text/csv": "csv",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "text/html": "html",
    "text/plain": "txt",
    "text/markdown": "md",
}
"""Converse's name of a document's format, by its media type."""

AUDIO = frozenset({"mp3", "opus", "wav", "aac", "flac", "mp4", "ogg", "m4a", "mpeg", "pcm", "webm"})

LONGEST_NAME = 190
"""Converse allows 200 characters; some are left for what makes two equal names differ."""

TEXT = frozenset({"text"})
ASSISTANT = frozenset({"text", "refusal"})
TOOL = frozenset({"text", "image_url", "file"})
USER = frozenset({"text", "image_url", "file", "input_audio"})
Kinds: TypeAlias = frozenset[str]


class Parts:
    """Translates the parts of one request. Keeps the names of its documents, because Converse wants them all different."""

    __slots__ = ("_family", "_names", "notes")

    def __init__(self, family: Family, notes: Adjustments) -> None:
        """`notes` collects what was changed."""
        self._family, self.notes = family, notes
        self._names: set[str] = set()

    def blocks(self, content: object, where: str, kinds: Kinds) -> list[Object]:
        """Translate `content` (a string or parts), found at `where`. Blank text gives no block: Bedrock refuses it."""
        found: list[Object] = []
        for kind, part, at in parts_of(content, where, kinds, "Bedrock"):
            block = self._block(kind, part, at)
            if block is not None:
                found.append(block)
                found += self.cache_point(part, at)
        return found

    def cache_point(self, source: Object, where: str) -> list[Object]:
        """Anthropic's `cache_control`, where the client set it, as the block that follows what is to be cached."""
        control = source.get("cache_control")
        if control is None:
            return []
        asked = reading.mapping(control, f"{where}.cache_control")
        if self._family not in (Family.CLAUDE, Family.NOVA):
            self.notes.note("cache_control")
            return []
        point: Object = {"type": "default"}
        if asked.get("ttl") == "1h":
            if self._family is Family.CLAUDE:
                point["ttl"] = "1h"
            else:
                self.notes.note("cache_control.ttl")
        return [{"cachePoint": point}]

    def _block(self, kind: str, part: Object, where: str) -> Object | None:
        if kind in ("text", "refusal"):
            words = reading.text(part.get(kind), f"{where}.{kind}")
            return {"text": words} if words.strip() else None
        if kind == "image_url":
            return self._image(part, where)
        return self._document(part, where) if kind == "file" else self._audio(part, where)

    def _image(self, part: Object, where: str) -> Object:
        image = reading.mapping(part.get("image_url"), f"{where}.image_url")
        field = f"{where}.image_url.url"
        url = reading.text(image.get("url"), field)
        if image.get("detail") not in (None, "auto"):
            self.notes.note("messages.image_url.detail")
        data = IMAGE.match(url)
        if data is None:
            raise BadRequest(
                f"`{field}` must be base64 data of image/jpeg, image/png, image/gif or image/webp: Bedrock fetches no address.", field
            )
        return {"image": {"format": data[1].lower().replace("jpg", "jpeg"), "source": {"bytes": url[data.end() :]}}}

    def _document(self, part: Object, where: str) -> Object:
        file = reading.mapping(part.get("file"), f"{where}.file")
        if file.get("file_id") is not None:
            field = f"{where}.file.file_id"
            raise BadRequest(f"`{field}` names a file stored at OpenAI. Send the file itself as `file_data`.", field)
        field = f"{where}.file.file_data"
        url = reading.text(file.get("file_data"), field)
        data = DATA.match(url)
        kind = DOCUMENTS.get(data[1].lower()) if data is not None else None
        if data is None or kind is None:
            allowed = ", ".join(DOCUMENTS.values())
            raise BadRequest(f"`{field}` must be base64 data of one of these: {allowed}. Bedrock fetches no address.", field)
        name = file.get("filename")
        given = None if name is None else reading.text(name, f"{where}.file.filename")
        return {"document": {"format": kind, "name": self._name(given, kind), "source": {"bytes": url[data.end() :]}}}

    def _name(self, given: str | None, kind: str) -> str:
        """A document's name in the alphabet that Converse takes, and different from the others'. Its extension is said by the format."""
        plain = "document" if given is None else given.removesuffix(f".{kind}")
        plain = SPACES.sub(" ", NAME.sub("-", plain))[:LONGEST_NAME].strip() or "document"
        name, number = plain, len(self._names) + 1
        while name in self._names:
            name, number = f"{plain} ({number})", number + 1
        self._names.add(name)
        if given is not None and name not in (given, given.removesuffix(f".{kind}")):
            self.notes.note("messages.file.filename")
        return name

    def _audio(self, part: Object, where: str) -> Object:
        audio = reading.mapping(part.get("input_audio"), f"{where}.input_audio")
        kind = reading.text(audio.get("format"), f"{where}.input_audio.format")
        if kind not in AUDIO:
            field = f"{where}.input_audio.format"
            raise BadRequest(f"`{field}` must be one of {', '.join(sorted(AUDIO))}.", field)
        return {"audio": {"format": kind, "source": {"bytes": reading.text(audio.get("data"), f"{where}.input_audio.data")}}}
