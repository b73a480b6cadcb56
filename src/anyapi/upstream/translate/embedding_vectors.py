"""Vectors on the wire: as a JSON array of numbers, or as base64 of 32-bit floats in little-endian order. Pure.

Source: `encoding_format` of OpenAI's embeddings; that the floats have 32 bits and their order is what its official clients decode.
Turning an array into base64 rounds to 32 bits, which is what the providers' own floats have; the other way nothing is lost.
"""

import base64
import enum
import math
import struct
from collections.abc import Mapping

import msgspec

NULL = b"null"
BYTES_OF_A_FLOAT = 4

_decode_text = msgspec.json.Decoder(str).decode
_decode_numbers = msgspec.json.Decoder(list[float]).decode
_decode_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode


class Form(enum.Enum):
    """How a vector is written; the value is the first byte of its JSON text."""

    NUMBERS = b"["
    BASE64 = b'"'


def wanted_form(fields: Mapping[str, msgspec.Raw]) -> Form | None:
    """The form that the client asked for; None where it asked for numbers of another kind (`output_dtype`), which are not ours to read.

    `encoding_format` is taken to have been checked; OpenAI's default is an array.
    """
    if _text(fields, "output_dtype") not in {None, "float"}:
        return None
    return Form.BASE64 if _text(fields, "encoding_format") == "base64" else Form.NUMBERS


def count_inputs(fields: Mapping[str, msgspec.Raw]) -> int:
    """How many vectors the client's `input` asks for. Raises `msgspec.DecodeError` where it is not of a known kind."""
    raw = fields.get("input", msgspec.Raw())
    if first_byte(raw) != b"[":
        return len([_decode_text(raw)])
    items = _decode_items(raw)
    return len(items) if items and first_byte(items[0]) in b'"[' else 1


def form_of(raw: msgspec.Raw) -> Form | None:
    """How a vector is written; None for what is no vector, or one without a number."""
    if len(raw) <= len("[]"):
        return None
    first = first_byte(raw)
    return next((form for form in Form if form.value == first), None)


def rewritten(raw: msgspec.Raw, form: Form) -> msgspec.Raw:
    """The vector in this form. Raises ValueError where it is in neither."""
    if form_of(raw) is form:
        return raw
    return numbers_to_base64(raw) if form is Form.BASE64 else base64_to_numbers(raw)


def numbers_to_base64(raw: msgspec.Raw) -> msgspec.Raw:
    """An array of numbers as a JSON string. Raises ValueError for what is no such array, or a number that 32 bits do not hold."""
    numbers = _decode_numbers(raw)
    try:
        packed = struct.pack(f"<{len(numbers)}f", *numbers)
    except OverflowError:
        packed = b""
    if not packed:
        raise ValueError("not an array of 32-bit floats")
    return msgspec.Raw(b'"%b"' % base64.b64encode(packed))


def base64_to_numbers(raw: msgspec.Raw) -> msgspec.Raw:
    """A JSON string as an array of numbers, each written so that it reads back as the same 32-bit float. Raises ValueError."""
    packed = base64.b64decode(_decode_text(raw), validate=True)
    if not packed or len(packed) % BYTES_OF_A_FLOAT:
        raise ValueError("not base64 of 32-bit floats")
    numbers = struct.unpack(f"<{len(packed) // BYTES_OF_A_FLOAT}f", packed)
    if not all(map(math.isfinite, numbers)):
        raise ValueError("a number that JSON does not have")
    return msgspec.Raw(_encode(numbers))


def first_byte(raw: msgspec.Raw) -> bytes:
    """The first byte of a JSON text: msgspec leaves no space in front."""
    return bytes(memoryview(raw)[:1])


def _text(fields: Mapping[str, msgspec.Raw], name: str) -> str | None:
    """A field's text; None where it is absent or null, and empty where it is something else."""
    raw = fields.get(name)
    if raw is None or bytes(raw) == NULL:
        return None
    try:
        return _decode_text(raw)
    except msgspec.DecodeError:
        return ""
