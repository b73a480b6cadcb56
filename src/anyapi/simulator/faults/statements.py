"""What a provider states about itself beside its answer: headers and fields that say what was done with the request, true or not."""

import msgspec

from anyapi.simulator.event_stream import payload_of, with_payload
from anyapi.simulator.faults.base import Fault
from anyapi.simulator.jsontype import Json, decoded
from anyapi.simulator.reply import Reply
from anyapi.simulator.steps import Send
from anyapi.simulator.wire import Wire


class States(Fault, frozen=True, tag="states"):
    """Further headers, and further fields of the answer and of every event of a stream. No fault at all where what they say is true."""

    headers: dict[str, str] = {}
    fields: dict[str, msgspec.Raw] = {}
    """They replace those of the same name. In events of responses they stand within `response`, where there is one."""
    times: int = 1
    """Every text is repeated so many times, for statements of hostile sizes."""

    def on_reply(self, reply: Reply, wire: Wire) -> None:
        """Add them to an answer of 2xx; headers to any."""
        del wire
        reply.headers.extend((name.encode(), (value * self.times).encode()) for name, value in self.headers.items())
        if self.fields and 200 <= reply.status < 300:
            spell = self._frame if reply.framed else self._event if reply.streamed else self._object
            reply.body = [Send(spell(send.data), send.events, send.text_bytes, send.usage) for send in reply.body]

    def _object(self, data: bytes) -> bytes:
        body = msgspec.json.decode(data)
        if not isinstance(body, dict):
            return data
        inner = body.get("response")
        (inner if isinstance(inner, dict) else body).update({name: self._said(value) for name, value in self.fields.items()})
        return msgspec.json.encode(body)

    def _said(self, given: msgspec.Raw) -> Json:
        value = decoded(given)
        return value * self.times if isinstance(value, str) else value

    def _event(self, data: bytes) -> bytes:
        head, mark, rest = data.partition(b"data: ")
        text = rest.rstrip(b"\r\n")
        return head + mark + self._object(text) + rest[len(text) :] if text.startswith(b"{") else data

    def _frame(self, data: bytes) -> bytes:
        return with_payload(data, self._object(payload_of(data)))

    def __repr__(self) -> str:
        """Never what is said."""
        return "<States>"
