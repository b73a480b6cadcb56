"""Reasoning of any provider inside Anthropic's thinking blocks, so that it comes back from a client that knows only these.

Anthropic's own signatures and sealed data stand in the blocks as they are. What another provider signed, sealed or hung on a tool call is
packed, marked, into the block's opaque field (`signature`, or `data` of `redacted_thinking`), and unpacked from there when the client
sends the conversation again. Thinking that nobody signed carries the mark alone. Nothing is stored and nothing is encrypted: whoever
holds the conversation could read it anyway. Anthropic would refuse a signature that it did not make; `without_ours` takes such blocks out.
"""

import base64
import binascii
from collections.abc import Collection

import msgspec

from anyapi.upstream.translate import raw_reading
from anyapi.upstream.translate.adjustments import Adjustments
from anyapi.upstream.translate.anthropic_to_openai_chat import FORMAT
from anyapi.upstream.translate.raw_reading import Fields
from anyapi.upstream.translate.reading import Object

MARK = "anyapi.carried.reasoning.1."
"""Long, because every body is searched for it, and a long word is found, or not, in fewer steps."""
MARK_BYTES = MARK.encode()
TOOL_CALL = "anyapi.tool_call"
"""The type of a packed detail that belongs to a tool call: `id`, and `extra_content` as the provider sent it."""

_TEXTS = {"reasoning.text": "text", "reasoning.summary": "summary"}
_NOT_PACKED = frozenset({"text", "summary", "index"})
_MADE_BY = frozenset({"signature", "data", "format"})
"""Fields of an entry that somebody signed, sealed or marked as his own."""
_encode = msgspec.json.Encoder().encode
_object = msgspec.json.Decoder(dict[str, object]).decode


def words_of(detail: Object) -> str | None:
    """The readable text of a `reasoning_details` entry, None if it has none."""
    name = _TEXTS.get(str(detail.get("type")))
    words = detail.get(name) if name else None
    return words if isinstance(words, str) else None


def is_readable(detail: Object) -> bool:
    """Whether an entry is one of text, even if this piece of it holds none."""
    return str(detail.get("type")) in _TEXTS


def block_of(detail: Object) -> Object:
    """The block for one whole entry of `reasoning_details`."""
    words = words_of(detail)
    if words is not None:
        return {"type": "thinking", "thinking": words, "signature": signature_of(detail)}
    data = detail.get("data")
    if detail.get("type") == "reasoning.encrypted" and _is_anthropic(detail) and isinstance(data, str) and data:
        return {"type": "redacted_thinking", "data": data}
    if detail.get("type") == "reasoning.text" and _is_anthropic(detail) and detail.get("signature"):
        return {"type": "thinking", "thinking": "", "signature": signature_of(detail)}
    return {"type": "redacted_thinking", "data": pack(detail)}


def signature_of(detail: Object) -> str:
    """The `signature` for an entry: Anthropic's own, or all that is not text, packed."""
    signature = detail.get("signature")
    if _is_anthropic(detail) and isinstance(signature, str) and signature:
        return signature
    return pack({key: value for key, value in detail.items() if key not in _NOT_PACKED and (key, value) != ("type", "reasoning.text")})


def extra_block(call_id: str, extra: object) -> Object:
    """The block that carries what a provider hung on a tool call."""
    return {"type": "redacted_thinking", "data": pack({"type": TOOL_CALL, "id": call_id, "extra_content": extra})}


def hangs_on(detail: Object, calls: Collection[str]) -> bool:
    """Whether an entry says of one of these calls, by their ids, what hangs on it anyway: providers give a signature both ways."""
    return detail.get("type") == "reasoning.encrypted" and detail.get("id") in calls


