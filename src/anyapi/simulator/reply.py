"""An HTTP answer before and after framing. Pure: turns a status, headers and body pieces into the steps that put them on the wire."""

from http import HTTPStatus

import msgspec

from anyapi.simulator.answer import Answer
from anyapi.simulator.ledger import Outcome
from anyapi.simulator.steps import End, How, Send, Step

JSON = b"application/json"
EVENTS = b"text/event-stream; charset=utf-8"
AWS_EVENTS = b"application/vnd.amazon.eventstream"
_REASONS = {status.value: status.phrase for status in HTTPStatus} | {529: "Overloaded"}


class Reply(msgspec.Struct):
    """An answer that faults may still change."""

    status: int
    body: list[Send]
    content_type: bytes = JSON
    headers: list[tuple[bytes, bytes]] = []
    outcome: Outcome = Outcome.ANSWERED
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cache_read_tokens: int = 0
    cache_written_tokens: int = 0
    reasoning_tokens: int = 0
    reported: tuple[int, int] | None = None
    """Usage as the client will read it from this body."""
    before_head: bytes = b""
    """Bytes that go out before the status line (informational answers)."""
    length_error: int = 0
    """Added to the true Content-Length."""
    shown_type: bytes | None = None
    """Content-Type as sent, where it is not `content_type`."""
    head_size: int = 0
    """Bytes up to the end of the head; set by `frame`."""

    @property
    def streamed(self) -> bool:
        """Whether the body is a stream of events, in text or in frames."""
        return self.content_type in {EVENTS, AWS_EVENTS}

    @property
    def framed(self) -> bool:
        """Whether the body is a stream of binary frames (`event_stream`)."""
        return self.content_type == AWS_EVENTS

    def replace(self, status: int, body: bytes, outcome: Outcome, content_type: bytes = JSON) -> None:
        """Become another answer, which costs no tokens."""
        self.status, self.body, self.content_type, self.outcome = status, [Send(body)], content_type, outcome
        self.prompt_tokens = self.completion_tokens = 0
        self.cache_read_tokens = self.cache_written_tokens = self.reasoning_tokens = 0
        self.reported = None

    def __repr__(self) -> str:
        """Never the content."""
        return f"<Reply {self.status}>"


def json_reply(value: object, status: int = 200, outcome: Outcome = Outcome.ANSWERED) -> Reply:
    """Return an answer whose body is `value` as JSON."""
    return Reply(status, [Send(msgspec.json.encode(value))], outcome=outcome)


def answered(answer: Answer, outcome: Outcome) -> Reply:
    """Return the start of a reply that gives this answer: its counts, without headers and body."""
    return Reply(
        200,
        [],
        outcome=outcome,
        prompt_tokens=answer.prompt_tokens,
        completion_tokens=answer.completion_tokens,
        cache_read_tokens=answer.cache_read,
        cache_written_tokens=answer.cache_written,
        reasoning_tokens=answer.reasoning_tokens,
        reported=answer.reported,
    )


def frame(reply: Reply, then: How) -> list[Step]:
    """Turn the answer into steps (RFC 9112): the head in one, then the body with its length, or chunked when it is a stream."""
    chunked = reply.streamed and not reply.length_error
    length = max(0, sum(len(send.data) for send in reply.body) + reply.length_error)
    framing = b"transfer-encoding: chunked" if chunked else b"content-length: %d" % length
    head = _head(reply, framing, b"keep-alive" if then is How.KEEP else b"close")
    reply.head_size = len(head)
    body: list[Step] = [*(_chunk(send) for send in reply.body), Send(b"0\r\n\r\n")] if chunked else [*reply.body]
    return [Send(head), *body, End(then)]


def _head(reply: Reply, framing: bytes, connection: bytes) -> bytes:
    status = b"HTTP/1.1 %d %s" % (reply.status, _REASONS.get(reply.status, "Unassigned").encode())
    headers = [name + b": " + value for name, value in reply.headers]
    lines = [status, b"content-type: " + (reply.shown_type or reply.content_type), *headers, framing, b"connection: " + connection]
    return reply.before_head + b"\r\n".join(lines) + b"\r\n\r\n"


def _chunk(send: Send) -> Send:
    return Send(b"%x\r\n%s\r\n" % (len(send.data), send.data), send.events, send.text_bytes, send.usage)
