"""Faults of the HTTP answer: error statuses, bodies and events that are wrong, unusual spellings of an event stream, strange headers."""

import email.utils
import time
from collections.abc import Callable
from typing import Literal, TypeAlias

from anyapi.simulator.event_stream import payload_of, with_payload, with_wrong_checksum
from anyapi.simulator.faults.base import Fault, Middle
from anyapi.simulator.ledger import Outcome
from anyapi.simulator.reply import JSON, Reply
from anyapi.simulator.steps import Send
from anyapi.simulator.wire import Wire

_GARBAGE = b"{'not': json,}"
_HTML = b"<!DOCTYPE html><html><head><title>%d</title></head><body><h1>The simulator answers %d</h1></body></html>"
RetryAfter: TypeAlias = int | str


class Status(Fault, frozen=True, tag="status"):
    """An error status: 429, 529, any 4xx or 5xx."""

    status: int = 500
    body: Literal["json", "html", "text", "empty", "cut_json"] = "json"
    """`json` is the wire's own error object."""
    message: str = "The simulator was told to fail."
    retry_after: RetryAfter | None = None
    """Written as it is: seconds, a negative or huge number, a date, garbage."""
    retry_after_date: int | None = None
    """Retry-After as an HTTP date so many seconds from now."""

    def on_reply(self, reply: Reply, wire: Wire) -> None:
        """Replace the answer."""
        text = wire.error(self.status, self.message)
        kinds = {
            "json": (JSON, text),
            "cut_json": (JSON, text[: len(text) // 2]),
            "html": (b"text/html; charset=utf-8", _HTML % (self.status, self.status)),
            "text": (b"text/plain", self.message.encode()),
            "empty": (b"text/plain", b""),
        }
        content_type, body = kinds[self.body]
        reply.replace(self.status, body, Outcome.ERROR, content_type)
        reply.headers.extend(wire.error_headers(self.status))
        if self.retry_after is not None:
            reply.headers.append((b"retry-after", str(self.retry_after).encode()))
        if self.retry_after_date is not None:
            date = email.utils.formatdate(time.time() + self.retry_after_date, usegmt=True)
            reply.headers.append((b"retry-after", date.encode()))


class ErrorBody(Fault, frozen=True, tag="error_body"):
    """Status 200 with an error object in the body (not streamed, even if a stream was asked for)."""

    message: str = "The simulator was told to fail."

    def on_reply(self, reply: Reply, wire: Wire) -> None:
        """Replace the answer."""
        reply.replace(200, wire.error(500, self.message), Outcome.ERROR)
        reply.headers.extend(wire.error_headers(500))


class Redirect(Fault, frozen=True, tag="redirect"):
    """A redirect to another URL."""

    location: str = "http://127.0.0.1:9/"
    status: int = 302

    def on_reply(self, reply: Reply, wire: Wire) -> None:
        """Replace the answer."""
        del wire
        reply.replace(self.status, b"", Outcome.ERROR, b"text/plain")
        reply.headers.append((b"location", self.location.encode()))


class ErrorEvent(Fault, frozen=True, tag="error_event"):
    """A stream holds an error event. Without a stream it is `error_body`."""

    at: int | Middle = "middle"
    """How many good events come before it; 0 makes it the first."""
    message: str = "The simulator was told to fail."
    then: Literal["end", "continue"] = "end"
    """`end`: the stream is over, in good order, without terminal marker; `continue`: as if nothing had happened."""

    def on_reply(self, reply: Reply, wire: Wire) -> None:
        """Put the event in."""
        reply.outcome = Outcome.ERROR
        if not reply.streamed:
            ErrorBody(self.message).on_reply(reply, wire)
            return
        place = _place(self.at, reply)
        rest = reply.body[place:] if self.then == "continue" else []
        reply.body = [*reply.body[:place], Send(wire.error_event(self.message, place), 1), *rest]


class NoDone(Fault, frozen=True, tag="no_done"):
    """The stream ends in good order but without its last events: `[DONE]`, `message_stop`, `response.completed`, `metadata`."""

    drop: int = 1
    """How many of the last events are missing; 2 also drops the one with usage or the finish reason."""
    OUTCOME = Outcome.CUT

    def on_reply(self, reply: Reply, wire: Wire) -> None:
        """Drop the events. An answer that is not streamed stays as it is."""
        del wire
        if reply.streamed:
            reply.body = reply.body[: max(0, len(reply.body) - self.drop)]


class BadJson(Fault, frozen=True, tag="bad_json"):
    """The body, or one event of a stream, is not JSON."""

    mode: Literal["garbage", "truncated"] = "garbage"
    """`truncated`: the first half of the right one."""
    at: int | Middle = "middle"
    """Which event of a stream (from 0); it takes the place of the right one."""

    def on_reply(self, reply: Reply, wire: Wire) -> None:
        """Spoil it."""
        del wire
        reply.outcome = Outcome.MALFORMED
        place = _place(self.at, reply) if reply.streamed else 0
        good = reply.body[place]
        if reply.framed:
            payload = payload_of(good.data)
            data = with_payload(good.data, _GARBAGE if self.mode == "garbage" else payload[: len(payload) // 2])
        else:
            data = self._text(good.data, b"data: " if reply.streamed else b"")
        reply.body[place] = Send(data, good.events)
        if not reply.streamed:
            reply.reported = None

    def _text(self, good: bytes, prefix: bytes) -> bytes:
        text = good.rstrip(b"\r\n")
        if self.mode == "garbage":
            return prefix + _GARBAGE + good[len(text) :]
        # Half of the data, not of the event: an `event:` line before it stays whole.
        start = text.find(prefix) + len(prefix)
        return text[: start + (len(text) - start) // 2] + good[len(text) :]


class BadChecksum(Fault, frozen=True, tag="bad_checksum"):
    """A frame of a binary event stream has a wrong checksum. Any other answer stays as it is."""

    at: int | Middle = "middle"
    """Which frame, from 0."""
    which: Literal["message", "prelude"] = "message"

    def on_reply(self, reply: Reply, wire: Wire) -> None:
        """Turn a bit over."""
        del wire
        if not reply.framed:
            return
        reply.outcome = Outcome.MALFORMED
        place = _place(self.at, reply)
        good = reply.body[place]
        reply.body[place] = Send(with_wrong_checksum(good.data, self.which), good.events)


class LineEnds(Fault, frozen=True, tag="line_ends"):
    """Lines of the event stream end otherwise; both are allowed by the SSE specification."""

    ending: Literal["crlf", "cr"] = "crlf"

    def on_reply(self, reply: Reply, wire: Wire) -> None:
        """Replace every line end."""
        del wire
        ending = b"\r\n" if self.ending == "crlf" else b"\r"
        _respell(reply, lambda data: data.replace(b"\r\n", b"\n").replace(b"\n", ending))


class Comments(Fault, frozen=True, tag="comments"):
    """A comment line (a keep-alive) before every event."""

    text: str = "keep-alive"

    def on_reply(self, reply: Reply, wire: Wire) -> None:
        """Put them in."""
        del wire
        _respell(reply, lambda data: b": %s\n\n" % self.text.encode() + data)


class MultilineData(Fault, frozen=True, tag="multiline_data"):
    """The JSON of every event is spread over two `data:` lines, which a reader joins with a line feed."""

    def on_reply(self, reply: Reply, wire: Wire) -> None:
        """Break each line where JSON allows white space."""
        del wire
        _respell(reply, lambda data: data.replace(b"data: {", b"data: {\ndata: ", 1))


class BadHeaders(Fault, frozen=True, tag="bad_headers"):
    """The right answer under hostile headers."""

    variant: Literal["crlf", "bare_lf", "bare_cr", "nul", "many", "huge", "folded", "both_lengths"] = "many"
    """`crlf` and the two bare ones try to add a `set-cookie`; `many` is 200 headers; `huge` one of 1 MiB; `folded` a continued line."""

    def on_reply(self, reply: Reply, wire: Wire) -> None:
        """Add the headers."""
        del wire
        variants: dict[str, list[tuple[bytes, bytes]]] = {
            "crlf": [(b"x-note", b"one\r\nset-cookie: injected=1")],
            "bare_lf": [(b"x-note", b"one\nset-cookie: injected=1")],
            "bare_cr": [(b"x-note", b"one\rset-cookie: injected=1")],
            "nul": [(b"x-note", b"one\0two")],
            "many": [(b"x-note-%d" % number, b"value") for number in range(200)],
            "huge": [(b"x-note", b"a" * 1024 * 1024)],
            "folded": [(b"x-note", b"one\r\n two")],
            "both_lengths": [(b"content-length", b"5") if reply.streamed else (b"transfer-encoding", b"chunked")],
        }
        reply.headers.extend(variants[self.variant])


class Informational(Fault, frozen=True, tag="informational"):
    """1xx answers before the real one."""

    status: int = 103
    count: int = 1

    def on_reply(self, reply: Reply, wire: Wire) -> None:
        """Put them before the head."""
        del wire
        link = b"link: </style.css>; rel=preload\r\n" if self.status == 103 else b""
        reply.before_head += (b"HTTP/1.1 %d Simulated\r\n" % self.status + link + b"\r\n") * self.count


class GzipLie(Fault, frozen=True, tag="gzip_lie"):
    """Content-Encoding claims gzip; the data is plain."""

    def on_reply(self, reply: Reply, wire: Wire) -> None:
        """Add the header."""
        del wire
        reply.headers.append((b"content-encoding", b"gzip"))


class WrongType(Fault, frozen=True, tag="content_type"):
    """The right body under another Content-Type."""

    value: str = "text/html"

    def on_reply(self, reply: Reply, wire: Wire) -> None:
        """Replace it in the head; a stream stays framed as one."""
        del wire
        reply.shown_type = self.value.encode()


def _place(at: int | Middle, reply: Reply) -> int:
    return len(reply.body) // 2 if at == "middle" else min(at, len(reply.body) - 1)


def _respell(reply: Reply, spell: Callable[[bytes], bytes]) -> None:
    """Spell every event otherwise. An answer that is not a stream of text stays as it is."""
    if reply.streamed and not reply.framed:
        reply.body = [Send(spell(send.data), send.events, send.text_bytes, send.usage) for send in reply.body]
