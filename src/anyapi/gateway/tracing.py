"""Traces: which requests have spans, whose trace they belong to, and when the last attempt went out. Only where the operator asked for it.

INVARIANT: of what the caller sent only the two ids of a well-formed `traceparent` are taken, as bytes of a fixed length. They go to the
operator's collector and to no provider; `tracestate` and `baggage` are not read at all.
"""

import re
from collections.abc import Callable
from random import random
from time import monotonic

from anyapi.domain.call import Principal
from anyapi.domain.trace import Parent, TracedRequest
from anyapi.domain.usage import UsageRow
from anyapi.gateway.call import Call
from anyapi.gateway.formats.openai_chat import ChatRequest
from anyapi.gateway.memo import Asked
from anyapi.gateway.outlets import UsageSink, Watch

TRACEPARENT = b"traceparent"
_FORM = re.compile(rb"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")
_SAMPLED = 1


class Tracing:
    """Decides for each accepted request whether it is traced."""

    __slots__ = ("_chance", "_put", "_share", "_watch")

    def __init__(
        self, share: float, put: Callable[[TracedRequest], None], watch: Watch | None = None, chance: Callable[[], float] = random
    ) -> None:
        """`share`: of requests without a `traceparent`. `put` must not block; `watch` has rows pass by something else too."""
        self._share, self._put, self._watch, self._chance = share, put, watch, chance

    def take(self, usage: UsageSink, principal: Principal, asked: Asked, request: ChatRequest, call: Call) -> UsageSink:
        """Where the usage row of an accepted request goes: to `usage`, past the spans if the request is traced."""
        if self._watch is not None:
            usage = self._watch(usage, principal, asked, request, call)
        found = parent_of(call.headers.get(TRACEPARENT))
        if found is None:
            return Traced(usage, self._put, None) if self._chance() < self._share else usage
        parent, sampled = found
        return Traced(usage, self._put, parent) if sampled else usage


class Traced:
    """One traced request between admission and its usage row, which passes through here."""

    __slots__ = ("_attempt", "_parent", "_put", "_sent_after", "_started", "usage")

    def __init__(self, usage: UsageSink, put: Callable[[TracedRequest], None], parent: Parent | None) -> None:
        """`usage` is where the row goes."""
        self.usage, self._put, self._parent = usage, put, parent
        self._started = monotonic()
        self._attempt, self._sent_after = 0, 0.0

    def __repr__(self) -> str:
        """Not the caller's ids."""
        return "<Traced>"

    def accept(self) -> None:
        """Count the request as accepted."""
        self.usage.accept()

    def sending(self, attempt: int) -> None:
        """This attempt goes to a provider's connection now."""
        self._attempt, self._sent_after = attempt, monotonic() - self._started

    def put(self, row: UsageRow) -> None:
        """Pass the row on, and have spans made of it."""
        self.usage.put(row)
        sent = self._attempt > 0 and self._attempt == row.attempts and _was_sent(row)
        self._put(TracedRequest(row, self._parent, self._sent_after if sent else None))


def parent_of(value: bytes | None) -> tuple[Parent, bool] | None:
    """The caller's span, and whether the caller's trace is recorded (W3C Trace Context 1, version 00). None for anything else."""
    found = None if value is None else _FORM.fullmatch(value)
    if found is None:
        return None
    trace, span, flags = (bytes.fromhex(part.decode("ascii")) for part in found.groups())
    return Parent(trace, span), bool(flags[0] & _SAMPLED)


def _was_sent(row: UsageRow) -> bool:
    """Whether the last attempt was written to its provider, as far as the row tells."""
    return row.endpoint is not None and (row.sent_to is None or (row.endpoint, row.credential) in row.sent_to[-1:])
