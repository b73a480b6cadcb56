"""The header lines by which an answer says what was decided: provider, endpoint, policy, decision, what was adjusted."""

import msgspec

from anyapi.domain.decision import Candidate
from anyapi.errors import AnyAPIError
from anyapi.gateway.admit import Admission
from anyapi.gateway.decision_ids import new_decision_id
from anyapi.gateway.formats.openai_chat import ChatRequest
from anyapi.gateway.key_limits import Hold
from anyapi.gateway.memo import Asked, in_force
from anyapi.gateway.sampling import Sample
from anyapi.gateway.tracing import Traced
from anyapi.upstream.adapter import Dialect


def rows_for(admission: Admission) -> bytes:
    """The X-AnyAPI-* header lines of an answer of the candidate in `admission`. Those that go by endpoint and requirement are made once."""
    candidate = admission.candidate
    if candidate is None:
        raise TypeError  # INVARIANT: an answer is of a candidate
    fixed = admission.decided.rows.get(candidate.endpoint.id) or _fixed(admission, candidate)
    identity = admission.id.encode()
    rows = b"%b%b\r\n%b" % (fixed, identity, _request_ids(admission, identity))
    if admission.adjusted or admission.request.adjusted:
        rows += f"x-anyapi-adjusted: {adjusted_in(admission.request, admission)}\r\n".encode("ascii", "replace")
    passed = admission.usage
    if type(passed) is Traced:
        passed = passed.usage
    if type(passed) is Hold or type(passed) is Sample:
        rows += passed.rows
    return rows


def adjusted_in(request: ChatRequest, admission: Admission | None) -> str:
    """Names of the fields of a request that were changed or left out: here, and for the endpoint to which it was last sent."""
    return ", ".join(sorted({*request.adjusted, *(() if admission is None else admission.adjusted)}))


def sign(error: AnyAPIError, asked: Asked, admission: Admission | None, request: ChatRequest, now: float) -> AnyAPIError:
    """Say on an error what every answer says: which decision it belongs to, by what that was made, what was adjusted or passed over.

    Without an admission no usage row tells of it: then the decision's id is of this answer alone, and stands in its header. Gives it back.
    """
    adjusted = adjusted_in(request, admission)
    error.in_force = (*in_force(asked.requirement), *((("adjusted", adjusted),) if adjusted else ()))
    if admission is None:
        error.in_force += (("decision", new_decision_id(now)),)
        return error
    error.metadata |= {"decision": admission.id, "policy": asked.requirement.hash}
    if request.skipped:
        error.metadata["skipped"] = msgspec.to_builtins(list(request.skipped))
    return error


def _fixed(admission: Admission, candidate: Candidate) -> bytes:
    echoed = "".join(f"x-anyapi-{name}: {value}\r\n" for name, value in in_force(admission.asked.requirement))
    text = (
        f"x-anyapi-provider: {candidate.endpoint.provider}\r\nx-anyapi-endpoint: {candidate.endpoint.id}\r\n"
        f"x-anyapi-model: {candidate.endpoint.model}\r\n{echoed}x-anyapi-decision: "
    )
    rows = admission.decided.rows[candidate.endpoint.id] = text.encode("ascii", "replace")
    return rows


def _request_ids(admission: Admission, identity: bytes) -> bytes:
    """The request's id where each maker's SDKs look for it: the client's own name for it comes back under its name."""
    given = admission.request_id
    if admission.request.dialect is not Dialect.MESSAGES:
        return b"x-request-id: %b\r\n" % (given or identity)
    return b"request-id: %b\r\n" % identity + (b"" if given is None else b"x-request-id: %b\r\n" % given)
