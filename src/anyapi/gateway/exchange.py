"""One request's dealings with providers: attempts one after the other, an answer relayed to the client as it comes.

Nothing is kept: a part of an answer lives between two lines of this file. The client leaving closes the provider's connection at once.
"""

from collections.abc import Callable
from functools import partial
from time import monotonic

from anyapi.domain.catalogue import Endpoint
from anyapi.domain.decision import BEYOND_LIMITS, CUT_AT_LIMITS, Candidate, Outcome, OutcomeKind
from anyapi.errors import BadRequest, RequestError
from anyapi.gateway.admit import Admission
from anyapi.gateway.apart import HUGE, apart, may_read, prepare_large
from anyapi.gateway.client import Connection
from anyapi.gateway.evidence import Witness
from anyapi.gateway.formats.openai_chat import ChatRequest
from anyapi.gateway.measuring import note, unreached
from anyapi.gateway.render import EVENTS, JSON
from anyapi.gateway.rows import rows_for
from anyapi.gateway.settle import BYTES_A_TOKEN, REFUSED_LATE
from anyapi.gateway.still import objection
from anyapi.gateway.tracing import Traced
from anyapi.gateway.upstream_errors import broken_off
from anyapi.upstream.adapter import Adapter, Answer, Prepared, ProviderRow, StreamReader
from anyapi.upstream.classify import parse_retry_after
from anyapi.upstream.connection import UpstreamConnection
from anyapi.upstream.pool import Upstream
from anyapi.wire.tasks import Waiter, there

Prepare = Callable[[ChatRequest, Endpoint, ProviderRow], Prepared]
SUCCESS = Outcome(OutcomeKind.SUCCESS)
INEXPRESSIBLE = Outcome(OutcomeKind.UNAUTHORIZED)
"""The endpoint's format cannot express the request. To the walk it is like an endpoint that refuses us: no retry there, the next may serve.
Known by identity: nobody hears of it as what it looks like."""
ENVELOPE = 300
"""Bytes of a whole answer that are not its text, about."""
LAST_BYTES = 1.0
"""Seconds a provider has to end its answer after the stream's terminal marker."""


