"""What requests share on the data plane: the snapshot, memos of merged requirements and decisions, health, adapters, sinks.

Nothing here reads a database or a file. A memo is dropped with its snapshot, and a decision at the next expiry or agreement boundary.
"""

import asyncio
import time
from collections.abc import Callable
from functools import partial

import msgspec

from anyapi.domain.call import NO_FACTS, NO_PREFERENCE, Facts, Preference, Principal
from anyapi.domain.catalogue import Endpoint
from anyapi.domain.data_policy import CERTIFICATIONS
from anyapi.domain.decision import Route
from anyapi.domain.ids import AUTO, AccountId, EndpointId, ModelId
from anyapi.domain.requirement import Layer, Requirement
from anyapi.domain.snapshot import Snapshot
from anyapi.errors import Overloaded
from anyapi.gateway.call import Call
from anyapi.gateway.choose import choose
from anyapi.gateway.formats.openai_chat import ChatRequest
from anyapi.gateway.formats.policy_fields import read_policy
from anyapi.gateway.health import Health, RetryBudget
from anyapi.gateway.memo import Asked, Decided, Memory
from anyapi.gateway.outlets import Outlets
from anyapi.gateway.page_cache import PageCache
from anyapi.gateway.privacy import Disclosure
from anyapi.gateway.several import known_models
from anyapi.policy.decide import decide
from anyapi.policy.merge import tighten
from anyapi.policy.names import bare_names, resolved
from anyapi.policy.parse import Known, is_policy, parse_policy_headers
from anyapi.policy.rank import rank
from anyapi.upstream.adapter import Adapter, OutboundChat, ProviderRow

RERANK_SECONDS = 0.25
"""Health moves with every answer; an order this fresh is fresh enough."""
MOST_REMEMBERED = 1024
"""Bytes of policy fields and headers under which their merged form is remembered. Only validated text gets here, but it may be long."""


class DataPlane:
    """One worker's shared state. `publish` swaps the snapshot; everything else reads it."""

    def __init__(self, snapshot: Snapshot, outlets: Outlets, disclosure: Disclosure, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives Unix seconds and is injected, so that dated facts can be tested."""
        self.outlets, self.disclosure, self.clock = outlets, disclosure, clock
        self.loop = asyncio.get_running_loop()
        self.health = Health(self.loop.time)
        self.budget = RetryBudget()
        self.publish(snapshot)

    def publish(self, snapshot: Snapshot) -> None:
        """Put a snapshot in force; every memo of the old one is gone."""
        self.snapshot, self.published = snapshot, object()  # by which what was asked before is known
        self.principals = snapshot.principals
        self.context = snapshot.context
        self.names = bare_names(snapshot.context.catalogue)
        self.known = Known(frozenset(snapshot.context.catalogue.providers), CERTIFICATIONS)
        self._adapters: dict[tuple[type[OutboundChat], EndpointId], tuple[Adapter, ProviderRow]] = {}
        self.pages = PageCache(self.clock)
        self._by_account = snapshot.context.differs_by_account
        self._memory = Memory()
        self._asked = self._memory.asked

    def ask(self, principal: Principal, call: Call, request: ChatRequest) -> Asked:
        """Merge what the request asks into the caller's requirement: it can only get stricter. Raises `BadRequest`."""
        headers = tuple(pair for pair in call.policy_headers() if is_policy(pair[0])) if call.policy else ()
        account = principal.account if self._by_account else None
        key = (id(principal.requirement), account, request.policy_raw, headers)
        asked = self._asked.get(key)
        if asked is None:
            asked = self._merge(principal.requirement, request, headers)
            if len(request.policy_raw) + sum(len(value) for _, value in headers) <= MOST_REMEMBERED:
                self._memory.keep(key, asked)
        if asked.preference.require_parameters:
            request.facts = msgspec.structs.replace(request.facts, uses=request.needs())
        return asked

    def _merge(self, base: Requirement, request: ChatRequest, headers: tuple[tuple[str, str], ...]) -> Asked:
        requirement, preference = base, NO_PREFERENCE
        if request.policy_raw:
            settings, preference = read_policy(request.policy, self.known)
            for one in settings:
                requirement = tighten(requirement, Layer.REQUEST, one, self.snapshot.presets)
        if headers:
            one = parse_policy_headers(headers, self.known)
            requirement = tighten(requirement, Layer.REQUEST, one, self.snapshot.presets)
        return Asked(base, requirement, preference, self.published)

    def decide(self, asked: Asked, request: ChatRequest, account: AccountId) -> Decided:
        """The decision for the models asked: remembered, so the common request costs one look-up. Raises `ModelNotFound`."""
        models = request.models if len(request.models) < 2 else known_models(request, self.names, self.context.catalogue)
        facts = request.facts
        key = models if facts is NO_FACTS else (models, facts)
        found = asked.memo.get(key)
        now = self.clock()
        if found is not None and found.holds(now):
            return found
        judge = partial(self._judge, asked.requirement, models, facts, account, now)
        memory = self._memory
        return choose(asked, request, models, now, memory, judge) if AUTO in models else memory.remember(asked, key, judge())

    def _judge(self, requirement: Requirement, models: tuple[ModelId, ...], facts: Facts, account: AccountId, now: float) -> Decided:
        return Decided(tuple(decide(requirement, model, facts, self.context, account, now) for model in resolved(models, self.names)), now)

    def rank(self, decided: Decided, preference: Preference, facts: Facts) -> Route:
        """The order in which the permitted endpoints are tried. Raises what `anyapi.policy.rank` raises."""
        now = self.loop.time()
        if decided.route is None or now - decided.ranked_at > RERANK_SECONDS or decided.generation != self.health.generation:
            decided.route = None
            try:
                decided.route = rank(decided.decisions, preference, facts, self.health.view(decided.decisions))
            except Overloaded as error:
                error.retry_after = self.health.opens_in(decided.decisions)
                raise
            decided.ranked_at, decided.generation = now, self.health.generation
            self.health.probe(decided.route.candidates[0].health_key)  # if that opens a circuit again, only this request goes by it
        return decided.route

    def adapter_of(self, request: OutboundChat, endpoint: Endpoint) -> tuple[Adapter, ProviderRow]:
        """The adapter between the request's format and the endpoint's, and how its provider differs from others that speak it."""
        key = (type(request), endpoint.id)
        found = self._adapters.get(key)
        if found is None:
            api = self.context.catalogue.providers[endpoint.provider].api
            if endpoint.protocol is not None:
                api = msgspec.structs.replace(api, protocol=endpoint.protocol, also_speaks=())
            found = self._adapters[key] = (self.outlets.adapters(request.dialect, api), self.outlets.rows(endpoint.provider))
        return found
