"""Whether a request may still be sent as it was decided: settings, keys and facts may have changed while it waited or was tried elsewhere.

Asked just before each attempt is written. Nearly always nothing has changed, and that is all that is found out.
"""

from anyapi.domain.decision import Candidate
from anyapi.errors import Overloaded, RequestError
from anyapi.gateway.admit import Admission
from anyapi.gateway.authenticate import authenticate
from anyapi.gateway.call import Call

RETRY_SECONDS = 1.0
TEXT = "What this request may use was changed while it was under way, so it was not sent on. Send it again: it will be decided anew."


def objection(admission: Admission, candidate: Candidate, call: Call | None) -> RequestError | None:
    """What speaks against sending the request to a candidate now; None if nothing does. `call` is the client's, None once it has left.

    A key that is gone is one; so is a requirement that is another now, be it a looser one, since records and answers name the one before.
    The attempt, which `admission` counts already, is then as if it had not begun.
    """
    plane = admission.plane
    knows = plane.outlets.may_decide()
    if knows and admission.asked.under is plane.published and admission.decided.holds(plane.clock()):
        return None
    try:
        if knows and call is not None and _stands(admission, candidate, call):
            return None
        found: RequestError = Overloaded(TEXT, retry_after=RETRY_SECONDS)
    except RequestError as error:
        found = error
    admission.attempts -= 1
    admission.candidate = admission.sent[-1] if admission.sent else None
    return found


def _stands(admission: Admission, candidate: Candidate, call: Call) -> bool:
    """Whether it would be decided the same now, as far as this candidate goes. Raises what refuses a request."""
    plane, request = admission.plane, admission.request
    principal = authenticate(call.credential, plane.principals, plane.clock)
    asked = plane.ask(principal, call, request)
    if asked.requirement.hash != admission.asked.requirement.hash:
        return False
    decided = plane.decide(asked, request, principal.account)
    permitted = ((one.endpoint.id, one.credential) for decision in decided.decisions for one in decision.permitted)
    return (candidate.endpoint.id, candidate.credential) in permitted
