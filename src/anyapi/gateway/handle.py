"""The request path, one screen: who calls, what is asked, what may see it, where it goes, what is written down.

Each step opens into a file of its name. Everything before `Admission` leaves no trace; from there on exactly one usage row follows.
"""

from collections.abc import Callable

from anyapi.domain.decision import Outcome, OutcomeKind
from anyapi.errors import AnyAPIError
from anyapi.gateway.admit import Admission, admit
from anyapi.gateway.apart import LARGE, read_large
from anyapi.gateway.authenticate import authenticate
from anyapi.gateway.call import Call
from anyapi.gateway.client import Connection
from anyapi.gateway.commitment import committed
from anyapi.gateway.dispatch import dispatch
from anyapi.gateway.durable import make_durable
from anyapi.gateway.exchange import ProviderExchange
from anyapi.gateway.formats.openai_chat import ChatRequest
from anyapi.gateway.plane import DataPlane
from anyapi.gateway.rows import sign
from anyapi.gateway.settle import settle
from anyapi.gateway.slices import admit_limited


async def answer(call: Call, plane: DataPlane, reply: Connection, parse: Callable[[bytes], ChatRequest]) -> None:
    """Answer a request of any format; `parse` reads its body. Raises `AnyAPIError` as long as nothing was written to the client."""
    principal = authenticate(call.credential, plane.principals, plane.clock)
    request = await read_large(parse, call.body) if len(call.body) > LARGE else parse(call.body)
    plane = await committed(plane, call) if call.policy else plane
    principal = authenticate(call.credential, plane.principals, plane.clock) if request.large else principal  # what held may hold no more
    if b"anthropic-beta" in call.headers:
        request.beta_headers = ((b"anthropic-beta", call.headers[b"anthropic-beta"]),)
    asked = plane.ask(principal, call, request)  # merged: it can only have become stricter
    admission: Admission | None = None
    outcome: Outcome | AnyAPIError | None = None
    try:
        decided = plane.decide(asked, request, principal.account)
        given = principal, asked, decided, request, plane, call
        admission = admit(*given) if principal.limits is None else await admit_limited(*given)
        del given  # only what is needed to the end is held while an answer comes
        route = plane.rank(decided, asked.preference, request.facts)  # raises NoEligibleEndpoint with every reason
        if asked.requirement.needs_durable_record:
            await make_durable(admission, route)
        exchange = ProviderExchange(request, reply, admission)
        reply.attach(exchange)
        begun = await exchange.begin(route.candidates[0])
        outcome = exchange.end(await begun)
        if outcome.kind is not OutcomeKind.SUCCESS or reply.streaming:
            outcome = await dispatch(exchange, route, outcome, parse)
    except AnyAPIError as error:
        outcome = sign(error, asked, admission, request, plane.clock())
        raise
    finally:
        settle(admission, outcome, left=not reply.alive)
