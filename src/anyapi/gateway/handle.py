"""The request path, one screen: who calls, what is asked, what may see it, where it goes, what is written down.

Each step opens into a file of its name. Everything before `Admission` leaves no trace; from there on exactly one usage row follows.
"""

from anyapi.domain.decision import Outcome
from anyapi.errors import AnyAPIError
from anyapi.gateway.admit import LEFT, Admission
from anyapi.gateway.authenticate import authenticate
from anyapi.gateway.call import Call
from anyapi.gateway.client import Connection
from anyapi.gateway.dispatch import dispatch
from anyapi.gateway.exchange import ProviderExchange
from anyapi.gateway.formats import openai_chat
from anyapi.gateway.plane import DataPlane, app_of
from anyapi.gateway.render import error_of
from anyapi.upstream.adapter import OutboundChat


async def chat_completions(call: Call, plane: DataPlane, reply: Connection) -> None:
    """Answer `POST /v1/chat/completions`. Raises `AnyAPIError` as long as nothing was written to the client."""
    principal = authenticate(call.credential, plane.principals, plane.clock())
    request, policy = openai_chat.parse(call.body)
    asked = plane.ask(principal, call, request, policy)  # merged: it can only have become stricter
    app = app_of(call, request)
    if asked.preference.require_parameters:
        request.need_abilities()
    decided = plane.decide(asked, request.models, request.facts, principal.account)
    admission = Admission(plane, principal, asked, decided, app)
    admission.prompt_bytes, admission.adjusted = request.prompt_bytes, request.adjusted
    if call.request_id is not None:
        admission.client_rows = b"x-request-id: %b\r\n" % call.request_id
    outcome: Outcome | AnyAPIError | None = None
    status = 200
    try:
        route = plane.rank(decided, asked.preference, request.facts)  # raises NoEligibleEndpoint with every reason
        if asked.requirement.needs_durable_record:
            await admission.make_durable(route)
        exchange = ProviderExchange(OutboundChat(request.fields, request.stream, request.wants_usage), reply, admission)
        reply.attach(exchange)
        if reply.alive:
            outcome = await dispatch(exchange, route, admission)
    except AnyAPIError as error:
        outcome, status = error, error_of(error)[0]
        error.metadata.setdefault("decision", admission.id)
        raise
    finally:
        admission.settle(outcome, status if reply.alive else LEFT)