class ProviderExchange:
    """Drives attempts and relays; told by the client's connection of pauses and of the client leaving."""

    __slots__ = (
        "_adapter", "_connection", "_gone", "_paused", "_pending", "_reader", "_slowed", "_started", "_stopped", "_witness",
        "admission", "held", "lasting", "outbound", "refusal", "reply", "rows",
    )  # fmt: skip

    def __init__(self, outbound: ChatRequest, reply: Connection, admission: Admission) -> None:
        """`reply` is where the answer goes; it must be attached to this exchange by the caller."""
        self.outbound, self.reply, self.admission = outbound, reply, admission
        self._connection: UpstreamConnection | None = None
        self._pending: Waiter[UpstreamConnection | OutcomeKind] | Waiter[OutcomeKind] | None = None
        self._reader: StreamReader | None = None
        self._gone = self._paused = self._slowed = self._stopped = False
        self.refusal: RequestError | None = None
        """Why the first endpoint that was passed by could not be asked; the caller gets it if nothing was sent to any."""
        self.held: Answer | bytes | None = None
        """A refusal, of a stream all of it, that would go to the client if no other endpoint answers."""
        self.lasting = outbound.stream

    # --- told by the client's connection

    def abort(self) -> None:
        """The client is gone."""
        self._gone = True
        self._interrupt(OutcomeKind.CLIENT_GONE)

    def pause(self) -> None:
        """The client does not keep up."""
        self._paused = self._slowed = True
        if self._connection is not None:
            self._connection.pause()

    def resume(self) -> None:
        """The client keeps up again."""
        self._paused = False
        if self._connection is not None:
            self._connection.resume()

    def stop(self) -> None:
        """The server is closing: what runs ends as overloaded."""
        self._stopped = True
        self._interrupt(OutcomeKind.OVERLOADED)

    def _interrupt(self, kind: OutcomeKind) -> None:
        """End whatever is waited for: an answer, a connection, the time before a retry."""
        if self._connection is not None:
            self._connection.abort(kind)
        elif self._pending is not None:
            self._pending.set(kind)

    def ended(self) -> Outcome | None:
        """How it ended already, when the client left or the server is closing."""
        if self._gone:
            return Outcome(OutcomeKind.CLIENT_GONE)
        return Outcome(OutcomeKind.OVERLOADED) if self._stopped else None

    # --- attempts

    async def begin(self, candidate: Candidate) -> Waiter[OutcomeKind | None] | Waiter[Outcome]:
        """Send the request to a candidate; what is awaited then is for `end`. What the provider's format cannot express is `refusal`.

        This coroutine is over before an answer is awaited: a stream may last for minutes, and what it takes to begin one must not.
        """
        admission, plane = self.admission, self.admission.plane
        endpoint = candidate.endpoint
        adapter, row = plane.adapter_of(self.outbound, endpoint)
        upstream = plane.outlets.upstreams[candidate.credential]
        if self.outbound.large and adapter.walks(self.outbound):
            prepared = await apart(self._prepared, partial(prepare_large, adapter), endpoint, row)
        else:
            prepared = self._prepared(adapter.prepare, endpoint, row)
        if prepared is None:
            return there(self.ended() or INEXPRESSIBLE)
        admission.begin(candidate)
        self._started = monotonic()
        connection = upstream.idle() or await self._connect(upstream)
        if isinstance(connection, OutcomeKind):
            return there(self.ended() or unreached(admission, Outcome(connection)))
        if (hindrance := self._hindrance(candidate)) is not None:
            connection.abort()
            return there(hindrance)
        admission.sent += (candidate,)
        self._connection, self._pending = connection, None
        self._adapter, admission.adjusted = adapter, prepared.adjusted
        self._witness = None if row.evidence is None else Witness(admission, candidate, row, row.evidence, connection)
        return self._send(connection, upstream, prepared)

    def end(self, failure: OutcomeKind | Outcome | None) -> Outcome:
        """Hear how the exchange that was begun failed, if it did, and give how it ended. A whole answer goes to the client now."""
        if isinstance(failure, Outcome):
            return failure
        connection, witness, self._connection, self._witness = self._connection, self._witness, None, None
        if connection is None:
            raise TypeError  # INVARIANT: only what was begun ends
        if witness is not None:  # it may hold this exchange: no ring may be left, which would keep the request
            witness.hear()
        try:
            return note(self.admission, self._outcome(self._adapter, connection, failure), self._started, slowed=self._slowed)
        finally:
            connection.release()

    def _hindrance(self, candidate: Candidate) -> Outcome | None:
        """What keeps a request from being written. A candidate against which a change speaks is passed by, as if it could not serve."""
        if self._gone or self._stopped:
            return self.ended()
        refusal = objection(self.admission, candidate, self.reply.current)
        if refusal is None:
            return None
        self.refusal = self.refusal or refusal
        return INEXPRESSIBLE

    def _send(self, connection: UpstreamConnection, upstream: Upstream, prepared: Prepared) -> Waiter[OutcomeKind | None]:
        """Write the request; what the waiter gives is how the exchange failed, None if it did not."""
        sink: Callable[[bytes], None] | None = None
        if type(self.admission.usage) is Traced:
            self.admission.usage.sending(self.admission.attempts)
        if self.outbound.stream:
            self._reader, sink = self._adapter.open_stream(self.outbound), self
            if not self.outbound.large:  # whose fields are dear to read
                self.outbound.rest()
        if self._witness is not None:
            sink = self._witness.beside(prepared, sink)
        head = upstream.head(prepared.path, prepared.headers, prepared.body)
        waiter = connection.send(head, prepared.body, sink, self.admission.plane.outlets.timeouts)
        if not self.outbound.stream:  # while the provider works
            self.rows = JSON + rows_for(self.admission)
        return waiter

    def _prepared(self, prepare: Prepare, endpoint: Endpoint, row: ProviderRow) -> Prepared | None:
        """The provider's request; None if its format cannot express ours."""
        try:
            return prepare(self.outbound, endpoint, row)
        except BadRequest as error:
            self.refusal = self.refusal or error
            return None

    async def _connect(self, upstream: Upstream) -> UpstreamConnection | OutcomeKind:
        """A new connection. A client that leaves is not kept waiting for it."""
        waiter: Waiter[UpstreamConnection | OutcomeKind] = Waiter()
        self._pending = waiter
        upstream.open_for(waiter)
        return await waiter

    async def wait(self, seconds: float) -> None:
        """Wait before a retry; the client leaving, or the server closing, ends the wait."""
        waiter: Waiter[OutcomeKind] = Waiter()
        self._pending = waiter
        timer = self.admission.plane.loop.call_later(seconds, waiter.set, OutcomeKind.OVERLOADED)
        await waiter
        timer.cancel()

    def __call__(self, data: bytes) -> None:
        """Relay what one read brought of an event stream: it is its connection's sink itself. A bound method would be one object more."""
        reader = self._reader
        if reader is None:
            return
        if out := reader.feed(data):
            self.relay(out, reader)
        connection = self._connection
        if connection is None:
            return
        if reader.failure is not None:
            connection.abort(OutcomeKind.BAD_RESPONSE)
        elif reader.complete and not connection.done:
            connection.leave(LAST_BYTES)
        elif self._paused:
            connection.pause()

    @property
    def patience(self) -> float:
        """Seconds for which a stream may go on being silent: before its content it has the time of a whole answer, for models think."""
        waits = self._reader is not None and self._reader.empty
        return self._started + self.admission.plane.outlets.timeouts.answer - monotonic() if waits else 0.0

    def relay(self, out: bytes, reader: StreamReader | None = None) -> None:
        """Send a part of a stream on, the first one behind its head. Of a `reader`, all of a refusal without content is held instead."""
        admission, reply = self.admission, self.reply
        if not reply.streaming:
            if reader is not None and reader.complete and reader.refused and (reader.empty or not reader.started):
                self.held = out
                return
            admission.note_first_token()
            admission.streamed = True
            reply.start_stream(b"%b%b" % (EVENTS, rows_for(admission)))
            self.outbound.forget()  # content has reached the client, so no other attempt can follow
            reply.forget_request()
        admission.answer_tokens += out.count(b"\n\n")  # about one token an event; only used where the provider states none
        reply.send_part(out)
        if reader is not None and reader.complete:
            reply.finish_stream()

    def _outcome(self, adapter: Adapter, connection: UpstreamConnection, failure: OutcomeKind | None) -> Outcome:
        """How an exchange ended; a whole answer goes to the client now."""
        reader = self._reader
        if failure is not None and not connection.written:
            self.admission.sent = self.admission.sent[:-1]
        if reader is not None and (failure is not None or connection.streamed):
            if failure is None and (last := reader.end()):
                self.relay(last, reader)
            return self._streamed(reader, failure)
        if failure is None:
            return self._whole(adapter, connection)
        return BEYOND_LIMITS if connection.overflowed else Outcome(failure)

    def _streamed(self, reader: StreamReader, failure: OutcomeKind | None) -> Outcome:
        """How an event stream ended. INVARIANT: success only after the provider's own terminal marker."""
        self.admission.tokens = reader.tokens
        self.admission.empty = reader.complete and reader.empty
        if reader.complete:
            return SUCCESS if not reader.refused else REFUSED_LATE if self.admission.streamed else Outcome(OutcomeKind.CONTENT_REFUSED)
        if failure in {OutcomeKind.CLIENT_GONE, OutcomeKind.OVERLOADED}:
            return Outcome(failure)
        if self.reply.streaming:
            return CUT_AT_LIMITS if reader.failure is BEYOND_LIMITS else Outcome(OutcomeKind.INTERRUPTED)
        return reader.failure or Outcome(failure or OutcomeKind.BAD_RESPONSE)

    def _whole(self, adapter: Adapter, connection: UpstreamConnection) -> Outcome:
        """Read a complete answer and send it on when it is one."""
        status, body = connection.status, connection.body
        if not 200 <= status < 300:
            retry_after = parse_retry_after(connection.retry_after, self.admission.plane.clock()) if connection.retry_after else None
            return adapter.classify(status, retry_after, body)
        readable = len(body) <= HUGE or may_read(body, self.outbound)
        answer = adapter.read_answer(body, self.outbound) if readable else BEYOND_LIMITS
        if isinstance(answer, Outcome):
            return answer
        if self.outbound.stream:
            return Outcome(OutcomeKind.BAD_RESPONSE)  # an event stream was asked for; a whole answer cannot be passed off as one
        admission = self.admission
        admission.tokens, admission.empty = answer.tokens, answer.empty
        if answer.refused:
            self.held = answer
            return Outcome(OutcomeKind.CONTENT_REFUSED)
        self.deliver(answer)
        return SUCCESS

    def deliver(self, answer: Answer) -> None:
        """Send a complete answer to the client."""
        admission = self.admission
        admission.note_first_token()
        admission.answer_tokens = max(1, (len(answer.body) - ENVELOPE) // BYTES_A_TOKEN)
        self.reply.send(200, self.rows, answer.body)

    def fail_stream(self) -> None:
        """End a stream that cannot be completed, so that no SDK takes it for whole."""
        failure = None if self._reader is None else self._reader.failure
        error = broken_off(failure, self.admission, closing=self._stopped)
        self.reply.send_part(self.outbound.error_event(error, self._reader))
        self.reply.finish_stream()
