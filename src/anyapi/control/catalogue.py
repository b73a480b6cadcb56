"""Models and providers with the data policies in force for an account: what the dashboard's tables show. Sends nothing."""

import math
from typing import TypeAlias

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from anyapi.control.layers import requirement_of
from anyapi.control.services import Services
from anyapi.control.threads import in_thread
from anyapi.domain.call import PLAIN_FACTS, Facts, Question
from anyapi.domain.catalogue import Capabilities, Endpoint, Model, Price, Provider, ProviderKind
from anyapi.domain.data_policy import DataPolicy, PolicyBlock, Provenance, RetentionKind
from anyapi.domain.ids import AccountId, ModelId, ProviderId
from anyapi.domain.people import Permission
from anyapi.domain.requirement import Requirement
from anyapi.errors import BadRequest, NotFound
from anyapi.policy.availability import asked_of
from anyapi.policy.decide import decide, decide_each
from anyapi.policy.explain import explain, policy_view
from anyapi.policy.explanation import Explanation, PolicyView, RetentionView
from anyapi.policy.names import bare_names
from anyapi.policy.question import asked_about, tags_named
from anyapi.policy.unknown import listed, no_such, skipped

READ = {"permission": Permission.READ}
Judged: TypeAlias = tuple[Endpoint, DataPolicy | None, tuple[str, ...]]


class EndpointRow(msgspec.Struct, frozen=True):
    """One endpoint for one account: what it costs and can do, its data policy, and why the account cannot use it (empty: it can)."""

    id: str
    model: ModelId
    provider: ProviderId
    region: str | None
    status: str
    context_length: int | None
    price: Price
    capabilities: Capabilities
    data_policy: PolicyView | None
    reasons: tuple[str, ...]
    permitted: bool
    """By policy, whether or not there is a credential."""


class ModelRow(msgspec.Struct, frozen=True):
    """A model and where it can be had."""

    id: ModelId
    name: str
    author: str
    open_weights: bool
    usable: bool
    permitted: bool
    endpoints: tuple[EndpointRow, ...]


class ProviderRow(msgspec.Struct, frozen=True):
    """A provider: what it says, where that stands, and how many of its endpoints the account may use."""

    id: ProviderId
    name: str
    kind: ProviderKind
    has_credential: bool
    endpoints: int
    permitted: int
    usable: int
    headquarters: str | None
    certifications: tuple[str, ...]
    regions: tuple[str, ...]
    terms_url: str | None
    privacy_url: str | None
    notes: str | None
    policy: PolicyBlock
    """Its base policy; exceptions are on its page."""
    flagged: RetentionView | None
    """Of what its endpoints keep of flagged content, what is kept longest."""
    provenance: Provenance


class ProviderPage(msgspec.Struct, frozen=True):
    """A provider with its base policy, its exceptions in words, and its endpoints."""

    provider: ProviderRow
    record: Provider
    endpoints: tuple[EndpointRow, ...]


class Overview(msgspec.Struct, frozen=True):
    """The catalogue in numbers."""

    version: str
    compiled: str
    models: int
    providers: int
    endpoints: int


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A question about models without a prompt."""

    models: list[str]
    data_policy: dict[str, object] = {}
    tags: list[str] = []
    """Abilities that the request asks for, such as `chat_completions:vision`; web search and URL context as one that uses them."""
    key: str | None = None
    """The id of an API key of the account, to ask as if with it; None for what the account asks alone."""


@get("/api/catalogue", opt={"permission": Permission.SIGNED_IN})
@in_thread
def overview(services: NamedDependency[Services]) -> Overview:
    """Version, date and size of the catalogue."""
    found = services.in_force().context.catalogue
    endpoints = sum(len(model.endpoints) for model in found.models.values())
    return Overview(found.version, found.compiled.isoformat(), len(found.models), len(found.providers), endpoints)


@get("/api/accounts/{account:str}/models", opt=READ)
@in_thread
def list_models(services: NamedDependency[Services], account: FromPath[AccountId]) -> list[ModelRow]:
    """Every model with its endpoints, judged by what the account asks."""
    return _models(services, account)


@get("/api/accounts/{account:str}/providers", opt=READ)
@in_thread
def list_providers(services: NamedDependency[Services], account: FromPath[AccountId]) -> list[ProviderRow]:
    """Every provider, and how much of it the account may use."""
    found: dict[ProviderId, list[EndpointRow]] = {}
    for model in _models(services, account):
        for endpoint in model.endpoints:
            found.setdefault(endpoint.provider, []).append(endpoint)
    context = services.in_force().context
    return [_provider(services, provider, found.get(provider.id, []), account) for provider in context.catalogue.providers.values()]


@get("/api/accounts/{account:str}/providers/{provider:str}", opt=READ)
@in_thread
def show_provider(services: NamedDependency[Services], account: FromPath[AccountId], provider: FromPath[ProviderId]) -> ProviderPage:
    """A provider's page. Raises `NotFound`."""
    record = services.in_force().context.catalogue.providers.get(provider)
    if record is None:
        raise NotFound("There is no such provider in the catalogue.")
    endpoints = [one for model in _models(services, account) for one in model.endpoints if one.provider == provider]
    return ProviderPage(_provider(services, record, endpoints, account), record, tuple(endpoints))


