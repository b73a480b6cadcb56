"""Admission: from here on a request is accepted, so exactly one usage row follows.

Where the data class asks for it, the decision is durable before anything is sent: no record, no send.
"""

import os
from time import monotonic

from anyapi.domain.call import App, Principal
from anyapi.domain.decision import Candidate, Outcome, OutcomeKind, Route
from anyapi.domain.ids import DecisionId
from anyapi.domain.usage import DecisionRecord, TokenCount, UsageRow, UsageSource
from anyapi.errors import AnyAPIError
from anyapi.gateway.formats.openai_chat import ChatRequest
from anyapi.gateway.plane import Asked, DataPlane, Decided
from anyapi.gateway.render import error_of, status_of

OPERATION = "chat_completions"
LEFT = 499
"""Status of a request whose client left before its answer."""
NO_TOKENS = TokenCount()
BYTES_A_TOKEN = 4
CHARGED = frozenset({OutcomeKind.SUCCESS, OutcomeKind.CLIENT_GONE, OutcomeKind.CONTENT_REFUSED})
NAMES = {kind: kind.value for kind in OutcomeKind}


class _Randomness:
    """Random hex digits from the system, fetched a page at a time: one system call for hundreds of ids."""

    __slots__ = ("_at", "_hex")

    def __init__(self) -> None:
        self._hex, self._at = "", 0

    def take(self, count: int) -> str:
        at = self._at
        if at + count > len(self._hex):
            self._hex, at = os.urandom(4096).hex(), 0
        self._at = at + count
        return self._hex[at : at + count]


_random = _Randomness()


def new_decision_id(now: float) -> DecisionId:
    """`dec_` and 26 hex digits: milliseconds since 1970 in 11 of them, so that ids sort by time, and 60 random bits."""
    return DecisionId(f"dec_{int(now * 1000):011x}{_random.take(15)}")


class Admission:
    """One accepted request, from the decision to its usage row. Holds metadata only."""

    __slots__ = (
        "_started",
        "answer_tokens",
        "app",
        "asked",
        "at",
        "attempts",
        "candidate",
        "decided",
        "empty",
        "first_token",
        "id",
        "plane",
        "principal",
        "request",
        "request_id",
        "sent",
        "streamed",
        "tokens",
    )

    def __init__(
        self,
        plane: DataPlane,
        principal: Principal,
        asked: Asked,
        decided: Decided,
        app: App,
        request: ChatRequest,
        request_id: bytes | None,
    ) -> None:
        """Count the request as accepted."""
        self.plane, self.principal, self.asked, self.decided, self.app, self.request, self.request_id = (
            plane,
            principal,
            asked,
            decided,
            app,
            request,
            request_id,
        )
        self.at = now = plane.clock()
        self.id = new_decision_id(now)
        self._started = monotonic()
        self.candidate: Candidate | None = None
        self.tokens: TokenCount | None = None
        self.first_token: float | None = None
        self.attempts = self.answer_tokens = 0
        self.streamed = self.empty = self.sent = False
        plane.outlets.usage.accept()
        plane.budget.requests += 1

    async def make_durable(self, route: Route) -> None:
        """Write the decision record and wait for the disk. Raises `StorageError`, and then nothing may be sent."""
        decided = self.decided
        await self.plane.outlets.decisions.record(
            DecisionRecord(
                decision=self.id,
                at=self.at,
                account=self.principal.account,
                key=self.principal.key,
                model=decided.model,
                requirement=self.asked.requirement.hash,
                catalogue=decided.decisions[0].catalogue,
                snapshot=self.plane.snapshot.version,
                data_classes=tuple(sorted(self.asked.requirement.data_classes)),
                permitted=tuple(candidate.endpoint.id for candidate in route.candidates),
                denied=tuple(
                    (denial.endpoint.id, tuple(reason.code.value for reason in denial.reasons))
                    for decision in decided.decisions
                    for denial in decision.denied
                ),
            )
        )

    def note_first_token(self) -> None:
        """The first content goes to the client now."""
        self.first_token = monotonic() - self._started

    def settle(self, outcome: Outcome | AnyAPIError | None, *, left: bool) -> None:
        """Write the usage row. `outcome` None is one that nobody foresaw; `left`: the client is gone."""
        candidate = self.candidate
        kind = outcome.kind if isinstance(outcome, Outcome) else None
        tokens, source = self.tokens, UsageSource.MEASURED
        if tokens is None:
            tokens, source = self._estimate(kind)
        endpoint = candidate.endpoint if candidate is not None else None
        self.plane.outlets.usage.put(
            UsageRow(
                decision=self.id,
                at=self.at,
                account=self.principal.account,
                key=self.principal.key,
                operation=OPERATION,
                model=endpoint.model if endpoint is not None else self.decided.model,
                outcome=NAMES[kind] if kind is not None else name_of(outcome),
                status=200 if kind is OutcomeKind.SUCCESS else status_unless_whole(outcome, left=left),
                source=source,
                tokens=tokens,
                project=self.principal.project,
                app=self.app,
                provider=endpoint.provider if endpoint is not None else None,
                endpoint=endpoint.id if endpoint is not None else None,
                credential=candidate.credential if candidate is not None else None,
                data_class=self.asked.data_class,
                streamed=self.streamed,
                attempts=self.attempts,
                duration=monotonic() - self._started,
                first_token=self.first_token,
                cost=self._cost(tokens, kind, source),
            )
        )

    def _estimate(self, kind: OutcomeKind | None) -> tuple[TokenCount, UsageSource]:
        """What the provider did not say: estimated from sizes where content flowed; what was never sent is known to be nothing."""
        if not self.sent:
            return NO_TOKENS, UsageSource.MEASURED
        if self.answer_tokens or kind is OutcomeKind.SUCCESS:
            return TokenCount(self.request.prompt_bytes // BYTES_A_TOKEN, self.answer_tokens), UsageSource.ESTIMATED
        return NO_TOKENS, UsageSource.UNKNOWN

    def _cost(self, tokens: TokenCount, kind: OutcomeKind | None, source: UsageSource) -> float | None:
        """US dollars from catalogue prices; an empty or failed completion costs the caller nothing."""
        if source is UsageSource.UNKNOWN:
            return None
        if self.candidate is None or self.empty or kind not in CHARGED:
            return 0.0
        price = self.candidate.endpoint.price
        if price.input is None or price.output is None:
            return None
        cached_price = price.input if price.cached_input is None else price.cached_input
        fresh = tokens.prompt - tokens.cached
        return (fresh * price.input + tokens.cached * cached_price + tokens.completion * price.output) / 1_000_000


def status_unless_whole(outcome: Outcome | AnyAPIError | None, *, left: bool) -> int:
    """The HTTP status that the caller got when the answer was not a success, or not taken to its end."""
    if left:
        return LEFT
    return 200 if isinstance(outcome, Outcome) else status_of(outcome)


def name_of(outcome: Outcome | AnyAPIError | None) -> str:
    """The outcome as the usage row names it when no attempt's outcome stands for it: the type of the error that the caller gets."""
    return str(error_of(outcome)[1]["type"]) if isinstance(outcome, AnyAPIError) else "internal_error"
