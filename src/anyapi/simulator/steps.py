"""What the simulator does with a connection to answer one request: bytes to send, waits, an end. Values only; `player` carries them out."""

import enum
from collections.abc import Iterable, Iterator
from typing import TypeAlias

import msgspec


class Send(msgspec.Struct, frozen=True):
    """Bytes to send, and what they complete. When a piece is divided, the last part completes it."""

    data: bytes
    events: int = 0
    """Server-sent events that end with these bytes."""
    text_bytes: int = 0
    """Bytes of completion (text, reasoning, tool arguments) that these bytes carry to the client."""
    usage: bool = False
    """Whether the client knows the usage once it has these bytes."""

    def __repr__(self) -> str:
        """Only the size: the data is content."""
        return f"Send({len(self.data)} bytes)"


class Wait(msgspec.Struct, frozen=True):
    """Send nothing for so many seconds; None waits until the client leaves."""

    seconds: float | None


class Endless(msgspec.Struct, frozen=True):
    """Send these bytes again and again, as fast as the client reads, until it leaves."""

    data: bytes


class How(enum.Enum):
    """How an exchange ends."""

    KEEP = enum.auto()
    CLOSE = enum.auto()
    """An orderly end: FIN."""
    RESET = enum.auto()
    """RST, sent once all earlier bytes were acknowledged by the client's kernel."""


class End(msgspec.Struct, frozen=True):
    """The last step of every list."""

    how: How


Step: TypeAlias = Send | Wait | Endless | End


def split_send(send: Send, size: int) -> tuple[Send, Send]:
    """Divide a piece after `size` bytes."""
    return Send(send.data[:size]), Send(send.data[size:], send.events, send.text_bytes, send.usage)


def split_at(steps: Iterable[Step], offset: int) -> tuple[list[Step], list[Step]]:
    """Divide steps after `offset` bytes of what they send; beyond the end, everything but the final `End` is in the first part."""
    before: list[Step] = []
    after: list[Step] = []
    for step in steps:
        if after or isinstance(step, End):
            after.append(step)
        elif not isinstance(step, Send):
            (before if offset > 0 else after).append(step)
        elif len(step.data) <= offset:
            before.append(step)
            offset -= len(step.data)
        else:
            first, second = split_send(step, offset)
            before.extend([first] if offset else [])
            after.append(second)
            offset = 0
    return before, after


def regroup(steps: Iterable[Step], sizes: Iterator[int]) -> list[Step]:
    """Cut what is sent into pieces of the given sizes, across the old pieces' borders; waits and ends stay where they were."""
    result: list[Step] = []
    pending: list[Send] = []
    room = next(sizes)
    for step in steps:
        if not isinstance(step, Send):
            result.extend([_join(pending)] if pending else [])
            pending = []
            result.append(step)
            continue
        rest = step
        while len(rest.data) >= room:
            piece, rest = _take(rest, room)
            result.append(_join([*pending, piece]))
            pending, room = [], next(sizes)
        if rest.data:
            pending.append(rest)
            room -= len(rest.data)
    return result


def _take(send: Send, size: int) -> tuple[Send, Send]:
    return (send, Send(b"")) if len(send.data) == size else split_send(send, size)


def _join(sends: list[Send]) -> Send:
    return Send(
        b"".join(send.data for send in sends),
        sum(send.events for send in sends),
        sum(send.text_bytes for send in sends),
        any(send.usage for send in sends),
    )
