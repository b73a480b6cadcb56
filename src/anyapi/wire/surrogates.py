"""Halves of surrogate pairs among the escapes of JSON text. Grammatical (RFC 8259, section 8.2), and msgspec decodes none."""

import re

_HIGH, _LOW, _ANY = (rb"u[dD][%b][0-9a-fA-F]{2}" % digits for digits in (b"89abAB", b"c-fC-F", b"89a-fA-F"))
_ESCAPE = re.compile(rb"\\(?:%b\\%b|(%b)|.)" % (_HIGH, _LOW, _ANY), re.DOTALL)
"""An escape; its first group is half of a pair. A pair is taken as one, and a backslash that is escaped with what it is escaped by."""
_MAYBE = re.compile(rb"\\" + _ANY)


def without_halves(text: bytes) -> bytes:
    """JSON text in which U+FFFD stands for each half of a surrogate pair. As long as before, and the same where there is none."""
    return _ESCAPE.sub(_whole, text) if _MAYBE.search(text) else text


def _whole(escape: re.Match[bytes]) -> bytes:
    return escape[0] if escape[1] is None else b"\\ufffd"
