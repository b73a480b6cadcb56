"""Halves of surrogate pairs among the escapes of JSON text. Grammatical (RFC 8259, section 8.2), and msgspec decodes none.

Servers that cut a stream within a character end the string of one event with the first half, and begin that of the next with the other.
"""

import re

_HIGH, _LOW, _ANY = (rb"u[dD][%b][0-9a-fA-F]{2}" % digits for digits in (b"89abAB", b"c-fC-F", b"89a-fA-F"))
_ESCAPE = re.compile(rb"\\(?:%b\\%b|(%b)|.)" % (_HIGH, _LOW, _ANY), re.DOTALL)
"""An escape; its first group is half of a pair. A pair is taken as one, and a backslash that is escaped with what it is escaped by."""
_MAYBE = re.compile(rb"\\" + _ANY)
_FIRST = re.compile(rb'\\%b"' % _HIGH)
"""The first half at the end of a string, or what looks like it."""
_SECOND = re.compile(rb'[^\\]"\\%b' % _LOW)
"""The other half at the beginning of one."""
_EVENT = b"\n\n"


def without_halves(text: bytes) -> bytes:
    """JSON text in which U+FFFD stands for each half of a surrogate pair. As long as before, and the same where there is none."""
    return _ESCAPE.sub(_whole, text) if _MAYBE.search(text) else text


def _whole(escape: re.Match[bytes]) -> bytes:
    return escape[0] if escape[1] is None else b"\\ufffd"


def _last_of(text: bytes) -> int:
    """Where the last of whole events begins."""
    return text.rfind(_EVENT, 0, -len(_EVENT)) + len(_EVENT) if text.count(_EVENT) > 1 else 0


class Events:
    """Whole events of a stream, in which a character that two of them hold half of each stands in the second; other halves are U+FFFD."""

    __slots__ = ("_due", "_held", "_open")

    def __init__(self) -> None:
        """Nothing is held."""
        self._held = self._due = b""
        self._open = 0
        """Where the event begins that waits for the next one."""

    def feed(self, text: bytes, *, last: bool) -> bytes:
        """Take whole events; give them back, but for one at their end whose text ends within a character, unless they are the `last`."""
        if self._held:
            text, self._held = self._held + text, b""
        if not _MAYBE.search(text):
            return text
        self._open = len(text) if last or not _FIRST.search(text, _last_of(text)) else _last_of(text)
        waits, text = self._open < len(text), _ESCAPE.sub(self._joined, text)
        if waits:
            start = _last_of(text)
            text, self._held = text[:start], text[start:]
        return text

    def _joined(self, escape: re.Match[bytes]) -> bytes:
        if escape[1] is None:
            return escape[0]
        text, start, end = escape.string, escape.start(), escape.end()
        if self._due and _SECOND.match(text, start - 2):
            due, self._due = self._due, b""
            return due + escape[0]
        if start >= self._open and _FIRST.match(text, start):
            return escape[0]
        border = text.find(_EVENT, end)
        if _FIRST.match(text, start) and border >= 0 and _SECOND.search(text, border, text.find(_EVENT, border + 2) + 2):
            self._due = escape[0]
            return b""
        return b"\\ufffd"
