"""What a model may be called besides its id: the names that clients have built in. Pure; it says which model is meant and permits nothing.

A bare name (no author before a slash) means a model if the catalogue lists it as an alias, or if every endpoint of that name serves that
model. A name at a provider that says more than the model (a region, a tier, a privacy mode) is none: it would promise what is not kept.
"""

from collections.abc import Iterator, Mapping

from anyapi.domain.catalogue import Catalogue, Model
from anyapi.domain.ids import ModelId


def bare_names(catalogue: Catalogue) -> dict[str, ModelId]:
    """Every bare name that means exactly one model, and that model's id."""
    meant: dict[str, set[ModelId]] = {}
    for model in catalogue.models.values():
        for name in _names_of(model):
            meant.setdefault(name, set()).add(model.id)
    return {name: min(models) for name, models in meant.items() if len(models) == 1}


def resolved(models: tuple[ModelId, ...], names: Mapping[str, ModelId]) -> tuple[ModelId, ...]:
    """The same models under their ids, each once; a name that means none stays as it is."""
    return tuple(dict.fromkeys(names.get(model, model) for model in models))


def _names_of(model: Model) -> Iterator[str]:
    yield from model.aliases
    for endpoint in model.endpoints:
        if "/" not in endpoint.upstream_model and (endpoint.region, endpoint.tier, endpoint.privacy_mode) == (None, None, None):
            yield endpoint.upstream_model
