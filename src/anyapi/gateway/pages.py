"""Everything the data plane serves besides inference: models with their policies, explain, the key's own policy, privacy, status."""

from collections.abc import Callable
from functools import partial
from urllib.parse import parse_qs, unquote

import msgspec

from anyapi import __version__
from anyapi.domain.call import NO_FACTS, PLAIN_FACTS, Principal, Question
from anyapi.domain.catalogue import Endpoint, Model, Status
from anyapi.domain.data_policy import DataPolicy
from anyapi.domain.decision import Decision, Reason
from anyapi.domain.ids import AUTO, AccountId, ModelId
from anyapi.domain.requirement import Requirement
from anyapi.domain.snapshot import PolicyContext
from anyapi.errors import BadRequest, ModelNotFound
from anyapi.gateway.apart import LARGE, apart
from anyapi.gateway.authenticate import authenticate
from anyapi.gateway.call import Call
from anyapi.gateway.client import Connection
from anyapi.gateway.error_envelope import echo, echo_in_private, echo_in_public
from anyapi.gateway.formats import anthropic_count, anthropic_messages, question
from anyapi.gateway.formats.openai_chat import ChatRequest
from anyapi.gateway.key_limits import account_of, shown
from anyapi.gateway.memo import Asked, Decided, in_force
from anyapi.gateway.plane import DataPlane
from anyapi.gateway.privacy import inventory
from anyapi.gateway.render import JSON
from anyapi.policy.availability import asked_of
from anyapi.policy.decide import decide
from anyapi.policy.explain import explain, policy_view
from anyapi.policy.periods import day_of
from anyapi.policy.question import asked_about
from anyapi.policy.unknown import no_such
from anyapi.wire.tasks import Driven

Operation = Callable[[Call, DataPlane, Connection], Driven]

HTML = b"content-type: text/html; charset=utf-8\r\ncontent-security-policy: default-src 'none'; style-src 'unsafe-inline'\r\n"
PLAIN_TEXT = b"content-type: text/plain; charset=utf-8\r\n"

AUTO_MODEL = Model(AUTO, "Auto", "anyapi")
"""How the choice of a model by the gateway is listed: the endpoints it chooses among are those of the others."""
NOTHING = ChatRequest()
"""A request that asks for nothing in its body: policy headers are met all the same, and a misspelt one is refused."""

FEW = 50
"""Endpoints that are explained where the request is answered, in some 5 ms. More are in a thread: `anyapi/auto` has hundreds."""
UNKNOWN_DATE = "1970-01-01T00:00:00Z"
"""When a model was released; Anthropic's reference has this stand for a date that is not known."""

_encode = msgspec.json.Encoder(order="deterministic").encode


def options(allowed: str) -> Operation:
    """The operation that answers `OPTIONS` for a path that takes these methods; the operator lists which origins may call."""

    async def answer(call: Call, plane: DataPlane, reply: Connection) -> None:  # noqa: ARG001
        rows = f"allow: {allowed}\r\n".encode()
        if reply.readable(call):
            rows += f"access-control-allow-methods: {allowed}\r\naccess-control-max-age: 600\r\n".encode()
        asked = call.headers.get(b"access-control-request-headers") if reply.readable(call) else None
        if asked is not None and all(char in HEADER_LIST for char in asked):
            rows += b"access-control-allow-headers: %b\r\n" % asked
        reply.send(204, rows + echo(call), b"")

    return answer


HEADER_LIST = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-, ")


async def healthz(call: Call, plane: DataPlane, reply: Connection) -> None:  # noqa: ARG001
    """Whether the process answers at all."""
    reply.send(200, PLAIN_TEXT + echo_in_public(call), b"ok\n")


async def readyz(call: Call, plane: DataPlane, reply: Connection) -> None:
    """Whether requests can be served: a snapshot is in force and the stores take rows."""
    ready = plane.outlets.ready()
    said = b"ready\n" if ready else b"not ready: the store does not answer, or takes no rows\n"
    reply.send(200 if ready else 503, PLAIN_TEXT + echo_in_public(call), said)


async def privacy(call: Call, plane: DataPlane, reply: Connection) -> None:
    """Answer `GET /v1/privacy` and the well-known file: every stored field. Public: it says nothing about anybody."""
    reply.send(200, JSON + echo_in_public(call), _encode(inventory(plane.disclosure)))


async def key(call: Call, plane: DataPlane, reply: Connection) -> None:
    """Answer `GET /v1/key`: the calling key's own limits and policy."""
    principal = authenticate(call.credential, plane.principals, plane.clock)
    requirement = plane.ask(principal, call, NOTHING).requirement
    if principal.limits is not None and plane.outlets.slices is not None:
        account_of(plane, principal.limits, day_of(plane.clock()))
        await plane.outlets.slices.more(principal.limits.lineage)  # what other workers used counts too
    body = {
        "key": principal.key,
        "account": principal.account,
        "project": principal.project,
        "expires_at": principal.expires_at,
        "limits": shown(plane, principal.limits),
        "sealed_log": principal.log,
        "requirement": requirement,
        "durable_record": requirement.needs_durable_record,
    }
    reply.send(200, JSON + echo_in_private(call), _encode(body))


