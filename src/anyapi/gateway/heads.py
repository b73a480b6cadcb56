"""The head of the request that came before on the same connection: a next one that differs in a few values alone is not parsed again.

A client's library sends one head over and over. What llhttp made of it holds for every head with the same bytes; where values stood that
change from request to request, they are read anew. Parses nothing by itself: whatever is not the known head goes to the parser.
"""

import re

from anyapi.errors import BadRequest
from anyapi.gateway.call import Call, read_head
from anyapi.gateway.limits import Limits

SMALL = 16 * 1024
"""Bytes of a request that is read so, in all. A larger one costs more elsewhere, and seldom comes in one piece."""
CHANGING = frozenset({b"authorization", b"x-api-key", b"content-length", b"x-request-id"})
"""Headers whose values may differ. Those of keys are therefore not kept either."""
END = b"\r\n\r\n"
_VALUE = rb"[!-~]+(?: [!-~]+)?"
_changing = re.compile(rb"\r\n(%b): (%b)(?=\r\n)" % (b"|".join(sorted(CHANGING)), _VALUE), re.IGNORECASE).finditer
_value = re.compile(_VALUE).match
_secret = re.compile(
    rb"\A[^\r]*\?[^\r]*(auth|key|secret|token)|\r\n(?!(authorization|x-api-key):)[^\r:]*(auth|cookie|key|salt|secret|token)[^\r:]*:",
    re.IGNORECASE,
).search
"""A secret that stands elsewhere: in the target, or under a name that means nothing here. It must not be kept, be it not even read."""


class KnownHead:
    """What was the same in the last request's head: for one connection, and no longer than it."""

    __slots__ = ("_call", "_headers", "_last", "_longest", "_parts", "used")

    def __init__(self, call: Call, parts: list[tuple[bytes, bytes]], last: bytes, longest: int) -> None:
        """`parts` are bytes that stay and the header whose value follows them, `last` the bytes behind the last value."""
        self._parts, self._last, self._longest = parts, last, longest
        target = call.path + b"?" + call.query if call.query else call.path
        self._call = Call(call.method, target, policy=call.policy)
        self._headers = {name: value for name, value in call.headers.items() if name not in CHANGING}
        self.used = False
        """Whether a request had this head since."""

    def read(self, data: bytes) -> Call | None:
        """The request that `data` is, whole and alone, if it has this head; else nothing."""
        headers, at = self._headers.copy(), 0
        for stays, name in self._parts:
            if not data.startswith(stays, at) or (value := _value(data, at + len(stays))) is None:
                return None
            headers[name] = value[0]
            at = value.end()
        if not data.startswith(self._last, at) or (at := at + len(self._last)) > self._longest:
            return None
        known = self._call
        call = Call(known.method, known.path, b"", data[at:], headers, known.policy)
        try:
            length = read_head(call)
        except BadRequest:
            return None  # the parser's way tells the client why
        self.used = True
        return call if length == len(call.body) else None


def learn(data: bytes, call: Call, limits: Limits, counted: int) -> KnownHead | None:
    """What can be known of the head of `call`, which is all that `data` holds; None where the next may mean something else.

    `counted` is what was counted of its head, which is less than its length, for `limits`.
    """
    length = len(data) - len(call.body)
    # INVARIANT: one head, and nothing before it: two requests in one piece would have two ends.
    if data.find(END) != length - len(END) or not _is_plain(call) or limits.unauthenticated_body_bytes < SMALL:
        return None
    if _secret(data, 0, length):
        return None
    parts, at = [], 0
    for found in _changing(data, 0, length):
        parts.append((data[at : found.start(2)], found[1].lower()))
        at = found.end(2)
    if {name for _, name in parts} != CHANGING.intersection(call.headers):
        return None  # one of them is written in some other way
    return KnownHead(call, parts, data[at:length], limits.max_header_bytes + length - counted)


def _is_plain(call: Call) -> bool:
    """Whether a request like this one changes nothing of the connection."""
    return call.version == "1.1" and not call.close_after and b"content-length" in call.headers and b"expect" not in call.headers
