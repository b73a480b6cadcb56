"""How much a request holds, found out before it is looked through.

What is decoded into objects by one call, or swept by one run of the garbage collector, holds up everybody else until it is done, in a
thread too: millions of tiny values take seconds. So a large request is measured first, as the bytes that it is.
"""

import re

import msgspec

from anyapi.errors import BadRequest

LONG = 1024 * 1024
"""Bytes up to which nothing is counted: all the values that they have room for take no more than a tenth of a second."""
MOST_VALUES = 250_000
"""Values (objects, lists, texts, numbers) in what is looked through, about: 80,000 blocks of text."""
MOST_FIELDS = 1_000
"""Fields at the top of a request: some thirty are known."""
LARGEST_FIELD = 64 * 1024
"""Bytes of a field that is not content."""

MOST_IN_ANSWER = 50_000
"""Objects and lists in a provider's answer: one of a quarter of a million tokens has some thousands, where it calls tools."""

OPENING, COUNTED = (b"{", b"["), (b"{", b"[", b",")
"""There is about one of them for each value."""
STEPS = {b"{": 1, b"[": 1, b"}": -1, b"]": -1}
_MARK = re.compile(rb'(?:[^"{}\[\],]++|"(?:[^"\\]++|\\.){0,64}+"){0,4096}+(.)', re.DOTALL)
"""Up to the next bracket or comma outside of texts. A match takes no turns, so it goes through so many short texts and no long one."""
_BRACKET = re.compile(rb'(?:[^"{}\[\]]++|"(?:[^"\\]++|\\.){0,64}+"){0,4096}+(.)', re.DOTALL)
"""The same without commas."""
_TEXT = re.compile(rb'(?:[^"\\]++|\\.){0,4096}+', re.DOTALL)
"""A piece of a long text."""
_QUOTE = ord('"')


def refuse_many(raw: bytes | msgspec.Raw, field: str, most: int = MOST_VALUES) -> None:
    """Raise `BadRequest` where a field of a large request holds too many values to be looked through."""
    if len(raw) > LONG and might_hold(raw) > most and count_values(raw, most) > most:
        raise BadRequest(
            f"{field} holds more than {most} values (objects, lists, texts, numbers), which is more than is looked through. "
            "Send fewer and longer blocks.",
            field,
        )


def refuse_large(raw: msgspec.Raw, field: str, most: int = LARGEST_FIELD) -> None:
    """Raise `BadRequest` for a field that is not content and would take longer to read than it can be worth."""
    if len(raw) > most:
        raise BadRequest(f"{field} may have {most} bytes.", field)


def refuse_many_fields(body: bytes) -> None:
    """Raise `BadRequest` for a body of more than `LONG` bytes with more fields than a request has, before they are decoded."""
    if body.count(b":") > MOST_VALUES and _outer_commas(body) >= MOST_FIELDS:
        raise too_many_fields()


def too_many_fields() -> BadRequest:
    """The error of a body with more than `MOST_FIELDS` fields at the top."""
    return BadRequest(f"The body has more than {MOST_FIELDS} fields at the top. No format of a request has so many.")


def is_readable(answer: bytes) -> bool:
    """Whether a provider's answer holds no more than may be decoded and translated while everybody else waits."""
    at = values = opening = 0
    while len(answer) > LONG and values <= MOST_VALUES and opening <= MOST_IN_ANSWER:
        mark, at = _next(_MARK, answer, at)
        if mark is None:
            return True
        values += mark in COUNTED
        opening += mark in OPENING
    return len(answer) <= LONG


def might_hold(raw: bytes | msgspec.Raw) -> int:
    """At least as many as `count_values` finds; takes next to no time."""
    return sum(map(bytes(raw).count, COUNTED))


def count_values(raw: bytes | msgspec.Raw, most: int) -> int:
    """How many values there are, about; it is not counted beyond one more than `most`."""
    text, at, count = bytes(raw), 0, 0
    while count <= most:
        mark, at = _next(_MARK, text, at)
        if mark is None:
            break
        count += mark in COUNTED
    return count


def _outer_commas(body: bytes) -> int:
    """Commas between the fields of the outer object, at most `MOST_FIELDS`."""
    at = depth = count = 0
    while count < MOST_FIELDS:
        mark, at = _next(_MARK if depth < 2 else _BRACKET, body, at)
        if mark is None:
            break
        count += mark == b"," and depth == 1
        depth += STEPS.get(mark, 0)
    return count


def _next(pattern: re.Pattern[bytes], text: bytes, at: int) -> tuple[bytes | None, int]:
    """What stands next outside of texts that the pattern stops at, and where it ends; None behind the last."""
    found = pattern.match(text, at)
    if found is None:
        return None, at
    mark, at = found[1], found.end()
    while mark == b'"' and at < len(text) and text[at] != _QUOTE:
        piece = _TEXT.match(text, at)
        if piece is None or piece.end() == at:  # it never ends: whoever decodes this will say so
            return None, at
        at = piece.end()
    return mark, at + (mark == b'"')