async def count_tokens(call: Call, plane: DataPlane, reply: Connection) -> None:
    """Answer `POST /v1/messages/count_tokens`: an estimate made here; no provider sees the prompt."""
    principal = authenticate(call.credential, plane.principals, plane.clock)
    read = anthropic_messages.read_counted
    request = await apart(read, call.body) if len(call.body) > LARGE else read(call.body)
    _decided(plane, principal, plane.ask(principal, call, request), request)  # the model must be one, as for a message
    count = anthropic_count.count_tokens
    reply.send(200, JSON + echo(call), await apart(count, request) if len(call.body) > LARGE else count(request))


async def explain_request(call: Call, plane: DataPlane, reply: Connection) -> None:
    """Answer `POST /v1/explain`: what would happen to a request, without its content. Sends nothing anywhere."""
    principal = authenticate(call.credential, plane.principals, plane.clock)
    request = await apart(question.read, call.body) if len(call.body) > LARGE else question.read(call.body)
    request.models, request.facts = asked_about(request.models, plane.context.catalogue, plane.names, request.facts)
    asked = plane.ask(principal, call, request)
    decided = _decided(plane, principal, asked, request)
    about = Question(request.models, asked.requirement, request.facts, asked.preference, request.skipped)
    given = about, decided.decisions, plane.health.view(decided.decisions), plane.context
    said = partial(explain, *given, account=principal.account, now=plane.clock())
    judged = sum(len(decision.permitted) + len(decision.denied) for decision in decided.decisions)
    reply.send(200, JSON + echo(call), _encode(said() if judged <= FEW else await apart(said)))


def _decided(plane: DataPlane, principal: Principal, asked: Asked, request: ChatRequest) -> Decided:
    """What is decided about a question. Raises `ModelNotFound`, which says by what, like any answer; nothing else comes of it."""
    try:
        return plane.decide(asked, request, principal.account)
    except ModelNotFound as error:
        error.in_force = in_force(asked.requirement)
        raise


async def models(call: Call, plane: DataPlane, reply: Connection) -> None:
    """Answer `GET /v1/models`: each model with policy, source and age of every endpoint; `?eligible=1` filters by the caller's settings."""
    principal = authenticate(call.credential, plane.principals, plane.clock)
    eligible = wants_eligible(call)
    requirement, account = plane.ask(principal, call, NOTHING).requirement, principal.account
    page = partial(_models_page, plane.context, requirement, account, plane.clock(), eligible=eligible)
    reply.send(200, JSON + echo_in_private(call), await plane.pages.get((requirement, account, eligible), page))


def wants_eligible(call: Call) -> bool:
    """Whether only what the caller may use is asked for. Raises `BadRequest`: whoever misspells it would take all for eligible."""
    said = set(parse_qs(call.query.decode("latin-1"), keep_blank_values=True).get("eligible", ["0"]))
    if said <= {"1", "true"}:
        return True
    if said <= {"0", "false"}:
        return False
    raise BadRequest("`eligible` must be 1 (only what this key may use) or 0.", "eligible")


def _models_page(context: PolicyContext, requirement: Requirement, account: AccountId, now: float, *, eligible: bool) -> bytes:
    """The list as JSON: 800 KB and 20 ms of work for the shipped catalogue, so it is made once in a while and not for every call."""
    rows, chats = [], False
    for model in context.catalogue.models.values():
        facts = PLAIN_FACTS[asked_of((model,))]
        decision = decide(requirement, model.id, facts, context, account, now)
        chats = chats or (facts is NO_FACTS and bool(decision.permitted))
        if decision.permitted or not eligible:
            rows.append(model_row(model, decision, now, eligible=eligible))
    if chats or not eligible:
        rows.append(_row(AUTO_MODEL, [], eligible=chats))
    ends = (rows[0]["id"], rows[-1]["id"]) if rows else (None, None)
    return _encode({"object": "list", "data": rows, "has_more": False, "first_id": ends[0], "last_id": ends[1]})