@post("/api/accounts/{account:str}/explain", opt=READ, status_code=200)
@in_thread
def explain_question(services: NamedDependency[Services], account: FromPath[AccountId], data: JSONBody[Asked]) -> Explanation:
    """What would happen to a request for these models under what the account asks and this policy. Sends nothing anywhere."""
    if not 0 < len(data.models) <= 8:
        raise BadRequest("models must name 1 to 8 models.", "models")
    requirement = requirement_of(services, account, data.data_policy, data.key)
    context, now = services.in_force().context, services.clock()
    asked, names = Facts(tags=tags_named(data.tags)), bare_names(context.catalogue)
    models, facts = asked_about(tuple(map(ModelId, data.models)), context.catalogue, names, asked)
    question = Question(models, requirement, facts, skipped=skipped(listed(data.models), names, context.catalogue))
    decisions, _ = decide_each(question, context, account, now)
    if not decisions:
        raise no_such(models, context.catalogue)
    return explain(question, decisions, {}, context, account=account, now=now)


def _models(services: Services, account: AccountId) -> list[ModelRow]:
    requirement, now = requirement_of(services, account), services.clock()
    return [_model(services, model, requirement, account, now) for model in services.in_force().context.catalogue.models.values()]


def _model(services: Services, model: Model, requirement: Requirement, account: AccountId, now: float) -> ModelRow:
    decision = decide(requirement, model.id, PLAIN_FACTS[asked_of((model,))], services.in_force().context, account, now)
    rows = [_endpoint(model.id, (one.endpoint, one.policy, ()), now, permitted=True) for one in decision.permitted]
    rows += [
        _endpoint(
            model.id, (one.endpoint, one.policy, tuple(reason.code.value for reason in one.reasons)), now, permitted=one.permitted_by_policy
        )
        for one in decision.denied
    ]
    permitted = any(row.permitted for row in rows)
    return ModelRow(model.id, model.name, model.author, model.open_weights, bool(decision.permitted), permitted, tuple(rows))


def _endpoint(model: ModelId, judged: Judged, now: float, *, permitted: bool) -> EndpointRow:
    endpoint, policy, reasons = judged
    return EndpointRow(
        endpoint.id,
        model,
        endpoint.provider,
        endpoint.region,
        endpoint.status.value,
        endpoint.context_length,
        endpoint.price,
        endpoint.capabilities,
        None if policy is None else policy_view(policy, now),
        reasons,
        permitted,
    )


def _provider(services: Services, record: Provider, endpoints: list[EndpointRow], account: AccountId) -> ProviderRow:
    context = services.in_force().context
    own = context.own_credentials.get(account, {})
    return ProviderRow(
        record.id,
        record.name,
        record.kind,
        bool(context.credentials.get(record.id) or own.get(record.id)),
        len(endpoints),
        sum(row.permitted for row in endpoints),
        sum(not row.reasons for row in endpoints),
        record.headquarters,
        record.certifications,
        record.regions,
        record.terms_url,
        record.privacy_url,
        record.notes,
        record.policy,
        max((row.data_policy.flagged for row in endpoints if row.data_policy and row.data_policy.flagged), key=_lasts, default=None),
        record.provenance,
    )


def _lasts(kept: RetentionView) -> float:
    """Days, for comparing; no stated end is longest."""
    return 0.0 if kept.kind == RetentionKind.ZERO else math.inf if kept.days is None else kept.days
