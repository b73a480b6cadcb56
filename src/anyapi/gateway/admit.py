"""Admission: from here on a request is accepted, so exactly one usage row follows. No record where its class asks for one, no send."""

from time import monotonic

import msgspec

from anyapi.domain.call import App, Principal
from anyapi.domain.decision import Candidate
from anyapi.domain.evidence import NOTHING_STATED
from anyapi.domain.ids import DecisionId, ProviderId
from anyapi.domain.usage import TokenCount
from anyapi.gateway.call import Call
from anyapi.gateway.decision_ids import new_decision_id
from anyapi.gateway.formats.openai_chat import ChatRequest
from anyapi.gateway.formats.policy_fields import app_of
from anyapi.gateway.memo import Asked, Decided
from anyapi.gateway.outlets import UsageSink
from anyapi.gateway.plane import DataPlane
from anyapi.gateway.special import special


class Admission(msgspec.Struct, gc=False, eq=False):
    """One accepted request, from the decision to its usage row. Holds metadata only; made by `admit`."""

    plane: DataPlane
    principal: Principal
    asked: Asked
    decided: Decided
    app: App
    request: ChatRequest
    request_id: bytes | None
    at: float
    id: DecisionId
    started: float
    usage: UsageSink
    candidate: Candidate | None = None
    tokens: TokenCount | None = None
    first_token: float | None = None
    attempts: int = 0
    answer_tokens: int = 0
    stated: tuple[ProviderId | None, str | None] = NOTHING_STATED
    streamed: bool = False
    empty: bool = False
    sent: tuple[Candidate, ...] = ()
    adjusted: tuple[str, ...] = ()

    def __repr__(self) -> str:  # no content
        return f"<Admission {self.id}>"

    def begin(self, candidate: Candidate) -> None:
        """An attempt begins: what an earlier one brought is none of this one's."""
        self.candidate, self.stated, self.tokens = candidate, NOTHING_STATED, None
        self.answer_tokens, self.empty, self.adjusted, self.attempts = 0, False, (), self.attempts + 1

    def note_first_token(self) -> None:
        """The first content goes to the client now."""
        self.first_token = monotonic() - self.started


def admit(principal: Principal, asked: Asked, decided: Decided, request: ChatRequest, plane: DataPlane, call: Call) -> Admission:
    """Count the request as accepted. Raises `BadRequest` for app fields that are none, or what `special` raises, and then it is not."""
    app, started, now, usage = app_of(call, request), monotonic(), plane.clock(), plane.outlets.usage  # a pause may make the end late
    if not principal.plain:
        plane, usage = special(plane, principal, asked, decided, request, call)
    usage = usage if plane.outlets.watch is None else plane.outlets.watch(usage, principal, asked, request, call)
    usage.accept()
    plane.budget.requests += 1
    return Admission(plane, principal, asked, decided, app, request, call.request_id, now, new_decision_id(now), started, usage)