async def model_endpoints(call: Call, plane: DataPlane, reply: Connection) -> None:
    """Answer `GET /v1/models/{author}/{slug}` and `.../endpoints`, filtered as the list is. Raises `ModelNotFound` with near misses."""
    principal = authenticate(call.credential, plane.principals, plane.clock)
    asked = unquote(call.path.decode("latin-1").split("/models/", 1)[1]).removesuffix("/endpoints")
    name = plane.names.get(asked, ModelId(asked))
    requirement = plane.ask(principal, call, NOTHING).requirement
    model = plane.context.catalogue.models.get(name)
    if model is None and name != AUTO:
        error = no_such((name,), plane.context.catalogue)
        error.in_force = in_force(requirement)
        raise error
    facts = PLAIN_FACTS[asked_of(() if model is None else (model,))]
    decision = decide(requirement, name, facts, plane.context, principal.account, plane.clock())
    if model is None:
        row = _row(AUTO_MODEL, [], eligible=bool(decision.permitted))
    else:
        row = model_row(model, decision, plane.clock(), eligible=wants_eligible(call))
    reply.send(200, JSON + echo_in_private(call), _encode({"data": row} if call.path.endswith(b"/endpoints") else row))


def model_row(model: Model, decision: Decision, now: float, *, eligible: bool) -> dict[str, object]:
    """One model as `/v1/models` shows it: what OpenAI's and Anthropic's SDKs read in a model, and what only this gateway says."""
    endpoints = [endpoint_row(one.endpoint, one.policy, (), now) for one in decision.permitted]
    if not eligible:
        endpoints += [endpoint_row(one.endpoint, one.policy, one.reasons, now) for one in decision.denied]
    return _row(model, endpoints, eligible=bool(decision.permitted))


def _row(model: Model, endpoints: list[dict[str, object]], *, eligible: bool) -> dict[str, object]:
    return {
        "id": model.id,
        "object": "model",
        "created": 0,
        "owned_by": model.author,
        "type": "model",
        "display_name": model.name,
        "created_at": UNKNOWN_DATE,
        "lifecycle": lifecycle(model),
        "capabilities": None,
        "max_input_tokens": max((one.context_length or 0 for one in model.endpoints), default=0) or None,
        "max_tokens": max((one.max_output_tokens or 0 for one in model.endpoints), default=0) or None,
        "name": model.name,
        "open_weights": model.open_weights,
        "eligible": eligible,
        "endpoints": endpoints,
    }


def lifecycle(model: Model) -> str:
    """Anthropic's word for how long a model may be had: that of its best endpoint."""
    states = {one.status for one in model.endpoints}
    if not states or states == {Status.RETIRED}:
        return "retired"
    return "deprecated" if states <= {Status.DEPRECATED, Status.RETIRED} else "active"


def endpoint_row(endpoint: Endpoint, policy: DataPolicy | None, reasons: tuple[Reason, ...], now: float) -> dict[str, object]:
    """One endpoint: price, abilities, data policy with source and age, and why it is not for this caller."""
    return {
        "id": endpoint.id,
        "provider": endpoint.provider,
        "region": endpoint.region,
        "status": endpoint.status,
        "operations": endpoint.operations,
        "dimensions": endpoint.dimensions,
        "context_length": endpoint.context_length,
        "max_output_tokens": endpoint.max_output_tokens,
        "price": {"input": endpoint.price.input, "output": endpoint.price.output, "cached_input": endpoint.price.cached_input},
        "capabilities": msgspec.to_builtins(endpoint.capabilities),
        "data_policy": None if policy is None else policy_view(policy, now),
        "eligible": not reasons,
        "reasons": [reason.code for reason in reasons],
    }


async def status(call: Call, plane: DataPlane, reply: Connection) -> None:
    """Answer `GET /`: a plain page that says what this is and that it works."""
    catalogue = plane.context.catalogue
    served = sum(1 for provider in catalogue.providers if plane.context.credentials.get(provider))
    body = STATUS_PAGE.format(
        version=__version__,
        models=len(catalogue.models),
        providers=len(catalogue.providers),
        served=served,
        catalogue=catalogue.version[:12],
        scrubbing="on" if plane.disclosure.scrubbing else "off",
    )
    reply.send(200, HTML + echo_in_public(call), body.encode())


STATUS_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>AnyAPI</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:42rem;margin:3rem auto;padding:0 1rem;color-scheme:light dark}}
code{{font-size:.95em}}dt{{font-weight:600}}</style>
<h1>AnyAPI is running</h1>
<p>This gateway sends a request only to a provider whose data policy allows it, and stores no prompt and no response.</p>
<dl><dt>Version</dt><dd>{version}</dd><dt>Catalogue</dt><dd>{models} models, {providers} providers, version <code>{catalogue}</code></dd>
<dt>Providers with a credential</dt><dd>{served}</dd><dt>Memory scrubbing</dt><dd>{scrubbing}</dd></dl>
<p>Try <code>POST /v1/chat/completions</code>, <code>GET /v1/models</code>, <code>POST /v1/explain</code>.
What is stored, field by field: <a href="/v1/privacy">/v1/privacy</a>.</p></html>
"""
