"""Walking a route: which upstream call comes next, or that it is over. A generator: the dispatcher makes the calls and sends outcomes in.

INVARIANT: never a candidate that is not of the route, never more than `max_attempts` calls. Nothing here waits or connects.
"""

from collections.abc import Callable, Generator, Sequence

from anyapi.domain.decision import Attempt, Candidate, Outcome, OutcomeKind, Route

FAILOVER = frozenset(
    {
        OutcomeKind.CONNECT_FAILED,
        OutcomeKind.TIMED_OUT,
        OutcomeKind.RATE_LIMITED,
        OutcomeKind.SERVER_ERROR,
        OutcomeKind.OVERLOADED,
        OutcomeKind.BAD_RESPONSE,
        OutcomeKind.UNAUTHORIZED,
    }
)
"""After these the next endpoint is tried."""
RETRY = frozenset({OutcomeKind.CONNECT_FAILED, OutcomeKind.OVERLOADED, OutcomeKind.SERVER_ERROR, OutcomeKind.RATE_LIMITED})
"""After these the same endpoint may be tried once more, when no other is left."""
LONGEST_WAIT = 5.0
"""Seconds. A provider that asks for more is not waited for."""
BACKOFF = 0.2
"""Seconds before a retry when the provider asks for no wait."""


def walk(route: Route, may_retry: Callable[[], bool]) -> Generator[Attempt, Outcome, Outcome]:
    """Yield attempts, be sent their outcomes, return the last one.

    Fails over through the candidates in order; when they run out and calls are left, retries once the best candidate whose failure may
    pass, if `may_retry()` (the retry budget, asked only then) allows it. Raises `ValueError` for a route that allows no attempt at all.
    """
    if not route.candidates or route.max_attempts < 1:
        raise ValueError("a route needs a candidate and an attempt")
    failed: list[tuple[Candidate, Outcome]] = []
    for number, candidate in enumerate(route.candidates[: route.max_attempts], start=1):
        outcome = yield Attempt(candidate, number)
        if not _fails_over(outcome, route):
            return outcome
        failed.append((candidate, outcome))
    if len(failed) < route.max_attempts:
        again = _worth_retrying(failed)
        if again is not None and may_retry():
            candidate, wait = again
            return (yield Attempt(candidate, len(failed) + 1, wait))
    return failed[-1][1]


def _fails_over(outcome: Outcome, route: Route) -> bool:
    return outcome.kind in FAILOVER or (outcome.kind is OutcomeKind.CONTENT_REFUSED and route.failover_on_refusal)


def _worth_retrying(failed: Sequence[tuple[Candidate, Outcome]]) -> tuple[Candidate, float] | None:
    """The best candidate whose failure may pass soon, and the seconds to wait before it."""
    for candidate, outcome in failed:
        wait = BACKOFF if outcome.retry_after is None else max(0.0, outcome.retry_after)
        if outcome.kind in RETRY and wait <= LONGEST_WAIT:
            return candidate, wait
    return None
