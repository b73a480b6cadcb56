"""The type of a decoded JSON value, and fields of a request that are left undecoded. Checks nothing."""

from typing import TypeAlias

import msgspec

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

NULL = msgspec.Raw(b"null")
"""The default of an undecoded field. Not None: beside None, msgspec lets `Raw` be nothing but null."""


def is_given(raw: msgspec.Raw) -> bool:
    """Say whether the field was there and not null."""
    return bytes(raw) != b"null"


def decoded(raw: msgspec.Raw) -> Json:
    """Return the value of the field; None when it was not there. Raises `msgspec.DecodeError`."""
    value: Json = msgspec.json.decode(raw)
    return value
