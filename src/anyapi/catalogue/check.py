"""Checks what no single record can know: references between providers, models and endpoints."""

from collections.abc import Collection, Iterable, Iterator
from fnmatch import fnmatchcase
from typing import NamedTuple

from anyapi.catalogue.reading import Problems
from anyapi.domain.catalogue import Endpoint, Model, PolicyException, Provider
from anyapi.domain.ids import AUTO, ModelId, ProviderId
from anyapi.policy.nearest import did_you_mean


class Place(NamedTuple):
    """Where the records stand that are checked."""

    file: str
    section: str = ""
    """What a record's id stands behind in a file that holds more than such records."""

    def of(self, identity: str) -> str:
        """What a problem with the record of this id names."""
        return f"{self.section}.{identity}" if self.section else identity


def check_providers(
    changed: Iterable[Provider],
    providers: dict[ProviderId, Provider],
    models: dict[ModelId, Model],
    problems: Problems,
    place: Place,
) -> None:
    """Note exceptions of the `changed` records that name a provider or models which do not exist, and keys that two providers share."""
    owner: dict[str, ProviderId] = {}
    for provider in providers.values():
        for name in _key_names(provider):
            owner.setdefault(name, provider.id)
    for provider in changed:
        for number, exception in enumerate(provider.exceptions):
            for field, message in _exception_faults(exception, provider.id, providers, models):
                problems.note(place.file, place.of(provider.id), f"policy_exceptions[{number}].{field}", message)
        for name in _key_names(provider):
            # One variable for two providers would send one provider's key to the other.
            if owner[name] != provider.id:
                problems.note(place.file, place.of(provider.id), "api.env", f"{name} already belongs to provider {owner[name]}")


def check_models(
    changed: Collection[Model],
    providers: dict[ProviderId, Provider],
    models: dict[ModelId, Model],
    problems: Problems,
    place: Place,
) -> None:
    """Note endpoints of the `changed` models with an unknown provider or successor or another endpoint's id, and aliases of two models."""
    owners: dict[str, list[ModelId]] = {}
    for model in models.values():
        for endpoint in model.endpoints:
            owners.setdefault(endpoint.id, []).append(model.id)
    changed = [model for model in changed if models[model.id] is model]  # whoever read them has noted one that stands twice
    _check_aliases(changed, models, problems, place)
    for model in changed:
        if model.id == AUTO:
            problems.note(place.file, place.of(model.id), "id", "is the name by which callers leave the choice of a model to the gateway")
        for number, endpoint in enumerate(model.endpoints):
            if not endpoint.provider or not endpoint.upstream_model:
                continue  # already noted when it was read
            for field, message in _endpoint_faults(endpoint, providers, models, owners[endpoint.id]):
                problems.note(place.file, place.of(model.id), f"endpoints[{number}].{field}", message)


def _check_aliases(changed: Collection[Model], models: dict[ModelId, Model], problems: Problems, place: Place) -> None:
    """Note aliases that are another model's name too, at a provider or as an alias."""
    named: dict[str, set[ModelId]] = {}
    for model in models.values():
        for name in (*model.aliases, *(endpoint.upstream_model for endpoint in model.endpoints)):
            named.setdefault(name, set()).add(model.id)
    for model in changed:
        if any(named[name] != {model.id} for name in model.aliases):
            problems.note(place.file, place.of(model.id), "aliases", "one of them is a name of another model too")


def _exception_faults(
    exception: PolicyException, own: ProviderId, providers: Collection[ProviderId], models: Collection[ModelId]
) -> Iterator[tuple[str, str]]:
    """Field and message of each broken reference in an exception of the provider `own`."""
    same = exception.override.same_as_provider
    if same is not None and (same not in providers or same == own):
        yield "override.same_as_provider", "must name another provider of the catalogue"
    for pattern in exception.applies_to.models:
        # A misspelt id here would silently leave the weaker base policy in force.
        if not any(fnmatchcase(model, pattern) for model in models):
            yield "applies_to.models", "a pattern matches no model of the catalogue"


def _endpoint_faults(
    endpoint: Endpoint, providers: Collection[ProviderId], models: Collection[ModelId], owners: list[ModelId]
) -> Iterator[tuple[str, str]]:
    """Field and message of each broken reference of an endpoint; `owners` are the models that have an endpoint of its id."""
    if endpoint.provider not in providers:
        yield "provider", unknown_provider(endpoint.provider, providers)
    if endpoint.successor is not None and (endpoint.successor not in models or endpoint.successor == endpoint.model):
        yield "successor", "must be another model of the catalogue"
    if len(owners) > 1:
        yield "model", f"endpoint {endpoint.id} is there twice; also in {owners[0]}"


def unknown_provider(name: ProviderId, providers: Iterable[ProviderId]) -> str:
    """What to say of a reference to a provider that is none of `providers`, with near names."""
    return f"must be a provider of the catalogue, or one of [providers]{did_you_mean(name, providers)}"


def _key_names(provider: Provider) -> tuple[str, ...]:
    own = () if provider.api.env is None else (provider.api.env,)
    return (*own, *provider.api.env_alternatives)