def detail_of(block: Fields, where: str, index: int) -> Object | None:
    """The entry for a `thinking` or `redacted_thinking` block; None when it holds our mark and cannot be unpacked.

    Raises `BadRequest` naming the field that has the wrong type.
    """
    if raw_reading.kind_of(block, where) == "redacted_thinking":
        data = raw_reading.text(block.get("data"), f"{where}.data")
        if data.startswith(MARK):
            return unpack(data)
        return {"type": "reasoning.encrypted", "data": data, "format": FORMAT, "index": index}
    words = raw_reading.text(block.get("thinking"), f"{where}.thinking")
    signed = raw_reading.present(block, "signature")
    signature = "" if signed is None else raw_reading.text(signed, f"{where}.signature")
    if not signature.startswith(MARK):
        detail: Object = {"type": "reasoning.text", "text": words}
        return {**detail, "signature": signature, "format": FORMAT, "index": index} if signature else {**detail, "index": index}
    found = unpack(signature)
    if found is None:
        return None
    kind = found.pop("type", "reasoning.text")
    return {"type": kind, _TEXTS.get(str(kind), "text"): words, **found, "index": index}


def unsigned_words(message: Object, notes: Adjustments, *, able: bool) -> list[str]:
    """The thinking of an assistant's chat message that nobody signed or sealed; the rest is of use to who made it alone, and noted.

    `able`: the provider's model takes thinking; else there is none, noted.
    """
    details, words = message.get("reasoning_details"), message.get("reasoning_content") or message.get("reasoning")
    if details and not (words and _is_plain(details)):
        notes.note("messages.reasoning_details")
        return []
    if able and isinstance(words, str):
        return [words] if words else []
    if words:
        notes.note("messages.reasoning_content")
    return []


def _is_plain(details: object) -> bool:
    """Whether nobody signed or sealed any of these entries."""
    return isinstance(details, list) and all(isinstance(one, dict) and not one.keys() & _MADE_BY for one in details)


def pack(detail: Object) -> str:
    """Write an object into an opaque field; an empty one is the mark alone."""
    return MARK + base64.urlsafe_b64encode(_encode(detail)).decode() if detail else MARK


def unpack(packed: str) -> Object | None:
    """Read what `pack` wrote; None if it is something else."""
    try:
        return _object(base64.b64decode(packed[len(MARK) :], altchars=b"-_", validate=True) or b"{}")
    except (ValueError, binascii.Error, RecursionError):
        return None


def may_hold_ours(body: bytes) -> bool:
    """Whether a body is worth a look by `without_ours`."""
    return MARK_BYTES in body


def without_ours(messages: msgspec.Raw) -> msgspec.Raw | None:
    """The messages without the blocks that hold our mark, for Anthropic itself; None if there are none.

    Everything else stays byte for byte. A turn that held nothing else goes. Raises `BadRequest` for messages that cannot be read.
    """
    kept: list[object] = []
    found = False
    for number, raw in enumerate(raw_reading.sequence(messages, "messages")):
        message = raw_reading.mapping(raw, f"messages[{number}]")
        content = message.get("content")
        if content is None or raw_reading.is_text(content):
            kept.append(raw)
            continue
        blocks = raw_reading.sequence(content, f"messages[{number}].content")
        theirs = [block for block in blocks if not _is_ours(block)]
        found = found or len(theirs) < len(blocks)
        if len(theirs) == len(blocks):
            kept.append(raw)
        elif theirs:
            kept.append({**message, "content": theirs})
    return msgspec.Raw(_encode(kept)) if found else None


def _is_ours(raw: msgspec.Raw) -> bool:
    """Whether a block is thinking with our mark."""
    if not may_hold_ours(bytes(raw)):
        return False
    block = raw_reading.mapping(raw, "messages")
    for kind, name in (("thinking", "signature"), ("redacted_thinking", "data")):
        if bytes(block.get("type", b"")) == f'"{kind}"'.encode():
            return bytes(block.get(name, b"")).startswith(f'"{MARK}'.encode())
    return False


def _is_anthropic(detail: Object) -> bool:
    made_by = detail.get("format")
    return not isinstance(made_by, str) or made_by.startswith("anthropic")
