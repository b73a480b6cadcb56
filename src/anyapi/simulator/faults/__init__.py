"""Scripted faults: the union of all kinds, and how they are read from JSON and from a model name."""

from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from anyapi.simulator.faults.answers import CallTool, Empty, Failed, GiantLine, Refusal, Say, WrongUsage
from anyapi.simulator.faults.base import Fault
from anyapi.simulator.faults.bodies import (
    BadChecksum,
    BadHeaders,
    BadJson,
    Comments,
    ErrorBody,
    ErrorEvent,
    GzipLie,
    Informational,
    LineEnds,
    MultilineData,
    NoDone,
    Redirect,
    Status,
    WrongType,
)
from anyapi.simulator.faults.delivery import Close, Drip, EndlessLine, Rechunk, Refuse, Reset, Stall, WrongLength
from anyapi.simulator.faults.statements import States

AnyFault: TypeAlias = (
    Say
    | CallTool
    | Refusal
    | Empty
    | Failed
    | WrongUsage
    | GiantLine
    | States
    | NoDone
    | Status
    | ErrorBody
    | Redirect
    | ErrorEvent
    | BadJson
    | BadChecksum
    | LineEnds
    | Comments
    | MultilineData
    | BadHeaders
    | Informational
    | GzipLie
    | WrongType
    | Stall
    | Reset
    | Close
    | Drip
    | Rechunk
    | WrongLength
    | EndlessLine
    | Refuse
)
Turn: TypeAlias = tuple[AnyFault, ...]
"""The faults of one request; empty for a normal answer."""

# Characters that the catalogue allows in a provider's model name, so that an endpoint can be declared whose every call fails.
_SUFFIX, _FIELD, _EQUALS = "@@", "/", ":"


class BadFault(ValueError):
    """A fault or script is not valid; the text says where and why."""


def read_fault(text: bytes | str) -> AnyFault:
    """Read one fault from JSON. Raises `BadFault`."""
    try:
        fault: AnyFault = msgspec.json.decode(text, type=AnyFault)
    except msgspec.MsgspecError as error:
        raise BadFault(f"Not a fault: {error}. See docs/simulator.md for the kinds and their fields.") from None
    return fault


def read_script(text: bytes | str) -> list[Turn]:
    """Read a script from JSON: a list with, for each request, a fault, a list of faults, or null for a normal answer. Raises `BadFault`."""
    try:
        items = msgspec.json.decode(text, type=list[AnyFault | list[AnyFault] | None])
    except msgspec.MsgspecError as error:
        raise BadFault(f"Not a script: {error}. It is a list of faults, see docs/simulator.md.") from None
    return script_of(items)


def script_of(items: Sequence[AnyFault | Sequence[AnyFault] | None]) -> list[Turn]:
    """Bring the items of a script into one form."""
    return [() if item is None else (item,) if isinstance(item, Fault) else tuple(item) for item in items]


def split_model(name: str) -> tuple[str, Turn]:
    """Divide `MODEL@@KIND/FIELD:VALUE/...@@KIND...` into the model and its faults. Raises `BadFault`.

    A value is JSON if it reads as JSON, else a string: `gpt-4o-mini@@status/status:429/retry_after:2`.
    """
    model, *suffixes = name.split(_SUFFIX)
    return model, tuple(_from_suffix(suffix) for suffix in suffixes)


def _from_suffix(suffix: str) -> AnyFault:
    kind, *fields = suffix.split(_FIELD)
    fault: dict[str, object] = {"kind": kind}
    for field in fields:
        name, _, value = field.partition(_EQUALS)
        fault[name] = _json_or_text(value)
    return read_fault(msgspec.json.encode(fault))


def _json_or_text(value: str) -> object:
    try:
        return msgspec.json.decode(value)
    except msgspec.DecodeError:
        return value
