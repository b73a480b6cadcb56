"""Checks what no single record can know: references between providers, models and endpoints."""

from collections.abc import Iterable
from fnmatch import fnmatchcase

from anyapi.catalogue.reading import Problems
from anyapi.domain.catalogue import Model, Provider
from anyapi.domain.ids import ModelId, ProviderId


def check_providers(
    changed: Iterable[Provider],
    providers: dict[ProviderId, Provider],
    models: dict[ModelId, Model],
    problems: Problems,
    file: str,
) -> None:
    """Note exceptions of the `changed` records that name a provider or models which do not exist, and keys that two providers share."""
    owner: dict[str, ProviderId] = {}
    for provider in providers.values():
        for name in _key_names(provider):
            owner.setdefault(name, provider.id)
    for provider in changed:
        for number, exception in enumerate(provider.exceptions):
            place = f"policy_exceptions[{number}]"
            same = exception.override.same_as_provider
            if same is not None and (same not in providers or same == provider.id):
                problems.note(file, provider.id, f"{place}.override.same_as_provider", "must name another provider of the catalogue")
            for pattern in exception.applies_to.models:
                # A misspelt id here would silently leave the weaker base policy in force.
                if not any(fnmatchcase(model, pattern) for model in models):
                    problems.note(file, provider.id, f"{place}.applies_to.models", "a pattern matches no model of the catalogue")
        for name in _key_names(provider):
            # One variable for two providers would send one provider's key to the other.
            if owner[name] != provider.id:
                problems.note(file, provider.id, "api.env", f"{name} already belongs to provider {owner[name]}")


def check_models(
    changed: Iterable[Model],
    providers: dict[ProviderId, Provider],
    models: dict[ModelId, Model],
    problems: Problems,
    file: str,
) -> None:
    """Note endpoints of the `changed` models with an unknown provider or successor, or with an id that another endpoint has."""
    owners: dict[str, list[ModelId]] = {}
    for model in models.values():
        for endpoint in model.endpoints:
            owners.setdefault(endpoint.id, []).append(model.id)
    for model in changed:
        for number, endpoint in enumerate(model.endpoints):
            place = f"endpoints[{number}]"
            if not endpoint.provider or not endpoint.upstream_model:
                continue  # already noted when it was read
            if endpoint.provider not in providers:
                problems.note(file, model.id, f"{place}.provider", "must be a provider of the catalogue")
            if endpoint.successor is not None and (endpoint.successor not in models or endpoint.successor == model.id):
                problems.note(file, model.id, f"{place}.successor", "must be another model of the catalogue")
            if len(owners[endpoint.id]) > 1:
                problems.note(file, model.id, f"{place}.model", f"endpoint {endpoint.id} is there twice; also in {owners[endpoint.id][0]}")


def _key_names(provider: Provider) -> tuple[str, ...]:
    own = () if provider.api.env is None else (provider.api.env,)
    return (*own, *provider.api.env_alternatives)
