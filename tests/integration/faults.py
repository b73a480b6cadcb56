"""The faults of the failover suite: the sixteen scenarios that a gateway is commonly graded by, and those of our own field notes.

Each case says what a caller may see when the first of two permitted endpoints behaves so: the first one's right answer after all
(`FIRST`), the next one's (`NEXT`), or also an error of the SDK, because content may have been passed on before the fault was seen (`BROKEN`).
"""

import enum
from dataclasses import dataclass

from tests.integration.lab import FIRST_BYTE


class Seen(enum.Enum):
    """What the caller must see."""

    FIRST = enum.auto()
    NEXT = enum.auto()
    BROKEN = enum.auto()


FIRST, NEXT = {Seen.FIRST}, {Seen.NEXT}
EITHER = {Seen.FIRST, Seen.NEXT}
"""The fault may be read over, or taken for one: both are right."""
BROKEN = {Seen.NEXT, Seen.BROKEN}
"""It depends on how the bytes arrive whether anything was passed on before the fault was seen."""


@dataclass(frozen=True)
class Case:
    """One fault, and what it must lead to. `fault` is one item of a simulator's script."""

    name: str
    fault: object
    plain: set[Seen]
    stream: set[Seen]
    statuses: tuple[int, ...] = (502,)
    """What the caller may get when both permitted endpoints fail so."""
    seconds: float = 0.0
    """Deadline of one call that ends by time."""
    text: str | None = None
    """What a right answer says under this fault, if not the usual."""

    def model(self, mode: str, failing: str) -> str:
        """A model of its own for each way to ask and for how many endpoints fail."""
        return f"lab/{self.name}-{mode}-{failing}"

    @property
    def unsent(self) -> bool:
        """Whether the request never got to the provider."""
        return self.fault["kind"] == "refuse"

    def seen(self, mode: str) -> set[Seen]:
        return self.plain if mode == "plain" else self.stream


def status(code: int, **fields: object) -> dict[str, object]:
    return {"kind": "status", "status": code, **fields}


def at(kind: str, place: object, of: str = "events", **fields: object) -> dict[str, object]:
    return {"kind": kind, "at": place, "of": of, **fields}


def both(name: str, fault: object, seen: set[Seen], *statuses: int, seconds: float = 0.0) -> Case:
    """A fault that leads to the same with and without a stream."""
    return Case(name, fault, seen, seen, statuses or (502,), seconds)


