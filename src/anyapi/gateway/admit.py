"""Admission: from here on a request is accepted, so exactly one usage row follows.

Where the data class asks for it, the decision is durable before anything is sent: no record, no send.
"""

from time import monotonic

from anyapi.domain.call import App, Principal
from anyapi.domain.decision import Candidate, Route
from anyapi.domain.evidence import NOTHING_STATED
from anyapi.domain.usage import DecisionRecord, TokenCount
from anyapi.gateway.decision_ids import new_decision_id
from anyapi.gateway.formats.openai_chat import ChatRequest
from anyapi.gateway.memo import Asked, Decided
from anyapi.gateway.plane import DataPlane

BYTES_A_TOKEN = 4


class Admission:
    """One accepted request, from the decision to its usage row. Holds metadata only."""

    __slots__ = (
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
        "started",
        "stated",
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
        self.started = monotonic()
        self.candidate: Candidate | None = None
        self.tokens: TokenCount | None = None
        self.stated = NOTHING_STATED
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
        self.first_token = monotonic() - self.started
