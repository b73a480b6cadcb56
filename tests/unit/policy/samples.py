"""Small catalogues for the tests of the policy core: one place that knows how to build them."""

import datetime as dt

from anyapi.domain.catalogue import (
    Auth,
    Capabilities,
    Catalogue,
    Endpoint,
    Model,
    Price,
    Provider,
    ProviderApi,
    ProviderKind,
)
from anyapi.domain.data_policy import Confidence, HumanReview, PolicyBlock, Provenance, Retention, RetentionKind, Training, ZeroRetention
from anyapi.domain.snapshot import Credential, PolicyContext, Tier

COMPILED = dt.date(2026, 11, 24)
NOW = dt.datetime(2026, 12, 1, 12, tzinfo=dt.UTC).timestamp()
MODEL = "acme/one"


def at(year, month, day, hour=0, minute=0, second=0):
    return dt.datetime(year, month, day, hour, minute, second, tzinfo=dt.UTC).timestamp()


def kept(kind="zero", days=None, purpose=None):
    return Retention(RetentionKind(kind), days, purpose)


def block(training="never", retention=None, zero_retention="default", human_review="no", secondary_use=()):
    return PolicyBlock(
        Training(training), retention or kept(), ZeroRetention(zero_retention), HumanReview(human_review), tuple(secondary_use)
    )


def provenance(confidence="primary", **fields):
    return Provenance(Confidence(confidence), **fields)


def provider(name="p", policy=None, *, kind="host", protocol="openai-chat", record=None, **fields):
    api = ProviderApi(f"https://{name}.test/v1", protocol, Auth.BEARER)
    return Provider(name, name.title(), ProviderKind(kind), api, policy or block(), record or provenance(), **fields)


def endpoint(provider="p", model=MODEL, **fields):
    fields.setdefault("price", Price(1.0, 2.0))
    fields.setdefault("upstream_model", model.split("/")[1])
    fields.setdefault("id", f"{provider}/{fields['upstream_model']}")
    fields.setdefault("context_length", 8192)
    fields.setdefault("capabilities", Capabilities())
    return Endpoint(provider=provider, model=model, **fields)


def credential(provider="p", name=None, tier="paid", **fields):
    return Credential(name or f"{provider}-key", provider, Tier(tier), **fields)


def context(providers, endpoints=None, credentials=None, **fields):
    endpoints = [endpoint(item.id) for item in providers] if endpoints is None else endpoints
    credentials = [credential(item.id) for item in providers] if credentials is None else credentials
    models = {}
    for item in endpoints:
        models.setdefault(item.model, []).append(item)
    by_provider = {}
    for item in credentials:
        by_provider.setdefault(item.provider, []).append(item)
    fields.setdefault("served_protocols", frozenset({"openai-chat"}))
    return PolicyContext(
        Catalogue(
            "v1",
            COMPILED,
            {item.id: item for item in providers},
            {name: Model(name, name, name.split("/")[0], endpoints=tuple(items)) for name, items in models.items()},
        ),
        {name: tuple(items) for name, items in by_provider.items()},
        **fields,
    )
