"""Settling: the one usage row of an accepted request, which the audit log takes too.

What the provider did not say is estimated from sizes, and flagged so.
"""

from time import monotonic

from anyapi.domain.decision import Candidate, Outcome, OutcomeKind
from anyapi.domain.usage import Recipients, TokenCount, UsageRow, UsageSource
from anyapi.errors import AnyAPIError
from anyapi.gateway.admit import Admission
from anyapi.gateway.render import error_of, status_of

BYTES_A_TOKEN = 4
"""About, of text."""
LEFT = 499
"""Status of a request whose client left before its answer."""
NO_TOKENS = TokenCount()
REFUSED_LATE = Outcome(OutcomeKind.SUCCESS)
"""The provider's filter ended a stream whose content had reached the client. To the exchange it is whole: nothing may follow it. Known by
identity: the usage row says `content_refused`, as of a whole answer that the filter cut short."""
CHARGED = frozenset({OutcomeKind.SUCCESS, OutcomeKind.CLIENT_GONE, OutcomeKind.CONTENT_REFUSED})
NAMES = {kind: kind.value for kind in OutcomeKind}


def settle(admission: Admission | None, outcome: Outcome | AnyAPIError | None, *, left: bool) -> None:
    """Write the usage row. `outcome` None is one that nobody foresaw; `left`: the client is gone. What was not accepted has no row."""
    if admission is None:
        return
    candidate, principal = admission.candidate, admission.principal
    kind = _kind_of(outcome)
    tokens, source = admission.tokens, UsageSource.MEASURED
    if tokens is None:
        tokens, source = _estimate(admission, kind)
    endpoint = candidate.endpoint if candidate is not None else None
    row = UsageRow(
        # In the order of the fields: by name would take twice the time.
        admission.id,
        admission.at,
        principal.account,
        principal.key,
        admission.request.dialect.value,
        endpoint.model if endpoint is not None else admission.decided.model,
        NAMES[kind] if kind is not None else name_of(outcome),
        200 if kind is OutcomeKind.SUCCESS else status_unless_whole(outcome, left=left),
        source,
        tokens,
        principal.project,
        admission.app,
        endpoint.provider if endpoint is not None else None,
        endpoint.id if endpoint is not None else None,
        candidate.credential if candidate is not None else None,
        admission.asked.data_class,
        admission.streamed,
        admission.attempts,
        monotonic() - admission.started,
        admission.first_token,
        _cost(admission, tokens, kind, source),
        admission.stated[0],
        admission.stated[1],
        recipients_of(candidate, admission.sent),
    )
    admission.usage.put(row)
    admission.plane.outlets.audit(row, admission.decided.decisions)


def _kind_of(outcome: Outcome | AnyAPIError | None) -> OutcomeKind | None:
    """What the row calls the outcome; None where no attempt's outcome stands for it."""
    if outcome is REFUSED_LATE:
        return OutcomeKind.CONTENT_REFUSED
    return outcome.kind if isinstance(outcome, Outcome) else None


def recipients_of(last: Candidate | None, sent: tuple[Candidate, ...]) -> Recipients | None:
    """Where a request was written to, for its usage row; None where that is `last`, which the row names, once, or nobody was chosen."""
    if last is None or sent == (last,):
        return None
    return tuple((each.endpoint.id, each.credential) for each in sent)


def _estimate(admission: Admission, kind: OutcomeKind | None) -> tuple[TokenCount, UsageSource]:
    """What the provider did not say: estimated from sizes where content flowed; what was never sent is known to be nothing."""
    if not admission.sent:
        return NO_TOKENS, UsageSource.MEASURED
    if admission.answer_tokens or kind is OutcomeKind.SUCCESS:
        return TokenCount(admission.request.prompt_bytes // BYTES_A_TOKEN, admission.answer_tokens), UsageSource.ESTIMATED
    return NO_TOKENS, UsageSource.UNKNOWN


def _cost(admission: Admission, tokens: TokenCount, kind: OutcomeKind | None, source: UsageSource) -> float | None:
    """US dollars from catalogue prices; an empty or failed completion costs the caller nothing."""
    if admission.candidate is None or admission.empty or kind not in CHARGED:
        return 0.0
    if source is UsageSource.UNKNOWN:
        return None
    price = admission.candidate.endpoint.price
    if price.input is None or price.output is None:
        return None
    cached_price = price.input if price.cached_input is None else price.cached_input
    fresh = tokens.prompt - tokens.cached
    return (fresh * price.input + tokens.cached * cached_price + tokens.completion * price.output) / 1_000_000


def status_unless_whole(outcome: Outcome | AnyAPIError | None, *, left: bool) -> int:
    """The HTTP status that the caller got when the answer was not a success, or not taken to its end."""
    if left and outcome is not REFUSED_LATE:
        return LEFT
    return 200 if isinstance(outcome, Outcome) else status_of(outcome)


def name_of(outcome: Outcome | AnyAPIError | None) -> str:
    """The outcome as the usage row names it when no attempt's outcome stands for it: the type of the error that the caller gets."""
    return str(error_of(outcome)[1]["type"]) if isinstance(outcome, AnyAPIError) else "internal_error"
