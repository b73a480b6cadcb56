"""Measured health of endpoints: latency, throughput, errors, circuit breaker; and the retry budget. In memory, never stored.

What an account's own credential meets is measured apart: its limits are not those of anybody else.

A circuit opens after `FAILURES` failures in a row, for `OPEN_SECONDS`, doubled at each failed probe up to a minute; a 429 with
Retry-After opens it for as long as the provider asks. When the time is over one request is the probe.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

from anyapi.domain.decision import Decision, EndpointHealth, Outcome, OutcomeKind
from anyapi.domain.ids import EndpointId, HealthKey

WEIGHT = 0.2
"""Of the newest measurement in every moving average."""
FAILURES = 5
OPEN_SECONDS = 5.0
LONGEST = 60.0
COUNTED = frozenset(
    {
        OutcomeKind.CONNECT_FAILED,
        OutcomeKind.TIMED_OUT,
        OutcomeKind.SERVER_ERROR,
        OutcomeKind.OVERLOADED,
        OutcomeKind.BAD_RESPONSE,
        OutcomeKind.INTERRUPTED,
    }
)


class _Record:
    __slots__ = ("errors", "in_a_row", "latency", "open_for", "open_until", "throughput")

    def __init__(self) -> None:
        self.latency: float | None = None
        self.throughput: float | None = None
        self.errors = 0.0
        self.in_a_row = 0
        self.open_for = OPEN_SECONDS
        self.open_until = 0.0


class Health:
    """Health of every endpoint that was used, by `Candidate.health_key`. `generation` changes whenever a circuit opens or closes."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` gives monotonic seconds."""
        self._clock = clock
        self._records: dict[HealthKey, _Record] = {}
        self.generation = 0

    def note(self, key: HealthKey, outcome: Outcome, latency: float | None, throughput: float | None = None) -> None:
        """Take in how an attempt ended. `latency`: seconds of its own to the first content; `throughput`: tokens a second (`measuring`)."""
        record = self._records.get(key)
        if record is None:
            record = self._records[key] = _Record()
        if outcome.kind is OutcomeKind.SUCCESS or outcome.kind is OutcomeKind.CONTENT_REFUSED:
            record.errors *= 1 - WEIGHT
            if latency is not None:
                record.latency = latency if record.latency is None else record.latency + WEIGHT * (latency - record.latency)
            if throughput is not None:
                record.throughput = (
                    throughput if record.throughput is None else record.throughput + WEIGHT * (throughput - record.throughput)
                )
            if record.in_a_row or record.open_until:
                self._close(record)
        else:
            self._note_failure(record, outcome)

    def _note_failure(self, record: _Record, outcome: Outcome) -> None:
        if outcome.kind in COUNTED:
            record.errors += WEIGHT * (1 - record.errors)
            record.in_a_row += 1
            if record.in_a_row >= FAILURES:
                self._open(record, record.open_for)
                record.open_for = min(LONGEST, record.open_for * 2)
        elif outcome.kind is OutcomeKind.RATE_LIMITED:
            record.errors += WEIGHT * (1 - record.errors)
            if outcome.retry_after:
                self._open(record, min(LONGEST, outcome.retry_after))

    def probe(self, key: HealthKey) -> None:
        """A request is about to use the endpoint: when its circuit was open until now, others wait for this probe's answer."""
        record = self._records.get(key)
        if record is not None and record.open_until and record.open_until <= self._clock():
            record.open_until = self._clock() + 1.0
            self.generation += 1

    def view(self, decisions: Iterable[Decision]) -> Mapping[EndpointId, EndpointHealth]:
        """What `rank` sees now of the endpoints that are permitted."""
        now = self._clock()
        return {
            endpoint: EndpointHealth(record.latency, record.throughput, record.errors, record.open_until > now)
            for endpoint, record in self._known(decisions)
        }

    def opens_in(self, decisions: Iterable[Decision]) -> float:
        """Seconds until the first open circuit of the permitted endpoints lets a probe through; at least 1."""
        now = self._clock()
        waits = [record.open_until - now for _, record in self._known(decisions) if record.open_until > now]
        return max(1.0, min(waits, default=1.0))

    def open_circuits(self) -> frozenset[EndpointId]:
        """Endpoints that are not asked now; not those that fail for some account's own credential alone."""
        now = self._clock()
        return frozenset(EndpointId(key) for key, record in self._records.items() if record.open_until > now and " " not in key)

    def _known(self, decisions: Iterable[Decision]) -> Iterator[tuple[EndpointId, _Record]]:
        """The records of the permitted endpoints; one that was never used has none."""
        for decision in decisions:
            for candidate in decision.permitted:
                record = self._records.get(candidate.health_key)
                if record is not None:
                    yield candidate.endpoint.id, record

    def _open(self, record: _Record, seconds: float) -> None:
        record.open_until = max(record.open_until, self._clock() + seconds)
        self.generation += 1

    def _close(self, record: _Record) -> None:
        was_open = record.open_until > 0
        record.in_a_row, record.open_for, record.open_until = 0, OPEN_SECONDS, 0.0
        self.generation += was_open


class RetryBudget:
    """Retries may add at most a tenth to the traffic of the last minute or so (and 10 at once): a failing provider must not get a storm."""

    __slots__ = ("requests", "retries")
    SHARE, LEAST, WINDOW = 0.1, 10.0, 10_000

    def __init__(self) -> None:
        """No traffic yet. `requests` is counted up by the admission of each request."""
        self.requests = self.retries = 0

    def may_retry(self) -> bool:
        """Take one retry from the budget, if there is one."""
        if self.requests > self.WINDOW:  # what was saved up long ago does not count for ever
            self.requests, self.retries = self.requests % self.WINDOW, 0
        if self.retries >= self.LEAST + self.SHARE * self.requests:
            return False
        self.retries += 1
        return True
