"""Reasoning across formats: what a provider needs back of its own reasoning, inside the `encrypted_content` of a reasoning item.

A chat completion carries it as `reasoning_details` (signed text, sealed data); a Responses client keeps items and gives them back as
they were. `pack` puts the details into one opaque string, `unpack` takes them out. It is an encoding, not a cipher: the client that
holds it was shown the text anyway, and providers check what they signed themselves.
"""

import base64
import binascii
import io
from typing import ClassVar

import msgspec

from anyapi.errors import BadRequest
from anyapi.upstream.translate import reading
from anyapi.upstream.translate.reading import Object

PREFIX = "anyapi-reasoning-1."
"""Starts every `encrypted_content` that was made here. No provider's own sealed reasoning looks like it."""

FOREIGN = "openai-responses-v1"
"""`format` of reasoning that a Responses API sealed itself: of use to nobody else."""

_encode = msgspec.json.Encoder().encode


class Thought(msgspec.Struct):
    """What a reasoning item says, for a chat message."""

    text: str
    details: list[Object]


def pack(details: list[Object]) -> str:
    """Details as an `encrypted_content`."""
    return PREFIX + base64.urlsafe_b64encode(_encode(details)).decode()


def unpack(sealed: str, where: str) -> list[Object]:
    """The details in an `encrypted_content` that starts with `PREFIX`. `BadRequest` when it was changed on the way."""
    try:
        found: object = msgspec.json.decode(base64.b64decode(sealed[len(PREFIX) :], b"-_", validate=True))
    except (ValueError, RecursionError, binascii.Error):
        found = None
    if not isinstance(found, list) or not all(isinstance(detail, dict) for detail in found):
        raise BadRequest(f"`{where}` is damaged. Send reasoning items back as they came, or leave them out.", where)
    return found


def read(item: Object, where: str) -> Thought:
    """Read a reasoning item of the input."""
    shown = _texts(item.get("content"), f"{where}.content", "")
    summary = _texts(item.get("summary"), f"{where}.summary", "\n\n")
    text = shown or summary
    sealed = item.get("encrypted_content")
    if sealed is None:
        return Thought(text, [])
    sealed = reading.text(sealed, f"{where}.encrypted_content")
    if sealed.startswith(PREFIX):
        details = unpack(sealed, f"{where}.encrypted_content")
        kept = "".join(part for detail in details if isinstance(part := detail.get("text"), str))
        return Thought(text or kept, details)
    details = [{"type": "reasoning.summary", "summary": summary, "format": FOREIGN}] if summary else []
    identity = {"id": item["id"]} if isinstance(item.get("id"), str) else {}
    details.append({"type": "reasoning.encrypted", "data": sealed, "format": FOREIGN, **identity})
    return Thought(text, details)


def _texts(value: object, where: str, between: str) -> str:
    """The texts of a list of parts, joined."""
    if value is None:
        return ""
    parts = [reading.mapping(item, f"{where}[{at}]") for at, item in enumerate(reading.sequence(value, where))]
    return between.join(reading.text(part.get("text"), f"{where}.text") for part in parts)


class Gathered:
    """One reasoning item in the making, from a message's `reasoning_details` or a stream's pieces of them."""

    __slots__ = ("_details", "_index", "_pieces", "_text")

    JOINED: ClassVar = ("text", "summary", "data", "signature")
    """Fields that come in pieces; of all others the last one counts."""

    def __init__(self) -> None:
        """Start empty."""
        self._text = io.StringIO()
        self._details: list[Object] = []
        self._pieces: list[dict[str, io.StringIO]] = []
        self._index: object = None

    @classmethod
    def says(cls, detail: Object) -> bool:
        """Whether a detail holds anything."""
        return any(detail.get(name) for name in cls.JOINED)

    def takes(self, detail: Object) -> bool:
        """Whether a detail belongs to this item: it has the same `index` as those before, or one of them has none."""
        index = detail.get("index")
        return self._index is None or index is None or index == self._index

    def add(self, detail: Object) -> str:
        """Take a detail or a piece of one; return the text in it that may be shown."""
        self._index = detail.get("index", self._index)
        if not self._details or self._details[-1].get("type") != detail.get("type"):
            self._details.append({})
            self._pieces.append({})
        whole, pieces = self._details[-1], self._pieces[-1]
        for name, value in detail.items():
            if name in self.JOINED and isinstance(value, str):
                pieces.setdefault(name, io.StringIO()).write(value)
            elif value is not None and name not in self.JOINED:
                whole[name] = value
        shown = detail.get("text") or detail.get("summary")
        return self.say(shown) if isinstance(shown, str) else ""

    def say(self, text: str) -> str:
        """Take text that came without details."""
        self._text.write(text)
        return text

    @property
    def text(self) -> str:
        """All that may be shown."""
        return self._text.getvalue()

    def sealed(self, *, always: bool) -> str | None:
        """The `encrypted_content`: where something of it could not be given back otherwise, or `always` when there is anything."""
        details = [
            {**whole, **{name: text.getvalue() for name, text in pieces.items()}}
            for whole, pieces in zip(self._details, self._pieces, strict=True)
        ]
        if any(detail.get("signature") or detail.get("data") for detail in details):
            return pack(details)
        text = self.text
        if not always or not (details or text):
            return None
        return pack(details or [{"type": "reasoning.text", "text": text}])
