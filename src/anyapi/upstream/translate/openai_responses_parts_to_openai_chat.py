"""Content parts of OpenAI's Responses API as those of a chat message: text, images, files, audio. Nothing is ever fetched here.

Files stored at OpenAI (`file_id`) are refused: no request through this gateway stores one.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from anyapi.errors import BadRequest
from anyapi.upstream.translate import reading
from anyapi.upstream.translate.adjustments import Adjustments
from anyapi.upstream.translate.reading import Object

PartReader: TypeAlias = Callable[[Object, str, Adjustments], Object]

KEPT = ("prompt_cache_breakpoint", "cache_control")
"""Marks on a part that chat completions, or providers behind them, know under the same name."""

STORED = "names a file stored at OpenAI, and nothing is stored through this gateway. Send the data itself."


def content(value: object, where: str, notes: Adjustments, kinds: Mapping[str, PartReader]) -> str | list[Object]:
    """Translate `content` (a string or parts), found at `where`. One plain text part becomes a string."""
    if isinstance(value, str):
        return value
    found = listed(value, where, notes, kinds)
    if not found:
        return ""
    alone = found[0]
    if len(found) == 1 and alone.keys() == {"type", "text"}:
        return reading.text(alone["text"], where)
    return found


def listed(value: object, where: str, notes: Adjustments, kinds: Mapping[str, PartReader]) -> list[Object]:
    """Translate `content`, always into parts."""
    if isinstance(value, str):
        return [{"type": "text", "text": value}]
    if not isinstance(value, list):
        raise reading.wrong(where, "a string or an array of parts")
    found = []
    for number, item in enumerate(value):
        at = f"{where}[{number}]"
        part = reading.mapping(item, at)
        kind = part.get("type")
        read = kinds.get(kind) if isinstance(kind, str) else None
        if read is None:
            raise BadRequest(f"`{at}.type` must be one of {', '.join(sorted(kinds))} here.", f"{at}.type")
        made = read(part, at, notes)
        for name in KEPT:
            if part.get(name) is not None:
                made[name] = reading.mapping(part[name], f"{at}.{name}")
        found.append(made)
    return found


def _text(part: Object, where: str, notes: Adjustments) -> Object:
    for name in ("annotations", "logprobs"):
        if part.get(name):
            notes.note(f"input.{name}")
    return {"type": "text", "text": reading.text(part.get("text"), f"{where}.text")}


def _refusal(part: Object, where: str, _notes: Adjustments) -> Object:
    return {"type": "refusal", "refusal": reading.text(part.get("refusal"), f"{where}.refusal")}


def _image(part: Object, where: str, _notes: Adjustments) -> Object:
    if part.get("file_id") is not None:
        raise BadRequest(f"`{where}.file_id` {STORED}", f"{where}.file_id")
    image: Object = {"url": reading.text(part.get("image_url"), f"{where}.image_url")}
    if part.get("detail") is not None:
        image["detail"] = reading.text(part["detail"], f"{where}.detail")
    return {"type": "image_url", "image_url": image}


def _file(part: Object, where: str, notes: Adjustments) -> Object:
    if part.get("file_id") is not None:
        raise BadRequest(f"`{where}.file_id` {STORED}", f"{where}.file_id")
    source = "file_url" if part.get("file_url") is not None else "file_data"
    file: Object = {"file_data": reading.text(part.get(source), f"{where}.{source}")}
    if part.get("filename") is not None:
        file["filename"] = reading.text(part["filename"], f"{where}.filename")
    if part.get("detail") not in (None, "auto"):
        notes.note("input.file.detail")
    return {"type": "file", "file": file}


def _audio(part: Object, where: str, _notes: Adjustments) -> Object:
    return {"type": "input_audio", "input_audio": reading.mapping(part.get("input_audio"), f"{where}.input_audio")}


SYSTEM: Mapping[str, PartReader] = {"input_text": _text, "output_text": _text}
ASSISTANT: Mapping[str, PartReader] = {"input_text": _text, "output_text": _text, "refusal": _refusal}
RESULT: Mapping[str, PartReader] = {"input_text": _text, "output_text": _text, "input_image": _image, "input_file": _file}
USER: Mapping[str, PartReader] = {**RESULT, "input_audio": _audio}
