"""Admission: from here on a request is accepted, so exactly one usage row follows. Where the data class asks for it, the decision is
durable before anything is sent: no record, no send.
"""

import os
from base64 import b32encode
from time import monotonic

from anyapi.domain.call import App, Principal
from anyapi.domain.decision import Candidate, Outcome, OutcomeKind, Route
from anyapi.domain.ids import DecisionId
from anyapi.domain.usage import DecisionRecord, TokenCount, UsageRow, UsageSource
from anyapi.errors import AnyAPIError, RequestError
from anyapi.gateway.plane import Asked, DataPlane, Decided

OPERATION = "chat_completions"
LEFT = 499
NO_TOKENS = TokenCount()
BYTES_A_TOKEN = 4


def new_decision_id() -> DecisionId:
    """`dec_` and 26 characters: 130 random bits would be, 128 are."""
    return DecisionId("dec_" + b32encode(os.urandom(16)).decode("ascii")[:26].lower())


class Admission:
    """One accepted request, from the decision to its usage row. Holds metadata only."""

    __slots__ = (
        "_started",
        "adjusted",
        "answer_bytes",
        "app",
        "asked",
        "attempts",
        "candidate",
        "client_rows",
        "decided",
        "empty",
        "first_token",
        "id",
        "plane",
        "principal",
        "prompt_bytes",
        "streamed",
        "tokens",
    )

    def __init__(self, plane: DataPlane, principal: Principal, asked: Asked, decided: Decided, app: App) -> None:
        """Count the request as accepted."""
        self.plane, self.principal, self.asked, self.decided, self.app = plane, principal, asked, decided, app
        self.id = new_decision_id()
        self._started = monotonic()
        self.candidate: Candidate | None = None
        self.tokens: TokenCount | None = None
        self.first_token: float | None = None
        self.attempts = self.prompt_bytes = self.answer_bytes = 0
        self.streamed = self.empty = False
        self.adjusted: tuple[str, ...] = ()
        """Request fields that were changed or removed before any provider's own needs."""
        self.client_rows = b""
        """Header lines that echo what the client sent, each with its CRLF."""
        plane.outlets.usage.accept()
        plane.budget.earn()

    async def make_durable(self, route: Route) -> None:
        """Write the decision record and wait for the disk. Raises `StorageError`, and then nothing may be sent."""
        decided = self.decided
        await self.plane.outlets.decisions.record(
            DecisionRecord(
                decision=self.id,
                at=self.plane.clock(),
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

    def settle(self, outcome: Outcome | AnyAPIError | None, status: int) -> None:
        """Write the usage row; None for an outcome nobody foresaw."""
        candidate = self.candidate
        tokens, source = self._count(outcome)
        if isinstance(outcome, Outcome):
            name = outcome.kind.value
        else:
            name = outcome.type if isinstance(outcome, RequestError) else "internal_error"
        self.plane.outlets.usage.put(
            UsageRow(
                decision=self.id,
                at=self.plane.clock(),
                account=self.principal.account,
                key=self.principal.key,
                operation=OPERATION,
                model=candidate.endpoint.model if candidate is not None else self.decided.model,
                outcome=name,
                status=status,
                source=source,
                tokens=tokens,
                project=self.principal.project,
                app=self.app,
                provider=candidate.endpoint.provider if candidate is not None else None,
                endpoint=candidate.endpoint.id if candidate is not None else None,
                credential=candidate.credential if candidate is not None else None,
                data_class=max(self.asked.requirement.data_classes, key=CLASS_ORDER.index, default=None),
                streamed=self.streamed,
                attempts=self.attempts,
                duration=monotonic() - self._started,
                first_token=self.first_token,
                cost=self._cost(tokens, outcome) if candidate is not None and source is not UsageSource.UNKNOWN else None,
            )
        )

    def _count(self, outcome: Outcome | AnyAPIError | None) -> tuple[TokenCount, UsageSource]:
        """Measured where the provider said so; estimated from sizes where content flowed; nothing sent is known to be nothing."""
        if self.tokens is not None:
            return self.tokens, UsageSource.MEASURED
        if self.attempts == 0:
            return NO_TOKENS, UsageSource.MEASURED
        if self.answer_bytes or (isinstance(outcome, Outcome) and outcome.kind is OutcomeKind.SUCCESS):
            return TokenCount(self.prompt_bytes // BYTES_A_TOKEN, self.answer_bytes // BYTES_A_TOKEN), UsageSource.ESTIMATED
        return NO_TOKENS, UsageSource.UNKNOWN

    def _cost(self, tokens: TokenCount, outcome: Outcome | AnyAPIError | None) -> float | None:
        """US dollars from catalogue prices; an empty or failed completion costs the caller nothing."""
        if self.candidate is None:
            return None
        price = self.candidate.endpoint.price
        if self.empty or not isinstance(outcome, Outcome) or outcome.kind not in CHARGED:
            return 0.0
        if price.input is None or price.output is None:
            return None
        cached_price = price.input if price.cached_input is None else price.cached_input
        fresh = tokens.prompt - tokens.cached
        return (fresh * price.input + tokens.cached * cached_price + tokens.completion * price.output) / 1_000_000


CHARGED = frozenset({OutcomeKind.SUCCESS, OutcomeKind.CLIENT_GONE, OutcomeKind.CONTENT_REFUSED})
CLASS_ORDER = ("public", "internal", "confidential", "regulated")
