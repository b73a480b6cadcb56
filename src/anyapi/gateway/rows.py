"""The header lines by which an answer says what was decided: provider, endpoint, policy, decision, what was adjusted."""

from anyapi.domain.decision import Candidate
from anyapi.gateway.admit import Admission
from anyapi.gateway.key_limits import Hold
from anyapi.gateway.memo import in_force
from anyapi.gateway.sampling import Sample
from anyapi.gateway.tracing import Traced
from anyapi.upstream.adapter import Dialect


def rows_for(admission: Admission, adjusted: tuple[str, ...]) -> bytes:
    """The X-AnyAPI-* header lines of an answer of the candidate in `admission`. Those that go by endpoint and requirement are made once."""
    candidate = admission.candidate
    if candidate is None:
        raise TypeError  # INVARIANT: an answer is of a candidate
    fixed = admission.decided.rows.get(candidate.endpoint.id) or _fixed(admission, candidate)
    identity = admission.id.encode()
    rows = b"%b%b\r\n%b" % (fixed, identity, _request_ids(admission, identity))
    if adjusted or admission.request.adjusted:
        rows += f"x-anyapi-adjusted: {', '.join(sorted({*adjusted, *admission.request.adjusted}))}\r\n".encode("ascii", "replace")
    passed = admission.usage
    if type(passed) is Traced:
        passed = passed.usage
    if type(passed) is Hold or type(passed) is Sample:
        rows += passed.rows
    return rows


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
