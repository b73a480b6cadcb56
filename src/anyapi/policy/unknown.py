"""Names that are no model's: what is passed over in a list and where it stood, and the error where nothing else was named.

A name that is no model's is the caller's own text: INVARIANT: nothing here repeats it.
"""

from collections.abc import Iterable, Mapping
from itertools import chain, zip_longest

from anyapi.domain.call import Skipped, SkipReason
from anyapi.domain.catalogue import Catalogue
from anyapi.domain.ids import AUTO, ModelId
from anyapi.errors import ModelNotFound
from anyapi.policy.nearest import nearest

LISTED = "GET /v1/models lists all of them."
"""How the text about an unknown model ends, which is told otherwise at a command line."""
MOST_SIMILAR = 5
"""Similar names told for all that were asked for together."""


def no_such(models: Iterable[ModelId], catalogue: Catalogue) -> ModelNotFound:
    """The error where none of these names is a model's: with names of the catalogue that are like them, of each the likest first."""
    known = (AUTO, *catalogue.models)
    by_likeness = zip_longest(*(nearest(model, known) for model in models))
    near = list(dict.fromkeys(name for name in chain.from_iterable(by_likeness) if name is not None))[:MOST_SIMILAR]
    hint = f"Similar names: {', '.join(near)}. " if near else ""
    return ModelNotFound(f"No such model is in the catalogue. {hint}{LISTED}", {"similar": near})


def skipped(places: Iterable[tuple[str, str]], names: Mapping[str, ModelId], catalogue: Catalogue) -> tuple[Skipped, ...]:
    """Of what was asked for, each place that no model of the catalogue is meant by; `names` are bare ones."""
    meant = [(place, names.get(name, ModelId(name))) for place, name in places]
    return tuple(Skipped(place, SkipReason.UNKNOWN_MODEL) for place, name in meant if name != AUTO and name not in catalogue.models)


def listed(names: Iterable[str]) -> Iterable[tuple[str, str]]:
    """The names of a list `models`, each with the place where it stands."""
    return ((f"models[{number}]", name) for number, name in enumerate(names))
