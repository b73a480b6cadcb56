"""Measured health of endpoints: latency, throughput, errors, circuit breaker; and the retry budget. In memory, never stored.

What an account's own credential meets is measured apart: its limits are not those of anybody else.

A circuit is everybody's, so what one account's requests alone can bring about opens it only where nobody else is the worse for it: see
`_Record.alone`. What exceeds a limit of ours says nothing of the endpoint.

A circuit opens after `FAILURES` failures in a row, for `OPEN_SECONDS`, doubled at each failed probe up to a minute; a 429 with
Retry-After opens it for as long as the provider asks. When the time is over one request is the probe.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping

from anyapi.domain.decision import BEYOND_LIMITS, CUT_AT_LIMITS, Decision, EndpointHealth, Outcome, OutcomeKind
from anyapi.domain.ids import AccountId, EndpointId, HealthKey

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
ALONE = frozenset({OutcomeKind.TIMED_OUT, OutcomeKind.BAD_RESPONSE, OutcomeKind.INTERRUPTED})
"""Of those, what a caller can bring about by what it asks, unless the provider says so itself, by a status."""
SHARED = 60.0
"""Seconds. An endpoint that gave two accounts answers within so long is both's."""


class _Record:
    __slots__ = (
        "account", "alone", "errors", "failing_since", "in_a_row", "latency", "open_for", "open_until", "shared_until", "throughput",
    )  # fmt: skip

    def __init__(self) -> None:
        self.account: AccountId | None = None
        """Whose the last answer was."""
        self.shared_until = 0.0
        self.alone: AccountId | None = None
        """Whose requests alone met the failures in a row, all of them of `ALONE`; None if they say more than that."""
        self.failing_since = 0.0
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
        self._records: defaultdict[HealthKey, _Record] = defaultdict(_Record)
        self.generation = 0

    def note(
        self,
        key: HealthKey,
        outcome: Outcome,
        latency: float | None,
        throughput: float | None = None,
        account: AccountId | None = None,
    ) -> None:
        """Take in how an attempt ended. `latency`: seconds of its own to the first content; `throughput`: tokens a second (`measuring`).

        `account` is whose request it was, None where that has nothing to do with it.
        """
        record = self._records[key]
        if outcome.kind is OutcomeKind.SUCCESS or outcome.kind is OutcomeKind.CONTENT_REFUSED:
            record.errors *= 1 - WEIGHT
            if latency is not None:
                record.latency = latency if record.latency is None else record.latency + WEIGHT * (latency - record.latency)
            if throughput is not None:
                record.throughput = (
                    throughput if record.throughput is None else record.throughput + WEIGHT * (throughput - record.throughput)
                )
            if record.in_a_row or record.open_until or account != record.account:
                self._answered(record, account)
        else:
            self._note_failure(record, outcome, account)

    def _note_failure(self, record: _Record, outcome: Outcome, account: AccountId | None) -> None:
        if outcome is BEYOND_LIMITS or outcome is CUT_AT_LIMITS:
            return
        if outcome.kind in COUNTED:
            self._blame(record, account if outcome.kind in ALONE and outcome.status is None else None)
            record.errors += WEIGHT * (1 - record.errors)
            record.in_a_row += 1
            if record.in_a_row >= FAILURES and self._concerns_all(record):
                self._open(record, record.open_for)
                record.open_for = min(LONGEST, record.open_for * 2)
        elif outcome.kind is OutcomeKind.RATE_LIMITED:
            record.errors += WEIGHT * (1 - record.errors)
            if outcome.retry_after:
                self._open(record, min(LONGEST, outcome.retry_after))

    def _blame(self, record: _Record, account: AccountId | None) -> None:
        """Note whose the failures in a row are, with the one that is counted now."""
        if not record.in_a_row:
            record.alone, record.failing_since = account, self._clock()
        elif record.alone != account:
            record.alone = None

    def _concerns_all(self, record: _Record) -> bool:
        """Whether failures in a row are the endpoint's, or those of an account that it serves alone: nobody else had an answer lately."""
        if record.alone is None:
            return True
        now = self._clock()
        its_own = record.account in {None, record.alone} and record.shared_until <= now
        return its_own or record.failing_since + SHARED <= now

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

    def _answered(self, record: _Record, account: AccountId | None) -> None:
        """What has to be noted of an answer only after failures, or after an answer to another account."""
        if account != record.account:
            record.shared_until = 0.0 if record.account is None else self._clock() + SHARED
            record.account = account
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