CASES = (
    # No connection, or no answer on it.
    both("connection-refused", {"kind": "refuse", "mode": "closed", "seconds": None}, NEXT, 502),
    both("connection-reset-at-once", {"kind": "refuse", "mode": "reset", "count": None}, NEXT, 502),
    both("reset-before-headers", at("reset", 0, "response"), NEXT, 502),
    both("closed-before-headers", at("close", 0, "response"), NEXT, 502),
    both("reset-inside-headers", at("reset", 30, "response"), NEXT, 502),
    both("closed-inside-headers", at("close", 30, "response"), NEXT, 502),
    both("silent-before-headers", at("stall", 0, "response"), NEXT, 504, seconds=FIRST_BYTE),
    both("silent-inside-headers", at("stall", 30, "response"), NEXT, 504, seconds=FIRST_BYTE),
    # Error statuses.
    both("429", status(429), NEXT, 429),
    both("429-retry-after-1", status(429, retry_after=1), NEXT, 429),
    both("429-retry-after-3600", status(429, retry_after=3600), NEXT, 429),
    both("429-retry-after-date", status(429, retry_after_date=30), NEXT, 429),
    both("429-retry-after-past-date", status(429, retry_after_date=-30), NEXT, 429),
    both("429-retry-after-negative", status(429, retry_after=-5), NEXT, 429),
    both("429-retry-after-huge", status(429, retry_after="9" * 400), NEXT, 429),
    both("429-retry-after-garbage", status(429, retry_after="soon, maybe"), NEXT, 429),
    both("500", status(500), NEXT, 502),
    both("500-html", status(500, body="html"), NEXT, 502),
    both("500-empty", status(500, body="empty"), NEXT, 502),
    both("500-cut-json", status(500, body="cut_json"), NEXT, 502),
    both("502-text", status(502, body="text"), NEXT, 502),
    both("503", status(503), NEXT, 503),
    both("503-retry-after-1", status(503, retry_after=1), NEXT, 503),
    both("504", status(504, body="html"), NEXT, 504),
    both("529-overloaded", status(529), NEXT, 503),
    both("401", status(401), NEXT, 502),
    both("404", status(404), NEXT, 502),
    both("408", status(408), NEXT, 504),
    both("302", {"kind": "redirect", "location": "FORBIDDEN", "status": 302}, NEXT, 502),
    both("307", {"kind": "redirect", "location": "FORBIDDEN", "status": 307}, NEXT, 502),
    both("308", {"kind": "redirect", "location": "FORBIDDEN", "status": 308}, NEXT, 502),
    # Status 200, and yet no answer.
    both("200-error-body", {"kind": "error_body"}, NEXT, 502),
    both("200-html", status(200, body="html"), NEXT, 502),
    both("200-text", status(200, body="text"), NEXT, 502),
    both("200-empty-body", status(200, body="empty"), NEXT, 502),
    both("200-half-an-error", status(200, body="cut_json"), NEXT, 502),
    Case("200-garbage", {"kind": "bad_json", "at": 0}, NEXT, NEXT),
    Case("200-half-the-json", {"kind": "bad_json", "mode": "truncated", "at": 0}, NEXT, NEXT),
    Case("200-empty-completion", {"kind": "empty"}, FIRST, FIRST, text=""),
    Case("200-gzip-lie", {"kind": "gzip_lie"}, NEXT, NEXT),
    Case("200-wrong-content-type", {"kind": "content_type", "value": "text/html"}, EITHER, EITHER),
    # Streams and bodies that break.
    Case("stream-error-first", {"kind": "error_event", "at": 0}, NEXT, NEXT),
    Case("stream-error-in-the-middle", {"kind": "error_event", "at": "middle"}, NEXT, BROKEN),
    Case("stream-error-and-on", {"kind": "error_event", "at": "middle", "then": "continue"}, NEXT, BROKEN),
    Case("stream-garbage-in-the-middle", {"kind": "bad_json", "at": "middle"}, NEXT, BROKEN),
    Case("stream-half-an-event-in-the-middle", {"kind": "bad_json", "mode": "truncated", "at": "middle"}, NEXT, BROKEN),
    Case("stream-without-done", {"kind": "no_done"}, FIRST, BROKEN),
    Case("stream-without-finish", {"kind": "no_done", "drop": 3}, FIRST, BROKEN),
    Case("stream-ends-after-head", {"kind": "no_done", "drop": 1000}, FIRST, NEXT),
    Case("stream-closed-before-first-event", at("close", 0), NEXT, NEXT),
    Case("stream-reset-before-first-event", at("reset", 0), NEXT, NEXT),
    Case("stream-silent-before-first-event", at("stall", 0), NEXT, NEXT, (504,), FIRST_BYTE),
    Case("closed-in-the-middle", at("close", "middle", "body"), NEXT, BROKEN),
    Case("reset-in-the-middle", at("reset", "middle", "body"), NEXT, BROKEN),
    Case("silent-in-the-middle", at("stall", "middle", "body"), NEXT, BROKEN, (504,), FIRST_BYTE),
    Case("slow-but-alive", {"kind": "drip", "seconds": 0.02}, FIRST, FIRST),
    # Lengths and framing.
    Case("length-too-short", {"kind": "content_length", "add": -5}, NEXT, BROKEN),
    Case("length-too-short-kept", {"kind": "content_length", "add": -5, "then": "keep"}, NEXT, BROKEN),
    Case("length-too-long", {"kind": "content_length", "add": 50}, NEXT, FIRST),
    Case("length-too-long-kept", {"kind": "content_length", "add": 50, "then": "keep"}, NEXT, FIRST, (504,), FIRST_BYTE + 1.0),
    both("both-lengths", {"kind": "bad_headers", "variant": "both_lengths"}, EITHER),
    # Heads.
    both("103-first", {"kind": "informational"}, FIRST),
    both("100-many", {"kind": "informational", "status": 100, "count": 50}, FIRST),
    both("103-flood", {"kind": "informational", "count": 5000}, NEXT),
    both("101", {"kind": "informational", "status": 101}, NEXT),
    both("headers-injected", {"kind": "bad_headers", "variant": "crlf"}, FIRST),
    both("headers-bare-lf", {"kind": "bad_headers", "variant": "bare_lf"}, EITHER),
    both("headers-bare-cr", {"kind": "bad_headers", "variant": "bare_cr"}, EITHER),
    both("headers-nul", {"kind": "bad_headers", "variant": "nul"}, EITHER),
    both("headers-folded", {"kind": "bad_headers", "variant": "folded"}, EITHER),
    both("headers-200", {"kind": "bad_headers", "variant": "many"}, EITHER),
    both("headers-a-mebibyte", {"kind": "bad_headers", "variant": "huge"}, NEXT),
    # Without an end.
    Case("endless-line", {"kind": "endless_line"}, NEXT, BROKEN, (502, 504), FIRST_BYTE),
    Case("giant-event", {"kind": "giant_line", "mib": 2}, FIRST, BROKEN, text="*"),
)
"""`text="*"`: not compared, since the fault puts filling into it."""
