"""Writes records back in the form of the source, so that the operator can correct one field of a record without repeating the rest.

INVARIANT: reading what is written here gives the same record (a test holds it for every record of the catalogue).
"""

from anyapi.catalogue.vocabulary import AUTH_WORDS
from anyapi.domain.catalogue import Auth, Endpoint, Override, PolicyException, Provider, ProviderApi, Selector
from anyapi.domain.data_policy import PolicyBlock, Provenance, Retention

Source = dict[str, object]
"""A record as YAML or TOML parses it."""


def provider_source(provider: Provider) -> Source:
    """The fields of a provider record."""
    return _without_none(
        {
            "id": provider.id,
            "name": provider.name,
            "kind": provider.kind.value,
            "api": _api(provider.api),
            "policy": _block(provider.policy),
            "free_tier": None if provider.free_tier is None else _block(provider.free_tier),
            "policy_exceptions": [_exception(exception) for exception in provider.exceptions],
            "compliance": list(provider.certifications),
            "compliance_source_url": provider.certifications_source,
            "compliance_level": provider.certifications_level,
            "compliance_unverified": list(provider.unverified_certifications),
            "regions": list(provider.regions),
            "storage_regions": list(provider.storage_regions),
            "headquarters": provider.headquarters,
            "contracting_country": provider.contracting_country,
            "terms_url": provider.terms_url,
            "privacy_url": provider.privacy_url,
            "notes": provider.notes,
            **_provenance(provider.provenance),
        }
    )


def endpoint_source(endpoint: Endpoint) -> Source:
    """The fields of an endpoint inside its model's record."""
    price, abilities = endpoint.price, endpoint.capabilities
    return _without_none(
        {
            "provider": endpoint.provider,
            "model": endpoint.upstream_model,
            "context_length": endpoint.context_length,
            "max_output_tokens": endpoint.max_output_tokens,
            "price": _without_none({"input": price.input, "output": price.output, "cached_input": price.cached_input}),
            "capabilities": _without_none({name: getattr(abilities, name) for name in abilities.__struct_fields__}),
            "free": endpoint.free,
            "status": endpoint.status.value,
            "region": endpoint.region,
            "privacy_mode": endpoint.privacy_mode,
            "tier": endpoint.tier,
            "deprecation_date": endpoint.deprecation_date,
            "successor": endpoint.successor,
            "source": endpoint.source,
            "price_source": endpoint.price_source,
            "protocol": endpoint.protocol,
            "operations": [operation.value for operation in endpoint.operations],
            "dimensions": endpoint.dimensions,
        }
    )


def _api(api: ProviderApi) -> Source:
    return _without_none(
        {
            "base_url": api.base_url,
            "protocol": api.protocol,
            "auth": _auth_word(api.auth, optional=api.key_optional),
            "env": api.env,
            "env_alternatives": list(api.env_alternatives),
            "variables": dict(api.variables),
            "also_speaks": list(api.also_speaks),
            "api_version": api.api_version,
        }
    )


def _auth_word(auth: Auth, *, optional: bool) -> str:
    return next(word for word, meaning in reversed(AUTH_WORDS.items()) if meaning == (auth, optional))


def _block(block: PolicyBlock) -> Source:
    return {
        "training": block.training.value,
        "retention": _retention(block.retention),
        "zero_retention_available": block.zero_retention.value,
        "human_review": block.human_review.value,
        "secondary_use": list(block.secondary_use),
    }


def _retention(retention: Retention) -> Source:
    return _without_none({"kind": retention.kind.value, "days": retention.days, "purpose": retention.purpose})


def _exception(exception: PolicyException) -> Source:
    return _without_none(
        {
            "applies_to": _selector(exception.applies_to),
            "override": _override(exception.override),
            "note": exception.note or None,
            "source_url": exception.source_url,
        }
    )


def _selector(selector: Selector) -> Source:
    return {name: list(words) for name in selector.__struct_fields__ if (words := getattr(selector, name))}


def _override(override: Override) -> Source:
    return _without_none(
        {
            "training": None if override.training is None else override.training.value,
            "retention": None if override.retention is None else _retention(override.retention),
            "zero_retention_available": None if override.zero_retention is None else override.zero_retention.value,
            "human_review": None if override.human_review is None else override.human_review.value,
            "same_as_provider": override.same_as_provider,
            "confidential_compute": override.confidential_compute,
            "allowed_data": override.allowed_data,
        }
    )


def _provenance(provenance: Provenance) -> Source:
    return {
        "confidence": provenance.confidence.value,
        "policy_source_url": provenance.source_url,
        "source_url_exact": provenance.source_url_exact,
        "source_date": provenance.source_date,
        "verified_at": provenance.verified_at,
        "valid_until": provenance.valid_until,
        "secondary_fields": list(provenance.secondary_fields),
        "evidence": provenance.evidence,
    }


def _without_none(fields: Source) -> Source:
    return {key: value for key, value in fields.items() if value is not None}
