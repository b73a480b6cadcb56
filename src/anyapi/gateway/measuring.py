"""What an attempt says of its endpoint's speed, for `sort` and explain: the time to its first content, and tokens a second. Keeps nothing.

Both count from the beginning of the attempt itself, so that no endpoint answers for the time that others took before it. The time to the
first token in the usage row is another: the caller's, from the request on.
"""

from time import monotonic

from anyapi.domain.decision import Outcome, OutcomeKind
from anyapi.gateway.admit import Admission

FEWEST = 10
"""Completion tokens. An answer of fewer says how long it was waited for, and not how fast it is written."""
SHORTEST = 0.05
"""Seconds. A stream that came within less came at once, and says nothing of how fast it was written before."""


def note(admission: Admission, outcome: Outcome, started: float, *, slowed: bool) -> Outcome:
    """Tell the endpoint's health of the attempt that ends now and began at `started` (monotonic seconds); gives the outcome back.

    `slowed`: the client did not keep up with the stream, so that its time is not the provider's. `throughput` says what is measured.
    """
    candidate, now = admission.candidate, monotonic()
    if candidate is not None:
        first = now if admission.first_token is None else admission.started + admission.first_token
        speed = None if slowed or outcome.kind is not OutcomeKind.SUCCESS else throughput(admission, now - first, now - started)
        admission.plane.health.note(candidate.health_key, outcome, first - started, speed, admission.principal.account)
    return outcome


def unreached(admission: Admission, outcome: Outcome) -> Outcome:
    """Tell the endpoint's health that it could not be connected to, which is no caller's doing; gives the outcome back."""
    if admission.candidate is not None:
        admission.plane.health.note(admission.candidate.health_key, outcome, None)
    return outcome


def throughput(admission: Admission, written: float, took: float) -> float | None:
    """Completion tokens a second, by what the provider states; None where that says nothing.

    Of a stream they are those of the `written` seconds between its first content and its end; of a whole answer those of all the
    `took` seconds of the attempt. So it is of a stream that came at once, and of one whose reasoning, which may not be shown, is counted.
    """
    tokens = admission.tokens
    if tokens is None or tokens.completion < FEWEST:
        return None
    seconds = written if admission.streamed and not tokens.reasoning and written >= SHORTEST else took
    return tokens.completion / seconds if seconds > 0 else None
